//! What the writer is asked, and what each member of a group is told once its group has ended.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::purchase::Made;
use crate::model::{NewAccount, Purchase};
use crate::store::stages::Stages;
use crate::store::{Cause, CreatedAccount, Effort, Purchased, Result, StoreError};

/// Work that needs the write connection for itself.
pub(super) type AloneWork = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the writer is asked to do.
pub(super) enum Job {
    Purchase(PurchaseJob),
    CreateAccount(NewAccount, oneshot::Sender<Result<CreatedAccount>>),
    /// Work with transactions of its own, after which all that is kept in memory is read anew.
    Alone(AloneWork),
    /// To end once what was asked before is answered.
    Stop,
}

pub(super) struct PurchaseJob {
    pub(super) purchase: Purchase,
    pub(super) deadline: Instant,
    pub(super) queued_at: Instant,
    pub(super) stages: Stages,
    pub(super) reply: oneshot::Sender<Result<Purchased>>,
}

/// What a member of a group will be answered once its group is committed.
pub(super) enum Answer {
    Purchase(PurchaseJob, Result<Made>),
    CreateAccount(oneshot::Sender<Result<CreatedAccount>>, Result<CreatedAccount>),
}

/// Why a group was not committed.
pub(super) enum GroupError {
    /// Nothing of it is stored.
    Undone(Cause),
    /// All of it or nothing is stored; which, only a restart will show.
    Unknown(Cause),
}

/// A group whose transaction has ended, with what its members are to be told.
pub(super) struct Ended {
    pub(super) answers: Vec<Answer>,
    pub(super) result: std::result::Result<(), GroupError>,
    pub(super) begun_at: Instant,
    pub(super) effort: Effort,
}

/// Tells the members of each group how it ended. It is a task of its own: waking hundreds of callers one
/// by one from the writer's thread would cost that more than selling to them.
pub(super) async fn deliver(mut groups: mpsc::UnboundedReceiver<Ended>) {
    while let Some(Ended { answers, result, begun_at, effort }) = groups.recv().await {
        for answer in answers {
            answer.send(&result, begun_at, effort);
        }
    }
}

/// What to tell a whole group of the error that one of its members met.
pub(super) fn cause_of(error: StoreError) -> Cause {
    match error {
        StoreError::Unavailable(cause) | StoreError::Damaged(cause) => cause,
        error => Arc::new(error),
    }
}

impl Job {
    /// Tells the caller that nothing was begun.
    pub(super) fn refuse(self) {
        if let Some(answer) = self.answered(&gone()) {
            answer.send(&Ok(()), Instant::now(), Effort::default());
        }
    }

    /// The job with this error as its answer.
    pub(super) fn answered(self, error: &StoreError) -> Option<Answer> {
        match self {
            Self::Purchase(job) => Some(Answer::Purchase(job, Err(error.clone()))),
            Self::CreateAccount(_, reply) => Some(Answer::CreateAccount(reply, Err(error.clone()))),
            Self::Alone(_) | Self::Stop => None,
        }
    }
}

impl Answer {
    /// Where it is, if it is a purchase.
    pub(super) fn stages(&mut self) -> Option<&mut Stages> {
        match self {
            Self::Purchase(job, _) => Some(&mut job.stages),
            Self::CreateAccount(..) => None,
        }
    }

    /// The failure of a statement that may have been half done, which its whole group shares.
    pub(super) fn group_failure(&self) -> Option<Cause> {
        match self {
            Self::Purchase(_, Err(StoreError::Unavailable(cause)))
            | Self::CreateAccount(_, Err(StoreError::Unavailable(cause) | StoreError::Damaged(cause))) => {
                Some(Arc::clone(cause))
            }
            _ => None,
        }
    }

    /// Answers the caller, who may have gone.
    pub(super) fn send(
        self,
        result: &std::result::Result<(), GroupError>,
        begun_at: Instant,
        effort: Effort,
    ) {
        match self {
            Self::Purchase(job, made) => {
                let queued = begun_at.saturating_duration_since(job.queued_at);
                let effort = Effort { queued, ..effort };
                let made = made.map(|Made { sale, replayed, country }| Purchased {
                    sale,
                    replayed,
                    country,
                    effort,
                });
                let _ = job.reply.send(after_commit(made, result));
            }
            Self::CreateAccount(reply, made) => {
                let _ = reply.send(after_commit(made, result));
            }
        }
    }
}

/// What a member is told: its own answer where the group was committed. Otherwise even a refusal is
/// worth nothing, since it may rest on what another member of the group did.
fn after_commit<T>(made: Result<T>, result: &std::result::Result<(), GroupError>) -> Result<T> {
    match (result, made) {
        (Ok(()), made) => made,
        (Err(GroupError::Unknown(cause)), Ok(_)) => Err(StoreError::OutcomeUnknown(Arc::clone(cause))),
        (Err(GroupError::Undone(cause) | GroupError::Unknown(cause)), _) => {
            Err(StoreError::Unavailable(Arc::clone(cause)))
        }
    }
}

/// The request was not begun.
pub(super) fn gone() -> StoreError {
    StoreError::unavailable("the writer has stopped")
}

/// The request was begun, and its answer is lost with the thread that made it.
pub(super) fn crashed() -> StoreError {
    StoreError::OutcomeUnknown(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
        "the writer crashed",
    )))
}
