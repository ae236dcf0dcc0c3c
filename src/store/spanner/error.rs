//! The one place where Spanner's status codes become errors of the store.

use google_cloud_gax::error::rpc::Code;
use google_cloud_spanner::Error;

use crate::store::StoreError;

/// An error of any call but Commit: nothing is written, whatever it was.
impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match code(&error) {
            Some(Code::ResourceExhausted | Code::Aborted) => Self::Overloaded,
            Some(Code::DataLoss) => Self::damaged(error),
            _ => Self::unavailable(error),
        }
    }
}

/// The status that the server answered, where it answered one.
pub(super) fn code(error: &Error) -> Option<Code> {
    error.status().map(|status| status.code)
}

/// Whether an error of Commit says for certain that this commit was not done. The client sends a Commit
/// again by itself when its answer is lost, so even a certain answer is about the last copy: whoever
/// wants to know looks for the row that the commit would have written.
pub(super) fn commit_is_undone(error: &Error) -> bool {
    matches!(
        code(error),
        Some(
            Code::Aborted
                | Code::AlreadyExists
                | Code::NotFound
                | Code::FailedPrecondition
                | Code::InvalidArgument
                | Code::OutOfRange
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::ResourceExhausted
                | Code::Unimplemented
        )
    )
}
