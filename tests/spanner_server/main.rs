//! The promises of the store, the twin test and the fidelity cases, on the server at
//! SPANNER_EMULATOR_HOST. `make test-spanner` runs it; `cargo test` alone does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

#[path = "../spanner/conformance.rs"]
mod conformance;
mod differences;
mod server;
#[path = "../spanner/twin.rs"]
mod twin;
