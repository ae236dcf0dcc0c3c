//! The client: how it is opened, and how each request is marked, bounded and retried.
//!
//! Nothing outside this folder knows the client's crate, and within it every request is built here, so
//! that none goes out without its tag, priority and bounds.

use std::future::Future;
use std::time::Duration;

use google_cloud_auth::credentials::{Credentials, anonymous, service_account};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::options::RequestOptions;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_spanner::Error;
use google_cloud_spanner::client::{DatabaseClient, Spanner, SpannerBuilderExt};
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::model::request_options;
use google_cloud_spanner::omni::{InstanceType, TlsConfig};
use google_cloud_spanner::read::{ConfiguredReadRequestBuilder, ReadRequest};
use google_cloud_spanner::result::{ResultSet, Row};
use google_cloud_spanner::retry_policy::SpannerRetryPolicy;
use google_cloud_spanner::statement::{Statement, StatementBuilder};
use google_cloud_spanner::transaction::TimestampBound;
use google_cloud_spanner::types;
use jiff::Timestamp;

use super::error::code;
use super::rows::{self, Columns};
use super::settings::{Omni, Priority, SpannerSettings};
use crate::model::Invalid;
use crate::store::location::SpannerLocation;
use crate::store::{OpenError, Result, StoreError};

/// How long opening may take: a server that is there answers in far less.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the longest pause before a call is repeated.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_LAST: Duration = Duration::from_millis(250);
/// How often a server that is not there is asked.
const OPEN_ATTEMPTS: u32 = 3;
/// How often a call is sent before it has failed.
const ATTEMPTS: u32 = 6;
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
    /// Connects; a session is made, so that what is wrong with the database is told now.
    pub(super) async fn open(at: &SpannerLocation) -> std::result::Result<Self, OpenError> {
        let database = in_time(at, session(at).await?).await?;
        Ok(Self { database, settings: at.settings.clone() })
    }

    /// The same, or nothing where there is no such database.
    pub(super) async fn open_if_there(at: &SpannerLocation) -> std::result::Result<Option<Self>, OpenError> {
        let opening = session(at).await?;
        let database = in_time(at, async {
            match opening.await {
                Err(error) if is_missing_database(&error) => Ok(None),
                answer => answer.map(Some),
            }
        });
        Ok(database.await?.map(|database| Self { database, settings: at.settings.clone() }))
    }

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

/// Making a session, not yet begun.
async fn session(
    at: &SpannerLocation,
) -> std::result::Result<impl Future<Output = google_cloud_spanner::Result<DatabaseClient>>, OpenError> {
    let spanner = client(at).await?;
    let mut options = RequestOptions::default();
    options.set_retry_policy(SpannerRetryPolicy::new().with_attempt_limit(OPEN_ATTEMPTS));
    Ok(spanner.database_client(at.path()).with_request_options(options).build())
}

/// Whether the instance is there and the database is not.
fn is_missing_database(error: &Error) -> bool {
    let message = error.status().map_or("", |status| status.message.as_str());
    code(error) == Some(Code::NotFound) && !message.contains("Instance not found")
}

/// What Spanner's statistics show a request or transaction as (at most 50 characters).
pub(super) fn tag(action: &str) -> String {
    format!("app=ticketshop,action={action}")
}

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
pub(super) fn retries(time: Duration) -> impl google_cloud_gax::retry_policy::RetryPolicy + 'static {
    SpannerRetryPolicy::new().with_attempt_limit(ATTEMPTS).with_time_limit(time)
}

