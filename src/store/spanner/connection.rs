//! Requests: how each is marked, bounded and repeated. Every read is built here, so that none goes out
//! without its tag, priority and bounds.

use std::future::Future;
use std::time::Duration;

use google_cloud_gax::error::rpc::Code;
use google_cloud_spanner::Error;
use google_cloud_spanner::client::DatabaseClient;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::model::request_options;
use google_cloud_spanner::read::{ConfiguredReadRequestBuilder, ReadRequest};
use google_cloud_spanner::result::{ResultSet, Row};
use google_cloud_spanner::statement::{Statement, StatementBuilder};
use google_cloud_spanner::transaction::TimestampBound;
use google_cloud_spanner::types;
use jiff::Timestamp;

use super::error::code;
use super::retries::{backoff, retries};
use super::rows::{self, Columns};
use super::settings::{Priority, SpannerSettings};
use crate::model::Invalid;
use crate::store::{Result, StoreError};

/// How long one attempt of a read may take that somebody waits for, and all of them together.
const READ_ATTEMPT: Duration = Duration::from_secs(5);
pub(super) const READ_TIME: Duration = Duration::from_secs(10);
/// The same of what reads or writes whole tables.
pub(super) const BULK_TIME: Duration = Duration::from_secs(3_600);
/// How long a server may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(60);

/// Whether a read must see all that was committed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It must.
    Strong,
    /// It may be as old as the settings say.
    Stale,
}

/// What a request is for; it decides the priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Somebody waits for it.
    Sale,
    /// Load, reset, audit.
    Bulk,
}

/// A database, with what every request to it needs.
pub(super) struct Connection {
    pub(super) database: DatabaseClient,
    pub(super) settings: SpannerSettings,
}

/// A statement with its parameters, and what it is for.
pub(super) struct Query {
    statement: StatementBuilder,
    work: Work,
}

impl Query {
    /// A STRING parameter.
    pub(super) fn text(mut self, name: &str, value: impl ToString) -> Self {
        self.statement = self.statement.add_typed_param(name, value.to_string(), types::string());
        self
    }

    /// An INT64 parameter.
    pub(super) fn number(mut self, name: &str, value: usize) -> Self {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.statement = self.statement.add_typed_param(name, value, types::int64());
        self
    }

    /// A TIMESTAMP parameter.
    pub(super) fn time(mut self, name: &str, value: Timestamp) -> Self {
        self.statement = self.statement.add_typed_param(name, rows::time(value), types::timestamp());
        self
    }

    /// The statement as the client takes it.
    pub(super) fn build(self) -> Statement {
        self.statement.build()
    }
}

impl Connection {
    /// A statement under its name.
    pub(super) fn statement(&self, sql: &'static str, action: &str, work: Work) -> Query {
        let attempt = match work {
            Work::Sale => READ_ATTEMPT,
            Work::Bulk => BULK_TIME,
        };
        let statement = Statement::builder(sql)
            .set_request_tag(tag(action))
            .set_priority(self.priority(work))
            .with_attempt_timeout(attempt)
            .with_retry_policy(retries(attempt))
            .with_backoff_policy(backoff());
        Query { statement, work }
    }

    /// A read of rows by their primary keys.
    pub(super) fn by_key(
        &self,
        table: &str,
        columns: &[&str],
        keys: impl Into<KeySet>,
        action: &str,
    ) -> ConfiguredReadRequestBuilder {
        self.marked(ReadRequest::builder(table, columns.to_vec()).with_keys(keys), action)
    }

    /// A read of rows by an index.
    pub(super) fn by_index(
        &self,
        table: &str,
        index: &str,
        columns: &[&str],
        keys: impl Into<KeySet>,
        action: &str,
    ) -> ConfiguredReadRequestBuilder {
        self.marked(ReadRequest::builder(table, columns.to_vec()).with_index(index, keys), action)
    }

