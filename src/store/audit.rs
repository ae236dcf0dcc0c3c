//! The recount: what tickets, counters and ledger say about the same seats, compared.
//!
//! Engines feed what they have stored into an [`Auditor`], in one snapshot; the comparison is the
//! same for all. Nothing here trusts a sum that was kept: everything is counted again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::seats::SeatMap;
use crate::model::{CategoryId, EventId, Sale, SaleId, SeatRange, SeatRanges};

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// Ticket categories that were compared.
    pub categories: u64,
    /// Sales in the ledger.
    pub sales: u64,
    /// Tickets in those sales.
    pub tickets_sold: u64,
    /// Accounts.
    pub accounts: u64,
    /// Every disagreement, grouped by category; empty where all agree.
    pub disagreements: Vec<Disagreement>,
}

/// Two places of the store that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// A stable name: `ticket-in-two-sales`, `ticket-without-sale`, `sale-without-tickets`,
    /// `wrong-counter`, `seat-out-of-range`, `wrong-quantity`, `unknown-category`, `unknown-account`,
    /// `sale-not-found-by-id`, `unreadable-row`.
    pub kind: &'static str,
    /// The event, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The category, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// The sales that are involved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sales: Vec<SaleId>,
    /// What disagrees, in words.
    pub detail: String,
}

type Key = (EventId, CategoryId);

/// Compares what it is fed: first every category, then every sale, then, where
/// [`Auditor::wants_sales_again`] says so, every sale once more to name the guilty ones.
#[derive(Default)]
pub(super) struct Auditor {
    report: AuditReport,
    categories: BTreeMap<Key, Category>,
}

struct Category {
    /// What the tickets say.
    tickets: SeatMap,
    /// What the counter says.
    counter: u64,
    /// What the ledger says.
    ledger: SeatMap,
    /// Seats that a second sale names, with all sales that name them.
    twice: BTreeMap<u32, Vec<SaleId>>,
    /// Seats that a sale names and no ticket shows as sold, and those sales.
    missing: BTreeSet<u32>,
    missing_sales: Vec<SaleId>,
}

impl Auditor {
    /// A category: its seats with those sold by its tickets, and its counter.
    pub(super) fn category(&mut self, event: EventId, category: CategoryId, tickets: SeatMap, counter: u64) {
        self.report.categories += 1;
        if counter != u64::from(tickets.sold()) {
            self.add(
                "wrong-counter",
                Some((event, category)),
                vec![],
                format!("the counter says {counter} sold, the tickets say {}", tickets.sold()),
            );
        }
        let ledger = SeatMap::new(tickets.seats());
        self.categories.insert(
            (event, category),
            Category {
                tickets,
                counter,
                ledger,
                twice: BTreeMap::new(),
                missing: BTreeSet::new(),
                missing_sales: vec![],
            },
        );
    }

    /// A sale of the ledger.
    pub(super) fn sale(&mut self, sale: &Sale) {
        self.report.sales += 1;
        self.report.tickets_sold += u64::from(sale.seats.count());
        if !(1..=10).contains(&sale.seats.count()) {
            let detail = format!("the sale has {} tickets, not 1 to 10", sale.seats.count());
            self.add("wrong-quantity", Some((sale.event, sale.category)), vec![sale.id], detail);
        }
        let Some(category) = self.categories.get_mut(&(sale.event, sale.category)) else {
            let detail = "the sale names a category that the event does not sell".to_owned();
            return self.add("unknown-category", Some((sale.event, sale.category)), vec![sale.id], detail);
        };
        let mut beyond = Vec::new();
        for seat in sale.seats.seats() {
            if seat > category.ledger.seats() {
                beyond.push(SeatRange { first: seat, last: seat });
            } else if !category.ledger.take(seat) {
                category.twice.insert(seat, Vec::new());
            }
        }
        if !beyond.is_empty() {
            let detail =
                format!("the sale has seats {} of {}", SeatRanges::of(beyond), category.ledger.seats());
            self.add("seat-out-of-range", Some((sale.event, sale.category)), vec![sale.id], detail);
        }
    }

    /// Whether the sales must be shown once more, to [`Auditor::sale_again`].
    pub(super) fn wants_sales_again(&mut self) -> bool {
        let mut wanted = false;
        for category in self.categories.values_mut() {
            category.missing = (1..=category.ledger.seats())
                .filter(|&seat| category.ledger.is_sold(seat) && !category.tickets.is_sold(seat))
                .collect();
            wanted |= !category.missing.is_empty() || !category.twice.is_empty();
        }
        wanted
    }

    /// A sale once more, to name it where it is involved in a disagreement.
    pub(super) fn sale_again(&mut self, sale: &Sale) {
        let Some(category) = self.categories.get_mut(&(sale.event, sale.category)) else {
            return;
        };
        for seat in sale.seats.seats() {
            if let Some(sales) = category.twice.get_mut(&seat) {
                sales.push(sale.id);
            }
        }
        if sale.seats.seats().any(|seat| category.missing.contains(&seat)) {
            category.missing_sales.push(sale.id);
        }
    }

