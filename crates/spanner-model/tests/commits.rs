//! Constraints, limits and their errors, and DDL by the admin API.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_lro::Poller as _;
use google_cloud_spanner::key;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::mutation::Mutation;
use spanner_model::Options;

fn counter_insert(id: i64, value: i64) -> Mutation {
    Mutation::new_insert_builder("Counter").set("Id").to(id).set("Value").to(value).build()
}

#[tokio::test]
async fn errors_have_the_codes_of_spanner() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 1)]).await.unwrap();
    let update =
        |id: i64| Mutation::new_update_builder("Counter").set("Id").to(id).set("Value").to(1_i64).build();
    let note = |text: &str| {
        Mutation::new_update_builder("Counter").set("Id").to(1_i64).set("Note").to(text.to_owned()).build()
    };
    let insert =
        |table: &str, column: &str| Mutation::new_insert_builder(table).set(column).to(1_i64).build();
    let insert_id = |id: i64| Mutation::new_insert_builder("Counter").set("Id").to(id).build();
    let null =
        Mutation::new_update_builder("Counter").set("Id").to(1_i64).set("Value").to(None::<i64>).build();
    let cases: Vec<(Mutation, &str, &str)> = vec![
        (counter_insert(1, 2), "ALREADY_EXISTS", "Row [1] in table Counter already exists"),
        (update(2), "NOT_FOUND", "Row [2] in table Counter is missing"),
        (sale("nobody", 1), "NOT_FOUND", "Parent row for row [nobody,1] in table Sale is missing"),
        (insert("Nothing", "A"), "NOT_FOUND", "Table not found: Nothing"),
        (insert("Counter", "Nope"), "NOT_FOUND", "Column not found in table Counter: Nope"),
        (insert_id(9), "FAILED_PRECONDITION", "NOT NULL column: Value"),
        (null, "FAILED_PRECONDITION", "Cannot specify a null value for column: Value"),
        (counter_insert(5, -1), "OUT_OF_RANGE", "Check constraint"),
        (note("12345678901"), "FAILED_PRECONDITION", "exceeds the maximum size limit"),
    ];
    for (mutation, expected, message) in cases {
        let error = write(&client, vec![counter_insert(77, 1), mutation]).await.unwrap_err();
        assert_eq!(code(&error), expected, "{error:?}");
        assert!(error.status().unwrap().message.contains(message), "{error:?}");
    }
    assert_eq!(model.row_count(DATABASE, "Counter"), Some(1), "a commit is all or nothing");
}

#[tokio::test]
async fn too_many_mutations_are_refused() {
    let (model, client) = start_with(Options { mutation_limit: 100, ..Options::default() }).await;
    write(&client, (0..50).map(|id| counter_insert(id, 1)).collect()).await.unwrap();
    let error = write(&client, (50..101).map(|id| counter_insert(id, 1)).collect()).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_ARGUMENT");
    assert!(error.status().unwrap().message.contains("too many mutations"));
    assert_eq!(model.row_count(DATABASE, "Counter"), Some(50));
}

#[tokio::test]
async fn a_parent_takes_its_children_along() {
    let (model, client) = start().await;
    write(&client, vec![account("a", "a@x"), account("b", "b@x"), sale("a", 1), sale("a", 2), sale("b", 1)])
        .await
        .unwrap();
    write(&client, vec![Mutation::delete("Account", key!["a"].into())]).await.unwrap();
    assert_eq!(model.row_count(DATABASE, "Sale"), Some(1));
    assert_eq!(model.row_count(DATABASE, "Account"), Some(1));
    // The e-mail address is free again.
    write(&client, vec![account("c", "a@x")]).await.unwrap();
    write(&client, vec![Mutation::delete("Account", KeySet::all())]).await.unwrap();
    assert_eq!(model.row_count(DATABASE, "Sale"), Some(0));
}

