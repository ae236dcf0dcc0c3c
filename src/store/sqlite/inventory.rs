//! The seats of the categories that were sold from lately, in the writer's memory.
//!
//! What is stored of a category (`SoldTicketsCounter`) and the sales behind that, which the ledger has.
//! It is always what the ledger says: own sales are noted as they are made, those of another process
//! when they are seen. After a rollback all of it is forgotten, and read again when needed.

use foldhash::HashMap;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::catalogue::event_exists;
use super::rows::{Micros, count};
use super::sales::LaterSale;
use crate::model::seats::SeatMap;
use crate::model::{CategoryId, EventId, Money};
use crate::store::{Entity, Result, StoreError};

const TICKET_CATEGORY: &str = include_str!("queries/ticket_category.sql");
const KEY_OF: &str = "SELECT EventId, CategoryId FROM TicketCategory WHERE TicketCategoryNo = ?1";
const WRITE_COUNTER: &str = "INSERT INTO SoldTicketsCounter (TicketCategoryNo, Sold, SoldSeats, CountedUpTo) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (TicketCategoryNo) DO UPDATE \
     SET Sold = excluded.Sold, SoldSeats = excluded.SoldSeats, CountedUpTo = excluded.CountedUpTo";

/// A ticket category with its seats.
pub(super) struct Category {
    /// Its number in the store.
    pub(super) no: i64,
    /// Price of one ticket.
    pub(super) price: Money,
    /// From when on it is sold.
    pub(super) sale_date: Timestamp,
    /// When the event begins.
    pub(super) event_date: Timestamp,
    /// What is sold of it.
    pub(super) seats: SeatMap,
    /// Sales up to this one are in `seats`, as far as they are of this category.
    counted_up_to: i64,
    /// Whether `seats` differs from what is stored.
    changed: bool,
    /// Whether what is stored contradicts itself: then nothing is sold from it.
    damaged: bool,
}

/// The categories in memory.
#[derive(Default)]
pub(super) struct Inventory {
    categories: Vec<Category>,
    by_key: HashMap<(EventId, CategoryId), usize>,
    by_no: HashMap<i64, usize>,
    /// Places in `categories` that have changed since they were last written or handed out.
    changed: Vec<usize>,
}

impl Inventory {
    /// Drops everything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The category, from memory or from the store.
    pub(super) fn category(
        &mut self,
        connection: &Connection,
        event: EventId,
        category: CategoryId,
    ) -> Result<(usize, &mut Category)> {
        let at = match self.by_key.get(&(event, category)) {
            Some(&at) => at,
            None => self.load(connection, event, category)?,
        };
        match self.categories.get_mut(at) {
            Some(Category { no, damaged: true, .. }) => {
                Err(StoreError::damaged(format!("ticket category {no}: counter, seats and ledger disagree")))
            }
            Some(category) => Ok((at, category)),
            None => Err(StoreError::damaged("the inventory lost a category")),
        }
    }

    fn load(&mut self, connection: &Connection, event: EventId, category: CategoryId) -> Result<usize> {
        let read = read(connection, event, category)?;
        let at = self.categories.len();
        self.by_key.insert((event, category), at);
        self.by_no.insert(read.no, at);
        self.categories.push(read);
        Ok(at)
    }

    /// Notes that sale `no` has taken seats of the category at this place.
    pub(super) fn sold(&mut self, place: usize, no: i64) {
        if let Some(category) = self.categories.get_mut(place) {
            category.counted_up_to = no;
            if !std::mem::replace(&mut category.changed, true) {
                self.changed.push(place);
            }
        }
    }

    /// Takes in a sale that the ledger has behind what was known. Sales come in order. One of a category
    /// that is nowhere is left to the audit.
    pub(super) fn take_in(&mut self, connection: &Connection, sale: &LaterSale) -> Result<()> {
        let at = match self.by_no.get(&sale.category_no) {
            Some(&at) => at,
            None => match key_of(connection, sale.category_no)? {
                Some((event, category)) => self.load(connection, event, category)?,
                None => return Ok(()),
            },
        };
        if let Some(category) = self.categories.get_mut(at).filter(|found| found.counted_up_to < sale.no) {
            category.damaged |= sale.seats.is_none();
            for seat in sale.seats.iter().flat_map(crate::model::SeatRanges::seats) {
                category.damaged |= !category.seats.take(seat);
            }
            self.sold(at, sale.no);
        }
        Ok(())
    }

    /// The categories that differ from what is stored, the one with the highest number first. They are
    /// to be written; what changes from now on is handed out next time.
    pub(super) fn take_changed(&mut self) -> Vec<usize> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable_by_key(|&at| std::cmp::Reverse(self.categories.get(at).map(|found| found.no)));
        changed
    }

    /// Writes the counter and the seats of the category at this place, which has sales up to `last_no`.
    /// A damaged one gets a counter that no seats can match, so that it stays closed after a restart.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        place: usize,
        last_no: i64,
    ) -> rusqlite::Result<()> {
        let Some(category) = self.categories.get_mut(place) else {
            return Ok(());
        };
        category.changed = false;
        let sold = if category.damaged { category.seats.seats() + 1 } else { category.seats.sold() };
        let seats = category.seats.to_bytes();
        connection.prepare_cached(WRITE_COUNTER)?.execute(params![category.no, sold, seats, last_no])?;
        Ok(())
    }
}

fn key_of(connection: &Connection, category_no: i64) -> rusqlite::Result<Option<(EventId, CategoryId)>> {
    let mut statement = connection.prepare_cached(KEY_OF)?;
    statement.query_row([category_no], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn read(connection: &Connection, event: EventId, category: CategoryId) -> Result<Category> {
    let found = connection.prepare_cached(TICKET_CATEGORY)?.query_row(params![event, category], of_row);
    match found.optional()? {
        Some(category) => Ok(category),
        None if event_exists(connection, event)? => Err(StoreError::NotFound(Entity::Category)),
        None => Err(StoreError::NotFound(Entity::Event)),
    }
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Category> {
    let all: u32 = count(row, 4)?;
    let stored = match row.get::<_, Option<Vec<u8>>>(6)? {
        Some(bytes) => SeatMap::from_bytes(all, &bytes),
        None => Some(SeatMap::new(all)),
    };
    let sold: u32 = row.get::<_, Option<u32>>(5)?.unwrap_or(0);
    let damaged = stored.as_ref().is_none_or(|seats| seats.sold() != sold);
    Ok(Category {
        no: row.get(0)?,
        price: row.get(1)?,
        sale_date: row.get::<_, Micros>(2)?.0,
        event_date: row.get::<_, Micros>(3)?.0,
        seats: stored.unwrap_or_else(|| SeatMap::new(all)),
        counted_up_to: row.get(7)?,
        changed: false,
        damaged,
    })
}
