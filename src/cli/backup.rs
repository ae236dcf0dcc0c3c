//! `tsctl backup`: a copy of the embedded store, while it sells.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Context;
use super::exit_code::CliError;
use super::output::say;
use crate::store;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl backup /var/backups/shop-2027-01-31.db
  tsctl backup copy.db && tsctl audit --store sqlite:copy.db

The copy is one snapshot: whatever was acknowledged before is in it. tsbe goes on selling. To restore one, end tsbe,
put the copy in the place of the store, remove the files beside it that end in -wal and -shm, and start tsbe.";

/// Options of `tsctl backup`.
#[derive(Args)]
pub(super) struct Backup {
    /// The new file
    file: PathBuf,
}

pub(super) async fn run(context: &Context, options: &Backup) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    let bytes = store::backup(location, &options.file).await?;
    say(&format!("copied {location} to {}: {:.1} MB", options.file.display(), bytes as f64 / 1e6));
    Ok(ExitCode::SUCCESS)
}
