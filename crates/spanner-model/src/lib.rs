//! A model of Cloud Spanner for tests: a server in memory that speaks Spanner's gRPC API to the unmodified
//! official client, and the REST admin API on the same port. It models what an application can observe of
//! the documented rules: locks with wound-wait, aborts and their retries, commit timestamps and stale
//! reads, constraints and their errors; and it injects faults by a seeded plan.
//!
//! What is simpler than Spanner: the locks of a transaction are whole cells of key ranges, and a scan locks
//! the range that its conditions give, up to the last row if LIMIT ends it; a commit takes its locks and
//! applies its writes in one instant, so that it can wait but never be wounded halfway; an index entry is
//! locked at once with the columns it stores; only pessimistic serializable transactions are known; foreign
//! keys are accepted but not enforced; partitioned DML is one partition; schema changes are done at once.
//!
//! ```no_run
//! # async fn example() -> Result<(), spanner_model::Error> {
//! use spanner_model::{Model, Options};
//! let model = Model::start(Options::default()).await?;
//! let database = "projects/test-project/instances/test-instance/databases/db";
//! model.create_database(database, &["CREATE TABLE T (K INT64 NOT NULL) PRIMARY KEY (K)"])?;
//! // Spanner::builder().with_endpoint(model.endpoint()), or SPANNER_EMULATOR_HOST=model.addr()
//! # Ok(())
//! # }
//! ```

mod access;
mod admin;
mod calls;
mod core;
mod database;
mod ddl;
mod faults;
mod grpc;
mod key;
mod keyset;
mod locks;
mod options;
mod record;
mod schema;
mod schema_change;
mod server;
mod service;
mod sql;
mod status;
mod storage;
mod value;
mod write;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use crate::calls::RequestRecord;
pub use crate::faults::{Fault, FaultPlan, FaultRule};
pub use crate::options::{Bounded, DEFAULT_INSTANCE, Options};
pub use tonic::Code;

use crate::core::Core;

/// Why a model could not be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// Spanner would refuse it.
    #[error("{:?}: {}", .0.code(), .0.message())]
    Refused(#[from] tonic::Status),
}

/// The result of functions of the model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A running model. It stops when it is dropped.
#[derive(Debug)]
pub struct Model {
    core: Arc<Core>,
    addr: SocketAddr,
    generation: watch::Sender<u64>,
}

impl Model {
    /// Starts a model; it listens when this returns.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = TcpListener::bind(options.addr).await?;
        let addr = listener.local_addr()?;
        let core = Arc::new(Core::new(options));
        let (generation, receiver) = watch::channel(0);
        for also in &core.options.also {
            let listener = TcpListener::bind(also).await?;
            tokio::spawn(server::serve(Arc::clone(&core), listener, receiver.clone()));
        }
        tokio::spawn(server::serve(Arc::clone(&core), listener, receiver));
        Ok(Self { core, addr, generation })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL for `with_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Creates a database, `projects/…/instances/…/databases/…`, with DDL statements. A text may hold
    /// several statements with semicolons between them.
    pub fn create_database(&self, name: &str, ddl: &[&str]) -> Result<()> {
        let statements: Vec<String> = ddl.iter().flat_map(|text| admin::split(text)).collect();
        Ok(self.core.create_database(name, &statements)?)
    }

    /// Changes the schema of a database: all statements or none.
    pub fn update_ddl(&self, name: &str, ddl: &[&str]) -> Result<()> {
        let database = self.core.database(name)?;
        let statements: Vec<String> = ddl.iter().flat_map(|text| admin::split(text)).collect();
        schema_change::update(&self.core, &database, &statements)?;
        Ok(())
    }

    /// Closes all open connections now.
    pub fn drop_connections(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// How often each RPC was called, by name.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.core.calls.counts()
    }

    /// Forgets the counts and the recorded requests.
    pub fn reset_calls(&self) {
        self.core.calls.reset();
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.core.calls.last()
    }

    /// Replaces the plan of faults.
    pub fn faults(&self, plan: FaultPlan) {
        self.core.faults.replace(plan);
    }

    /// The faults of the plan that happened, by kind.
    pub fn fault_counts(&self) -> BTreeMap<String, u64> {
        self.core.faults.counts()
    }

    /// How many read-write transactions were committed.
    pub fn committed_transactions(&self) -> u64 {
        self.core.committed.load(Ordering::Relaxed)
    }

    /// How many calls answered ABORTED.
    pub fn aborted(&self) -> u64 {
        self.core.aborted.load(Ordering::Relaxed)
    }

    /// The split points that were added to a database, as the REST API got them.
    pub fn split_points(&self, database: &str) -> Vec<serde_json::Value> {
        self.core.database(database).map(|database| database.state().split_points.clone()).unwrap_or_default()
    }

    /// How many rows a table has now; none if there is no such table.
    pub fn row_count(&self, database: &str, table: &str) -> Option<usize> {
        let database = self.core.database(database).ok()?;
        let state = database.state();
        let id = state.schema.table(table)?.id;
        Some(state.data.tables.get(&id).map_or(0, storage::Store::len))
    }

    /// How many transactions hold locks or could take some.
    pub fn open_transactions(&self, database: &str) -> usize {
        self.core.database(database).map_or(0, |database| database.state().locks.len())
    }
}
