//! The API as clients see it: the server on a free port, a real store, real connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod accounts;
mod documented;
mod events;
mod hostile;
mod purchase;
mod server;
mod support;
mod watching;
