//! The promises of [`Store`] as functions that fail where one is broken, the same for every engine.
//!
//! Each makes what it needs under ids of its own, so all may share one store. An engine's tests get one
//! test a promise from [`conformance_tests!`](crate::conformance_tests).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "these are tests")]

pub mod accounts;
pub mod catalogue;
pub mod figures;
pub mod purchase;
pub mod races;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    Account, AccountId, AccountName, CategoryId, CountryCode, Email, EventId, IdempotencyKey, Money,
    MultiEvent, MultiEventId, NewAccount, NewEvent, NewMultiEvent, NewTicketCategory, Purchase, Quantity,
    SeatingCategory, Venue, VenueId,
};
use crate::store::{LoadMark, Purchased, Result, Store};

/// One `#[tokio::test]` for each promise, on what the async expression makes: a store, or something
/// that derefs to one and cleans up after it.
#[macro_export]
macro_rules! conformance_tests {
    ($store:expr) => {
        $crate::conformance_tests!(@tests $store;
            accounts: an_account_is_found_by_address_and_id, the_same_account_again_is_the_same,
                an_address_of_another_name_is_refused, the_same_account_at_once_is_made_once;
            catalogue: the_dates_range_spans_all_events, multi_events_come_once_and_in_pages,
                only_events_on_sale_are_listed, an_event_has_its_facts, unknown_things_are_not_found,
                loads_are_remembered, venues_come_back_as_they_were_loaded;
            figures: sales_are_counted_by_the_country_of_the_buyer, a_count_tells_the_second_of_each_sale,
                the_fullest_events_on_sale_come_first, accounts_tell_where_they_are_from;
            purchase: a_purchase_is_found_everywhere, seats_are_neighbours_where_there_are_any,
                the_same_purchase_again_is_the_same_sale, a_key_with_another_body_is_refused,
                a_key_belongs_to_its_account, what_is_unknown_is_not_sold, what_is_not_on_sale_is_not_sold,
                sold_out_tells_what_is_left, a_repeat_after_sold_out_finds_its_sale,
                past_its_deadline_a_purchase_is_not_begun, sales_of_an_account_come_newest_first,
                after_a_reset_everything_is_for_sale;
            races: buyers_at_once_never_share_a_seat, the_same_key_at_once_is_one_sale,
                keys_with_changed_bodies_at_once_make_one_sale, readers_never_see_half_a_sale;
        );
    };
    (@tests $store:expr; $($group:ident: $($promise:ident),+;)+) => {$($(
        #[tokio::test(flavor = "multi_thread")]
        async fn $promise() {
            let subject = $store.await;
            $crate::store::conformance::$group::$promise(&subject).await;
        }
    )+)+};
}

/// What the promises are asked of.
pub type Subject = Arc<dyn Store>;

/// An event with its categories.
pub struct Fixture {
    pub multi_event: MultiEventId,
    pub event: EventId,
    pub categories: Vec<CategoryId>,
}

/// When an event of the fixtures begins and its sale began.
pub struct Dates {
    pub event: Timestamp,
    pub sale: Timestamp,
}

impl Dates {
    pub fn on_sale() -> Self {
        Self { event: hours_from_now(24 * 30), sale: hours_from_now(-1) }
    }
}

pub fn hours_from_now(hours: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(hours)
}

/// Loads a venue and an event in it, on sale, with a category for each number of seats.
pub async fn event_with(store: &Subject, seats: &[u32]) -> Fixture {
    event_at(store, seats, Dates::on_sale()).await
}

/// Loads a venue and an event in it at these dates.
pub async fn event_at(store: &Subject, seats: &[u32], dates: Dates) -> Fixture {
    let (fixture, venue, multi_event) = new_event(seats, &dates);
    store.load_venues(mark("venues"), vec![venue]).await.unwrap();
    store.load_multi_events(mark("tickets"), vec![multi_event]).await.unwrap();
    fixture
}

/// An event of these categories at these dates, with its venue, not loaded yet.
pub fn new_event(seats: &[u32], dates: &Dates) -> (Fixture, Venue, NewMultiEvent) {
    let mut rng = rand::rng();
    let category = |(at, &seats): (usize, &u32)| SeatingCategory {
        id: CategoryId::random(&mut rand::rng()),
        config: "standard".to_owned(),
        name: format!("General {at:03}"),
        seats,
    };
    let categories: Vec<SeatingCategory> = seats.iter().enumerate().map(category).collect();
    let venue = Venue {
        id: VenueId::random(&mut rng),
        name: "Tokyo Dome".to_owned(),
        kind: "stadium".to_owned(),
        country: CountryCode::parse("JP").unwrap(),
        categories: categories.clone(),
    };
    let on_sale = |category: &SeatingCategory| NewTicketCategory {
        category: category.id,
        seats: category.seats,
        price: Money::from_minor(4_995),
    };
    let event = NewEvent {
        id: EventId::random(&mut rng),
        venue: venue.id,
        name: "Silver Lanterns, night 1".to_owned(),
        event_date: dates.event,
        sale_date: dates.sale,
        categories: categories.iter().map(on_sale).collect(),
    };
    let id = MultiEventId::random(&mut rng);
    let fixture =
        Fixture { multi_event: id, event: event.id, categories: categories.iter().map(|c| c.id).collect() };
    let multi_event = MultiEvent { id, name: "Silver Lanterns".to_owned() };
    (fixture, venue, NewMultiEvent { multi_event, events: vec![event] })
}

/// The mark of a load that nobody resumes.
pub fn mark(kind: &str) -> LoadMark {
    LoadMark {
        kind: kind.to_owned(),
        seed: rand::random(),
        arguments: String::new(),
        done: 1,
        finished: true,
    }
}

pub fn new_account(email: &str) -> NewAccount {
    NewAccount {
        id: AccountId::random(&mut rand::rng()),
        name: AccountName::parse("Ada Lovelace").unwrap(),
        email: Email::parse(email).unwrap(),
        country: CountryCode::parse("GB").unwrap(),
    }
}

/// An account with an address of its own.
pub async fn buyer(store: &Subject) -> Account {
    let email = format!("{:x}@example.com", rand::random::<u128>());
    store.create_account(&new_account(&email)).await.unwrap().account
}

pub fn purchase(account: AccountId, fixture: &Fixture, category: usize, quantity: i64) -> Purchase {
    keyed(account, fixture, category, quantity, None)
}

pub fn keyed(
    account: AccountId,
    fixture: &Fixture,
    category: usize,
    quantity: i64,
    key: Option<&str>,
) -> Purchase {
    Purchase::new(
        account,
        fixture.event,
        fixture.categories[category],
        Quantity::new(quantity).unwrap(),
        key.map(|key| IdempotencyKey::parse(key).unwrap()),
        &mut rand::rng(),
    )
}

pub async fn buy(store: &Subject, purchase: &Purchase) -> Result<Purchased> {
    store.purchase_tickets(purchase, Instant::now() + Duration::from_secs(30)).await
}

/// How many tickets of the first category are sold.
pub async fn sold(store: &Subject, fixture: &Fixture) -> u32 {
    let sold = store.seats_sold(fixture.event).await.unwrap();
    sold.iter().find(|sold| sold.category == fixture.categories[0]).map_or(0, |sold| sold.sold)
}

/// Recounts everything.
pub async fn assert_consistent(store: &Subject) {
    let report = store.audit(Box::new(|_, _| ())).await.unwrap();
    assert_eq!(report.disagreements, [], "the audit disagrees");
}
