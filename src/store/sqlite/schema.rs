//! The numbered migrations, and what makes a file one of ours.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::cannot_use;
use crate::store::{OpenError, SchemaStatus};

/// Every schema change ever released, in order; the version of a store is how many it has.
const MIGRATIONS: &[(&str, &str)] = &[
    ("001_init", include_str!("schema/001_init.sql")),
    ("002_counters_behind", include_str!("schema/002_counters_behind.sql")),
];

/// `application_id` of our files: "tksh".
const APPLICATION_ID: i32 = 0x746b_7368;

type Opened<T> = Result<T, OpenError>;

/// All migrations as one text.
pub(crate) fn schema_text() -> String {
    MIGRATIONS.iter().map(|(_, sql)| *sql).collect::<Vec<_>>().join("\n")
}

/// The state of the file at `path`, which is not changed.
pub(crate) fn schema_status(path: &Path) -> Opened<SchemaStatus> {
    if !path.exists() {
        return Ok(status_of(0));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| cannot_use(path, &error))?;
    check_is_ours(&connection, path)?;
    version(&connection).map(status_of).map_err(|error| cannot_use(path, &error))
}

fn status_of(current: u32) -> SchemaStatus {
    let pending = MIGRATIONS.iter().skip(current as usize).map(|(name, _)| (*name).to_owned()).collect();
    SchemaStatus { current, latest: MIGRATIONS.len() as u32, pending }
}

/// Refuses files of other programs and of newer versions of this one. An empty file is ours to fill.
pub(super) fn check_is_ours(connection: &Connection, path: &Path) -> Opened<()> {
    let (application, tables): (i32, i64) = connection
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), count(*) FROM sqlite_schema",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(|error| cannot_use(path, &error))?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(OpenError(format!(
            "{} is a database of another program: name another file for the store",
            path.display()
        )));
    }
    let version = version(connection).map_err(|error| cannot_use(path, &error))?;
    let latest = MIGRATIONS.len();
    if version as usize > latest {
        return Err(OpenError(format!(
            "{} has schema {version}, this program knows up to {latest}: use the version that wrote it, or a newer one",
            path.display()
        )));
    }
    Ok(())
}

/// Refuses a store whose schema is not the newest.
pub(super) fn check_is_current(connection: &Connection, path: &Path) -> Opened<()> {
    let version = version(connection).map_err(|error| cannot_use(path, &error))?;
    if (version as usize) < MIGRATIONS.len() {
        return Err(OpenError(format!(
            "{} has schema {version} of {}: run `tsctl schema apply`",
            path.display(),
            MIGRATIONS.len()
        )));
    }
    Ok(())
}

/// Applies what is missing, each migration in a transaction of its own with the version it leads to.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Opened<()> {
    let mut apply = || -> rusqlite::Result<()> {
        for (at, (_, sql)) in MIGRATIONS.iter().enumerate().skip(version(connection)? as usize) {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", at as i64 + 1)?;
            transaction.commit()?;
        }
        Ok(())
    };
    apply().map_err(|error| cannot_use(path, &error))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
