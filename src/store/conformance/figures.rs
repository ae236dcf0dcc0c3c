//! What people who watch are told: counts of the ledger, how full events are.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Dates, Subject, buy, buyer, event_at, event_with, hours_from_now, new_account, purchase};
use crate::model::{Account, AccountId, CountryCode};
use crate::store::{CountMark, SoldTo};

/// An account of a country that no other promise uses.
async fn buyer_from(store: &Subject, country: &str) -> Account {
    let mut account = new_account(&format!("{:x}@example.com", rand::random::<u128>()));
    account.country = CountryCode::parse(country).unwrap();
    store.create_account(&account).await.unwrap().account
}

/// Counts behind a mark until nothing is left, as a dashboard does, and returns where it ended.
async fn count(
    store: &Subject,
    mut from: CountMark,
    recent: Timestamp,
    all: &mut HashMap<(CountryCode, bool), u64>,
) -> CountMark {
    loop {
        let counted = store.count_sales(from, recent).await.unwrap();
        if counted.from_start {
            all.clear();
        }
        for SoldTo { country, second, tickets } in counted.sold {
            *all.entry((country, second.is_some())).or_default() += tickets;
        }
        from = counted.next;
        if counted.left == 0 {
            return from;
        }
    }
}

pub async fn sales_are_counted_by_the_country_of_the_buyer(store: &Subject) {
    let fixture = event_with(store, &[100]).await;
    let (vatican, nauru) = (buyer_from(store, "VA").await, buyer_from(store, "NR").await);
    buy(store, &purchase(vatican.id, &fixture, 0, 4)).await.unwrap();
    buy(store, &purchase(nauru.id, &fixture, 0, 1)).await.unwrap();
    let (minute_ago, in_an_hour) = (Timestamp::now() - SignedDuration::from_secs(60), hours_from_now(1));
    let mut all = HashMap::new();
    let end = count(store, CountMark::default(), minute_ago, &mut all).await;
    assert_eq!((all[&(vatican.country, true)], all[&(nauru.country, true)]), (4, 1));
    assert!(!all.contains_key(&(vatican.country, false)), "it was sold of late");

    // What is sold later is added, whichever way the engine counts; before `recent` it has no second.
    buy(store, &purchase(vatican.id, &fixture, 0, 3)).await.unwrap();
    count(store, end, in_an_hour, &mut all).await;
    let of_all_times = [true, false].map(|recent| all.get(&(vatican.country, recent)).copied().unwrap_or(0));
    assert_eq!(of_all_times.iter().sum::<u64>(), 7);
    assert!(of_all_times[1] >= 3);
}

pub async fn a_count_tells_the_second_of_each_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[10]).await, buyer_from(store, "TV").await);
    let sale = buy(store, &purchase(account.id, &fixture, 0, 2)).await.unwrap().sale;
    let counted = store.count_sales(CountMark::default(), hours_from_now(-1)).await.unwrap();
    let mine: Vec<_> = counted.sold.iter().filter(|sold| sold.country == account.country).collect();
    let second = Some(sale.purchase_date.as_second());
    assert_eq!(mine, [&SoldTo { country: account.country, second, tickets: 2 }]);
}

pub async fn the_fullest_events_on_sale_come_first(store: &Subject) {
    let (half, full) = (event_with(store, &[6, 2]).await, event_with(store, &[5]).await);
    let over = event_at(store, &[9], Dates { event: hours_from_now(-1), sale: hours_from_now(-48) }).await;
    let account = buyer(store).await;
    buy(store, &purchase(account.id, &half, 0, 3)).await.unwrap();
    buy(store, &purchase(account.id, &half, 1, 1)).await.unwrap();
    buy(store, &purchase(account.id, &full, 0, 5)).await.unwrap();

    let all = store.on_sale(usize::MAX).await.unwrap();
    assert_eq!(all.fullest.len() as u64, all.events);
    assert_eq!(all.fullest.iter().map(|event| event.seats).sum::<u64>(), all.seats);
    assert_eq!(all.fullest.iter().map(|event| event.sold).sum::<u64>(), all.sold);
    let place = |event| all.fullest.iter().position(|fill| fill.summary.id == event);
    assert!(place(full.event).unwrap() < place(half.event).unwrap());
    assert_eq!(place(over.event), None, "it is not on sale any more");
    let half = &all.fullest[place(half.event).unwrap()];
    assert_eq!((half.sold, half.seats, half.summary.venue.as_str()), (4, 8, "Tokyo Dome"));

    let first = store.on_sale(1).await.unwrap();
    assert_eq!((first.fullest.len(), first.events), (1, all.events));
}

pub async fn accounts_tell_where_they_are_from(store: &Subject) {
    let (one, other) = (buyer_from(store, "PW").await, buyer(store).await);
    let mut found = store.countries(&[one.id, AccountId::from_bytes([9; 16]), other.id]).await.unwrap();
    let mut expected = vec![(one.id, one.country), (other.id, other.country)];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
