//! How many attempts a sale takes when many buy from one category.

use std::sync::Arc;
use std::time::Duration;

use spanner_model::Options;
use ticketshop::store::conformance::{assert_consistent, buy, buyer, event_with, keyed, sold};
use ticketshop::store::{self, Access, SeatLock, SpannerLocation, Store, StoreLocation};

use crate::conformance::ddl;
use crate::server::database_on;

const BUYERS: usize = 32;
const SALES_EACH: usize = 30;
const SEATS: u32 = 10_000;

/// 32 buyers, spread over as many processes as a store each stands for, on a half-sold category.
async fn attempts_a_sale(lock: SeatLock, processes: usize) -> f64 {
    let options = Options { latency: Duration::from_millis(3), ..Options::default() };
    let (mut at, _server) = database_on(options, ddl()).await;
    at.settings.seat_lock = lock;
    let stores = stores(&at, processes).await;
    let fixture = Arc::new(event_with(&stores[0], &[SEATS]).await);

    let run = async |sales_each: usize| {
        let mut tasks = Vec::new();
        for no in 0..BUYERS {
            let (store, fixture) = (Arc::clone(&stores[no % processes]), Arc::clone(&fixture));
            tasks.push(tokio::spawn(async move {
                let account = buyer(&store).await;
                let mut attempts = 0;
                for sale in 0..sales_each {
                    let wish = keyed(account.id, &fixture, 0, 1 + (sale % 4) as i64, None);
                    attempts += buy(&store, &wish).await.unwrap().effort.attempts;
                }
                attempts
            }));
        }
        let mut attempts = 0;
        for task in tasks {
            attempts += task.await.unwrap();
        }
        attempts
    };
    // Half of it is sold first, by the same buyers: 5,000 seats at 2.5 a sale.
    run(SEATS as usize / 2 / BUYERS * 2 / 5).await;
    let before = sold(&stores[0], &fixture).await;
    let attempts = run(SALES_EACH).await;
    let after = sold(&stores[0], &fixture).await;
    assert_consistent(&stores[0]).await;
    let sales = BUYERS * SALES_EACH;
    let rate = f64::from(attempts) / sales as f64;
    println!(
        "{lock:?}, {processes} processes: {before} to {after} of {SEATS} sold, {attempts} attempts for {sales} sales: {rate:.3}"
    );
    rate
}

async fn stores(at: &SpannerLocation, count: usize) -> Vec<Arc<dyn Store>> {
    let mut stores = Vec::new();
    for _ in 0..count {
        let location = StoreLocation::Spanner(Box::new(at.clone()));
        stores.push(store::open(&location, Access::Serve).await.unwrap());
    }
    stores
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_takes_at_most_1_2_attempts() {
    let exclusive = attempts_a_sale(SeatLock::Exclusive, 4).await;
    assert!(exclusive <= 1.2, "{exclusive} attempts a sale");
    // What the exclusive lock is for: without it, more is done in vain.
    let shared = attempts_a_sale(SeatLock::Shared, 4).await;
    assert!(
        exclusive < shared,
        "{exclusive} attempts a sale with exclusive locks, {shared} with shared ones"
    );
}
