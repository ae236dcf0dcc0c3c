//! The hot pieces of a purchase, timed one by one: `make bench`.
#![allow(clippy::unwrap_used, reason = "a benchmark that stops at the first trouble")]

use std::sync::Arc;

use divan::{Bencher, black_box};
use jiff::Timestamp;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use ticketshop::http::{purchase_reply, purchase_request};
use ticketshop::model::seats::SeatMap;
use ticketshop::model::{
    AccountId, CategoryFacts, CategoryId, CountryCode, EventFacts, EventId, EventSummary, IdempotencyKey,
    Money, MultiEventId, Sale, SaleId, SeatRanges,
};
use ticketshop::shop::{Receipt, SaleDetails};
use ticketshop::store::Effort;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const SEATS: u32 = 100_000;

/// How a category of 100,000 seats may look.
const MAPS: [&str; 5] = ["empty", "half sold at random", "every second sold", "ten left", "one left"];

fn map(name: &str) -> SeatMap {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut map = SeatMap::new(SEATS);
    let keep = |map: &mut SeatMap, free: u32| {
        (1..=SEATS).filter(|seat| seat % (SEATS / free) != 0).for_each(|seat| {
            map.take(seat);
        });
    };
    match name {
        "half sold at random" => {
            while map.free() > SEATS / 2 {
                map.take(rng.random_range(1..=SEATS));
            }
        }
        "every second sold" => keep(&mut map, SEATS / 2),
        "ten left" => keep(&mut map, 10),
        "one left" => keep(&mut map, 1),
        _ => {}
    }
    map
}

/// Takes seats from a random start; a copy of the map (12.5 KB) is made outside of what is timed.
#[divan::bench(args = MAPS, consts = [1, 4, 10], sample_count = 500)]
fn pick_seats<const QUANTITY: u32>(bencher: Bencher<'_, '_>, name: &str) {
    let map = map(name);
    let mut rng = SmallRng::seed_from_u64(2);
    bencher
        .with_inputs(|| (map.clone(), rng.random()))
        .bench_local_refs(|(map, start)| map.take_neighbours(QUANTITY, black_box(*start)));
}

#[divan::bench]
fn write_seats(bencher: Bencher<'_, '_>) {
    let map = map("half sold at random");
    bencher.bench_local(|| map.to_bytes());
}

#[divan::bench]
fn read_seats(bencher: Bencher<'_, '_>) {
    let bytes = map("half sold at random").to_bytes();
    bencher.bench_local(|| SeatMap::from_bytes(SEATS, black_box(&bytes)));
}

#[divan::bench]
fn id_of_a_sale(bencher: Bencher<'_, '_>) {
    let (account, key) = (
        AccountId::from_bytes([7; 16]),
        IdempotencyKey::parse("0e3a4076-9c1d-4bb3-8f5e-2a7d6c9b1e40").unwrap(),
    );
    bencher.bench_local(|| SaleId::of_key(black_box(account), black_box(&key)));
}

#[divan::bench]
fn read_a_request(bencher: Bencher<'_, '_>) {
    let mut headers = warp::http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("idempotency-key", "0e3a4076-9c1d-4bb3-8f5e-2a7d6c9b1e40".parse().unwrap());
    let body = br#"{"accountId":"348ea422-0d5c-4a3e-9f41-2b7c5d6e8f90","eventId":"618f61d7-0d5c-4a3e-9f41-2b7c5d6e8f90","categoryId":"25ccc1b6-0d5c-4a3e-9f41-2b7c5d6e8f90","quantity":2}"#;
    assert!(purchase_request(&headers, body).is_ok());
    bencher.bench_local(|| purchase_request(&headers, black_box(body)).is_ok());
}

#[divan::bench(args = [1, 4, 10])]
fn write_a_reply(bencher: Bencher<'_, '_>, tickets: u32) {
    let receipt = receipt(tickets);
    bencher.bench_local(|| purchase_reply(black_box(&receipt)));
}

fn receipt(tickets: u32) -> Receipt {
    let (event, category) = (EventId::from_bytes([1; 16]), CategoryId::from_bytes([2; 16]));
    let summary = EventSummary {
        id: event,
        name: "Midnight Harbour Sessions, Mexico City".to_owned(),
        venue: "Mexico City Garden Club".to_owned(),
        country: CountryCode::parse("MX").unwrap(),
        when: Timestamp::UNIX_EPOCH,
    };
    let price = Money::from_minor(2195);
    let facts = CategoryFacts { id: category, name: "General".to_owned(), seats: 449, price };
    let event_facts = EventFacts {
        summary,
        multi_event: MultiEventId::from_bytes([3; 16]),
        sale_date: Timestamp::UNIX_EPOCH,
        categories: vec![facts],
    };
    let sale = Sale {
        id: SaleId::from_bytes([4; 16]),
        account: AccountId::from_bytes([5; 16]),
        event,
        category,
        seats: SeatRanges::together(109, tickets),
        price,
        purchase_date: Timestamp::from_microsecond(1_795_559_207_493_562).unwrap(),
        key: None,
    };
    let sale = SaleDetails { sale, event: Arc::new(event_facts) };
    Receipt { sale, replayed: false, effort: Effort::default() }
}
