//! The exit codes of `tsctl`, and the one line that goes with each failure.

use std::io::Write;
use std::process::ExitCode;

use crate::bench::BenchError;
use crate::config::ConfigErrors;
use crate::loader::LoadError;
use crate::model::Invalid;
use crate::store::{OpenError, StoreError};

/// The answer is no: not found, sold out, not on sale, or the audit disagrees.
pub const NO: u8 = 1;
/// Wrong usage, setting, or store.
pub const CANNOT: u8 = 2;
/// The store failed, or it is unknown whether something was done.
pub const FAILED: u8 = 3;

/// A failure: what to say, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    lines: Vec<String>,
    code: u8,
}

impl CliError {
    /// The answer is no.
    pub(super) fn no(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], code: NO }
    }

    /// It was asked for in a wrong way.
    pub(super) fn usage(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], code: CANNOT }
    }

    /// Says it on standard error and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        for line in &self.lines {
            let _ = writeln!(std::io::stderr(), "tsctl: {line}");
        }
        ExitCode::from(self.code)
    }
}

impl From<clap::Error> for CliError {
    /// On one line, as every failure; the usage that clap adds is shown by `--help`.
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let parts = text.split("\n\n");
        let told = parts.take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
        let words: Vec<&str> = told.flat_map(str::split_whitespace).collect();
        let line = words.join(" ");
        Self::usage(format!("{}; see --help", line.strip_prefix("error: ").unwrap_or(&line)))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NotFound(_)
            | StoreError::NotOnSale { .. }
            | StoreError::SoldOut { .. }
            | StoreError::KeyReused
            | StoreError::EmailTaken => NO,
            StoreError::Overloaded
            | StoreError::Unavailable(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::Damaged(_) => FAILED,
        };
        let line = match &error {
            // Here the operator is asking, who may see the cause.
            StoreError::Unavailable(cause) | StoreError::Damaged(cause) => format!("{error}: {cause}"),
            StoreError::OutcomeUnknown(cause) => {
                format!("{error}: {cause}: run it again with the same --idempotency-key")
            }
            _ => error.to_string(),
        };
        Self { lines: vec![line], code }
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ConfigErrors> for CliError {
    fn from(errors: ConfigErrors) -> Self {
        Self { lines: errors.0, code: CANNOT }
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        let code = match error {
            LoadError::Refused(_) => CANNOT,
            LoadError::Store(_) => FAILED,
        };
        Self { lines: vec![error.to_string()], code }
    }
}

impl From<BenchError> for CliError {
    fn from(error: BenchError) -> Self {
        let code = match error {
            BenchError::Store(error) => return error.into(),
            BenchError::Load(error) => return error.into(),
            BenchError::Nothing(_) => NO,
            BenchError::File(_) => CANNOT,
            BenchError::Interrupted | BenchError::Harness(_) => FAILED,
        };
        Self { lines: vec![error.to_string()], code }
    }
}

impl From<Invalid> for CliError {
    fn from(error: Invalid) -> Self {
        Self::usage(error.to_string())
    }
}
