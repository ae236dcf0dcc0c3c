//! Counting what is sold, for people who watch.

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{self, Micros, count};
use super::tail::{Marks, SharedTail};
use crate::model::{CountryCode, SeatRanges};
use crate::store::figures::second_of;
use crate::store::{CountMark, EventFill, OnSale, Result, SalesCount, SoldTo};

/// Sales that are counted at a time: a fraction of a second, so that no reader is held for long.
const COUNT_MAX: i64 = 100_000;

const LAST_SALE: &str = "SELECT coalesce(max(SaleNo), 0) FROM Sale";
const COUNT_SALES: &str = include_str!("queries/count_sales.sql");
const ON_SALE: &str = include_str!("queries/on_sale.sql");

/// Counts the next sales of the ledger, which is in the order in which they were made.
pub(super) fn count_sales(connection: &Connection, from: CountMark, recent: Timestamp) -> Result<SalesCount> {
    let Marks { generation, .. } = Marks::read(connection)?;
    let from_start = from.generation != generation;
    let mut last = if from_start { 0 } else { from.last };
    let mut sold: HashMap<(CountryCode, Option<i64>), u64> = HashMap::new();
    let mut statement = connection.prepare_cached(COUNT_SALES)?;
    let mut found = statement.query([last, COUNT_MAX])?;
    let mut counted = 0;
    while let Some(row) = found.next()? {
        (last, counted) = (row.get(0)?, counted + 1);
        let Micros(at) = row.get(2)?;
        // Seats that cannot be read are for the audit to report.
        let tickets = row.get::<_, SeatRanges>(1).map_or(0, |seats| seats.count());
        *sold.entry((row.get(3)?, second_of(at, recent))).or_default() += u64::from(tickets);
    }
    let end: i64 = connection.prepare_cached(LAST_SALE)?.query_row([], |row| row.get(0))?;
    if counted < COUNT_MAX {
        // Whoever is left cannot be joined to an account: that, too, is for the audit.
        last = end;
    }
    let sold = sold.into_iter().map(|((country, second), tickets)| SoldTo { country, second, tickets });
    let left = u64::try_from(end - last).unwrap_or(0);
    Ok(SalesCount { from_start, sold: sold.collect(), next: CountMark { generation, last }, left })
}

/// What is on sale, and how much of it is sold. `None` where snapshot and tail do not fit.
pub(super) fn on_sale(connection: &Connection, tail: &SharedTail, limit: usize) -> Result<Option<OnSale>> {
    let beside = tail.beside(connection)?;
    let mut statement = connection.prepare_cached(ON_SALE)?;
    let mut found = statement.query(params![Micros(rows::now())])?;
    let (mut all, mut event) = (OnSale::default(), None::<EventFill>);
    while let Some(row) = found.next()? {
        let counted: u64 = count(row, 7)?;
        let Some(later) = beside.tickets_after(row.get(5)?, row.get(8)?) else {
            return Ok(None);
        };
        let (id, seats, sold) = (row.get(0)?, count::<u64>(row, 6)?, counted + u64::from(later));
        match &mut event {
            Some(event) if event.summary.id == id => {
                event.seats += seats;
                event.sold += sold;
            }
            _ => {
                let next = EventFill { summary: rows::event_summary(row)?, seats, sold };
                event.replace(next).into_iter().for_each(|done| all.add(done, limit));
            }
        }
    }
    event.into_iter().for_each(|done| all.add(done, limit));
    Ok(Some(all))
}
