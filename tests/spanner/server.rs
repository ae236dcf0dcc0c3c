//! A model of Spanner in the same process, one for each test.

use std::sync::Arc;

use spanner_model::{Model, Options};
use ticketshop::store::{SpannerLocation, Store, StoreLocation};

pub(crate) const PROJECT: &str = "test-project";
pub(crate) const INSTANCE: &str = "test-instance";

/// The model does as Spanner documents, without exception.
pub(crate) const MAY_DIFFER: bool = false;

/// Keeps the model alive.
pub(crate) struct Server(pub(crate) Model);

impl Server {
    /// The store as it is.
    pub(crate) async fn adapt(&self, _: &SpannerLocation, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }
}

/// A new database with this DDL, on a new model.
pub(crate) async fn database(ddl: Vec<String>) -> (SpannerLocation, Server) {
    database_on(Options::default(), ddl).await
}

/// The same on a model with these options.
pub(crate) async fn database_on(options: Options, ddl: Vec<String>) -> (SpannerLocation, Server) {
    let model = Model::start(options).await.unwrap();
    let StoreLocation::Spanner(mut at) = StoreLocation::spanner(PROJECT, INSTANCE, "shop") else {
        unreachable!()
    };
    at.settings.emulator_host = Some(model.addr().to_string());
    let statements: Vec<&str> = ddl.iter().map(String::as_str).collect();
    model.create_database(&at.path(), &statements).unwrap();
    (*at, Server(model))
}

/// A client of the database, as any program would make one.
pub(crate) async fn client(at: &SpannerLocation) -> google_cloud_spanner::client::DatabaseClient {
    let host = at.settings.emulator_host.clone().unwrap();
    let anonymous = google_cloud_auth::credentials::anonymous::Builder::new().build();
    let spanner = google_cloud_spanner::client::Spanner::builder()
        .with_endpoint(format!("http://{host}"))
        .with_credentials(anonymous);
    spanner.build().await.unwrap().database_client(at.path()).build().await.unwrap()
}
