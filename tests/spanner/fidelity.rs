//! What Spanner documents of its API, as cases that run on the model and on any server: the model is only
//! worth something where it answers as they say. A server that answers otherwise is named in
//! [`DIFFERENCES`].
//!
//! Sources: cloud.google.com/spanner/docs/ (transactions, timestamp-bounds, commit-timestamp,
//! secondary-indexes, schema-and-data-model, dml-partitioned, error-codes, check-constraint/how-to) and the
//! reference of google.spanner.v1 (Mutation, Read, Commit, TransactionOptions).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use google_cloud_spanner::client::DatabaseClient;
use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::model::read_request::LockHint;
use google_cloud_spanner::mutation::{Mutation, WriteBuilder};
use google_cloud_spanner::read::ReadRequest;
use google_cloud_spanner::statement::Statement;
use google_cloud_spanner::transaction::{ReadWriteTransaction, TimestampBound};
use google_cloud_spanner::{Error, Result, types};

use ticketshop::store::SpannerLocation;

use crate::conformance::client;
use crate::server::{self, database};

const DDL: [&str; 5] = [
    "CREATE TABLE Parent (P STRING(36) NOT NULL, Name STRING(10), Number INT64, MadeAt TIMESTAMP OPTIONS (allow_commit_timestamp = true), CONSTRAINT NotNegative CHECK (Number >= 0)) PRIMARY KEY (P)",
    "CREATE UNIQUE NULL_FILTERED INDEX ParentByName ON Parent (Name)",
    "CREATE TABLE Child (P STRING(36) NOT NULL, C INT64 NOT NULL, Free BOOL, Note STRING(MAX)) PRIMARY KEY (P, C), INTERLEAVE IN PARENT Parent ON DELETE CASCADE",
    "CREATE NULL_FILTERED INDEX ChildFree ON Child (P, C, Free)",
    "CREATE TABLE Wide (K INT64 NOT NULL, A INT64, B INT64, C INT64, D INT64) PRIMARY KEY (K)",
];

/// Where a server is known to answer otherwise: the case, the server, its answer.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("a child without its parent", "gcpug/handy-spanner", "Unknown"),
    ("a row outside of a null-filtered index", "gcpug/handy-spanner", "1,2,3"),
    ("the commit time that is answered is stored", "gcpug/handy-spanner", "another"),
    ("a check that fails", "gcpug/handy-spanner", "ok"),
    ("partitioned DML", "gcpug/handy-spanner", "InvalidArgument"),
    ("more mutations than the limit", "gcpug/handy-spanner and Google's emulator", "ok"),
    ("an exclusive read is waited for", "gcpug/handy-spanner and Google's emulator", "it aborts"),
    ("a snapshot does not change", "gcpug/handy-spanner", "Aborted"),
    ("a stale read sees the old version", "gcpug/handy-spanner", "2"),
];

type Answer = Pin<Box<dyn Future<Output = String> + Send>>;
type Case = (&'static str, fn(Clients) -> Answer, &'static str);

/// A client of the case's database; it has one session, and those that it makes have others.
struct Clients {
    at: SpannerLocation,
    client: DatabaseClient,
}

impl Clients {
    async fn another(&self) -> DatabaseClient {
        client(&self.at).await
    }
}

impl std::ops::Deref for Clients {
    type Target = DatabaseClient;

    fn deref(&self) -> &DatabaseClient {
        &self.client
    }
}

macro_rules! cases {
    ($($name:literal: $case:ident => $expected:literal,)+) => {
        const CASES: &[Case] = &[$(($name, |client| Box::pin($case(client)), $expected)),+];
    };
}

