//! Counts and records the calls that a model gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use crate::core::locked;

/// What a request asked for, as far as tests want to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestRecord {
    /// The RPC's name, for instance `Commit`.
    pub method: String,
    /// The session's name, or the database's for calls without a session.
    pub session: String,
    /// `RequestOptions.transaction_tag`.
    pub transaction_tag: String,
    /// `RequestOptions.request_tag`.
    pub request_tag: String,
    /// `RequestOptions.priority` by name: `PRIORITY_UNSPECIFIED`, `PRIORITY_LOW`, …
    pub priority: String,
    /// `CommitRequest.max_commit_delay`.
    pub max_commit_delay: Option<Duration>,
    /// Headers whose names begin with `x-goog`.
    pub headers: BTreeMap<String, String>,
    /// The timestamp bound of a read-only transaction, such as `strong` or `exact_staleness=15s`.
    pub timestamp_bound: Option<String>,
    /// How the request selects its transaction: `single_use`, `begin`, `id`, or nothing.
    pub selector: Option<String>,
    /// The id of the transaction, if the request names one.
    pub transaction_id: Vec<u8>,
    /// The SQL text, or the table of a read.
    pub target: String,
    /// The index of a read.
    pub index: String,
    /// How many mutations a commit has.
    pub mutations: usize,
    /// Whether a read asks for exclusive locks.
    pub exclusive: bool,
}

/// Counters and the last requests.
#[derive(Debug)]
pub(crate) struct Calls {
    kept: usize,
    counts: Mutex<BTreeMap<String, u64>>,
    last: Mutex<VecDeque<RequestRecord>>,
}

impl Calls {
    /// Keeps the last requests up to a number.
    pub(crate) fn new(kept: usize) -> Self {
        Self { kept, counts: Mutex::default(), last: Mutex::default() }
    }

    /// Counts and keeps a request.
    pub(crate) fn record(&self, request: &RequestRecord) {
        *locked(&self.counts).entry(request.method.clone()).or_default() += 1;
        let mut last = locked(&self.last);
        last.push_back(request.clone());
        while last.len() > self.kept {
            last.pop_front();
        }
    }

    /// Calls by method.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        locked(&self.counts).clone()
    }

    /// The last requests, oldest first.
    pub(crate) fn last(&self) -> Vec<RequestRecord> {
        locked(&self.last).iter().cloned().collect()
    }

    /// Forgets counts and requests.
    pub(crate) fn reset(&self) {
        locked(&self.counts).clear();
        locked(&self.last).clear();
    }
}
