//! The server at SPANNER_EMULATOR_HOST. Each test gets a database of its own, made through the gRPC
//! administration API, which every emulator has.

use googleapis_tonic_google_spanner_admin_database_v1::google::spanner::admin::database::v1 as admin;
use std::sync::Arc;

use ticketshop::store::{SpannerLocation, Store};
use tonic::transport::Channel;

use crate::differences;

pub(crate) const PROJECT: &str = "test-project";
pub(crate) const INSTANCE: &str = "test-instance";

/// `HOST:PORT` of the server.
pub(crate) fn host() -> String {
    std::env::var("SPANNER_EMULATOR_HOST")
        .expect("SPANNER_EMULATOR_HOST names no server: run `make test-spanner`, which finds or starts one")
}

/// Keeps what a database needs; a server outside of the tests needs nothing.
pub(crate) struct Server;

impl Server {
    /// The store, with what this server does otherwise than Spanner made good.
    pub(crate) async fn adapt(&self, at: &SpannerLocation, store: Arc<dyn Store>) -> Arc<dyn Store> {
        differences::adapt(at, store).await
    }
}

/// A new database with this DDL.
pub(crate) async fn database(ddl: Vec<String>) -> (SpannerLocation, Server) {
    let name = format!("t{:016x}", rand::random::<u64>());
    let channel = Channel::from_shared(format!("http://{}", host())).unwrap().connect().await.unwrap();
    let mut client = admin::database_admin_client::DatabaseAdminClient::new(channel);
    let request = admin::CreateDatabaseRequest {
        parent: format!("projects/{PROJECT}/instances/{INSTANCE}"),
        create_statement: format!("CREATE DATABASE `{name}`"),
        extra_statements: ddl,
        ..Default::default()
    };
    client.create_database(request).await.unwrap();
    let ticketshop::store::StoreLocation::Spanner(mut at) =
        ticketshop::store::StoreLocation::spanner(PROJECT, INSTANCE, &name)
    else {
        unreachable!()
    };
    at.settings.emulator_host = Some(host());
    // gcpug/handy-spanner ends a session's oldest transaction at the 33rd.
    at.settings.writes = 8;
    (*at, Server)
}
