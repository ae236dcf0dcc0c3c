//! Isolation, conflicts and aborts.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_spanner::client::DatabaseClient;
use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::transaction::ReadWriteTransaction;
use spanner_model::Options;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

async fn read_counter(
    transaction: &ReadWriteTransaction,
    id: i64,
) -> Result<i64, google_cloud_spanner::Error> {
    let request = ReadRequest::builder("Counter", ["Value"]).with_keys(key![id]).build();
    let mut rows = transaction.execute_read(request).await?;
    match rows.next().await.transpose()? {
        Some(row) => row.get("Value"),
        None => Ok(0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 0)]).await.unwrap();
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..25 {
                let runner = client.read_write_transaction().build();
                let work = async |transaction: ReadWriteTransaction| {
                    let value = read_counter(&transaction, 1).await?;
                    transaction.buffer([counter(1, value + 1)])?;
                    Ok(())
                };
                runner.run(work).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(value(&client, 1).await, Some(200));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(model.open_transactions(DATABASE), 0);
}

/// Both transactions scan before either writes; returns how many attempts there were.
async fn both<F>(client: &DatabaseClient, work: F) -> u64
where
    F: AsyncFn(&ReadWriteTransaction, i64, &Barrier, bool) -> Result<(), google_cloud_spanner::Error>
        + Send
        + Sync
        + 'static,
{
    let attempts = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(Barrier::new(2));
    let work = &work;
    let run = async |own: i64| {
        let mut first = true;
        let runner = client.read_write_transaction().build();
        let attempt = async |transaction: ReadWriteTransaction| {
            attempts.fetch_add(1, Ordering::Relaxed);
            let wait = std::mem::replace(&mut first, false);
            work(&transaction, own, &barrier, wait).await
        };
        runner.run(attempt).await.unwrap();
    };
    tokio::join!(run(1), run(2));
    attempts.load(Ordering::Relaxed)
}

#[tokio::test]
async fn phantoms_are_prevented() {
    let (model, client) = start().await;
    let attempts = both(&client, async |transaction, own, barrier, wait| {
        let range = KeyRange::closed_closed(key![1_i64], key![1_i64]);
        let request = ReadRequest::builder("Ticket", ["Seat"]).with_keys(range).build();
        let mut rows = transaction.execute_read(request).await?;
        let mut seen = 0;
        while rows.next().await.transpose()?.is_some() {
            seen += 1;
        }
        if wait {
            barrier.wait().await;
        }
        if seen == 0 {
            transaction.buffer([ticket(1, own, Some(true), None)])?;
        }
        Ok(())
    })
    .await;
    assert_eq!(attempts, 3, "one is aborted and retried");
    assert_eq!(model.row_count(DATABASE, "Ticket"), Some(1));
    assert!(model.aborted() >= 1);
}

#[tokio::test]
async fn phantoms_of_queries_and_indexes_are_prevented() {
    let (model, client) = start().await;
    let attempts = both(&client, async |transaction, own, barrier, wait| {
        let query = "SELECT COUNT(*) FROM Ticket@{FORCE_INDEX=TicketByOwner} WHERE Owner = 'a'";
        let mut rows = transaction.execute_query(query).await?;
        let seen: i64 = rows.next().await.unwrap()?.get(0)?;
        if wait {
            barrier.wait().await;
        }
        if seen == 0 {
            transaction.buffer([ticket(own, own, None, Some("a"))])?;
        }
        Ok(())
    })
    .await;
    assert_eq!(attempts, 3);
    assert_eq!(model.row_count(DATABASE, "Ticket"), Some(1));
}

