//! Purchases while the server fails in every way that Spanner's documentation lets it: nothing sold twice,
//! nothing acknowledged lost, every key settled within three tries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spanner_model::{Fault, FaultPlan, FaultRule};
use ticketshop::model::Sale;
use ticketshop::store::conformance::{assert_consistent, buyer, event_with, keyed};
use ticketshop::store::{Store, StoreError};

use crate::conformance::subject;

const KINDS: [&str; 7] =
    ["Delay", "Aborted", "UnavailableBefore", "UnavailableAfter", "DropBefore", "DropAfter", "HangAfter"];
const TRIES: u32 = 3;
const BUYERS: usize = 32;

/// Each kind of fault for so great a part of the commits, and a few for the reads.
fn plan(seed: u64, part: f64, hang: f64) -> FaultPlan {
    let commit = |kind, probability| FaultRule::sometimes("Commit", kind, probability);
    let read = |kind| FaultRule::sometimes("StreamingRead", kind, 0.02);
    FaultPlan {
        seed,
        rules: vec![
            commit(Fault::Delay(Duration::from_millis(20)), part),
            commit(Fault::Aborted, part),
            commit(Fault::UnavailableBefore, part),
            commit(Fault::UnavailableAfter, part),
            // What comes later in the list is met more rarely, so it is made more probable.
            commit(Fault::DropBefore, part * 1.3),
            commit(Fault::DropAfter, part * 1.6),
            // Longer than the client waits for one attempt.
            commit(Fault::HangAfter(Duration::from_millis(2_500)), hang),
            read(Fault::Aborted),
            read(Fault::UnavailableBefore),
            read(Fault::DropBefore),
        ],
    }
}

/// How a purchase ended for its buyer.
enum End {
    Sold(Sale),
    /// Still unknown, or not served, after all tries.
    Unsettled,
}

/// Buys as a careful client does: the same purchase again while the answer leaves it open.
async fn settle(store: &Arc<dyn Store>, purchase: &ticketshop::model::Purchase) -> (End, u32) {
    for tries in 1..=TRIES {
        match store.purchase_tickets(purchase, Instant::now() + Duration::from_secs(15)).await {
            Ok(purchased) => return (End::Sold(purchased.sale), tries),
            Err(
                error @ (StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_) | StoreError::Overloaded),
            ) => {
                println!("try {tries}: {error:?}");
            }
            Err(error) => panic!("refused, though seats are left: {error:?}"),
        }
    }
    (End::Unsettled, TRIES)
}

async fn run(purchases: usize, part: f64, hang: f64) {
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed} repeats the decisions of the model");
    let subject = subject().await;
    let seats = purchases as u32 * 4;
    let fixture = Arc::new(event_with(&subject, &[seats]).await);
    let mut accounts = Vec::new();
    for _ in 0..BUYERS {
        accounts.push(buyer(&subject).await);
    }
    subject.server.0.faults(plan(seed, part, hang));
    let mut tasks = Vec::new();
    for (no, account) in accounts.into_iter().enumerate() {
        let (store, fixture) = (Arc::clone(&subject.store), Arc::clone(&fixture));
        tasks.push(tokio::spawn(async move {
            let mut ends = Vec::new();
            for at in (no..purchases).step_by(BUYERS) {
                let wish = keyed(account.id, &fixture, 0, 1 + (at % 4) as i64, Some(&format!("key-{at}")));
                ends.push(settle(&store, &wish).await);
            }
            ends
        }));
    }
    let (mut sales, mut unsettled, mut tries) = (Vec::new(), 0, 0);
    for task in tasks {
        for (end, tried) in task.await.unwrap() {
            tries += tried;
            match end {
                End::Sold(sale) => sales.push(sale),
                End::Unsettled => unsettled += 1,
            }
        }
    }
    let counts = subject.server.0.fault_counts();
    println!("{purchases} purchases in {tries} tries, {unsettled} unsettled; faults: {counts:?}");
    subject.server.0.faults(FaultPlan::default());

    check(&subject.store, &sales, &fixture).await;
    assert_eq!((sales.len(), unsettled), (purchases, 0));
    for kind in KINDS {
        assert!(counts.get(kind).is_some_and(|&count| count >= 50), "{kind} was seen too rarely: {counts:?}");
    }
}

/// Every acknowledged sale is stored as it was acknowledged, and nothing else is.
async fn check(store: &Arc<dyn Store>, sales: &[Sale], fixture: &ticketshop::store::conformance::Fixture) {
    let mut holders = HashMap::new();
    for sale in sales {
        assert_eq!(store.sale(sale.id).await.unwrap(), *sale, "an acknowledged sale has changed");
        for seat in sale.seats.seats() {
            assert_eq!(holders.insert(seat, sale.id), None, "seat {seat} was sold twice");
        }
    }
    let stored = store.catalogue_size().await.unwrap().sold;
    assert_eq!(stored, holders.len() as u64, "tickets were sold that nobody was told of");
    assert_eq!(store.seats_sold(fixture.event).await.unwrap()[0].sold as usize, holders.len());
    assert_consistent(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_purchases_through_faults() {
    run(500, 0.1, 0.2).await;
}

/// The long proof, `make proof-spanner`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes; make proof-spanner runs it"]
async fn ten_thousand_purchases_through_faults() {
    run(10_000, 0.05, 0.02).await;
}

/// A server that goes away and comes back: refused without effect meanwhile, sold afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_are_made_again() {
    let subject = subject().await;
    let (fixture, account) = (event_with(&subject, &[100]).await, buyer(&subject).await);
    for at in 0..10 {
        subject.server.0.drop_connections();
        let wish = keyed(account.id, &fixture, 0, 1, Some(&format!("after-{at}")));
        let (end, _) = settle(&subject.store, &wish).await;
        assert!(matches!(end, End::Sold(_)));
    }
    assert_consistent(&subject.store).await;
}
