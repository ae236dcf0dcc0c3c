//! Connections to the file: opening them rightly, the pool of readers, the lock of the one daemon.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::schema;
use crate::model::Invalid;
use crate::store::{DEFAULT_STORE, OpenError, Result, StoreError};

/// How long a connection waits for another process that writes, before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of 4 KiB in the write-ahead log after which the writer copies them into the database file.
/// 16 MiB: large enough that a page which many groups change is copied once for them all.
const CHECKPOINT_PAGES: u32 = 4096;
/// The log is cut back to this size after a checkpoint.
const LOG_BYTES_MAX: u32 = 64 << 20;
/// Page cache of the writer and of each reader. The writer appends, and walks the index in order: more would not
/// be hit more often, and SQLite looks through all of it after each split of an index page.
const WRITER_CACHE_KIB: u32 = 16 << 10;
const READER_CACHE_KIB: u32 = 8 << 10;
/// Statements each connection keeps prepared: more than the engine has.
const STATEMENTS: usize = 128;
/// SQLite before this version can corrupt a log that two connections reset at once.
const SQLITE_AT_LEAST: i32 = 3_051_003;

/// Opens the file to write, making it where `create` says so.
pub(super) fn open_writer(path: &Path, create: bool) -> std::result::Result<Connection, OpenError> {
    if create {
        make_private_file(path).map_err(|error| cannot_open(path, &error))?;
    }
    let connection =
        open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| cannot_use(path, &error))?;
    schema::check_is_ours(&connection, path)?;
    set_up_writer(&connection).map_err(|error| cannot_use(path, &error))?;
    Ok(connection)
}

/// Opens the file to read. In a directory where nothing may be written this works only while no
/// process has the store open for writing, or never: a log needs its index file.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(READER_CACHE_KIB))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Durable at every commit, and read back, since a pragma that is not understood fails silently.
fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if journal != "wal" || synchronous != 2 || rusqlite::version_number() < SQLITE_AT_LEAST {
        let text = format!("journal {journal}, synchronous {synchronous}, SQLite {}", rusqlite::version());
        return Err(rusqlite::Error::ToSqlConversionFailure(Invalid(text.into()).into()));
    }
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))
}

/// The file must be there, or be one that can be made.
pub(super) fn check_place(path: &Path, create: bool) -> std::result::Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError(format!(
            "{} is a directory: name a file in it, such as {0}/ticketshop.db",
            path.display()
        )));
    }
    if path.exists() {
        return Ok(());
    }
    if !create {
        return Err(OpenError(format!(
            "there is no store at {}: `tsctl load demo` makes one to try, `tsctl schema apply` an empty one",
            path.display()
        )));
    }
    let directory = directory_of(path);
    if directory.is_dir() {
        return Ok(());
    }
    // Only the default place is made unasked: elsewhere a missing directory is more likely a slip.
    if DEFAULT_STORE.ends_with(&*path.to_string_lossy()) {
        return std::fs::create_dir_all(&directory).map_err(|error| cannot_open(path, &error));
    }
    Err(OpenError(format!(
        "the directory {} does not exist: make it, or name another store",
        directory.display()
    )))
}

pub(super) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes the file readable by its owner only, with its directory entry on disk before it is used.
pub(super) fn make_private_file(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    private().create_new(true).open(path)?.sync_all()?;
    leave_to_owner(path)?;
    File::open(directory_of(path))?.sync_all()
}

/// What root makes belongs to the directory's owner, or the daemon that runs as that user could not open it. The files
/// that SQLite makes beside it follow it by themselves.
pub(super) fn leave_to_owner(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        let (file, directory) = (std::fs::metadata(path)?, std::fs::metadata(directory_of(path))?);
        if file.uid() == 0 && directory.uid() != 0 {
            chown(path, Some(directory.uid()), Some(directory.gid()))?;
        }
    }
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(super) fn cannot_open(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError(format!(
        "cannot write {}: {error}: make its directory writable, or name another store",
        path.display()
    ))
}

/// A failure of SQLite when a store is opened, with what helps against it.
pub(super) fn cannot_use(path: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly,
    };
    let path = path.display();
    OpenError(match error.sqlite_error_code() {
        Some(NotADatabase) => format!("{path} is not a ticketshop store: name another file"),
        Some(DatabaseCorrupt) => format!("{path} is damaged: restore it from a backup"),
        Some(CannotOpen | ReadOnly | PermissionDenied) => {
            format!(
                "cannot write {path} or beside it: make the file and its directory writable for this user"
            )
        }
        Some(DatabaseBusy) => format!("{path} is locked by another program: end that first"),
        _ => format!("cannot use {path}: {error}"),
    })
}

/// Connections that only read, a few, shared by all calls.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// As many permits as connections may be open at once.
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(path: &Path, connections: usize) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()), permits: Semaphore::new(connections) }
    }

    /// Runs `read` on a connection of its own, in one snapshot, off the async threads.
    pub(super) async fn read<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(StoreError::unavailable("the store is closed"));
        };
        let readers = std::sync::Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            let snapshot = connection.unchecked_transaction()?;
            let result = read(&snapshot);
            snapshot.finish()?;
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        done.await.unwrap_or_else(|panic| Err(StoreError::unavailable(panic)))
    }

    fn take(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        })
    }

    /// Closes the idle connections, and with them the way for new reads.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The lock that the one daemon, or the one load or reset, holds for its life. It is a file of its
/// own: closing any handle of the database file would drop SQLite's own locks on it.
pub(super) struct OwnerLock {
    file: File,
}

impl OwnerLock {
    pub(super) fn take(path: &Path) -> std::result::Result<Self, OpenError> {
        let lock_path = PathBuf::from(format!("{}-lock", path.display()));
        let open = private().create(true).truncate(false).open(&lock_path);
        let mut file = open.map_err(|error| cannot_open(path, &error))?;
        leave_to_owner(&lock_path).map_err(|error| cannot_open(path, &error))?;
        match file.try_lock() {
            Ok(()) => {
                // Only a hint for the message below; the lock is what counts.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                Err(OpenError(format!(
                    "{} is in use by another tsbe, load or reset (process {owner}): end that first",
                    path.display()
                )))
            }
            Err(TryLockError::Error(error)) => Err(cannot_open(path, &error)),
        }
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that another thread is about to start shares it for a moment.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_released_though_its_file_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ticketshop.db");
        let lock = OwnerLock::take(&path).unwrap();
        let _as_a_child_would = lock.file.try_clone().unwrap();
        assert!(OwnerLock::take(&path).is_err());
        drop(lock);
        OwnerLock::take(&path).unwrap();
    }
}
