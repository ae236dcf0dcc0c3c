//! One script of random operations on both engines: every answer is the same but for times and for which
//! seats were chosen.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ticketshop::model::*;
use ticketshop::store::{self, Access, LoadMark, Result, Store, StoreError, StoreLocation};

use crate::conformance::subject;

const OPERATIONS: u32 = 2_000;

/// What the script plays with.
struct World {
    accounts: Vec<NewAccount>,
    /// Those that the script has made already.
    made: HashSet<AccountId>,
    venues: Vec<Venue>,
    multi_events: Vec<NewMultiEvent>,
    purchases: Vec<Purchase>,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_answer_alike() {
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed} repeats this script");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twin.db");
    let embedded = store::open(&StoreLocation::Sqlite { path }, Access::Serve).await.unwrap();
    let spanner = Box::pin(subject()).await;
    let mut world = World::new(&mut rng);
    for store in [&embedded, &spanner.store] {
        store.load_venues(mark("venues"), world.venues.clone()).await.unwrap();
        store.load_multi_events(mark("tickets"), world.multi_events.clone()).await.unwrap();
    }
    for at in 0..OPERATIONS {
        let operation = world.operation(&mut rng);
        let (one, other) = (answer(&embedded, &operation).await, answer(&spanner.store, &operation).await);
        assert_eq!(one, other, "operation {at} of seed {seed}: {operation:?}");
    }
    assert!(world.purchases.len() > 500);
}

fn mark(kind: &str) -> LoadMark {
    LoadMark { kind: kind.to_owned(), seed: 1, arguments: String::new(), done: 1, finished: true }
}

/// An hour, in hours from now, as both engines keep it.
fn hour(from_now: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now + SignedDuration::from_hours(from_now)
}

impl World {
    /// Two venues, four multi-events with events on sale, not yet and no longer, a few accounts.
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let venues: Vec<Venue> = (0..2).map(|no| venue(rng, no)).collect();
        let mut multi_events = Vec::new();
        for (no, (event, sale)) in [(48, -1), (72, -5), (96, 24), (-1, -48)].into_iter().enumerate() {
            let multi_event = MultiEvent { id: MultiEventId::random(rng), name: format!("Tour {no}") };
            let events = (0..3).map(|_| new_event(rng, &venues[no % 2], hour(event), hour(sale))).collect();
            multi_events.push(NewMultiEvent { multi_event, events });
        }
        let accounts = (0..12).map(|no| account(rng, no)).collect();
        Self { accounts, made: HashSet::new(), venues, multi_events, purchases: Vec::new() }
    }

    fn operation(&mut self, rng: &mut ChaCha8Rng) -> Operation {
        match rng.random_range(0..20) {
            0 | 1 => Operation::CreateAccount(self.new_account(rng)),
            2 => Operation::Account(self.accounts[rng.random_range(0..self.accounts.len())].email.clone()),
            3 => Operation::AccountById(self.account_id(rng)),
            4 => Operation::Sales(self.account_id(rng), rng.random_range(1..20)),
            5 => Operation::Dates,
            6 => Operation::MultiEvents(rng.random_range(-3..6), self.after(rng), rng.random_range(1..5)),
            7 => Operation::Events(self.multi_event(rng)),
            8 => Operation::Event(self.event(rng).0),
            9 => Operation::SeatsSold(self.event(rng).0),
            10 => Operation::Sale(self.known_sale(rng)),
            11 if rng.random_ratio(1, 10) => Operation::Audit,
            11 => Operation::Size,
            _ => Operation::Purchase(self.purchase(rng)),
        }
    }

    /// An account of the twelve: the first time as it is, later under a new id, as each request draws
    /// one, and now and then with another name.
    fn new_account(&mut self, rng: &mut ChaCha8Rng) -> NewAccount {
        let mut account = self.accounts[rng.random_range(0..self.accounts.len())].clone();
        if !self.made.insert(account.id) {
            account.id = AccountId::random(rng);
            if rng.random_ratio(1, 4) {
                account.name = AccountName::parse("Somebody Else").unwrap();
            }
        }
        account
    }

    fn account_id(&self, rng: &mut ChaCha8Rng) -> AccountId {
        if rng.random_ratio(1, 8) {
            return AccountId::random(rng);
        }
        self.accounts[rng.random_range(0..self.accounts.len())].id
    }

    fn multi_event(&self, rng: &mut ChaCha8Rng) -> MultiEventId {
        if rng.random_ratio(1, 8) {
            return MultiEventId::random(rng);
        }
        self.multi_events[rng.random_range(0..self.multi_events.len())].multi_event.id
    }

    fn after(&self, rng: &mut ChaCha8Rng) -> Option<MultiEventId> {
        rng.random_bool(0.5).then(|| self.multi_event(rng))
    }

    /// An event, or none that exists, with one of its categories, or none of it.
    fn event(&self, rng: &mut ChaCha8Rng) -> (EventId, CategoryId) {
        let events = &self.multi_events[rng.random_range(0..self.multi_events.len())].events;
        let event = &events[rng.random_range(0..events.len())];
        let category = event.categories[rng.random_range(0..event.categories.len())].category;
        match rng.random_range(0..16) {
            0 => (EventId::random(rng), category),
            1 => (event.id, CategoryId::random(rng)),
            _ => (event.id, category),
        }
    }

    fn known_sale(&self, rng: &mut ChaCha8Rng) -> SaleId {
        if self.purchases.is_empty() || rng.random_ratio(1, 8) {
            return SaleId::from_bytes(rng.random());
        }
        self.purchases[rng.random_range(0..self.purchases.len())].sale
    }

    /// A new purchase, one made before, or one made before with something changed under its key.
    fn purchase(&mut self, rng: &mut ChaCha8Rng) -> Purchase {
        if !self.purchases.is_empty() && rng.random_ratio(1, 5) {
            let mut again = self.purchases[rng.random_range(0..self.purchases.len())].clone();
            if rng.random_ratio(1, 3) {
                again.quantity = Quantity::new(rng.random_range(1..=10)).unwrap();
            }
            return again;
        }
        let (event, category) = self.event(rng);
        let key = rng.random_bool(0.7).then(|| format!("k{}", rng.random_range(0..300)));
        let key = key.map(|key| IdempotencyKey::parse(&key).unwrap());
        let quantity = Quantity::new(rng.random_range(1..=10)).unwrap();
        let purchase = Purchase::new(self.account_id(rng), event, category, quantity, key, rng);
        self.purchases.push(purchase.clone());
        purchase
    }
}

