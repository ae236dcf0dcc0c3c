//! `tsctl backup` and `tsctl restore`: copies of the embedded store, taken while it sells.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::Context;
use super::exit_code::CliError;
use super::output::say;
use crate::store::{self, BackupSource, BackupTarget};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl backup /var/backups/shop-2027-01-31.db
  tsctl backup copy.db && tsctl audit --store sqlite:copy.db
  tsctl backup - | gzip > copy.db.gz

The copy is one snapshot: whatever was acknowledged before is in it. tsbe goes on selling. For a
moment it needs as much room as the store has. `tsctl restore` puts a copy back.";

pub(super) const RESTORE_EXAMPLES: &str = "Examples:
  tsctl restore /var/backups/shop-2027-01-31.db
  tsctl restore --replace copy.db        the store that is there is kept beside it
  gunzip -c copy.db.gz | tsctl restore -

Not beside a running tsbe: end it first. The copy is looked through before anything is changed.
What was sold after it was taken is not in it: those tickets would be sold again.";

/// What stands for standard input and output.
const DASH: &str = "-";

/// Options of `tsctl backup`.
#[derive(Args)]
pub(super) struct Backup {
    /// The new file; - for standard output
    file: PathBuf,
}

/// Options of `tsctl restore`.
#[derive(Args)]
pub(super) struct Restore {
    /// The copy; - for standard input
    file: PathBuf,
    /// Put it in the place of the store that is there, which is kept beside it
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(context: &Context, options: &Backup) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    let mut out = std::io::stdout();
    let to = match is_dash(&options.file) {
        true => BackupTarget::Writer(&mut out),
        false => BackupTarget::File(&options.file),
    };
    let bytes = store::backup(location, to).await?;
    say(&format!("copied {location} to {}: {:.1} MB", options.file.display(), bytes as f64 / 1e6));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(context: &Context, options: &Restore) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    let mut input = std::io::stdin();
    let from = match is_dash(&options.file) {
        true => BackupSource::Reader(&mut input),
        false => BackupSource::File(&options.file),
    };
    let restored = store::restore(location, from, options.replace).await?;
    say(&format!("{location} is now the copy {}, with {} sales", options.file.display(), restored.sales));
    if let Some(kept) = restored.kept {
        say(&format!("the store that was there is kept as {}", kept.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn is_dash(file: &Path) -> bool {
    file.as_os_str() == DASH
}
