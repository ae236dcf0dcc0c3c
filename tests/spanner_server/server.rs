//! The server at SPANNER_EMULATOR_HOST. Each test gets a database of its own, made through the gRPC
//! administration API, which every emulator has.

use googleapis_tonic_google_spanner_admin_database_v1::google::spanner::admin::database::v1 as admin;
use std::sync::Arc;

use googleapis_tonic_google_spanner_admin_instance_v1::google::spanner::admin::instance::v1 as instance;
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

/// A server may differ from Spanner where that is known of it.
pub(crate) const MAY_DIFFER: bool = true;

/// Keeps what a database needs; a server outside of the tests needs nothing.
pub(crate) struct Server;

impl Server {
    /// The store, with what this server does otherwise than Spanner made good.
    pub(crate) async fn adapt(&self, at: &SpannerLocation, store: Arc<dyn Store>) -> Arc<dyn Store> {
        differences::adapt(at, store).await
    }
}

/// The instance of all databases. One that is there already is as good, and so is a server that needs none.
async fn make_instance(channel: Channel) {
    let instance = instance::Instance {
        name: format!("projects/{PROJECT}/instances/{INSTANCE}"),
        config: format!("projects/{PROJECT}/instanceConfigs/emulator-config"),
        display_name: "tests".to_owned(),
        node_count: 1,
        ..Default::default()
    };
    let request = instance::CreateInstanceRequest {
        parent: format!("projects/{PROJECT}"),
        instance_id: INSTANCE.to_owned(),
        instance: Some(instance),
    };
    let _ = instance::instance_admin_client::InstanceAdminClient::new(channel).create_instance(request).await;
}

/// A new database with this DDL.
pub(crate) async fn database(ddl: Vec<String>) -> (SpannerLocation, Server) {
    let name = format!("t{:016x}", rand::random::<u64>());
    let channel = Channel::from_shared(format!("http://{}", host())).unwrap().connect().await.unwrap();
    make_instance(channel.clone()).await;
    let mut client = admin::database_admin_client::DatabaseAdminClient::new(channel);
    let request = admin::CreateDatabaseRequest {
        parent: format!("projects/{PROJECT}/instances/{INSTANCE}"),
        create_statement: format!("CREATE DATABASE `{name}`"),
        extra_statements: ddl,
        ..Default::default()
    };
    client.create_database(request).await.unwrap();
    let mut at = SpannerLocation::new(PROJECT, INSTANCE, &name);
    at.settings.emulator_host = Some(host());
    // Google's emulator ends a session's transaction when the next one begins (and has one at a time anyway);
    // gcpug/handy-spanner does so at the 33rd. Spanner has no such limit for the multiplexed session.
    at.settings.writes = 1;
    (at, Server)
}
