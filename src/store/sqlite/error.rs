//! The one place where SQLite's result codes become errors of the store.

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;

/// An error of any call but COMMIT: nothing is written, whatever it was.
impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                Self::damaged(error)
            }
            _ => Self::unavailable(error),
        }
    }
}

/// Whether an error of COMMIT says for certain that nothing was written. A full disk and a lock do
/// (both are met before the commit mark is on disk); after any other, above all a failed fsync, the
/// transaction may or may not be found after a restart.
pub(super) fn commit_is_undone(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
    )
}
