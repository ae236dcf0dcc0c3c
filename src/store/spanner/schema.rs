//! The numbered migrations, and which of them a database has.
//!
//! Each file is one batch of DDL: Spanner applies a batch in order as one long-running operation. A row of
//! `SchemaMigration` follows each batch. That table is the last of the first batch, so a database that has
//! it without a row has the first schema: its row was lost, or the DDL came from elsewhere.

use google_cloud_gax::error::rpc::Code;
use google_cloud_lro::{Poller, PollingResult};
use google_cloud_spanner::client::DatabaseAdmin;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner_admin_instance_v1::model::Instance;

use super::connection::{Connection, tag};
use super::error::code;
use super::open::{cannot_use, client, emulator_endpoint, in_time};
use super::retries::BoundedAborts;
use super::rows::{COMMIT_TIMESTAMP, Columns};
use crate::store::location::SpannerLocation;
use crate::store::{ApplyRequest, OpenError, SchemaStatus};

/// Every schema change ever released, in order; the version of a store is how many it has.
const MIGRATIONS: &[(&str, &str)] = &[("001_init", include_str!("schema/001_init.sql"))];

/// How often asking for an operation may fail before its server is taken as away. The operation may go on.
const POLLS_FAILED_MAX: u32 = 10;

type Opened<T> = std::result::Result<T, OpenError>;

/// All migrations as one text.
pub(crate) fn schema_text() -> String {
    MIGRATIONS.iter().map(|(_, sql)| *sql).collect::<Vec<_>>().join("\n")
}

/// The state of the database at `at`, which is not changed. One that does not exist has none.
pub(crate) async fn schema_status(at: &SpannerLocation) -> Opened<SchemaStatus> {
    match Connection::open_if_there(at).await? {
        Some(connection) => version(&connection, at).await.map(status_of),
        None => Ok(status_of(0)),
    }
}

fn status_of(current: u32) -> SchemaStatus {
    let pending = MIGRATIONS.iter().skip(current as usize).map(|(name, _)| (*name).to_owned()).collect();
    SchemaStatus { current, latest: MIGRATIONS.len() as u32, pending }
}

/// Refuses a database whose schema is not the newest.
pub(super) async fn check_is_current(connection: &Connection, at: &SpannerLocation) -> Opened<()> {
    let (version, latest) = (version(connection, at).await?, MIGRATIONS.len() as u32);
    match version {
        0 => Err(OpenError(format!("{at} has no schema: run `tsctl schema apply`"))),
        _ if version < latest => {
            Err(OpenError(format!("{at} has schema {version} of {latest}: run `tsctl schema apply`")))
        }
        _ if version > latest => Err(OpenError(format!(
            "{at} has schema {version}, this program knows up to {latest}: use a newer version of it"
        ))),
        _ => Ok(()),
    }
}

/// The version of the schema; 0 where there is none.
async fn version(connection: &Connection, at: &SpannerLocation) -> Opened<u32> {
    let read = connection.by_key("SchemaMigration", &["Version"], KeySet::all(), "schema");
    let found = async {
        let mut found = connection.database.single_use().build().execute_read(read.build()).await?;
        let mut versions = vec![1];
        while let Some(row) = found.next().await {
            versions.push(Columns::of(&row?).number().unwrap_or(0));
        }
        Ok(versions)
    };
    match in_time(at, async { Ok::<_, _>(found.await) }).await? {
        Ok(versions) => Ok(versions.into_iter().max().unwrap_or(0)),
        Err(error) if table_is_missing(&error) => Ok(0),
        Err(error) => Err(cannot_use(at, &error)),
    }
}

fn table_is_missing(error: &google_cloud_spanner::Error) -> bool {
    let names_it = error.status().is_some_and(|status| status.message.contains("SchemaMigration"));
    matches!(code(error), Some(Code::NotFound | Code::InvalidArgument)) && names_it
}

/// Brings the schema up to date, and tells what the state was before.
pub(crate) async fn schema_apply(
    at: &SpannerLocation,
    request: &mut ApplyRequest<'_>,
) -> Opened<SchemaStatus> {
    let admin = admin(at).await?;
    if request.create_database {
        if at.settings.emulator_host.is_some() {
            create_instance(at).await?;
        }
        create_database(&admin, at).await?;
    }
    let connection = Connection::open(at).await?;
    let before = status_of(version(&connection, at).await?);
    for (at_no, (name, sql)) in MIGRATIONS.iter().enumerate().skip(before.current as usize) {
        (request.progress)(name, 0);
        apply(&admin, at, name, sql, request).await?;
        record(&connection, at, at_no as i64 + 1, name).await?;
    }
    Ok(before)
}

