//! What the client may repeat by itself. Its own defaults have no end: a transaction that is aborted and a
//! Commit whose answer is lost are repeated for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_gax::retry_state::RetryState;
use google_cloud_spanner::Error;
use google_cloud_spanner::retry_policy::{RetryResult, SpannerRetryPolicy};
use google_cloud_spanner::transaction::TransactionRetryPolicy;

/// The first and the longest pause before a call is repeated.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_LAST: Duration = Duration::from_millis(250);
/// How often a call is sent before it has failed.
const ATTEMPTS: u32 = 6;

/// How long the client waits before it repeats a call: as a sale does, not the seconds of its default.
pub(super) fn backoff() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_delay(BACKOFF_FIRST)
        .with_maximum_delay(BACKOFF_LAST)
        .with_scaling(2.0)
        .clamp()
}

/// What the client may repeat by itself, how often and for how long: its own default for Commit has no
/// end, and that for streams counts the time anew with every repetition.
pub(super) fn retries(time: Duration) -> impl RetryPolicy + 'static {
    SpannerRetryPolicy::new().with_attempt_limit(ATTEMPTS).with_time_limit(time)
}

/// Lets the client repeat aborted transactions for so long, and counts them.
#[derive(Debug)]
pub(super) struct BoundedAborts {
    time: Duration,
    /// Attempts that were aborted and repeated.
    pub(super) attempts: Arc<AtomicU32>,
}

impl BoundedAborts {
    pub(super) fn new(time: Duration) -> Self {
        Self { time, attempts: Arc::default() }
    }
}

impl TransactionRetryPolicy for BoundedAborts {
    fn on_abort(&self, error: Error, attempts: u32, elapsed: Duration) -> RetryResult {
        if elapsed >= self.time {
            return RetryResult::Exhausted(error);
        }
        self.attempts.store(attempts, Ordering::Relaxed);
        RetryResult::Continue(error)
    }
}

/// Lets the client send a Commit again, and remembers that it did so after the first may have arrived.
#[derive(Debug, Default)]
pub(super) struct CommitRetries {
    policy: SpannerRetryPolicy,
    pub(super) sent_again: Arc<AtomicBool>,
}

impl RetryPolicy for CommitRetries {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let never_sent = error.is_transient_and_before_rpc();
        let result = self.policy.on_error(state, error);
        if result.is_continue() && !never_sent {
            self.sent_again.store(true, Ordering::Relaxed);
        }
        result
    }
}
