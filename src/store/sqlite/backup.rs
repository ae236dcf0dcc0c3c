//! A copy of the store, taken while it sells.

use std::fs::File;
use std::path::Path;

use super::connection::{cannot_open, cannot_use, check_place, directory_of, make_private_file, open_reader};
use super::schema;
use crate::store::OpenError;

/// Copies one snapshot into a new file, which is on disk when this returns, and says how many bytes it has. Sales go
/// on meanwhile: those that are acknowledged before it begins are in it.
pub(in super::super) fn backup(path: &Path, to: &Path) -> Result<u64, OpenError> {
    check_place(path, false)?;
    if to.exists() {
        return Err(OpenError(format!("{} exists already: name a file that does not", to.display())));
    }
    let connection = open_reader(path).map_err(|error| cannot_use(path, &error))?;
    schema::check_is_ours(&connection, path)?;
    // It writes another file than the store's, which a connection that only reads may not either.
    connection.pragma_update(None, "query_only", false).map_err(|error| cannot_use(path, &error))?;
    // It copies only into a file that is new or empty, and would make one that everybody may read.
    make_private_file(to).map_err(|error| cannot_open(to, &error))?;
    let copied = connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
    let copied = copied.map_err(|error| cannot_use(to, &error)).and_then(|_| {
        let on_disk = || -> std::io::Result<u64> {
            let file = File::open(to)?;
            file.sync_all()?;
            File::open(directory_of(to))?.sync_all()?;
            Ok(file.metadata()?.len())
        };
        on_disk().map_err(|error| cannot_open(to, &error))
    });
    if copied.is_err() {
        // Half a copy is worse than none.
        let _ = std::fs::remove_file(to);
    }
    copied
}
