//! What is true of the embedded engine only, beside the promises it shares with the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;
use super::known_sales::FilterSettings;
use super::settle;
use crate::conformance_tests;
use crate::store::conformance::{Subject, assert_consistent, buy, buyer, event_with, keyed, purchase, sold};
use crate::store::{Access, StoreError};

/// Settles every `sales` sales, and makes a new filter of known ones after a few more.
fn open_settling(path: &Path, access: Access, sales: usize) -> SqliteStore {
    let filter = FilterSettings { room_min: 2 * sales, look_ups: 2 };
    SqliteStore::open_with(path, access, sales, filter).unwrap()
}

/// A store in a directory that goes with it.
struct TestStore {
    store: Subject,
    engine: Arc<SqliteStore>,
    directory: TempDir,
}

impl TestStore {
    fn new() -> Self {
        Self::settling_every(settle::BATCH)
    }

    /// One that settles every `sales` sales.
    fn settling_every(sales: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Arc::new(open_settling(&directory.path().join("ticketshop.db"), Access::Serve, sales));
        Self { store: engine.clone(), engine, directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("ticketshop.db")
    }

    fn open(&self, access: Access) -> Subject {
        Arc::new(SqliteStore::open(&self.path(), access).unwrap())
    }
}

impl std::ops::Deref for TestStore {
    type Target = Subject;

    fn deref(&self) -> &Subject {
        &self.store
    }
}

mod promises {
    use super::*;

    async fn store() -> TestStore {
        TestStore::new()
    }

    conformance_tests!(store());
}

/// The same promises where every few sales begin a new batch to be settled.
mod promises_while_settling {
    use super::*;

    async fn store() -> TestStore {
        TestStore::settling_every(3)
    }