/// The client of the administration API, which is another one than that of the data.
pub(super) async fn admin(at: &SpannerLocation) -> Opened<DatabaseAdmin> {
    let mut builder = client(at).await?.database_admin_builder();
    if let Some(endpoint) = admin_endpoint(at) {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().await.map_err(|error| no_administration(at, &error))
}

/// An emulator begins without any instance; on the service one costs money and is not ours to make.
async fn create_instance(at: &SpannerLocation) -> Opened<()> {
    let admin =
        client(at).await?.instance_admin_builder().with_endpoint(admin_endpoint(at).unwrap_or_default());
    let admin = admin.build().await.map_err(|error| no_administration(at, &error))?;
    let instance = Instance::new()
        .set_name(format!("projects/{}/instances/{}", at.project, at.instance))
        .set_config(format!("projects/{}/instanceConfigs/emulator-config", at.project))
        .set_display_name(&at.instance)
        .set_node_count(1);
    let poller = admin
        .create_instance()
        .set_parent(format!("projects/{}", at.project))
        .set_instance_id(&at.instance)
        .set_instance(instance)
        .poller();
    made_or_there(at, poller.until_done().await)
}

/// Where an emulator's administration API is; Google's has it on port 9020 where the other is on 9010.
fn admin_endpoint(at: &SpannerLocation) -> Option<String> {
    let guessed =
        at.settings.emulator_host.as_ref().map(|host| emulator_endpoint(host).replace(":9010", ":9020"));
    at.settings.emulator_admin_host.as_ref().map(|host| emulator_endpoint(host)).or(guessed)
}

fn no_administration(at: &SpannerLocation, error: &dyn std::error::Error) -> OpenError {
    OpenError(format!("{at}: cannot reach the administration API: {error}"))
}

async fn create_database(admin: &DatabaseAdmin, at: &SpannerLocation) -> Opened<()> {
    let poller = admin
        .create_database()
        .set_parent(format!("projects/{}/instances/{}", at.project, at.instance))
        .set_create_statement(format!("CREATE DATABASE `{}`", at.database))
        .poller();
    made_or_there(at, poller.until_done().await)
}

/// What is there already need not be made.
fn made_or_there<T>(at: &SpannerLocation, made: google_cloud_spanner::Result<T>) -> Opened<()> {
    match made {
        Err(error) if code(&error) != Some(Code::AlreadyExists) => Err(cannot_administer(at, &error)),
        _ => Ok(()),
    }
}

async fn apply(
    admin: &DatabaseAdmin,
    at: &SpannerLocation,
    name: &str,
    sql: &str,
    request: &mut ApplyRequest<'_>,
) -> Opened<()> {
    let mut poller =
        admin.update_database_ddl().set_database(at.path()).set_statements(statements(sql)).poller();
    let mut failures = 0;
    while let Some(status) = poller.poll().await {
        match status {
            PollingResult::Completed(done) => {
                done.map(|_| ()).map_err(|error| cannot_administer(at, &error))?
            }
            PollingResult::InProgress(metadata) => {
                let percents = metadata.iter().flat_map(|of| &of.progress).map(|of| of.progress_percent);
                (request.progress)(name, percents.max().unwrap_or(0).clamp(0, 100) as u32);
            }
            PollingResult::PollingError(error) => {
                failures += 1;
                if failures == POLLS_FAILED_MAX {
                    return Err(cannot_administer(at, &error));
                }
                tracing::debug!(?error, "asking for the operation again");
            }
        }
        tokio::time::sleep(request.poll_every).await;
    }
    Ok(())
}

/// The statements of a file: what stands between semicolons, without comments.
fn statements(sql: &str) -> Vec<String> {
    let text: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let text = text.join("\n");
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

async fn record(connection: &Connection, at: &SpannerLocation, version: i64, name: &str) -> Opened<()> {
    let row = Mutation::new_insert_or_update_builder("SchemaMigration")
        .set("Version")
        .to(version)
        .set("Name")
        .to(name.to_owned())
        .set("AppliedAt")
        .to(COMMIT_TIMESTAMP.to_owned())
        .build();
    let writer = connection.database.write_only_transaction().set_transaction_tag(tag("schema"));
    let writer = writer.with_retry_policy(BoundedAborts::new(super::connection::READ_TIME));
    in_time(at, writer.build().write_at_least_once([row])).await.map(|_| ())
}

fn cannot_administer(at: &SpannerLocation, error: &google_cloud_spanner::Error) -> OpenError {
    match code(error) {
        Some(Code::PermissionDenied) => OpenError(format!(
            "{at}: permission denied: changing the schema takes roles/spanner.databaseAdmin, see docs/spanner.md"
        )),
        _ => cannot_use(at, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_statements() {
        let sql = "-- a; b\nCREATE TABLE A (\n  -- c;\n  X INT64,\n) PRIMARY KEY (X);\n\nCREATE INDEX B ON A (X);\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("CREATE TABLE A") && !found[0].contains("c;"));
        assert_eq!(found[1], "CREATE INDEX B ON A (X)");
    }
}
