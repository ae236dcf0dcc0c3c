//! What can be set of the Spanner engine, with the reasons for the defaults.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::cache::CacheSettings;
use crate::model::Invalid;

/// How the engine reaches and uses its database. [`Default`] is what the settings say where nothing is
/// given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpannerSettings {
    /// Key file of a service account; without it, the application default credentials.
    pub key_file: Option<PathBuf>,
    /// `HOST:PORT` of an emulator, reached in plain text and without credentials.
    pub emulator_host: Option<String>,
    /// `HOST:PORT` of the emulator's administration API (REST). Without it, the emulator's own address, with
    /// port 9020 for 9010 as Google's has it.
    pub emulator_admin_host: Option<String>,
    /// A Spanner Omni deployment instead of Google's service.
    pub omni: Option<Omni>,
    /// How old browsing may be (0 s to 1 h; 0: strong). 15 s: Spanner's documentation says that
    /// staleness pays from about 10 s on, since any replica can then answer without asking the leader.
    pub staleness: Duration,
    /// Priority of purchases and of what a buyer waits for. High: it is what the shop is for.
    pub priority: Priority,
    /// Priority of load, reset and audit. Low: they must never slow a sale.
    pub bulk_priority: Priority,
    /// Purchases and new accounts under way at once in this process; more wait until their deadline. 1,024: ten of the
    /// client's hundred streams a channel, and far more than a node sells at a time.
    pub writes: usize,
    /// How the free seats that a purchase looks at are locked.
    pub seat_lock: SeatLock,
    /// How long the server may hold back the commit of a sale to write several together (0 to 500 ms).
    /// None: it would be added to each sale's latency.
    pub commit_delay: Duration,
    /// The same for loads, where throughput is all that counts. 100 ms is the upper end of what Google
    /// recommends.
    pub load_commit_delay: Duration,
    /// Commits of a load that are under way at once (1 to 256).
    pub load_parallel: usize,
    /// Event look-ups that are kept for purchases; where none are, a purchase costs one read more.
    pub cache: CacheSettings,
}

impl Default for SpannerSettings {
    fn default() -> Self {
        Self {
            key_file: None,
            emulator_host: None,
            emulator_admin_host: None,
            omni: None,
            staleness: Duration::from_secs(15),
            priority: Priority::High,
            bulk_priority: Priority::Low,
            writes: 1_024,
            seat_lock: SeatLock::Exclusive,
            commit_delay: Duration::ZERO,
            load_commit_delay: Duration::from_millis(100),
            load_parallel: 8,
            cache: CacheSettings { size: 1_000, expiration: Duration::from_secs(15) },
        }
    }
}

/// Where a Spanner Omni deployment listens, and how it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omni {
    /// `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS.
    pub endpoint: String,
    /// Certificate (PEM) of the authority that signed the server's; without it, the system's own.
    pub ca_file: Option<PathBuf>,
    /// Certificate and key (PEM) that this client shows, where the server asks for one.
    pub client_cert: Option<(PathBuf, PathBuf)>,
}

/// Priority of a request, as Spanner has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Before everything else.
    High,
    /// After high.
    Medium,
    /// When there is nothing else to do.
    Low,
}

/// The lock that a purchase takes on the free seats that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatLock {
    /// Who comes second to the same seats waits: nearly no attempt is in vain.
    Exclusive,
    /// All may read, and all but one are aborted when they commit.
    Shared,
}

impl Priority {
    /// Reads `high`, `medium` or `low`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        [Self::High, Self::Medium, Self::Low]
            .into_iter()
            .find(|priority| priority.to_string() == text)
            .ok_or(Invalid::because("must be high, medium or low"))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}

impl SeatLock {
    /// Reads `exclusive` or `shared`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "exclusive" => Ok(Self::Exclusive),
            "shared" => Ok(Self::Shared),
            _ => Err(Invalid::because("must be exclusive or shared")),
        }
    }
}
