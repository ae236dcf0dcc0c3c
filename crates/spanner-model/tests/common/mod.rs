//! A model with the schema of the tests, and the official client of it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use google_cloud_spanner::Error;
use google_cloud_spanner::client::{DatabaseClient, Spanner};
use google_cloud_spanner::key;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::statement::Statement;
use spanner_model::{Model, Options};

pub const DATABASE: &str = "projects/test-project/instances/test-instance/databases/shop";

pub const SCHEMA: &str = "
-- Rows of tests
CREATE TABLE Counter (Id INT64 NOT NULL, Value INT64 NOT NULL, Note STRING(10), CHECK (Value >= 0)) PRIMARY KEY (Id);
CREATE TABLE Account (AccountId STRING(36) NOT NULL, EMail STRING(320) NOT NULL) PRIMARY KEY (AccountId);
CREATE UNIQUE INDEX AccountByEMail ON Account (EMail);
CREATE TABLE Sale (AccountId STRING(36) NOT NULL, SaleId INT64 NOT NULL, Tickets ARRAY<STRING(36)>,
  At TIMESTAMP OPTIONS (allow_commit_timestamp = true))
  PRIMARY KEY (AccountId, SaleId DESC), INTERLEAVE IN PARENT Account ON DELETE CASCADE;
CREATE TABLE Ticket (Event INT64 NOT NULL, Seat INT64 NOT NULL, Free BOOL, Owner STRING(36)) PRIMARY KEY (Event, Seat);
CREATE NULL_FILTERED INDEX TicketFree ON Ticket (Event, Free, Seat);
CREATE INDEX TicketByOwner ON Ticket (Owner) STORING (Free);
";

pub async fn start() -> (Model, DatabaseClient) {
    start_with(Options::default()).await
}

pub async fn start_with(options: Options) -> (Model, DatabaseClient) {
    let model = Model::start(options).await.unwrap();
    model.create_database(DATABASE, &[SCHEMA]).unwrap();
    let client = client(&model).await;
    (model, client)
}

pub async fn spanner(model: &Model) -> Spanner {
    Spanner::builder().with_endpoint(model.endpoint()).build().await.unwrap()
}

pub async fn client(model: &Model) -> DatabaseClient {
    spanner(model).await.database_client(DATABASE).build().await.unwrap()
}

pub fn counter(id: i64, value: i64) -> Mutation {
    Mutation::new_insert_or_update_builder("Counter").set("Id").to(id).set("Value").to(value).build()
}

pub fn account(id: &str, mail: &str) -> Mutation {
    Mutation::new_insert_builder("Account").set("AccountId").to(id).set("EMail").to(mail).build()
}

pub fn sale(account: &str, id: i64) -> Mutation {
    Mutation::new_insert_builder("Sale")
        .set("AccountId")
        .to(account)
        .set("SaleId")
        .to(id)
        .set("Tickets")
        .to(vec!["t1".to_owned(), "t2".to_owned()])
        .set("At")
        .to("spanner.commit_timestamp()")
        .build()
}

pub fn ticket(event: i64, seat: i64, free: Option<bool>, owner: Option<&str>) -> Mutation {
    Mutation::new_insert_builder("Ticket")
        .set("Event")
        .to(event)
        .set("Seat")
        .to(seat)
        .set("Free")
        .to(free)
        .set("Owner")
        .to(owner.map(str::to_owned))
        .build()
}

pub async fn write(client: &DatabaseClient, mutations: Vec<Mutation>) -> Result<(), Error> {
    client.write_only_transaction().build().write(mutations).await.map(drop)
}

pub async fn value(client: &DatabaseClient, id: i64) -> Option<i64> {
    let request = ReadRequest::builder("Counter", ["Value"]).with_keys(key![id]).build();
    let mut rows = client.single_use().build().execute_read(request).await.unwrap();
    let row = rows.next().await.transpose().unwrap()?;
    Some(row.get("Value").unwrap())
}

pub fn all(table: &str, columns: &[&str]) -> ReadRequest {
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    ReadRequest::builder(table, columns).with_keys(KeySet::all()).build()
}

pub async fn numbers(client: &DatabaseClient, statement: impl Into<Statement>) -> Vec<i64> {
    let mut rows = client.single_use().build().execute_query(statement).await.unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().await.transpose().unwrap() {
        found.push(row.get(0).unwrap());
    }
    found
}

pub fn code(error: &Error) -> String {
    error.status().map(|status| status.code.to_string()).unwrap_or_else(|| format!("{error:?}"))
}
