//! Every seat that the run was told it bought, to see whether one was sold twice.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::stock::Offer;
use crate::model::seats::SeatMap;
use crate::model::{CategoryId, EventId, Sale, SaleId};

/// Wrong seats that are named; the others are only counted.
const NAMED_MAX: usize = 100;

/// A seat that an acknowledged sale must not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrongSeat {
    /// What is wrong: `seat-twice`, `seat-out-of-range`, `wrong-quantity`, `wrong-category`.
    pub kind: &'static str,
    /// The event.
    pub event: EventId,
    /// The category.
    pub category: CategoryId,
    /// The seat number, from 1; 0 where no single seat is meant.
    pub seat: u32,
    /// The sale that came second.
    pub sale: SaleId,
}

/// The seats acknowledged by category. One short lock a sale, of the category that it is from.
pub(super) struct Acknowledged {
    /// In the order of the offers; made when the first seat comes.
    seats: Box<[Mutex<Option<SeatMap>>]>,
    wrong: Mutex<(u64, Vec<WrongSeat>)>,
}

impl Acknowledged {
    /// Nothing yet, of so many offers.
    pub(super) fn new(offers: usize) -> Self {
        Self { seats: (0..offers).map(|_| Mutex::default()).collect(), wrong: Mutex::default() }
    }

    /// Enters the seats of a sale: the answer to a purchase of `quantity` tickets of offer number `at`.
    pub(super) fn add(&self, at: usize, offer: &Offer, quantity: u32, sale: &Sale) {
        if (sale.event, sale.category) != (offer.event, offer.category) {
            return self.add_wrong("wrong-category", offer, 0, sale.id);
        }
        if sale.seats.count() != quantity {
            self.add_wrong("wrong-quantity", offer, 0, sale.id);
        }
        let Some(seats) = self.seats.get(at) else { return };
        let mut seats = seats.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = seats.get_or_insert_with(|| SeatMap::new(offer.seats));
        for seat in sale.seats.seats() {
            if !seats.take(seat) {
                let is_seat = (1..=offer.seats).contains(&seat);
                let kind = if is_seat { "seat-twice" } else { "seat-out-of-range" };
                self.add_wrong(kind, offer, seat, sale.id);
            }
        }
    }

    fn add_wrong(&self, kind: &'static str, offer: &Offer, seat: u32, sale: SaleId) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.0 += 1;
        if wrong.1.len() < NAMED_MAX {
            wrong.1.push(WrongSeat { kind, event: offer.event, category: offer.category, seat, sale });
        }
    }

    /// How many different seats were acknowledged.
    pub(super) fn tickets(&self) -> u64 {
        let sold = |seats: &Mutex<Option<SeatMap>>| {
            let seats = seats.lock().unwrap_or_else(PoisonError::into_inner);
            u64::from(seats.as_ref().map_or(0, SeatMap::sold))
        };
        self.seats.iter().map(sold).sum()
    }

    /// How many seats were wrong, and the first of them.
    pub(super) fn wrong(&self) -> (u64, Vec<WrongSeat>) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Money, SeatRanges};

    const OFFER: Offer =
        Offer { event: EventId::from_bytes([1; 16]), category: CategoryId::from_bytes([2; 16]), seats: 100 };

    fn sale(id: u8, seats: &str) -> Sale {
        Sale {
            id: SaleId::from_bytes([id; 16]),
            account: AccountId::from_bytes([9; 16]),
            event: OFFER.event,
            category: OFFER.category,
            seats: SeatRanges::parse(seats).unwrap(),
            price: Money::from_minor(100),
            purchase_date: jiff::Timestamp::UNIX_EPOCH,
            key: None,
        }
    }

    #[test]
    fn different_seats_are_right() {
        let acknowledged = Acknowledged::new(1);
        acknowledged.add(0, &OFFER, 3, &sale(1, "1-3"));
        acknowledged.add(0, &OFFER, 2, &sale(2, "4,100"));
        assert_eq!((acknowledged.tickets(), acknowledged.wrong()), (5, (0, vec![])));
    }

    #[test]
    fn a_seat_of_two_sales_is_seen() {
        let acknowledged = Acknowledged::new(1);
        acknowledged.add(0, &OFFER, 3, &sale(1, "1-3"));
        acknowledged.add(0, &OFFER, 2, &sale(2, "3-4"));
        let (count, wrong) = acknowledged.wrong();
        assert_eq!((acknowledged.tickets(), count), (4, 1));
        assert_eq!((wrong[0].kind, wrong[0].seat, wrong[0].sale), ("seat-twice", 3, sale(2, "1").id));
    }

    #[test]
    fn what_was_not_asked_for_is_seen() {
        let acknowledged = Acknowledged::new(1);
        acknowledged.add(0, &OFFER, 1, &sale(1, "101"));
        acknowledged.add(0, &OFFER, 2, &sale(2, "7"));
        let other = Sale { category: CategoryId::from_bytes([3; 16]), ..sale(3, "9") };
        acknowledged.add(0, &OFFER, 1, &other);
        let kinds: Vec<_> = acknowledged.wrong().1.iter().map(|wrong| wrong.kind).collect();
        assert_eq!(kinds, ["seat-out-of-range", "wrong-quantity", "wrong-category"]);
    }

    #[test]
    fn many_wrong_seats_are_counted_and_few_are_named() {
        let acknowledged = Acknowledged::new(1);
        for _ in 0..3 {
            acknowledged.add(0, &OFFER, 100, &sale(1, "1-100"));
        }
        let (count, wrong) = acknowledged.wrong();
        assert_eq!((count, wrong.len()), (200, NAMED_MAX));
    }
}
