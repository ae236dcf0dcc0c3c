//! The official client reads, writes and queries.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::statement::Statement;
use google_cloud_spanner::transaction::TimestampBound;
use spanner_model::{Bounded, Model, Options};
use std::time::Duration;

#[tokio::test]
async fn the_client_connects_writes_and_reads() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 10)]).await.unwrap();
    assert_eq!(value(&client, 1).await, Some(10));
    assert_eq!(value(&client, 2).await, None);
    assert_eq!(model.row_count(DATABASE, "counter"), Some(1));
}

#[tokio::test]
async fn an_inline_begin_makes_two_calls() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 10)]).await.unwrap();
    model.reset_calls();
    let runner = client.read_write_transaction().set_transaction_tag("add").build();
    let done = runner
        .run(async |transaction| {
            let request = ReadRequest::builder("Counter", ["Value"]).with_keys(key![1_i64]).build();
            let mut rows = transaction.execute_read(request).await?;
            let value: i64 = rows.next().await.transpose()?.unwrap().get("Value")?;
            transaction.buffer([counter(1, value + 1)])?;
            Ok(value)
        })
        .await
        .unwrap();
    assert_eq!(done.result, 10);
    assert!(done.commit_timestamp().is_some());
    let calls = model.calls();
    assert_eq!(
        calls.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
        [("Commit", 1), ("StreamingRead", 1)]
    );
    let requests = model.requests();
    assert!(requests.iter().all(|request| request.transaction_tag == "add"), "{requests:?}");
    assert_eq!(requests[0].selector.as_deref(), Some("begin"));
    assert_eq!(requests[1].headers.get("x-goog-spanner-route-to-leader").map(String::as_str), Some("true"));
    assert_eq!(value(&client, 1).await, Some(11));
}

#[tokio::test]
async fn a_stale_read_sees_the_old_version() {
    let (_model, client) = start().await;
    write(&client, vec![counter(1, 10)]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    write(&client, vec![counter(1, 11)]).await.unwrap();
    for bound in [
        TimestampBound::exact_staleness(Duration::from_millis(200)),
        TimestampBound::max_staleness(Duration::from_millis(200)),
    ] {
        let transaction = client.single_use().set_timestamp_bound(bound).build();
        let mut rows = transaction.execute_read(all("Counter", &["Value"])).await.unwrap();
        let old: i64 = rows.next().await.unwrap().unwrap().get(0).unwrap();
        assert_eq!(old, 10);
    }
    let before = TimestampBound::exact_staleness(Duration::from_secs(60));
    let transaction = client.single_use().set_timestamp_bound(before).build();
    let mut rows = transaction.execute_read(all("Counter", &["Value"])).await.unwrap();
    assert!(rows.next().await.is_none(), "before the database was created it is empty");
}

#[tokio::test]
async fn the_newest_bounded_read_can_be_chosen() {
    let (_model, client) = start_with(Options { bounded: Bounded::Newest, ..Options::default() }).await;
    write(&client, vec![counter(1, 10)]).await.unwrap();
    let bound = TimestampBound::max_staleness(Duration::from_secs(10));
    let transaction = client.single_use().set_timestamp_bound(bound).build();
    let mut rows = transaction.execute_read(all("Counter", &["Value"])).await.unwrap();
    assert!(rows.next().await.is_some());
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was() {
    let (_model, client) = start().await;
    write(&client, vec![counter(1, 10)]).await.unwrap();
    let snapshot = client.read_only_transaction().build().await.unwrap();
    let mut rows = snapshot.execute_read(all("Counter", &["Value"])).await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().get::<i64>(0).unwrap(), 10);
    write(&client, vec![counter(1, 11), counter(2, 1)]).await.unwrap();
    let mut rows = snapshot.execute_query("SELECT Value FROM Counter ORDER BY Id").await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().get::<i64>("Value").unwrap(), 10);
    assert!(rows.next().await.is_none());
}

#[tokio::test]
async fn keys_and_ranges_are_read_in_key_order() {
    let (_model, client) = start().await;
    write(&client, vec![account("a", "a@x"), account("b", "b@x")]).await.unwrap();
    let sales = (1..=4).map(|id| sale("a", id)).chain([sale("b", 9)]).collect();
    write(&client, sales).await.unwrap();
    let read = async |keys: KeySet| -> Vec<i64> {
        let request = ReadRequest::builder("Sale", ["SaleId", "At"]).with_keys(keys).build();
        let mut rows = client.single_use().build().execute_read(request).await.unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().await.transpose().unwrap() {
            found.push(row.get("SaleId").unwrap());
        }
        found
    };
    assert_eq!(read(KeySet::all()).await, [4, 3, 2, 1, 9]);
    assert_eq!(read(KeyRange::closed_closed(key!["a"], key!["a"]).into()).await, [4, 3, 2, 1]);
    let range = KeyRange::open_closed(key!["a", 3_i64], key!["a", 1_i64]);
    assert_eq!(read(range.into()).await, [2, 1]);
    let keys =
        KeySet::builder().add_key(key!["b", 9_i64]).add_key(key!["a", 1_i64]).add_key(key!["a", 7_i64]);
    assert_eq!(read(keys.build()).await, [1, 9]);
}