#[tokio::test]
async fn write_skew_is_prevented() {
    let (_model, client) = start().await;
    write(&client, vec![counter(1, 1), counter(2, 1)]).await.unwrap();
    let attempts = both(&client, async |transaction, own, barrier, wait| {
        let sum = read_counter(transaction, 1).await? + read_counter(transaction, 2).await?;
        if wait {
            barrier.wait().await;
        }
        if sum == 2 {
            transaction.buffer([counter(own, 0)])?;
        }
        Ok(())
    })
    .await;
    assert_eq!(attempts, 3);
    let left = value(&client, 1).await.unwrap() + value(&client, 2).await.unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn disjoint_rows_do_not_conflict() {
    let (model, client) = start().await;
    let attempts = both(&client, async |transaction, own, barrier, wait| {
        let value = read_counter(transaction, own).await?;
        if wait {
            barrier.wait().await;
        }
        transaction.buffer([counter(own, value + 1)])?;
        Ok(())
    })
    .await;
    assert_eq!((attempts, model.aborted()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unique_index_has_one_winner() {
    let (model, client) = start().await;
    let mut tasks = Vec::new();
    for id in 0..10 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            let id = format!("a{id}");
            write(&client, vec![account(&id, "same@x")]).await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => {
                assert_eq!(code(&error), "ALREADY_EXISTS");
                let message = &error.status().unwrap().message;
                assert!(message.contains("Unique index violation on index AccountByEMail"), "{message}");
            }
        }
    }
    assert_eq!(won, 1);
    assert_eq!(model.row_count(DATABASE, "Account"), Some(1));
}

#[tokio::test]
async fn a_reader_of_another_column_is_not_in_the_way() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 1)]).await.unwrap();
    let runner = client.read_write_transaction().build();
    let other = client.clone();
    let work = async |transaction: ReadWriteTransaction| {
        let request = ReadRequest::builder("Counter", ["Note"]).with_keys(key![1_i64]).build();
        let mut rows = transaction.execute_read(request).await?;
        rows.next().await.transpose()?;
        // This commit writes Value, for which there is no lock.
        write(&other, vec![counter(1, 2)]).await?;
        transaction.buffer([counter(2, 2)])?;
        Ok(())
    };
    runner.run(work).await.unwrap();
    assert_eq!(model.aborted(), 0);
}

#[tokio::test]
async fn a_younger_writer_waits_for_an_older_reader() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 1)]).await.unwrap();
    let other = client.clone();
    let runner = client.read_write_transaction().build();
    let mut blocked = None;
    let work = async |transaction: ReadWriteTransaction| {
        let value = read_counter(&transaction, 1).await?;
        let writer = other.clone();
        blocked = Some(tokio::spawn(async move { write(&writer, vec![counter(1, 100)]).await }));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!blocked.as_ref().unwrap().is_finished());
        transaction.buffer([counter(2, value)])?;
        Ok(())
    };
    runner.run(work).await.unwrap();
    blocked.unwrap().await.unwrap().unwrap();
    assert_eq!((value(&client, 1).await, value(&client, 2).await), (Some(100), Some(1)));
    assert_eq!(model.aborted(), 0);
}

#[tokio::test]
async fn an_idle_transaction_is_aborted_for_others() {
    let options = Options { idle_after: Duration::from_millis(200), ..Options::default() };
    let (model, client) = start_with(options).await;
    write(&client, vec![counter(1, 1)]).await.unwrap();
    let other = client.clone();
    let runner = client.read_write_transaction().build();
    let mut attempts = 0;
    let work = async |transaction: ReadWriteTransaction| {
        attempts += 1;
        let value = read_counter(&transaction, 1).await?;
        if attempts == 1 {
            write(&other, vec![counter(1, 50)]).await?;
        }
        transaction.buffer([counter(1, value + 1)])?;
        Ok(())
    };
    runner.run(work).await.unwrap();
    assert_eq!(value(&client, 1).await, Some(51));
    assert_eq!((attempts, model.aborted()), (2, 1));
}

#[tokio::test]
async fn a_failed_work_rolls_back() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 1)]).await.unwrap();
    let runner = client.read_write_transaction().build();
    let work = async |transaction: ReadWriteTransaction| {
        read_counter(&transaction, 1).await?;
        transaction.buffer([Mutation::delete("Counter", KeySet::all())])?;
        // Not a table: the statement fails, and the work with it.
        transaction.execute_query("SELECT 1 FROM Nothing").await?;
        Ok(())
    };
    let error = runner.run(work).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_ARGUMENT");
    assert_eq!(model.calls().get("Rollback"), Some(&1));
    assert_eq!(model.open_transactions(DATABASE), 0);
    assert_eq!(value(&client, 1).await, Some(1));
}

#[tokio::test]
async fn dml_is_read_by_its_transaction() {
    let (_model, client) = start().await;
    write(&client, vec![counter(1, 1), counter(2, 2)]).await.unwrap();
    let runner = client.read_write_transaction().build();
    let work = async |transaction: ReadWriteTransaction| {
        let updated =
            transaction.execute_update("UPDATE Counter SET Value = Value + 10 WHERE Id <= 2").await?;
        assert_eq!(updated, 2);
        transaction.execute_update("INSERT INTO Counter (Id, Value) VALUES (3, 30)").await?;
        transaction.execute_update("DELETE FROM Counter WHERE Id = 2").await?;
        let mut rows = transaction.execute_query("SELECT SUM(Value) FROM Counter").await?;
        assert_eq!(rows.next().await.unwrap()?.get::<i64>(0)?, 41);
        Ok(())
    };
    runner.run(work).await.unwrap();
    assert_eq!(numbers(&client, "SELECT Value FROM Counter ORDER BY Id").await, [11, 30]);
}
