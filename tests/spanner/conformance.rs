//! Every promise of the store, one test each, on a database of its own.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ticketshop::store::{self, Access, SpannerLocation, Store, StoreLocation};

use crate::server::{Server, database};

/// A store on a new database.
pub(crate) struct Subject {
    pub(crate) at: SpannerLocation,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server: Server,
}

impl Deref for Subject {
    type Target = Arc<dyn Store>;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

/// The statements of the schema.
pub(crate) fn ddl() -> Vec<String> {
    let text = store::schema_text(&StoreLocation::Spanner(Box::new(SpannerLocation::new("p", "i", "d"))));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let statements = lines.join("\n");
    statements.split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// A store that reads what was written before, so that a test can look at what it has just loaded.
pub(crate) async fn subject() -> Subject {
    subject_with(|at| at.settings.staleness = Duration::ZERO).await
}

/// A store with other settings.
pub(crate) async fn subject_with(set: impl FnOnce(&mut SpannerLocation)) -> Subject {
    let (mut at, server) = database(ddl()).await;
    set(&mut at);
    opened(at, server).await
}

/// The store of a database.
pub(crate) async fn opened(at: SpannerLocation, server: Server) -> Subject {
    let store = store::open(&StoreLocation::Spanner(Box::new(at.clone())), Access::Serve).await.unwrap();
    let store = server.adapt(&at, store).await;
    Subject { at, store, server }
}

/// A client of the database, as any program would make one.
pub(crate) async fn client(at: &SpannerLocation) -> google_cloud_spanner::client::DatabaseClient {
    let host = at.settings.emulator_host.clone().unwrap();
    let anonymous = google_cloud_auth::credentials::anonymous::Builder::new().build();
    let builder = google_cloud_spanner::client::Spanner::builder()
        .with_endpoint(format!("http://{host}"))
        .with_credentials(anonymous);
    builder.build().await.unwrap().database_client(at.path()).build().await.unwrap()
}

ticketshop::conformance_tests!(subject());