    fn marked(&self, request: ConfiguredReadRequestBuilder, action: &str) -> ConfiguredReadRequestBuilder {
        request
            .set_request_tag(tag(action))
            .set_priority(self.priority(Work::Sale))
            .with_attempt_timeout(READ_ATTEMPT)
            .with_retry_policy(retries(READ_TIME))
            .with_backoff_policy(backoff())
    }

    /// The rows that a statement finds.
    pub(super) async fn query<T>(
        &self,
        freshness: Freshness,
        query: Query,
        read: impl FnMut(Columns<'_>) -> std::result::Result<T, Invalid>,
    ) -> Result<Vec<T>> {
        let Query { statement, work } = query;
        let statement = statement.build();
        let as_of = |bound| self.database.single_use().set_timestamp_bound(bound).build();
        let found = async {
            let found = match as_of(self.bound(freshness)).execute_query(statement.clone()).await {
                // Seconds ago, the table was not there yet: the schema is new.
                Err(error)
                    if freshness == Freshness::Stale && code(&error) == Some(Code::InvalidArgument) =>
                {
                    as_of(TimestampBound::strong()).execute_query(statement).await?
                }
                found => found?,
            };
            collect(found, read).await
        };
        match work {
            Work::Sale => within(READ_TIME, found).await,
            Work::Bulk => within(BULK_TIME, found).await,
        }
    }

    /// The rows that a read finds. Strong.
    pub(super) async fn read<T>(
        &self,
        request: ConfiguredReadRequestBuilder,
        read: impl FnMut(Columns<'_>) -> std::result::Result<T, Invalid>,
    ) -> Result<Vec<T>> {
        let transaction = self.database.single_use().build();
        within(READ_TIME, async { collect(transaction.execute_read(request.build()).await?, read).await })
            .await
    }

    fn bound(&self, freshness: Freshness) -> TimestampBound {
        match freshness {
            Freshness::Stale if !self.settings.staleness.is_zero() => {
                TimestampBound::max_staleness(self.settings.staleness)
            }
            _ => TimestampBound::strong(),
        }
    }

    /// The priority of a request, as the client names it.
    pub(super) fn priority(&self, work: Work) -> request_options::Priority {
        let priority = match work {
            Work::Sale => self.settings.priority,
            Work::Bulk => self.settings.bulk_priority,
        };
        match priority {
            Priority::High => request_options::Priority::High,
            Priority::Medium => request_options::Priority::Medium,
            Priority::Low => request_options::Priority::Low,
        }
    }
}

/// What Spanner's statistics show a request or transaction as (at most 50 characters).
pub(super) fn tag(action: &str) -> String {
    format!("app=ticketshop,action={action}")
}

/// Waits for an answer no longer than this: the client bounds its calls, not the silence within one.
pub(super) async fn within<T>(time: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    // The client's futures are large, and deep in those of the callers: boxed, they spare the stack.
    let answer = Box::pin(answer);
    let late = |_| Err(StoreError::unavailable(format!("no answer within {} s", time.as_secs())));
    tokio::time::timeout(time, answer).await.unwrap_or_else(late)
}

/// The next row of a result; silence for too long is an error.
pub(super) async fn next(found: &mut ResultSet) -> Option<google_cloud_spanner::Result<Row>> {
    let silence = |_| Some(Err(Error::timeout(format!("silent for {} s", SILENCE.as_secs()))));
    tokio::time::timeout(SILENCE, found.next()).await.unwrap_or_else(silence)
}

/// Reads all rows of a result.
pub(super) async fn collect<T>(
    mut found: ResultSet,
    mut read: impl FnMut(Columns<'_>) -> std::result::Result<T, Invalid>,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(row) = next(&mut found).await {
        all.push(read(Columns::of(&row?))?);
    }
    Ok(all)
}

/// The one row of a statement that has one.
pub(super) fn only<T>(rows: Vec<T>) -> Result<T> {
    rows.into_iter().next().ok_or_else(|| StoreError::damaged("a statement answered no row"))
}
