//! Purchases at once: what must hold whoever wins.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Fixture, Subject, assert_consistent, buy, buyer, event_with, keyed, purchase, sold};
use crate::model::{AccountId, Sale};
use crate::store::StoreError;

const SEATS: u32 = 500;
const BUYERS: u64 = 64;

/// Buys 1 to 10 tickets at a time until the category is sold out; every refusal must be right.
async fn buy_until_sold_out(store: &Subject, account: AccountId, fixture: &Fixture, seed: u64) -> Vec<Sale> {
    let mut sales = Vec::new();
    let mut quantity = 1 + (seed % 10) as i64;
    while quantity > 0 {
        match buy(store, &purchase(account, fixture, 0, quantity)).await {
            Ok(purchased) => {
                assert_eq!(purchased.sale.seats.count(), quantity as u32);
                sales.push(purchased.sale);
                assert!(sales.len() <= SEATS as usize, "more sales than seats");
                quantity = 1 + (quantity * 7 + seed as i64) % 10;
            }
            Err(StoreError::SoldOut { left }) => {
                assert!(i64::from(left) < quantity, "refused {quantity} of {left}");
                quantity = i64::from(left);
            }
            Err(StoreError::Overloaded) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    sales
}

pub async fn buyers_at_once_never_share_a_seat(store: &Subject) {
    let fixture = Arc::new(event_with(store, &[SEATS]).await);
    let mut tasks = Vec::new();
    for seed in 0..BUYERS {
        let (store, fixture, account) = (store.clone(), fixture.clone(), buyer(store).await);
        tasks.push(tokio::spawn(async move {
            let sales = buy_until_sold_out(&store, account.id, &fixture, seed).await;
            assert_eq!(store.sales(account.id, 1_000).await.unwrap().len(), sales.len());
            sales
        }));
    }
    let mut seats = HashSet::new();
    let mut buyers = 0;
    for task in tasks {
        let sales = task.await.unwrap();
        buyers += u32::from(!sales.is_empty());
        for seat in sales.iter().flat_map(|sale| sale.seats.seats()) {
            assert!(seats.insert(seat), "seat {seat} was sold twice");
        }
    }
    assert_eq!(seats, (1..=SEATS).collect(), "every seat is sold");
    assert_eq!(sold(store, &fixture).await, SEATS);
    assert!(buyers > 8, "only {buyers} buyers got any: that was no race");
    assert_consistent(store).await;
}

pub async fn the_same_key_at_once_is_one_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[SEATS]).await, buyer(store).await);
    let wish = keyed(account.id, &fixture, 0, 7, Some("burst"));
    let tasks = (0..50).map(|_| {
        let (store, wish) = (store.clone(), wish.clone());
        tokio::spawn(async move { buy(&store, &wish).await.unwrap() })
    });
    let mut first_answers = 0;
    let mut sales = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        let purchased = task.await.unwrap();
        first_answers += u32::from(!purchased.replayed);
        sales.push(purchased.sale);
    }
    assert_eq!(first_answers, 1);
    assert!(sales.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(sold(store, &fixture).await, 7);
}

pub async fn keys_with_changed_bodies_at_once_make_one_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[SEATS]).await, buyer(store).await);
    let tasks = (0..50).map(|at| {
        let (store, wish) = (store.clone(), keyed(account.id, &fixture, 0, 1 + at % 5, Some("changed")));
        tokio::spawn(async move { buy(&store, &wish).await })
    });
    let (mut made, mut replayed, mut refused) = (Vec::new(), 0, 0);
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(purchased) if purchased.replayed => replayed += 1,
            Ok(purchased) => made.push(purchased.sale),
            Err(StoreError::KeyReused) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((made.len(), replayed, refused), (1, 9, 40));
    assert_eq!(sold(store, &fixture).await, made[0].seats.count());
}

/// While buyers buy, an audit (one snapshot) always agrees, and the number sold never falls.
pub async fn readers_never_see_half_a_sale(store: &Subject) {
    let fixture = Arc::new(event_with(store, &[SEATS]).await);
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, fixture, done) = (store.clone(), fixture.clone(), done.clone());
        tokio::spawn(async move {
            let (mut last, mut audits) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let now = sold(&store, &fixture).await;
                assert!(now >= last, "{now} sold after {last}");
                last = now;
                assert_consistent(&store).await;
                audits += 1;
            }
            audits
        })
    };
    let mut tasks = Vec::new();
    for seed in 0..8 {
        let (store, fixture, account) = (store.clone(), fixture.clone(), buyer(store).await);
        tasks.push(tokio::spawn(async move { buy_until_sold_out(&store, account.id, &fixture, seed).await }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 0);
    assert_eq!(sold(store, &fixture).await, SEATS);
}