cases! {
    "an inline begin, then a commit": inline_begin => "committed, 8",
    "an insert of a row that is there": insert_twice => "AlreadyExists",
    "an update of a row that is not": update_missing => "NotFound",
    "a child without its parent": child_without_parent => "NotFound",
    "a second row in a unique index": unique_index => "AlreadyExists",
    "a commit that fails writes nothing": all_or_nothing => "AlreadyExists, 0 rows",
    "an insert-or-update keeps other columns": insert_or_update => "Name a, Number 2",
    "a replace forgets other columns": replace => "Name null, Number 2",
    "a deleted parent takes its children": cascade => "0 rows",
    "a delete of a range": delete_range => "1,4",
    "rows come in the order of the key": key_order => "1,2,3,4",
    "a read of a range of prefixes": prefix_range => "1,2,3,4",
    "a read with a limit": limit => "1,2",
    "a row outside of a null-filtered index": null_filtered => "1,3",
    "the commit time that is answered is stored": commit_time => "the same",
    "commit times increase": commit_times => "increasing",
    "a string that is too long": too_long => "FailedPrecondition",
    "a null where none may be": not_null => "FailedPrecondition",
    "a check that fails": check => "OutOfRange",
    "a read of an unknown table": unknown_table => "NotFound",
    "a query of an unknown table": unknown_table_sql => "InvalidArgument",
    "a snapshot does not change": snapshot => "1 then 1, now 3",
    "a stale read sees the old version": stale => "1",
    "no update is lost": lost_update => "40",
    "a phantom aborts": phantom => "1 row",
    "an exclusive read is waited for": exclusive => "it waits",
    "partitioned DML": partitioned_dml => "4 rows",
    "more mutations than the limit": mutation_limit => "InvalidArgument",
    "a query with joins, groups and a subquery": query => "p1:2 p2:1",
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_as_spanner_documents() {
    let mut wrong = Vec::new();
    for (name, case, documented) in CASES {
        let (at, _server) = database(DDL.map(str::to_owned).to_vec()).await;
        let answer =
            tokio::time::timeout(Duration::from_secs(30), case(Clients { client: client(&at).await, at }));
        let answer = answer.await.unwrap_or_else(|_| "no answer".to_owned());
        let known = DIFFERENCES.iter().find(|(of, _, other)| of == name && *other == answer);
        let remark = match known {
            _ if answer == *documented => String::new(),
            Some((_, whose, _)) if server::MAY_DIFFER => {
                format!("  <- Spanner: {documented}; known of {whose}")
            }
            _ => {
                wrong.push(*name);
                format!("  <- Spanner: {documented}; UNKNOWN DIFFERENCE")
            }
        };
        println!("{name:<45} {answer}{remark}");
    }
    assert!(wrong.is_empty(), "answered otherwise than documented: {wrong:?}");
}

fn code(error: &Error) -> String {
    error.status().map_or_else(|| format!("{error:?}"), |status| format!("{:?}", status.code))
}

async fn write(client: &DatabaseClient, mutations: impl IntoIterator<Item = WriteBuilder>) -> String {
    let mutations = mutations.into_iter().map(WriteBuilder::build);
    match client.write_only_transaction().build().write(mutations).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => code(&error),
    }
}

fn parent(id: &str) -> WriteBuilder {
    Mutation::new_insert_builder("Parent").set("P").to(id.to_owned())
}

fn child(id: &str, no: i64) -> WriteBuilder {
    Mutation::new_insert_builder("Child").set("P").to(id.to_owned()).set("C").to(no)
}

/// p1 with the children 1 to 4, of which 2 and 4 are not free.
async fn family(client: &DatabaseClient) {
    let free = |no: i64| if no % 2 == 1 { Some(true) } else { None };
    let children = (1..=4).map(|no| child("p1", no).set("Free").to(free(no)));
    let rows = [parent("p1").set("Name").to("a".to_owned()).set("Number").to(1_i64)];
    assert_eq!(write(client, rows.into_iter().chain(children)).await, "ok");
}

/// The values of one column, as text.
async fn column(client: &DatabaseClient, read: ReadRequest) -> Vec<String> {
    column_at(client, read, TimestampBound::strong()).await
}

async fn column_at(client: &DatabaseClient, read: ReadRequest, bound: TimestampBound) -> Vec<String> {
    let transaction = client.single_use().set_timestamp_bound(bound).build();
    let mut found = match transaction.execute_read(read).await {
        Ok(found) => found,
        Err(error) => return vec![code(&error)],
    };
    let mut values = Vec::new();
    while let Some(row) = found.next().await {
        match row {
            Ok(row) => values.push(row.raw_values()[0].as_str().unwrap_or("null").to_owned()),
            Err(error) => return vec![code(&error)],
        }
    }
    values
}