#[tokio::test]
async fn a_null_filtered_index_holds_rows_without_nulls() {
    let (_model, client) = start().await;
    let tickets = vec![
        ticket(1, 1, Some(true), None),
        ticket(1, 2, None, Some("a")),
        ticket(1, 3, Some(true), None),
        ticket(2, 1, Some(false), None),
    ];
    write(&client, tickets).await.unwrap();
    let read = async |limit: i64| -> Vec<i64> {
        let keys = KeyRange::closed_closed(key![1_i64, true], key![1_i64, true]);
        let request =
            ReadRequest::builder("Ticket", ["Seat"]).with_index("TicketFree", keys).set_limit(limit);
        let mut rows = client.single_use().build().execute_read(request.build()).await.unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().await.transpose().unwrap() {
            found.push(row.get("Seat").unwrap());
        }
        found
    };
    assert_eq!(read(10).await, [1, 3]);
    assert_eq!(read(1).await, [1]);
    let sold = Mutation::new_update_builder("Ticket")
        .set("Event")
        .to(1_i64)
        .set("Seat")
        .to(1_i64)
        .set("Free")
        .to(None::<bool>)
        .build();
    write(&client, vec![sold]).await.unwrap();
    assert_eq!(read(10).await, [3]);
    let request = ReadRequest::builder("Ticket", ["Seat", "Owner"]).with_index("TicketFree", KeySet::all());
    let error = client.single_use().build().execute_read(request.build()).await.unwrap_err();
    assert_eq!(code(&error), "NOT_FOUND");
}

#[tokio::test]
async fn many_rows_are_streamed() {
    let (_model, client) = start().await;
    for part in 0..5_i64 {
        write(&client, (0..1000).map(|id| counter(part * 1000 + id, 1)).collect()).await.unwrap();
    }
    let mut rows = client.single_use().build().execute_read(all("Counter", &["Id"])).await.unwrap();
    let mut expected = 0_i64;
    while let Some(row) = rows.next().await.transpose().unwrap() {
        assert_eq!(row.get::<i64>(0).unwrap(), expected);
        expected += 1;
    }
    assert_eq!(expected, 5000);
    let counted =
        Statement::builder("SELECT COUNT(*) FROM Counter WHERE Id >= @from").add_param("from", 4999_i64);
    assert_eq!(numbers(&client, counted.build()).await, [1]);
}

#[tokio::test]
async fn the_commit_timestamp_is_stored() {
    let (_model, client) = start().await;
    let done = client
        .write_only_transaction()
        .set_return_commit_stats(true)
        .build()
        .write([account("a", "a@x"), sale("a", 1)])
        .await
        .unwrap();
    // Two columns and an index entry; four columns.
    assert_eq!(done.commit_stats.unwrap().mutation_count, 7);
    let mut rows = client.single_use().build().execute_read(all("Sale", &["At", "Tickets"])).await.unwrap();
    let row = rows.next().await.unwrap().unwrap();
    let at: time_of::Timestamp = row.get("At").unwrap();
    assert_eq!(Some(at), done.commit_timestamp);
    assert_eq!(row.get::<Vec<String>>("Tickets").unwrap(), ["t1", "t2"]);
}

/// The timestamp type of the client.
mod time_of {
    pub(crate) use google_cloud_wkt::Timestamp;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let model = Model::start(Options::default()).await.unwrap();
    let spanner = spanner(&model).await;
    let error = spanner.database_client(DATABASE).build().await.unwrap_err();
    assert_eq!(code(&error), "NOT_FOUND");
    let elsewhere = "projects/p/instances/none/databases/db";
    let error = spanner.database_client(elsewhere).build().await.unwrap_err();
    assert!(error.status().unwrap().message.contains("Instance not found"), "{error:?}");
    let (_model, client) = start().await;
    let error = client.single_use().build().execute_read(all("Nothing", &["A"])).await.unwrap_err();
    assert_eq!(code(&error), "NOT_FOUND");
    let error =
        client.single_use().build().execute_query("SELECT 1 FROM SPANNER_SYS.LOCK_STATS_TOP_MINUTE").await;
    let error = error.unwrap_err();
    assert_eq!(code(&error), "INVALID_ARGUMENT");
    assert!(error.status().unwrap().message.contains("Table not found: SPANNER_SYS.LOCK_STATS_TOP_MINUTE"));
}
