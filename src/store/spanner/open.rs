//! Opening the client, and telling in one line why it cannot be. Nothing outside this folder knows the
//! client's crate.

use std::future::Future;
use std::time::Duration;

use google_cloud_auth::credentials::{Credentials, anonymous, service_account};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::options::RequestOptions;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_spanner::Error;
use google_cloud_spanner::client::{DatabaseClient, Spanner, SpannerBuilderExt};
use google_cloud_spanner::omni::{InstanceType, TlsConfig};
use google_cloud_spanner::retry_policy::SpannerRetryPolicy;

use super::connection::Connection;
use super::error::code;
use super::settings::Omni;
use crate::store::OpenError;
use crate::store::location::SpannerLocation;

/// How long opening may take: a server that is there answers in far less.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a server that is not there is asked.
const OPEN_ATTEMPTS: u32 = 3;

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
    let built = tokio::time::timeout(OPEN_TIMEOUT, Box::pin(builder.build())).await;
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
    // Boxed, since the client's futures are large.
    match tokio::time::timeout(OPEN_TIMEOUT, Box::pin(call)).await {
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
        // An answer by HTTP, which the administration API speaks.
        _ if error.http_status_code().is_some_and(|status| status != 503) => {
            OpenError(format!("{at}: the server refuses: {message}"))
        }
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
