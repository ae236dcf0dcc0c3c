//! A copy of the store, taken while it sells, and a store made of one.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::connection::{
    OwnerLock, cannot_open, cannot_use, check_place, directory_of, leave_to_owner, make_private_file,
    open_reader,
};
use super::schema;
use crate::store::{BackupSource, BackupTarget, OpenError, Restored};

type Done<T> = Result<T, OpenError>;

/// Copies one snapshot, which is on disk when this returns, and says how many bytes it has. Sales go on meanwhile:
/// those that are acknowledged before it begins are in it.
pub(in super::super) fn backup(path: &Path, to: BackupTarget<'_>) -> Done<u64> {
    check_place(path, false)?;
    match to {
        BackupTarget::File(to) => copy_to_file(path, to),
        BackupTarget::Writer(out) => {
            // A snapshot is made as a whole: it takes the store's size beside the store until it is read out.
            let copy = make_temporary(path)?;
            vacuum_into(path, copy.path())?;
            let mut copy = copy.reopen().map_err(|error| cannot_open(path, &error))?;
            std::io::copy(&mut copy, out)
                .and_then(|bytes| out.flush().map(|()| bytes))
                .map_err(|error| OpenError(format!("the copy could not be written: {error}")))
        }
    }
}

fn copy_to_file(path: &Path, to: &Path) -> Done<u64> {
    if to.exists() {
        return Err(OpenError(format!("{} exists already: name a file that does not", to.display())));
    }
    // SQLite copies only into a file that is new or empty, and would make one that everybody may read.
    make_private_file(to).map_err(|error| cannot_open(to, &error))?;
    let copied =
        vacuum_into(path, to).and_then(|()| flush_to_disk(to).map_err(|error| cannot_open(to, &error)));
    if copied.is_err() {
        // Half a copy is worse than none.
        let _ = std::fs::remove_file(to);
    }
    copied
}

fn vacuum_into(path: &Path, to: &Path) -> Done<()> {
    let connection = open_reader(path).map_err(|error| cannot_use(path, &error))?;
    schema::check_is_ours(&connection, path)?;
    // It writes another file than the store's, which a connection that only reads may not either.
    connection.pragma_update(None, "query_only", false).map_err(|error| cannot_use(path, &error))?;
    let copied = connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
    copied.map(|_| ()).map_err(|error| cannot_use(to, &error))
}

fn flush_to_disk(path: &Path) -> std::io::Result<u64> {
    let file = File::open(path)?;
    file.sync_all()?;
    File::open(directory_of(path))?.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Puts a copy in the place of the store at `path`, never beside a daemon. It is looked through first; nothing of what
/// was there is lost: a store that is replaced is kept beside the new one.
pub(in super::super) fn restore(path: &Path, copy: BackupSource<'_>, replace: bool) -> Done<Restored> {
    check_place(path, true)?;
    let _alone = OwnerLock::take(path)?;
    if !replace && path.exists() {
        return Err(OpenError(format!(
            "there is a store at {0}: --replace puts the copy in its place and keeps it as {0}-replaced-…",
            path.display()
        )));
    }
    let new = take_in(path, copy)?;
    let sales = check_copy(new.path())?;
    leave_to_owner(new.path()).map_err(|error| cannot_open(path, &error))?;
    flush_to_disk(new.path()).map_err(|error| cannot_open(path, &error))?;
    let kept = keep_aside(path).map_err(|error| cannot_open(path, &error))?;
    new.persist_noclobber(path).map_err(|error| cannot_open(path, &error.error))?;
    flush_to_disk(path).map_err(|error| cannot_open(path, &error))?;
    Ok(Restored { sales, kept })
}

/// The copy as a file beside the store, gone again where it is not put in its place.
fn take_in(path: &Path, copy: BackupSource<'_>) -> Done<NamedTempFile> {
    let mut new = make_temporary(path)?;
    let copied = match copy {
        BackupSource::File(from) => {
            let log = with_suffix(from, "-wal");
            if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
                return Err(OpenError(format!(
                    "{} has sales that are not in {} yet: copy a store with `tsctl backup`, not file by file",
                    log.display(),
                    from.display()
                )));
            }
            let cannot_read = |error| OpenError(format!("cannot read {}: {error}", from.display()));
            std::io::copy(&mut File::open(from).map_err(cannot_read)?, &mut new)
        }
        BackupSource::Reader(from) => std::io::copy(from, &mut new),
    };
    copied.map_err(|error| OpenError(format!("the copy could not be read and written: {error}")))?;
    Ok(new)
}

/// Whether the file is a whole store that this program knows; how many sales are in it.
fn check_copy(path: &Path) -> Done<u64> {
    let is_none =
        |why: &str| OpenError(format!("this is no whole copy of a store, nothing was changed: {why}"));
    let connection = open_reader(path).map_err(|error| is_none(&error.to_string()))?;
    let looked_at = look_through(&connection).map_err(|error| is_none(&error.to_string()))?;
    schema::check_is_ours(&connection, path)
        .map_err(|_| is_none("it is of another program, or a newer one"))?;
    match looked_at {
        (0, _) => Err(is_none("it is empty")),
        (_, fault) if fault != "ok" => Err(is_none(fault.lines().last().unwrap_or_default())),
        _ => {
            let sales = connection.query_row("SELECT count(*) FROM Sale", [], |row| row.get::<_, i64>(0));
            sales.map(i64::unsigned_abs).map_err(|error| is_none(&error.to_string()))
        }
    }
}

/// Its schema's version, 0 for an empty file, and the first fault of its pages, or `ok`.
fn look_through(connection: &Connection) -> rusqlite::Result<(u32, String)> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let fault = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((version, fault))
}

/// Moves the store that is there out of the way, with the log that belongs to it, and says where to.
fn keep_aside(path: &Path) -> std::io::Result<Option<PathBuf>> {
    let kept = with_suffix(path, &Timestamp::now().strftime("-replaced-%Y%m%dT%H%M%SZ").to_string());
    let was_there = path.exists();
    // The file first: a log without its file is nobody's, a file without its log would lack its last sales.
    for suffix in ["", "-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(from, with_suffix(&kept, suffix))?;
        }
    }
    Ok(was_there.then_some(kept))
}

/// A private file beside the store, so that it can take its place in one step.
fn make_temporary(path: &Path) -> Done<NamedTempFile> {
    let made = tempfile::Builder::new().prefix(".ticketshop-copy-").tempfile_in(directory_of(path));
    made.map_err(|error| cannot_open(path, &error))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}
