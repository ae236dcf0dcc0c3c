//! How a model behaves.

use std::net::SocketAddr;
use std::time::Duration;

use tonic::Code;

/// The instance that exists if no other is configured.
pub const DEFAULT_INSTANCE: &str = "projects/test-project/instances/test-instance";

/// Which timestamp the model chooses where a bound (`max_staleness`, `min_read_timestamp`) leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bounded {
    /// The oldest that is allowed: the worst case for a reader.
    #[default]
    Oldest,
    /// The newest.
    Newest,
}

/// How a model behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where it listens as well. With SPANNER_EMULATOR_HOST on port 9010 the official client looks for the
    /// admin API on port 9020.
    pub also: Vec<SocketAddr>,
    /// Instances that exist.
    pub instances: Vec<String>,
    /// How long every data RPC takes in addition.
    pub latency: Duration,
    /// Seed of random delays and faults.
    pub seed: u64,
    /// The shortest and the longest delay that ABORTED asks for.
    pub retry_delay: (Duration, Duration),
    /// How long a transaction may hold locks without a call while others wait for them
    /// (cloud.google.com/spanner/docs/transactions, "Idle transactions": 10 s).
    pub idle_after: Duration,
    /// How often an operation of the admin API is asked before it is done.
    pub operation_polls: u32,
    /// The choice of timestamps for bounded staleness.
    pub bounded: Bounded,
    /// Methods that answer with an error at once, for instance with PERMISSION_DENIED.
    pub denied: Vec<(String, Code)>,
    /// How many requests are kept for `Model::requests`.
    pub recorded_requests: usize,
    /// The most mutations of a commit (cloud.google.com/spanner/quotas).
    pub mutation_limit: u64,
    /// How long old versions are kept (cloud.google.com/spanner/docs/pitr: one hour if nothing is configured).
    pub version_retention: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            also: Vec::new(),
            instances: vec![DEFAULT_INSTANCE.to_owned()],
            latency: Duration::ZERO,
            seed: 1,
            retry_delay: (Duration::from_millis(1), Duration::from_millis(5)),
            idle_after: Duration::from_secs(10),
            operation_polls: 0,
            bounded: Bounded::Oldest,
            denied: Vec::new(),
            recorded_requests: 1000,
            mutation_limit: 80_000,
            version_retention: Duration::from_secs(3600),
        }
    }
}
