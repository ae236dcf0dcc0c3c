//! What a purchase reads and writes: a window of shards, and the rows of a sale.

use std::collections::BTreeSet;

use google_cloud_spanner::key;
use google_cloud_spanner::key::{KeyRange, KeySet};
use google_cloud_spanner::mutation::Mutation;

use super::rows::{self, COMMIT_TIMESTAMP};
use super::shard::{SHARD_SEATS, Shard};
use crate::model::seats::SeatMap;
use crate::model::{CategoryFacts, Money, Purchase, Sale, SeatRanges, TicketId};
use crate::store::{Result, StoreError};

/// What is bought, with the facts that do not change.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) purchase: Purchase,
    pub(super) category: CategoryFacts,
}

impl Order {
    /// What the sale of `taken` writes; `after` are the free seats that were read, without them.
    pub(super) fn mutations(&self, taken: &SeatRanges, after: &SeatMap) -> Vec<Mutation> {
        let mut mutations: Vec<Mutation> = taken.seats().map(|seat| self.ticket(seat)).collect();
        let shards: BTreeSet<u32> = taken.seats().map(Shard::of_seat).collect();
        mutations.extend(shards.into_iter().map(|shard| {
            let seats = Shard::seats(shard).take_while(|&seat| seat <= self.category.seats);
            self.counter(shard, seats.filter(|&seat| after.is_sold(seat)).count() as u32)
        }));
        mutations.push(self.ledger_row(taken));
        mutations
    }

    fn shard(&self, no: u32) -> Shard {
        Shard { event: self.purchase.event, category: self.purchase.category, no }
    }

    fn ticket(&self, seat: u32) -> Mutation {
        self.shard(Shard::of_seat(seat))
            .columns(Mutation::new_update_builder("Ticket"))
            .set("SeqNo")
            .to(i64::from(seat))
            .set("Available")
            .to(None::<bool>)
            .set("AccountId")
            .to(self.purchase.account.to_string())
            .set("PurchaseDate")
            .to(COMMIT_TIMESTAMP.to_owned())
            .build()
    }

    fn counter(&self, shard: u32, sold: u32) -> Mutation {
        let row = self.shard(shard).columns(Mutation::new_update_builder("SoldTicketsCounter"));
        row.set("Sold").to(i64::from(sold)).build()
    }

    fn ledger_row(&self, taken: &SeatRanges) -> Mutation {
        let base = TicketId::base(self.purchase.event, self.purchase.category);
        let tickets: Vec<String> = taken.seats().map(|seat| base.with_seat(seat).to_string()).collect();
        let key = self.purchase.key.as_ref().map(|key| key.as_str().to_owned());
        Mutation::new_insert_builder("Sale")
            .set("AccountId")
            .to(self.purchase.account.to_string())
            .set("SaleId")
            .to(self.purchase.sale.to_string())
            .set("EventId")
            .to(self.purchase.event.to_string())
            .set("CategoryId")
            .to(self.purchase.category.to_string())
            .set("TicketIds")
            .to(tickets)
            .set("Price")
            .to(self.price().minor())
            .set("IdempotencyKey")
            .to(key)
            .set("PurchaseDate")
            .to(COMMIT_TIMESTAMP.to_owned())
            .build()
    }

    fn price(&self) -> Money {
        self.category.price
    }

    /// The sale that was committed at `committed` (seconds and nanoseconds since 1970).
    pub(super) fn sale(&self, seats: SeatRanges, committed: Option<(i64, i32)>) -> Result<Sale> {
        let (seconds, nanos) =
            committed.ok_or_else(|| StoreError::damaged("a commit came back without its time"))?;
        let Purchase { sale: id, account, event, category, key, .. } = self.purchase.clone();
        let purchase_date = rows::micros(seconds * 1_000_000 + i64::from(nanos / 1_000))?;
        Ok(Sale { id, account, event, category, seats, price: self.price(), purchase_date, key })
    }
}

/// Neighbouring shards of a category, which is taken as a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Seats of the category.
    category_seats: u32,
    /// The first shard, from 0.
    pub(super) first: u32,
    /// How many shards, all of the category's at most.
    shards: u32,
}

