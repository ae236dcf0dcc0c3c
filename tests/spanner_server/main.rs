//! The promises of the store, the twin test and the fidelity cases, on the server at
//! SPANNER_EMULATOR_HOST. `make test-spanner` runs it; `cargo test` alone does not.
#![allow(dead_code, reason = "tests on the model use the rest")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are tests"
)]

#[path = "../spanner/conformance.rs"]
mod conformance;
mod differences;
#[path = "../spanner/fidelity.rs"]
mod fidelity;
mod server;
#[path = "../spanner/twin.rs"]
mod twin;