fn children(keys: impl Into<KeySet>) -> ReadRequest {
    ReadRequest::builder("Child", vec!["C"]).with_keys(keys).build()
}

fn number() -> ReadRequest {
    ReadRequest::builder("Parent", vec!["Number"]).with_keys(key!["p1"]).build()
}

/// Reads a number in a transaction and writes it greater by one.
async fn increment(client: &DatabaseClient, lock: LockHint, pause: Duration) -> Result<u32> {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let work = move |transaction: ReadWriteTransaction| {
        let counted = Arc::clone(&counted);
        let lock = lock.clone();
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            let read =
                ReadRequest::builder("Parent", vec!["Number"]).with_keys(key!["p1"]).set_lock_hint(lock);
            let mut found = transaction.execute_read(read.build()).await?;
            let row = found.next().await.unwrap()?;
            let number: i64 = row.raw_values()[0].as_str().unwrap().parse().unwrap();
            tokio::time::sleep(pause).await;
            let update = Mutation::new_update_builder("Parent").set("P").to("p1".to_owned());
            transaction.buffer([update.set("Number").to(number + 1).build()])
        }
    };
    client.read_write_transaction().build().run(work).await?;
    Ok(attempts.load(Ordering::Relaxed))
}

async fn inline_begin(client: Clients) -> String {
    family(&client).await;
    for _ in 0..7 {
        if let Err(error) = increment(&client, LockHint::Shared, Duration::ZERO).await {
            return code(&error);
        }
    }
    format!("committed, {}", column(&client, number()).await.join(","))
}

async fn insert_twice(client: Clients) -> String {
    family(&client).await;
    write(&client, [parent("p1")]).await
}

async fn update_missing(client: Clients) -> String {
    write(
        &client,
        [Mutation::new_update_builder("Parent").set("P").to("p9".to_owned()).set("Number").to(1_i64)],
    )
    .await
}

async fn child_without_parent(client: Clients) -> String {
    write(&client, [child("p9", 1)]).await
}

async fn unique_index(client: Clients) -> String {
    family(&client).await;
    write(&client, [parent("p2").set("Name").to("a".to_owned())]).await
}

async fn all_or_nothing(client: Clients) -> String {
    family(&client).await;
    let answer = write(&client, [child("p1", 9), child("p1", 1)]).await;
    format!("{answer}, {} rows", column(&client, children(key!["p1", 9_i64])).await.len())
}

async fn both_columns(client: &DatabaseClient) -> String {
    let read = |name| ReadRequest::builder("Parent", vec![name]).with_keys(key!["p1"]).build();
    let (name, number) = (column(client, read("Name")).await, column(client, read("Number")).await);
    format!("Name {}, Number {}", name.join(","), number.join(","))
}

async fn insert_or_update(client: Clients) -> String {
    family(&client).await;
    let row =
        Mutation::new_insert_or_update_builder("Parent").set("P").to("p1".to_owned()).set("Number").to(2_i64);
    write(&client, [row]).await;
    both_columns(&client).await
}

async fn replace(client: Clients) -> String {
    assert_eq!(write(&client, [parent("p1").set("Name").to("a".to_owned())]).await, "ok");
    let row = Mutation::new_replace_builder("Parent").set("P").to("p1".to_owned()).set("Number").to(2_i64);
    write(&client, [row]).await;
    both_columns(&client).await
}

async fn cascade(client: Clients) -> String {
    family(&client).await;
    let delete = Mutation::delete("Parent", key!["p1"].into());
    client.write_only_transaction().build().write([delete]).await.unwrap();
    format!("{} rows", column(&client, children(KeySet::all())).await.len())
}

async fn delete_range(client: Clients) -> String {
    family(&client).await;
    let range = KeyRange::closed_open(key!["p1", 2_i64], key!["p1", 4_i64]);
    client.write_only_transaction().build().write([Mutation::delete("Child", range.into())]).await.unwrap();
    column(&client, children(KeySet::all())).await.join(",")
}

