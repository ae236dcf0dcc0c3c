//! The Spanner engine on the model of Spanner: the promises of the store, the twin test, and what only a
//! model can show, such as round trips, contention and faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod conformance;
mod contention;
mod faults;
mod fidelity;
mod opening;
mod operations;
mod round_trips;
mod server;
mod tls;
mod tools;
mod twin;
