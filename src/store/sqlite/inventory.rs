//! The seats of the categories that were sold from lately, in the writer's memory.
//!
//! A copy of what is stored, read on first use and written back once for each category and group of
//! purchases. Whenever memory and file may differ (a rollback, a commit by another process) all of it
//! is forgotten, and read again when needed.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::catalogue::event_exists;
use super::rows::{Micros, count};
use crate::model::seats::SeatMap;
use crate::model::{CategoryId, EventId, Money};
use crate::store::{Entity, Result, StoreError};

const TICKET_CATEGORY: &str = include_str!("queries/ticket_category.sql");
const WRITE_COUNTER: &str = "INSERT INTO SoldTicketsCounter (TicketCategoryNo, Sold, SoldSeats) VALUES (?1, ?2, ?3) \
     ON CONFLICT (TicketCategoryNo) DO UPDATE SET Sold = excluded.Sold, SoldSeats = excluded.SoldSeats";

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
    /// Whether `seats` differs from what is stored.
    changed: bool,
}

/// The categories in memory.
#[derive(Default)]
pub(super) struct Inventory {
    categories: Vec<Category>,
    by_key: HashMap<(EventId, CategoryId), usize>,
    /// Places in `categories` that have changed since the last write.
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
    ) -> Result<&mut Category> {
        let at = match self.by_key.get(&(event, category)) {
            Some(&at) => at,
            None => {
                self.categories.push(read(connection, event, category)?);
                let at = self.categories.len() - 1;
                self.by_key.insert((event, category), at);
                at
            }
        };
        self.categories.get_mut(at).ok_or_else(|| StoreError::damaged("the inventory lost a category"))
    }

    /// Notes that the seats of this category differ from what is stored.
    pub(super) fn mark_changed(&mut self, event: EventId, category: CategoryId) {
        let Some(&at) = self.by_key.get(&(event, category)) else {
            return;
        };
        if let Some(category) = self.categories.get_mut(at).filter(|category| !category.changed) {
            category.changed = true;
            self.changed.push(at);
        }
    }

    /// Writes the seats and counters that have changed.
    pub(super) fn write_changed(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        // In the order of their rows, so that neighbours share a page while it is in hand.
        self.changed.sort_unstable_by_key(|&at| self.categories.get(at).map(|category| category.no));
        let mut statement = connection.prepare_cached(WRITE_COUNTER)?;
        for at in self.changed.drain(..) {
            if let Some(category) = self.categories.get_mut(at) {
                statement.execute(params![category.no, category.seats.sold(), category.seats.to_bytes()])?;
                category.changed = false;
            }
        }
        Ok(())
    }
}

fn read(connection: &Connection, event: EventId, category: CategoryId) -> Result<Category> {
    let found = connection
        .prepare_cached(TICKET_CATEGORY)?
        .query_row(params![event, category], |row| {
            let seats = match row.get::<_, Option<Vec<u8>>>(6)? {
                Some(bytes) => SeatMap::from_bytes(count(row, 4)?, &bytes),
                None => Some(SeatMap::new(count(row, 4)?)),
            };
            let sold: u32 = row.get::<_, Option<u32>>(5)?.unwrap_or(0);
            let seats = seats.filter(|seats| seats.sold() == sold);
            let dates = (row.get::<_, Micros>(2)?.0, row.get::<_, Micros>(3)?.0);
            Ok((row.get(0)?, row.get(1)?, dates, seats))
        })
        .optional()?;
    match found {
        Some((no, price, (sale_date, event_date), Some(seats))) => {
            Ok(Category { no, price, sale_date, event_date, seats, changed: false })
        }
        Some((no, ..)) => {
            Err(StoreError::damaged(format!("ticket category {no}: the counter contradicts the seats")))
        }
        None if event_exists(connection, event)? => Err(StoreError::NotFound(Entity::Category)),
        None => Err(StoreError::NotFound(Entity::Event)),
    }
}