async fn key_order(client: Clients) -> String {
    assert_eq!(write(&client, [parent("p1")]).await, "ok");
    assert_eq!(write(&client, [3, 1, 4, 2].map(|no| child("p1", no))).await, "ok");
    column(&client, children(KeySet::all())).await.join(",")
}

async fn prefix_range(client: Clients) -> String {
    family(&client).await;
    assert_eq!(write(&client, [parent("p2"), child("p2", 5)]).await, "ok");
    column(&client, children(KeyRange::closed_closed(key!["p1"], key!["p1"]))).await.join(",")
}

async fn limit(client: Clients) -> String {
    family(&client).await;
    let read = ReadRequest::builder("Child", vec!["C"]).with_keys(KeySet::all()).set_limit(2).build();
    column(&client, read).await.join(",")
}

/// The row leaves the index when its column becomes null.
async fn null_filtered(client: Clients) -> String {
    family(&client).await;
    let row = |free| {
        Mutation::new_update_builder("Child")
            .set("P")
            .to("p1".to_owned())
            .set("C")
            .to(2_i64)
            .set("Free")
            .to(free)
    };
    write(&client, [row(Some(true))]).await;
    write(&client, [row(None)]).await;
    let range = KeyRange::closed_open(key!["p1", 1_i64], key!["p1", 4_i64]);
    column(&client, ReadRequest::builder("Child", vec!["C"]).with_index("ChildFree", range).build())
        .await
        .join(",")
}

fn with_time(id: &str) -> Mutation {
    parent(id).set("MadeAt").to("spanner.commit_timestamp()".to_owned()).build()
}

async fn commit_time(client: Clients) -> String {
    let answer = client.write_only_transaction().build().write([with_time("p1")]).await.unwrap();
    let answered = answer.commit_timestamp.unwrap();
    let read = ReadRequest::builder("Parent", vec!["MadeAt"]).with_keys(key!["p1"]).build();
    let stored: jiff::Timestamp = column(&client, read).await[0].parse().unwrap();
    let same = stored.as_second() == answered.seconds() && stored.subsec_nanosecond() == answered.nanos();
    if same { "the same" } else { "another" }.to_owned()
}

async fn commit_times(client: Clients) -> String {
    let mut times = Vec::new();
    for no in 0..20 {
        let answer =
            client.write_only_transaction().build().write([with_time(&no.to_string())]).await.unwrap();
        let time = answer.commit_timestamp.unwrap();
        times.push((time.seconds(), time.nanos()));
    }
    if times.windows(2).all(|two| two[0] < two[1]) { "increasing" } else { "not increasing" }.to_owned()
}

async fn too_long(client: Clients) -> String {
    write(&client, [parent("p1").set("Name").to("eleven char".to_owned())]).await
}

async fn not_null(client: Clients) -> String {
    write(
        &client,
        [Mutation::new_insert_builder("Child").set("P").to("p1".to_owned()).set("C").to(None::<i64>)],
    )
    .await
}

async fn check(client: Clients) -> String {
    write(&client, [parent("p1").set("Number").to(-1_i64)]).await
}

async fn unknown_table(client: Clients) -> String {
    column(&client, ReadRequest::builder("Nobody", vec!["C"]).with_keys(KeySet::all()).build())
        .await
        .join(",")
}

async fn unknown_table_sql(client: Clients) -> String {
    match client.single_use().build().execute_query("SELECT C FROM Nobody").await {
        Ok(mut found) => match found.next().await {
            Some(Err(error)) => code(&error),
            _ => "ok".to_owned(),
        },
        Err(error) => code(&error),
    }
}

async fn snapshot(client: Clients) -> String {
    family(&client).await;
    let writer = client.another().await;
    let twice = async {
        let snapshot = client.read_only_transaction().build().await?;
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut found = snapshot.execute_read(number()).await?;
            let row = found.next().await.unwrap()?;
            seen.push(row.raw_values()[0].as_str().unwrap().to_owned());
            increment(&writer, LockHint::Shared, Duration::ZERO).await?;
        }
        Ok::<_, Error>(seen)
    };
    match twice.await {
        Ok(seen) => format!("{} then {}, now {}", seen[0], seen[1], column(&client, number()).await[0]),
        Err(error) => code(&error),
    }
}