/// Waits for an answer no longer than this: the client bounds its calls, not the silence within one.
pub(super) async fn within<T>(time: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
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

/// The client of the service, the emulator or the deployment that `at` names.
pub(super) async fn client(at: &SpannerLocation) -> std::result::Result<Spanner, OpenError> {
    let mut builder = Spanner::builder();
    if let Some(omni) = &at.settings.omni {
        builder = builder.with_endpoint(&omni.endpoint).with_instance_type(InstanceType::Omni);
        if let Some(tls) = tls(omni)? {
            builder = builder.with_omni_tls(tls);
        }
    } else if let Some(host) = &at.settings.emulator_host {
        builder = builder
            .with_endpoint(emulator_endpoint(host))
            .with_credentials(anonymous::Builder::new().build());
    } else if let Some(key) = &at.settings.key_file {
        builder = builder.with_credentials(key_credentials(key)?);
    }
    let built = tokio::time::timeout(OPEN_TIMEOUT, builder.build()).await;
    built.map_err(|_| unreachable(at, "it does not answer"))?.map_err(|error| {
        if error.is_default_credentials() { no_credentials(at) } else { unreachable(at, &chain(&error)) }
    })
}

/// The address of an emulator given as `HOST:PORT` or as a URL.
pub(super) fn emulator_endpoint(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

fn key_credentials(file: &std::path::Path) -> std::result::Result<Credentials, OpenError> {
    let cannot = |why: String| {
        OpenError(format!(
            "GOOGLE_APPLICATION_CREDENTIALS: {}: {why}; name the JSON key of a service account",
            file.display()
        ))
    };
    let text = std::fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    let key = serde_json::from_str(&text).map_err(|_| cannot("it is not JSON".to_owned()))?;
    service_account::Builder::new(key).build().map_err(|error| cannot(chain(&error)))
}

fn tls(omni: &Omni) -> std::result::Result<Option<TlsConfig>, OpenError> {
    if omni.ca_file.is_none() && omni.client_cert.is_none() {
        return Ok(None);
    }
    let cannot = |error: google_cloud_spanner::omni::TlsError| {
        OpenError(format!("the TLS settings of {}: {}", omni.endpoint, chain(&error)))
    };
    let mut tls = TlsConfig::new();
    if let Some(ca) = &omni.ca_file {
        tls = tls.with_root_certificate_file(ca).map_err(cannot)?;
    }
    if let Some((certificate, key)) = &omni.client_cert {
        tls = tls.with_client_certificate_file(certificate, key).map_err(cannot)?;
    }
    Ok(Some(tls))
}

/// Waits for a call of opening, bounded, and tells what is wrong in one line.
pub(super) async fn in_time<T>(
    at: &SpannerLocation,
    call: impl Future<Output = google_cloud_spanner::Result<T>>,
) -> std::result::Result<T, OpenError> {
    match tokio::time::timeout(OPEN_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(|error| cannot_use(at, &error)),
        Err(_) => Err(unreachable(at, "it does not answer")),
    }
}

/// Why the database cannot be used, in one line that says what to do.
pub(super) fn cannot_use(at: &SpannerLocation, error: &Error) -> OpenError {
    let message = error.status().map_or_else(|| chain(error), |status| one_line(&status.message));
    match code(error) {
        Some(Code::NotFound) if message.contains("Instance not found") => OpenError(format!(
            "{at}: there is no instance {} in project {}: create it, or correct STORE",
            at.instance, at.project
        )),
        Some(Code::NotFound) => OpenError(format!(
            "{at}: there is no database {}: make it with `tsctl schema apply --create-database`",
            at.database
        )),
        Some(Code::PermissionDenied) => OpenError(format!(
            "{at}: permission denied ({message}): grant the account roles/spanner.databaseUser, see docs/spanner.md"
        )),
        Some(Code::Unauthenticated) => no_credentials(at),
        Some(Code::FailedPrecondition | Code::InvalidArgument | Code::Unimplemented) => {
            OpenError(format!("{at}: the server refuses: {message}"))
        }
        _ if error.is_authentication() => no_credentials(at),
        _ => unreachable(at, &message),
    }
}

fn no_credentials(at: &SpannerLocation) -> OpenError {
    OpenError(format!(
        "{at}: no Google credentials that are accepted: run `gcloud auth application-default login`, set \
         GOOGLE_APPLICATION_CREDENTIALS to a key file, or SPANNER_EMULATOR_HOST for an emulator"
    ))
}

fn unreachable(at: &SpannerLocation, why: &str) -> OpenError {
    let settings = &at.settings;
    let place =
        settings.omni.as_ref().map(|omni| omni.endpoint.clone()).or_else(|| settings.emulator_host.clone());
    let place = place.unwrap_or_else(|| "spanner.googleapis.com".to_owned());
    OpenError(format!("{at}: cannot reach {place} ({why}): check the network and the address"))
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
