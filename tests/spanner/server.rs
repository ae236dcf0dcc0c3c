//! A model of Spanner in the same process, one for each test.

use std::sync::Arc;

use spanner_model::{Model, Options};
use ticketshop::store::{SpannerLocation, Store};

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
    let mut at = SpannerLocation::new(PROJECT, INSTANCE, "shop");
    at.settings.emulator_host = Some(model.addr().to_string());
    let statements: Vec<&str> = ddl.iter().map(String::as_str).collect();
    model.create_database(&at.path(), &statements).unwrap();
    (at, Server(model))
}
