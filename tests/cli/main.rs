//! `tsctl` as operators see it: the real binary on a store in a folder of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod account;
mod audit;
mod backup;
mod bench;
mod bots;
mod buy;
mod docs;
mod list;
mod load;
mod proxy;
mod schema_and_reset;
#[path = "../support/mod.rs"]
mod shared;
mod support;
mod usage;