#[tokio::test]
async fn no_action_keeps_the_parent() {
    let (model, client) = start().await;
    model
        .update_ddl(
            DATABASE,
            &["CREATE TABLE P (A INT64) PRIMARY KEY (A);
             CREATE TABLE C (A INT64, B INT64) PRIMARY KEY (A, B), INTERLEAVE IN PARENT P;"],
        )
        .unwrap();
    let parent = Mutation::new_insert_builder("P").set("A").to(1_i64).build();
    let child = Mutation::new_insert_builder("C").set("A").to(1_i64).set("B").to(1_i64).build();
    write(&client, vec![parent, child]).await.unwrap();
    let error = write(&client, vec![Mutation::delete("P", key![1_i64].into())]).await.unwrap_err();
    assert_eq!(code(&error), "FAILED_PRECONDITION");
    write(&client, vec![Mutation::delete("C", KeySet::all()), Mutation::delete("P", KeySet::all())])
        .await
        .unwrap();
}

#[tokio::test]
async fn partitioned_dml_changes_all_rows() {
    let (_model, client) = start().await;
    write(&client, (1..=10).map(|id| counter(id, id)).collect()).await.unwrap();
    let update = client.partitioned_dml_transaction().build();
    let changed = update.execute_update("UPDATE Counter SET Value = 0 WHERE Id > 3").await.unwrap();
    assert_eq!(changed, 7);
    assert_eq!(numbers(&client, "SELECT SUM(Value) FROM Counter").await, [6]);
    let delete = client.partitioned_dml_transaction().build();
    assert_eq!(delete.execute_update("DELETE FROM Counter WHERE TRUE").await.unwrap(), 10);
}

#[tokio::test]
async fn the_admin_api_makes_databases_and_changes_them() {
    let (model, _client) = start_with(Options { operation_polls: 2, ..Options::default() }).await;
    let admin = spanner(&model).await.database_admin_builder().build().await.unwrap();
    let parent = "projects/test-project/instances/test-instance";
    let name = format!("{parent}/databases/other");
    let created = admin
        .create_database()
        .set_parent(parent)
        .set_create_statement("CREATE DATABASE `other`")
        .set_extra_statements(["CREATE TABLE T (A INT64 NOT NULL) PRIMARY KEY (A)"])
        .poller()
        .until_done()
        .await
        .unwrap();
    assert_eq!(created.name, name);
    let got = admin.get_database().set_name(&name).send().await.unwrap();
    assert_eq!(got.name, name);
    let bad = ["CREATE TABLE U (A INT64) PRIMARY KEY (A)", "CREATE TABLE oops"];
    let error = admin.update_database_ddl().set_database(&name).set_statements(bad).send().await.unwrap_err();
    assert_eq!(error.http_status_code(), Some(400), "{error:?}");
    let good = ["CREATE TABLE U (A INT64) PRIMARY KEY (A)", "CREATE INDEX UByA ON U (A)"];
    admin.update_database_ddl().set_database(&name).set_statements(good).poller().until_done().await.unwrap();
    let ddl = admin.get_database_ddl().set_database(&name).send().await.unwrap();
    assert_eq!(ddl.statements.len(), 3);
    assert_eq!(ddl.statements[1], good[0]);
    let missing = admin.get_database().set_name(format!("{parent}/databases/nothing")).send().await;
    let error = missing.unwrap_err();
    assert_eq!(code(&error), "NOT_FOUND", "{error:?}");
    admin.drop_database().set_database(&name).send().await.unwrap();
    assert!(admin.get_database().set_name(&name).send().await.is_err());
}

#[tokio::test]
async fn split_points_are_kept() {
    use google_cloud_spanner_admin_database_v1::model::{SplitPoints, split_points};
    let (model, _client) = start().await;
    let admin = spanner(&model).await.database_admin_builder().build().await.unwrap();
    let parts = google_cloud_wkt::ListValue::from([google_cloud_wkt::Value::from("5")]);
    let point =
        SplitPoints::new().set_table("Counter").set_keys([split_points::Key::new().set_key_parts(parts)]);
    admin.add_split_points().set_database(DATABASE).set_split_points([point]).send().await.unwrap();
    let points = model.split_points(DATABASE);
    assert_eq!(points.len(), 1);
    assert_eq!(points[0]["table"], "Counter");
}