impl Window {
    /// `shards` neighbours from a random one on.
    pub(super) fn random(category_seats: u32, shards: u32) -> Self {
        let all = Shard::count(category_seats).max(1);
        Self { category_seats, first: rand::random_range(0..all), shards: shards.clamp(1, all) }
    }

    fn all_shards(&self) -> u32 {
        Shard::count(self.category_seats).max(1)
    }

    /// Whether this is the whole category.
    pub(super) fn is_whole(&self) -> bool {
        self.shards == self.all_shards()
    }

    /// Eight times as many shards from the same one on, or all.
    pub(super) fn wider(&self) -> Self {
        Self { shards: self.shards.saturating_mul(8).min(self.all_shards()), ..self.clone() }
    }

    /// How many seats its shards have.
    pub(super) fn seats(&self) -> u32 {
        (self.shards * SHARD_SEATS).min(self.category_seats)
    }

    /// Its free tickets as ranges of the index: one, or two where it wraps round.
    pub(super) fn keys(&self, purchase: &Purchase) -> KeySet {
        let (event, category) = (purchase.event.to_string(), purchase.category.to_string());
        let range = |first: u32, end: u32| {
            KeyRange::closed_open(
                key![event.as_str(), category.as_str(), i64::from(first)],
                key![event.as_str(), category.as_str(), i64::from(end)],
            )
        };
        let (end, all) = (self.first + self.shards, self.all_shards());
        let ranges = KeySet::builder().add_range(range(self.first, end.min(all)));
        if end > all { ranges.add_range(range(0, end - all)).build() } else { ranges.build() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, CategoryId, EventId, Quantity};

    #[test]
    fn a_window_wraps_round_and_widens_to_the_whole() {
        let window = Window { category_seats: 1_000, first: 14, shards: 3 };
        assert_eq!((window.all_shards(), window.seats(), window.is_whole()), (16, 192, false));
        let wider = window.wider();
        assert_eq!((wider.first, wider.shards, wider.is_whole()), (14, 16, true));
        assert_eq!(wider.seats(), 1_000);
    }

    /// A window that begins in the last shard goes on in the first, in one read of two ranges.
    #[test]
    fn a_window_at_the_end_is_two_ranges_of_one_read() {
        let mut rng = rand::rng();
        let (event, category) = (EventId::random(&mut rng), CategoryId::random(&mut rng));
        let account = AccountId::random(&mut rng);
        let purchase = Purchase::new(account, event, category, Quantity::new(2).unwrap(), None, &mut rng);
        let range = |first: i64, end: i64| {
            let key = |shard: i64| key![event.to_string(), category.to_string(), shard];
            KeyRange::closed_open(key(first), key(end))
        };
        let window = |first, shards| Window { category_seats: 1_000, first, shards }.keys(&purchase);
        assert_eq!(window(14, 3), KeySet::builder().add_range(range(14, 16)).add_range(range(0, 1)).build());
        assert_eq!(window(14, 2), KeySet::builder().add_range(range(14, 16)).build());
        assert_eq!(window(3, 16), KeySet::builder().add_range(range(3, 16)).add_range(range(0, 3)).build());
    }

    /// The counters of a sale are what is not free of their shards, seats behind the last not counted.
    #[test]
    fn counters_follow_from_the_free_seats() {
        let mut rng = rand::rng();
        let (event, category) = (EventId::random(&mut rng), CategoryId::random(&mut rng));
        let account = AccountId::random(&mut rng);
        let purchase = Purchase::new(account, event, category, Quantity::new(4).unwrap(), None, &mut rng);
        let category = CategoryFacts {
            id: category,
            name: "General".to_owned(),
            seats: 70,
            price: Money::from_minor(100),
        };
        let mut free = SeatMap::with_free(70, (60..=64).chain([66, 70]));
        let order = Order { purchase, category };
        let taken = SeatRanges::parse("63-64,66,70").unwrap();
        taken.seats().for_each(|seat| assert!(free.take(seat)));
        let mutations = order.mutations(&taken, &free);
        // Four tickets; 61 of the first 64 seats, and all six of the others; the sale.
        assert_eq!(mutations.len(), 4 + 2 + 1);
        assert!(mutations.contains(&order.counter(0, 61)) && mutations.contains(&order.counter(1, 6)));
    }
}
