//! Copies of an embedded store. Cloud Spanner has backups of its own.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::{OpenError, StoreLocation, sqlite};

/// Where a copy goes.
pub enum BackupTarget<'a> {
    /// Into a new file.
    File(&'a Path),
    /// To whoever reads, such as standard output.
    Writer(&'a mut (dyn Write + Send)),
}

/// Where a copy comes from.
pub enum BackupSource<'a> {
    /// A file.
    File(&'a Path),
    /// Whatever gives its bytes, such as standard input.
    Reader(&'a mut (dyn Read + Send)),
}

/// What a store was made of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Sales that are in it.
    pub sales: u64,
    /// Where the store that was there before is now.
    pub kept: Option<PathBuf>,
}

/// Copies one snapshot of an embedded store, while it sells, and says how many bytes that has.
///
/// # Errors
/// As [`super::open`]; where the file exists or cannot be written; for a store that is no file.
pub async fn backup(location: &StoreLocation, to: BackupTarget<'_>) -> Result<u64, OpenError> {
    let path = file_of(location)?;
    tokio::task::block_in_place(|| sqlite::backup(path, to))
}

/// Puts a copy in the place of an embedded store. It is looked through before anything is changed. Where there is a
/// store already, `replace` must say so, and it is kept beside the new one.
///
/// # Errors
/// Beside a running daemon, load or reset; where the copy is no whole store; where there is a store that may not be
/// replaced; for a store that is no file.
pub async fn restore(
    location: &StoreLocation,
    from: BackupSource<'_>,
    replace: bool,
) -> Result<Restored, OpenError> {
    let path = file_of(location)?;
    tokio::task::block_in_place(|| sqlite::restore(path, from, replace))
}

fn file_of(location: &StoreLocation) -> Result<&Path, OpenError> {
    match location {
        StoreLocation::Sqlite { path } => Ok(path),
        StoreLocation::Spanner(_) => Err(OpenError(format!(
            "{location} has backups of its own: gcloud spanner backups create, or a backup schedule"
        ))),
    }
}
