//! Injected faults, and what the client does with them.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_spanner::key;
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::transaction::ReadWriteTransaction;
use spanner_model::{Code, Fault, FaultPlan, FaultRule, Options};
use std::time::{Duration, Instant};

async fn increment(
    client: &google_cloud_spanner::client::DatabaseClient,
) -> Result<(), google_cloud_spanner::Error> {
    let runner = client.read_write_transaction().build();
    let work = async |transaction: ReadWriteTransaction| {
        let request = ReadRequest::builder("Counter", ["Value"]).with_keys(key![1_i64]).build();
        let mut rows = transaction.execute_read(request).await?;
        let value: i64 = rows.next().await.transpose()?.unwrap().get("Value")?;
        transaction.buffer([counter(1, value + 1)])?;
        Ok(())
    };
    runner.run(work).await.map(drop)
}

async fn with(rule: FaultRule) -> (spanner_model::Model, Option<i64>) {
    let options = Options { idle_after: Duration::from_millis(300), ..Options::default() };
    let (model, client) = start_with(options).await;
    write(&client, vec![counter(1, 0)]).await.unwrap();
    model.reset_calls();
    model.faults(FaultPlan { seed: 7, rules: vec![rule] });
    increment(&client).await.unwrap();
    let value = value(&client, 1).await;
    (model, value)
}

#[tokio::test]
async fn a_commit_that_answered_unavailable_has_one_effect() {
    let (model, value) = with(FaultRule::once("Commit", Fault::UnavailableAfter)).await;
    assert_eq!(value, Some(1));
    assert_eq!(model.calls()["Commit"], 2);
    assert_eq!(model.committed_transactions(), 2, "the first write and one increment");
    assert_eq!(model.fault_counts()["UnavailableAfter"], 1);
}

#[tokio::test]
async fn a_commit_whose_connection_broke_has_one_effect() {
    let (model, value) = with(FaultRule::once("Commit", Fault::DropAfter)).await;
    assert_eq!(value, Some(1));
    assert_eq!(model.fault_counts()["DropAfter"], 1);
    let (_, value) = with(FaultRule::once("Commit", Fault::DropBefore)).await;
    assert_eq!(value, Some(1));
}

#[tokio::test]
async fn an_aborted_commit_is_retried() {
    let (model, value) =
        with(FaultRule { max: Some(3), ..FaultRule::always("Commit", Fault::Aborted) }).await;
    assert_eq!(value, Some(1));
    assert_eq!(model.calls()["Commit"], 4);
    assert_eq!(model.aborted(), 3);
}

#[tokio::test]
async fn reads_survive_unavailable_servers() {
    for fault in [Fault::UnavailableBefore, Fault::UnavailableAfter, Fault::DropBefore, Fault::DropAfter] {
        let (_, value) = with(FaultRule::once("StreamingRead", fault)).await;
        assert_eq!(value, Some(1));
    }
}

#[tokio::test]
async fn other_faults_happen() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 0)]).await.unwrap();
    let refused = Fault::Status(Code::PermissionDenied, "no".into());
    model.faults(FaultPlan { seed: 1, rules: vec![FaultRule::once("StreamingRead", refused)] });
    assert_eq!(code(&increment(&client).await.unwrap_err()), "PERMISSION_DENIED");
    let slow = FaultRule::once("Commit", Fault::HangAfter(Duration::from_millis(150)));
    model.faults(FaultPlan { seed: 1, rules: vec![slow] });
    let begun = Instant::now();
    increment(&client).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(150));
    model.drop_connections();
    assert_eq!(value(&client, 1).await, Some(1));
}

#[tokio::test]
async fn a_storm_of_faults_loses_nothing() {
    let options = Options { idle_after: Duration::from_millis(100), ..Options::default() };
    let (model, client) = start_with(options).await;
    write(&client, vec![counter(1, 0)]).await.unwrap();
    let rules = vec![
        FaultRule::sometimes("*", Fault::UnavailableAfter, 0.05),
        FaultRule::sometimes("Commit", Fault::Aborted, 0.1),
        FaultRule::sometimes("Commit", Fault::DropAfter, 0.05),
    ];
    model.faults(FaultPlan { seed: 3, rules });
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    increment(&client).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    model.faults(FaultPlan::default());
    assert_eq!(value(&client, 1).await, Some(40));
}

#[tokio::test]
async fn a_repeated_failed_commit_fails_in_the_same_way() {
    let (model, client) = start().await;
    write(&client, vec![account("a", "a@x")]).await.unwrap();
    model.faults(FaultPlan { seed: 1, rules: vec![FaultRule::once("Commit", Fault::UnavailableAfter)] });
    let error = write(&client, vec![account("b", "a@x")]).await.unwrap_err();
    assert_eq!(code(&error), "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_committed_transaction_is_not_aborted_afterwards() {
    let (model, client) = start().await;
    write(&client, vec![counter(1, 0)]).await.unwrap();
    let rules = vec![
        FaultRule::once("Commit", Fault::UnavailableAfter),
        FaultRule { max: Some(5), ..FaultRule::always("Commit", Fault::Aborted) },
    ];
    model.faults(FaultPlan { seed: 1, rules });
    increment(&client).await.unwrap();
    assert_eq!(value(&client, 1).await, Some(1));
}