    conformance_tests!(store());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_is_there_after_a_restart() {
    let store = TestStore::new();
    let (fixture, account) = (event_with(&store, &[100]).await, buyer(&store).await);
    let wish = keyed(account.id, &fixture, 0, 5, Some("k"));
    let sale = buy(&store, &wish).await.unwrap().sale;
    store.close().await;

    let reopened = store.open(Access::Serve);
    let again = buy(&reopened, &wish).await.unwrap();
    assert_eq!((again.sale, again.replayed), (sale, true));
    assert_eq!(sold(&reopened, &fixture).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_sell_from_one_file() {
    let served = TestStore::new();
    let (fixture, account) = (event_with(&served.store, &[200]).await, buyer(&served.store).await);
    let attached = served.open(Access::Attach);
    let other = buyer(&attached).await;
    // Turn by turn: whoever buys has to see what the other has sold, and to find it by its key.
    for turn in 0..40 {
        let (here, there) =
            if turn % 2 == 0 { (&served.store, &attached) } else { (&attached, &served.store) };
        let wish = keyed(account.id, &fixture, 0, 3, Some(&format!("turn-{turn}")));
        let sale = buy(here, &wish).await.unwrap().sale;
        buy(here, &purchase(other.id, &fixture, 0, 1)).await.unwrap();
        assert_eq!(there.sale(sale.id).await.unwrap(), sale);
        assert!(buy(there, &wish).await.unwrap().replayed);
    }
    assert_eq!(sold(&attached, &fixture).await, 160);
    assert_eq!(served.store.sales(account.id, 100).await.unwrap().len(), 40);
    assert_consistent(&attached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_kept_seats_forgets_them_after_a_reset() {
    let served = TestStore::new();
    let fixture = event_with(&served.store, &[10]).await;
    let attached = served.open(Access::Attach);
    let account = buyer(&attached).await;
    buy(&attached, &purchase(account.id, &fixture, 0, 10)).await.unwrap();
    served.store.reset(false).await.unwrap();
    let answer = buy(&attached, &purchase(account.id, &fixture, 0, 1)).await;
    assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
    let account = buyer(&attached).await;
    assert_eq!(buy(&attached, &purchase(account.id, &fixture, 0, 10)).await.unwrap().sale.seats.count(), 10);
    assert_consistent(&served.store).await;
}

/// What a store looks like to the audit after someone has changed it behind our back.
async fn audit_after(damage: &str) -> Vec<&'static str> {
    let store = TestStore::settling_every(1);
    let (fixture, account) = (event_with(&store, &[100]).await, buyer(&store).await);
    for quantity in [3, 4] {
        buy(&store, &purchase(account.id, &fixture, 0, quantity)).await.unwrap();
    }
    store.close().await;
    Connection::open(store.path()).unwrap().execute_batch(damage).unwrap();
    let report = store.open(Access::Attach).audit(Box::new(|_, _| ())).await.unwrap();
    let mut kinds: Vec<_> = report.disagreements.iter().map(|disagreement| disagreement.kind).collect();
    kinds.dedup();
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_sees_every_kind_of_damage() {
    let cases = [
        ("SELECT 1", vec![]),
        (
            "UPDATE Sale SET Seats = (SELECT Seats FROM Sale WHERE SaleNo = 1) WHERE SaleNo = 2",
            vec!["ticket-in-two-sales", "ticket-without-sale", "wrong-counter"],
        ),
        ("UPDATE SoldTicketsCounter SET Sold = Sold + 1", vec!["wrong-counter"]),
        ("DELETE FROM Sale WHERE SaleNo = 2", vec!["ticket-without-sale", "wrong-counter"]),
        (
            "UPDATE SoldTicketsCounter SET Sold = 0, SoldSeats = zeroblob(length(SoldSeats))",
            vec!["sale-without-tickets", "wrong-counter"],
        ),
        ("DELETE FROM SoldTicketsCounter", vec!["sale-without-tickets", "wrong-counter"]),
        ("DELETE FROM Account", vec!["unknown-account"]),
        ("UPDATE Meta SET Value = 2 WHERE Name = 'SettledUpTo'", vec!["sale-not-found-by-id"]),
        ("INSERT INTO SaleById VALUES (randomblob(16), 99)", vec!["sale-not-found-by-id"]),
        (
            "UPDATE Sale SET TicketCategoryNo = 99 WHERE SaleNo = 1",
            vec!["unknown-category", "ticket-without-sale", "wrong-counter"],
        ),
        (
            "UPDATE Sale SET Seats = 'front row' WHERE SaleNo = 1",
            vec!["unreadable-row", "ticket-without-sale", "wrong-counter"],
        ),
        (
            "UPDATE SoldTicketsCounter SET SoldSeats = x'00'",
            vec!["unreadable-row", "wrong-counter", "sale-without-tickets"],
        ),
        (
            "UPDATE Sale SET Seats = '101' WHERE SaleNo = 1",
            vec!["seat-out-of-range", "ticket-without-sale", "wrong-counter"],
        ),
    ];
    for (damage, kinds) in cases {
        assert_eq!(audit_after(damage).await, kinds, "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sold_from_a_category_that_contradicts_itself() {
    // The counter, a sale that is counted, and sales behind that: each can contradict the others.
    for damage in [
        "UPDATE SoldTicketsCounter SET Sold = 0",
        "UPDATE Sale SET Seats = (SELECT Seats FROM Sale WHERE SaleNo = 1) WHERE SaleNo = 3",
        "UPDATE Sale SET Seats = 'front row' WHERE SaleNo = 3",
    ] {
        let store = TestStore::settling_every(1);
        let (fixture, account) = (event_with(&store, &[100, 100]).await, buyer(&store).await);
        for _ in 0..2 {
            buy(&store, &purchase(account.id, &fixture, 0, 3)).await.unwrap();
        }
        store.close().await;
        // The third is not settled: a process of its own has just begun.
        let seller = store.open(Access::Serve);
        buy(&seller, &purchase(account.id, &fixture, 0, 3)).await.unwrap();
        seller.close().await;
        Connection::open(store.path()).unwrap().execute_batch(damage).unwrap();
        // Also after what was in the tail has been settled, and after another restart.
        for _ in 0..2 {
            let reopened: Subject = Arc::new(open_settling(&store.path(), Access::Serve, 1));
            for _ in 0..3 {
                let answer = buy(&reopened, &purchase(account.id, &fixture, 0, 3)).await;
                assert!(matches!(answer, Err(StoreError::Damaged(_))), "{damage}: {answer:?}");
                // The others go on selling.
                buy(&reopened, &purchase(account.id, &fixture, 1, 1)).await.unwrap();
            }
            reopened.close().await;
        }
    }
}

/// Readers add what another process has sold to the tail that the writer looks at: nothing may get lost
/// or be counted twice by that, whoever is faster.
#[tokio::test(flavor = "multi_thread")]
async fn readers_and_two_writers_share_a_tail() {
    let served = TestStore::settling_every(16);
    let fixture = Arc::new(event_with(&served.store, &[4_000]).await);
    let account = buyer(&served.store).await;
    let attached = served.open(Access::Attach);
    let sell = |store: Subject, name: &'static str| {
        let (fixture, account) = (Arc::clone(&fixture), account.id);
        tokio::spawn(async move {
            for number in 0..300 {
                let wish = keyed(account, &fixture, 0, 2, Some(&format!("{name}{number}")));
                assert!(!buy(&store, &wish).await.unwrap().replayed);
                assert!(buy(&store, &wish).await.unwrap().replayed, "{name}{number}");
            }
        })
    };
    let sellers = [sell(served.store.clone(), "here"), sell(attached.clone(), "there")];
    let (mut before, mut done) = (0, false);
    while !done {
        done = sellers.iter().all(tokio::task::JoinHandle::is_finished);
        for store in [&served.store, &attached] {
            let now = sold(store, &fixture).await;
            assert!(now >= before, "{now} after {before}");
            before = now;
        }
    }
    futures_util::future::join_all(sellers).await.into_iter().for_each(|seller| seller.unwrap());
    for store in [&served.store, &attached] {
        assert_eq!(sold(store, &fixture).await, 1_200);
        assert_eq!(store.sales(account.id, 1_000).await.unwrap().len(), 600);
        assert_eq!(store.catalogue_size().await.unwrap().sold, 1_200);
        assert_consistent(store).await;
    }
}

/// A store of the schema before this one, where counters were written with each sale, goes on selling.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_schema_1_is_upgraded() {
    let store = TestStore::settling_every(1);
    let (fixture, account) = (event_with(&store, &[100]).await, buyer(&store).await);
    for quantity in [3, 4, 5] {
        buy(&store, &purchase(account.id, &fixture, 0, quantity)).await.unwrap();
    }
    store.close().await;
    // In schema 1 no counter was behind: the third sale, which is not counted yet, goes.
    Connection::open(store.path())
        .unwrap()
        .execute_batch(
            "ALTER TABLE SoldTicketsCounter DROP COLUMN CountedUpTo; PRAGMA user_version = 1; \
             DELETE FROM Sale WHERE SaleNo = 3; UPDATE Meta SET Name = 'IndexedUpTo' WHERE Name = 'SettledUpTo'",
        )
        .unwrap();
    let attached = SqliteStore::open(&store.path(), Access::Attach).err().unwrap().to_string();
    assert!(attached.contains("run `tsctl schema apply`"), "{attached}");
    let upgraded = store.open(Access::Serve);
    assert_eq!(sold(&upgraded, &fixture).await, 7);
    buy(&upgraded, &purchase(account.id, &fixture, 0, 6)).await.unwrap();
    assert_eq!(sold(&upgraded, &fixture).await, 13);
    assert_consistent(&upgraded).await;
}

/// A full disk refuses purchases for certain and heals by itself; what is in memory stays true.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_sells_nothing_and_heals() {
    let store = TestStore::new();
    let (fixture, account) = (event_with(&store, &[10_000]).await, buyer(&store).await);
    let limit = |pages: u32| {
        store.engine.writer.alone(move |connection| {
            Ok(connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        })
    };
    limit(1).await.unwrap();
    let (mut bought, mut refused) = (0, 0);
    while refused < 20 {
        match buy(&store, &keyed(account.id, &fixture, 0, 10, Some(&format!("k{bought}")))).await {
            Ok(_) => bought += 1,
            Err(StoreError::Unavailable(_)) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(bought < 900, "the disk was never full");
    assert_eq!(sold(&store, &fixture).await, bought * 10);
    limit(1_000_000).await.unwrap();
    assert!(
        !buy(&store, &keyed(account.id, &fixture, 0, 10, Some(&format!("k{bought}"))))
            .await
            .unwrap()
            .replayed
    );
    assert_eq!(sold(&store, &fixture).await, bought * 10 + 10);
    assert_consistent(&store).await;
}

/// A statement that fails undoes its whole group and leaves nothing of it in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_statement_undoes_its_group_and_leaves_no_trace() {
    const INJECTED: &str = "CREATE TRIGGER Injected BEFORE INSERT ON Sale WHEN NEW.IdempotencyKey = 'bad' \
                            BEGIN SELECT RAISE(ABORT, 'injected'); END";
    let store = TestStore::new();
    let (fixture, account) = (event_with(&store, &[1_000]).await, buyer(&store).await);
    store.engine.writer.alone(|connection| Ok(connection.execute_batch(INJECTED)?)).await.unwrap();
    let mut bought = 0;
    for round in 0..30 {
        let keys = [format!("a{round}"), "bad".to_owned(), format!("b{round}")];
        let wishes = keys.map(|key| keyed(account.id, &fixture, 0, 2, Some(&key)));
        let answers = futures_util::future::join_all(wishes.iter().map(|wish| buy(&store, wish))).await;
        assert!(matches!(answers[1], Err(StoreError::Unavailable(_))), "{:?}", answers[1]);
        for answer in answers {
            match answer {
                Ok(_) => bought += 2,
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        // What comes next must not build on what was undone.
        buy(&store, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
        bought += 1;
        assert_eq!(sold(&store, &fixture).await, bought);
    }
    assert_consistent(&store).await;
}

/// A batch of the index that takes many groups is complete only when all of it is entered.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_indexed_only_when_all_of_it_is_entered() {
    let store = TestStore::settling_every(100);
    let (fixture, account) = (event_with(&store, &[1_000]).await, buyer(&store).await);
    let key = |number| format!("k{number}");
    for number in 0..270 {
        buy(&store, &keyed(account.id, &fixture, 0, 1, Some(&key(number)))).await.unwrap();
        if number % 7 == 0 {
            assert_consistent(&store).await;
        }
    }
    store.close().await;
    let reopened = store.open(Access::Serve);
    for number in 0..270 {
        let again = buy(&reopened, &keyed(account.id, &fixture, 0, 1, Some(&key(number)))).await.unwrap();
        assert!(again.replayed, "{number}");
    }
    assert_eq!(sold(&reopened, &fixture).await, 270);
}

#[test]
fn a_second_daemon_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let served = TestStore::new();
    for access in [Access::Serve, Access::Maintain] {
        let error = SqliteStore::open(&served.path(), access).err().unwrap().to_string();
        assert!(error.contains("in use by another tsbe"), "{error}");
        assert!(error.contains(&std::process::id().to_string()), "{error}");
    }
}

#[test]
fn what_is_no_store_is_refused_with_what_to_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    std::fs::write(place("text.db"), "this is a letter to my bank, not a database at all").unwrap();
    Connection::open(place("other.db")).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    drop(SqliteStore::open(&place("newer.db"), Access::Maintain).unwrap());
    Connection::open(place("newer.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    std::fs::create_dir(place("folder")).unwrap();
    for (name, access, expected) in [
        ("text.db", Access::Serve, "is not a ticketshop store"),
        ("other.db", Access::Serve, "is a database of another program"),
        ("newer.db", Access::Serve, "use the version that wrote it"),
        ("newer.db", Access::Attach, "use the version that wrote it"),
        ("folder", Access::Serve, "is a directory"),
        ("missing.db", Access::Attach, "there is no store at"),
        ("no/such/place.db", Access::Serve, "does not exist: make it"),
    ] {
        let error = SqliteStore::open(&place(name), access).err().unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!error.contains('\n'), "{name}: {error}");
    }
}

/// While the writer waits for another process, purchases queue up: those that find no room are refused before it goes
/// on, and all others are sold.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_loses_nothing() {
    const BUYERS: usize = 3_000;
    let store = TestStore::new();
    let (fixture, account) = (event_with(&store, &[2 * BUYERS as u32]).await, buyer(&store).await);
    let wish = |number: usize| keyed(account.id, &fixture, 0, 2, Some(&format!("k{number}")));
    let blocker = Connection::open(store.path()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut buyers = tokio::task::JoinSet::new();
    for number in 0..BUYERS {
        let (subject, wish) = (store.store.clone(), wish(number));
        buyers.spawn(async move { (number, buy(&subject, &wish).await) });
    }
    let room = store.queue().limit + super::writer::GROUP_MAX;
    let mut refused = Vec::new();
    while refused.len() < BUYERS - room {
        let (number, answer) = buyers.join_next().await.unwrap().unwrap();
        assert!(matches!(answer, Err(StoreError::Overloaded)), "{answer:?}");
        refused.push(number);
    }
    blocker.execute_batch("COMMIT").unwrap();
    let mut sales = 0;
    while let Some(ended) = buyers.join_next().await {
        match ended.unwrap() {
            (_, Ok(_)) => sales += 1,
            (number, Err(StoreError::Overloaded)) => refused.push(number),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!((sales + refused.len(), sold(&store, &fixture).await), (BUYERS, 2 * sales as u32));
    for number in refused {
        assert!(!buy(&store, &wish(number)).await.unwrap().replayed);
    }
    assert_eq!(sold(&store, &fixture).await, 2 * BUYERS as u32);
    assert_consistent(&store).await;
}