async fn stale(client: Clients) -> String {
    family(&client).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    increment(&client, LockHint::Shared, Duration::ZERO).await.unwrap();
    let bound = TimestampBound::exact_staleness(Duration::from_secs(1));
    column_at(&client, number(), bound).await.join(",")
}

async fn lost_update(client: Clients) -> String {
    family(&client).await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let client = client.another().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..13 {
                increment(&client, LockHint::Shared, Duration::from_millis(1)).await?;
            }
            Ok::<_, Error>(())
        }));
    }
    for task in tasks {
        if let Err(error) = task.await.unwrap() {
            return code(&error);
        }
    }
    column(&client, number()).await.join(",")
}

/// Two look at an empty range, and each inserts where it found nothing: only one may.
async fn phantom(client: Clients) -> String {
    assert_eq!(write(&client, [parent("p1")]).await, "ok");
    let insert = |no: i64, client: DatabaseClient| {
        let work = move |transaction: ReadWriteTransaction| async move {
            let mut found =
                transaction.execute_read(children(KeyRange::closed_closed(key!["p1"], key!["p1"]))).await?;
            if found.next().await.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                transaction.buffer([child("p1", no).build()])?;
            }
            Ok(())
        };
        tokio::spawn(async move { client.read_write_transaction().build().run(work).await.map(|_| ()) })
    };
    let (one, two) = (insert(1, client.another().await), insert(2, client.another().await));
    for task in [one, two] {
        if let Err(error) = task.await.unwrap() {
            return code(&error);
        }
    }
    format!("{} row", column(&client, children(KeySet::all())).await.len())
}

/// The second to read for writing waits for the first, instead of reading what will be old.
async fn exclusive(client: Clients) -> String {
    family(&client).await;
    let first = {
        let client = client.another().await;
        tokio::spawn(async move { increment(&client, LockHint::Exclusive, Duration::from_millis(300)).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = increment(&client, LockHint::Exclusive, Duration::ZERO).await;
    match (first.await.unwrap(), second) {
        (Ok(1), Ok(1)) => "it waits".to_owned(),
        (Ok(_), Ok(_)) => "it aborts".to_owned(),
        (Err(error), _) | (_, Err(error)) => code(&error),
    }
}

async fn partitioned_dml(client: Clients) -> String {
    family(&client).await;
    let statement = Statement::builder("UPDATE Child SET Note = 'x' WHERE C > 0").build();
    match client.partitioned_dml_transaction().build().execute_update(statement).await {
        Ok(rows) => format!("{rows} rows"),
        Err(error) => code(&error),
    }
}

/// 17,000 rows of five columns are 85,000 mutations; 80,000 are the limit.
async fn mutation_limit(client: Clients) -> String {
    let row = |no: i64| {
        let row = Mutation::new_insert_builder("Wide").set("K").to(no);
        ["A", "B", "C", "D"].into_iter().fold(row, |row, column| row.set(column).to(no))
    };
    write(&client, (0..17_000).map(row)).await
}

async fn query(client: Clients) -> String {
    family(&client).await;
    assert_eq!(write(&client, [parent("p2"), child("p2", 7), parent("p3"), child("p3", 2)]).await, "ok");
    let sql = "SELECT up.P, COUNT(*) AS N FROM Parent up JOIN Child down ON down.P = up.P \
               WHERE down.C > @least AND up.P IN (SELECT x.P FROM Child x WHERE x.C >= 4) \
               GROUP BY up.P ORDER BY up.P LIMIT @limit";
    let statement = Statement::builder(sql)
        .add_typed_param("least", 2_i64, types::int64())
        .add_typed_param("limit", 2_i64, types::int64())
        .build();
    let mut found = client.single_use().build().execute_query(statement).await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().await {
        let row = row.unwrap();
        let [id, count] = [0, 1].map(|at| row.raw_values()[at].as_str().unwrap().to_owned());
        rows.push(format!("{id}:{count}"));
    }
    rows.join(" ")
}