    /// Adds a disagreement that only the engine can see.
    pub(super) fn add(&mut self, kind: &'static str, key: Option<Key>, sales: Vec<SaleId>, detail: String) {
        self.report.disagreements.push(Disagreement {
            kind,
            event: key.map(|key| key.0),
            category: key.map(|key| key.1),
            sales,
            detail,
        });
    }

    /// How many accounts there are.
    pub(super) fn accounts(&mut self, count: u64) {
        self.report.accounts = count;
    }

    /// The result.
    pub(super) fn finish(mut self) -> AuditReport {
        for (key, mut category) in std::mem::take(&mut self.categories) {
            self.compare(key, &mut category);
        }
        self.report
    }

    fn compare(&mut self, key: Key, category: &mut Category) {
        for (seat, sales) in std::mem::take(&mut category.twice) {
            let detail = format!("seat {seat} is in {} sales", sales.len());
            self.add("ticket-in-two-sales", Some(key), sales, detail);
        }
        if !category.missing.is_empty() {
            let detail = format!("seats {} are in a sale, their tickets are free", list(&category.missing));
            self.add("sale-without-tickets", Some(key), std::mem::take(&mut category.missing_sales), detail);
        }
        let orphans: BTreeSet<u32> = (1..=category.tickets.seats())
            .filter(|&seat| category.tickets.is_sold(seat) && !category.ledger.is_sold(seat))
            .collect();
        if !orphans.is_empty() {
            let detail = format!("seats {} are sold, no sale has them", list(&orphans));
            self.add("ticket-without-sale", Some(key), vec![], detail);
        }
        let in_ledger = u64::from(category.ledger.sold());
        let counter_matches_tickets = category.counter == u64::from(category.tickets.sold());
        if in_ledger != category.counter && counter_matches_tickets {
            let detail = format!("the counter says {} sold, the ledger says {in_ledger}", category.counter);
            self.add("wrong-counter", Some(key), vec![], detail);
        }
    }
}

fn list(seats: &BTreeSet<u32>) -> SeatRanges {
    SeatRanges::of(seats.iter().map(|&seat| SeatRange { first: seat, last: seat }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Money};

    const EVENT: EventId = EventId::from_bytes([1; 16]);
    const CATEGORY: CategoryId = CategoryId::from_bytes([2; 16]);

    fn sale(id: u8, seats: &str) -> Sale {
        Sale {
            id: SaleId::from_bytes([id; 16]),
            account: AccountId::from_bytes([9; 16]),
            event: EVENT,
            category: CATEGORY,
            seats: SeatRanges::parse(seats).unwrap(),
            price: Money::from_minor(100),
            purchase_date: jiff::Timestamp::UNIX_EPOCH,
            key: None,
        }
    }

    /// Audits a category of 20 seats and returns the kinds of disagreements.
    fn kinds(tickets: &str, counter: u64, sales: &[Sale]) -> Vec<Disagreement> {
        let mut map = SeatMap::new(20);
        for seat in SeatRanges::parse(tickets).unwrap().seats() {
            map.take(seat);
        }
        let mut auditor = Auditor::default();
        auditor.category(EVENT, CATEGORY, map, counter);
        sales.iter().for_each(|sale| auditor.sale(sale));
        if auditor.wants_sales_again() {
            sales.iter().for_each(|sale| auditor.sale_again(sale));
        }
        auditor.finish().disagreements
    }

    #[test]
    fn a_store_that_agrees_has_no_disagreement() {
        assert_eq!(kinds("1-3,7", 4, &[sale(1, "1-3"), sale(2, "7")]), []);
    }

    #[test]
    fn each_damage_is_named() {
        let cases: [(&str, &str, u64, Vec<Sale>); 6] = [
            ("ticket-in-two-sales", "1-3", 3, vec![sale(1, "1-2"), sale(2, "2-3")]),
            ("ticket-without-sale", "1-3", 3, vec![sale(1, "1-2")]),
            ("sale-without-tickets", "1-2", 2, vec![sale(1, "1-2"), sale(2, "3")]),
            ("wrong-counter", "1-2", 3, vec![sale(1, "1-2")]),
            ("seat-out-of-range", "1", 1, vec![sale(1, "1"), sale(2, "21")]),
            ("wrong-quantity", "1-11", 11, vec![sale(1, "1-11")]),
        ];
        for (kind, tickets, counter, sales) in cases {
            let found = kinds(tickets, counter, &sales);
            assert!(found.iter().any(|disagreement| disagreement.kind == kind), "{kind}: {found:?}");
        }
    }

    #[test]
    fn both_sales_of_a_seat_are_named() {
        let found = kinds("1-3", 3, &[sale(1, "1-2"), sale(2, "2-3")]);
        assert_eq!(found[0].sales, [SaleId::from_bytes([1; 16]), SaleId::from_bytes([2; 16])]);
        assert_eq!(found[0].detail, "seat 2 is in 2 sales");
    }
}
