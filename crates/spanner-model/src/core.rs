//! What all parts of the model share: options, databases, sessions, the clock, counters and faults.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tonic::Status;

use crate::calls::Calls;
use crate::database::Database;
use crate::ddl;
use crate::faults::Faults;
use crate::options::Options;
use crate::schema::Schema;
use crate::status;

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) database: Arc<Database>,
    pub(crate) multiplexed: bool,
    pub(crate) created: i64,
}

/// A long-running operation of the admin API.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) polls_left: u32,
    pub(crate) running: serde_json::Value,
    pub(crate) done: serde_json::Value,
}

/// The shared state of a model.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) instances: Mutex<Vec<String>>,
    pub(crate) databases: Mutex<BTreeMap<String, Arc<Database>>>,
    pub(crate) sessions: Mutex<HashMap<String, Session>>,
    pub(crate) operations: Mutex<HashMap<String, Operation>>,
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    pub(crate) committed: AtomicU64,
    pub(crate) aborted: AtomicU64,
    clock: AtomicI64,
    numbers: AtomicU64,
    random: Mutex<ChaCha8Rng>,
}

impl Core {
    /// A model without databases.
    pub(crate) fn new(options: Options) -> Self {
        Self {
            instances: Mutex::new(options.instances.clone()),
            databases: Mutex::default(),
            sessions: Mutex::default(),
            operations: Mutex::default(),
            calls: Calls::new(options.recorded_requests),
            faults: Faults::new(options.seed),
            committed: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            clock: AtomicI64::new(0),
            numbers: AtomicU64::new(1),
            random: Mutex::new(ChaCha8Rng::seed_from_u64(options.seed)),
            options,
        }
    }

    /// A number that was not given out before: ids and ages.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A timestamp for a strong read: not before any commit, and all later commits are after it.
    pub(crate) fn read_timestamp(&self) -> i64 {
        let now = wall_clock();
        self.clock.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// A commit timestamp: in microseconds, after everything that was given out before.
    pub(crate) fn commit_timestamp(&self) -> i64 {
        let now = wall_clock();
        let mut last = self.clock.load(Ordering::SeqCst);
        loop {
            let next = now.max(last - last.rem_euclid(1000) + 1000);
            match self.clock.compare_exchange(last, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return next,
                Err(newer) => last = newer,
            }
        }
    }

    /// ABORTED with a random delay within the configured range.
    pub(crate) fn aborted(&self) -> Status {
        self.aborted.fetch_add(1, Ordering::Relaxed);
        let (shortest, longest) = &self.options.retry_delay;
        let span = longest.saturating_sub(*shortest);
        let part: f64 = locked(&self.random).random();
        status::aborted(*shortest + span.mul_f64(part))
    }

    /// A database by its full name.
    pub(crate) fn database(&self, name: &str) -> Result<Arc<Database>, Status> {
        let instance = name.split("/databases/").next().unwrap_or(name);
        if !self.has_instance(instance) {
            return Err(status::resource_not_found("admin.instance.v1.Instance", instance));
        }
        let found = locked(&self.databases).get(name).cloned();
        found.ok_or_else(|| status::resource_not_found("admin.database.v1.Database", name))
    }

    /// Whether an instance exists.
    pub(crate) fn has_instance(&self, name: &str) -> bool {
        locked(&self.instances).iter().any(|instance| instance == name)
    }

    /// Creates a database with a schema.
    pub(crate) fn create_database(&self, name: &str, ddl: &[String]) -> Result<(), Status> {
        let (instance, _) = name
            .split_once("/databases/")
            .ok_or_else(|| Status::invalid_argument(format!("Invalid database name: {name}")))?;
        if !self.has_instance(instance) {
            return Err(status::resource_not_found("admin.instance.v1.Instance", instance));
        }
        let created = self.commit_timestamp();
        let schema = ddl::apply_all(&Schema::default(), ddl, created)?;
        let mut databases = locked(&self.databases);
        if databases.contains_key(name) {
            return Err(Status::already_exists(format!("Database already exists: {name}")));
        }
        databases.insert(name.to_owned(), Arc::new(Database::new(name, created, schema)));
        Ok(())
    }

    /// The session of a request.
    pub(crate) fn session(&self, name: &str) -> Result<Session, Status> {
        let session = locked(&self.sessions).get(name).cloned();
        let session = session.ok_or_else(|| status::resource_not_found("v1.Session", name))?;
        if session.database.state().dropped {
            return Err(status::resource_not_found("admin.database.v1.Database", &session.database.name));
        }
        Ok(session)
    }

    /// Opens a session of a database.
    pub(crate) fn open_session(&self, database: &str, multiplexed: bool) -> Result<(String, i64), Status> {
        let database = self.database(database)?;
        let created = self.read_timestamp();
        let name = format!("{}/sessions/model-{:08}", database.name, self.number());
        locked(&self.sessions).insert(name.clone(), Session { database, multiplexed, created });
        Ok((name, created))
    }

    /// How long a commit may wait at most (CommitRequest.max_commit_delay is between 0 and 500 ms).
    pub(crate) fn commit_delay(&self, asked: Option<&prost_types::Duration>) -> Duration {
        let asked = asked.and_then(|delay| Duration::try_from(*delay).ok()).unwrap_or_default();
        asked.min(Duration::from_millis(500))
    }
}

/// Locks a mutex, whatever happened to a thread that had it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nanoseconds since 1970, in whole microseconds.
fn wall_clock() -> i64 {
    jiff::Timestamp::now().as_microsecond() * 1000
}