fn venue(rng: &mut impl Rng, no: u32) -> Venue {
    let categories = [7, 64, 65, 300].map(|seats| SeatingCategory {
        id: CategoryId::random(rng),
        config: "standard".to_owned(),
        name: format!("General {seats:03}"),
        seats,
    });
    Venue {
        id: VenueId::random(rng),
        name: format!("Hall {no}"),
        kind: "club".to_owned(),
        country: CountryCode::parse("JP").unwrap(),
        categories: categories.to_vec(),
    }
}

fn new_event(rng: &mut impl Rng, venue: &Venue, event_date: Timestamp, sale_date: Timestamp) -> NewEvent {
    let on_sale = |category: &SeatingCategory| NewTicketCategory {
        category: category.id,
        seats: category.seats,
        price: Money::from_minor(1_000 + i64::from(category.seats)),
    };
    NewEvent {
        id: EventId::random(rng),
        venue: venue.id,
        name: "One night".to_owned(),
        event_date,
        sale_date,
        categories: venue.categories.iter().map(on_sale).collect(),
    }
}

fn account(rng: &mut impl Rng, no: u32) -> NewAccount {
    NewAccount {
        id: AccountId::random(rng),
        name: AccountName::parse(&format!("Buyer {no}")).unwrap(),
        email: Email::parse(&format!("buyer{no}@example.com")).unwrap(),
        country: CountryCode::parse("GB").unwrap(),
    }
}

#[derive(Debug)]
enum Operation {
    CreateAccount(NewAccount),
    Account(Email),
    AccountById(AccountId),
    Sales(AccountId, usize),
    Dates,
    MultiEvents(i64, Option<MultiEventId>, usize),
    Events(MultiEventId),
    Event(EventId),
    SeatsSold(EventId),
    Sale(SaleId),
    Purchase(Purchase),
    Size,
    Audit,
}

/// What an engine answers, without times and seats.
async fn answer(store: &Arc<dyn Store>, operation: &Operation) -> String {
    match operation {
        Operation::CreateAccount(account) => shown(store.create_account(account).await),
        Operation::Account(email) => shown(store.account(email).await),
        Operation::AccountById(id) => shown(store.account_by_id(*id).await),
        Operation::Sales(account, limit) => shown(
            store.sales(*account, *limit).await.map(|sales| sales.iter().map(facts).collect::<Vec<_>>()),
        ),
        Operation::Dates => shown(store.events_dates_range().await),
        Operation::MultiEvents(days, after, limit) => {
            let day = hour(24 * days).to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
            shown(store.multi_events(day, *after, *limit).await)
        }
        Operation::Events(multi_event) => shown(store.events(*multi_event).await),
        Operation::Event(id) => shown(store.event(*id).await),
        Operation::SeatsSold(id) => shown(store.seats_sold(*id).await.map(|sold| {
            let mut sold: Vec<_> =
                sold.iter().filter(|sold| sold.sold > 0).map(|c| (c.category, c.sold)).collect();
            sold.sort();
            sold
        })),
        Operation::Sale(id) => shown(store.sale(*id).await.as_ref().map(facts).map_err(Clone::clone)),
        Operation::Purchase(purchase) => {
            let deadline = Instant::now() + Duration::from_secs(30);
            let answer = store.purchase_tickets(purchase, deadline).await;
            shown(answer.map(|purchased| (facts(&purchased.sale), purchased.replayed)))
        }
        Operation::Size => shown(store.catalogue_size().await),
        Operation::Audit => shown(store.audit(Box::new(|_, _| ())).await),
    }
}

fn facts(sale: &Sale) -> String {
    let Sale { id, account, event, category, seats, price, key, .. } = sale;
    format!("{id} {account} {event} {category} {} {price:?} {key:?}", seats.count())
}

fn shown<T: std::fmt::Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        // Which engine is told by a cause: only its kind is compared.
        Err(StoreError::Unavailable(_)) => "unavailable".to_owned(),
        Err(StoreError::Damaged(_)) => "damaged".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}
