//! Browsing: dates, multi-events, events, and what of an event is sold.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, Micros, count};
use super::tail::SharedTail;
use crate::model::{
    CategoryFacts, CategorySold, DatesRange, EventFacts, EventId, EventSummary, MultiEvent, MultiEventId,
    SeatRanges, SeatingCategory, Venue,
};
use crate::store::{CatalogueSize, Entity, Result, StoreError};

const DATES_RANGE: &str = "SELECT (SELECT min(EventDate) FROM Event), (SELECT max(EventDate) FROM Event)";
const MULTI_EVENT_EXISTS: &str = "SELECT 1 FROM MultiEvent WHERE MultiEventId = ?1";
const MULTI_EVENTS: &str = include_str!("queries/multi_events.sql");
const EVENTS: &str = include_str!("queries/events.sql");
const EVENT: &str = include_str!("queries/event.sql");
const EVENT_CATEGORIES: &str = include_str!("queries/event_categories.sql");
const SEATS_SOLD: &str = include_str!("queries/seats_sold.sql");
const UNCOUNTED_SALES: &str = include_str!("queries/uncounted_sales.sql");
const VENUES: &str = include_str!("queries/venues.sql");
const CATALOGUE_SIZE: &str = include_str!("queries/catalogue_size.sql");

pub(super) fn events_dates_range(connection: &Connection) -> Result<DatesRange> {
    let ends = connection.query_row(DATES_RANGE, [], |row| {
        Ok((row.get::<_, Option<Micros>>(0)?, row.get::<_, Option<Micros>>(1)?))
    })?;
    let day = |at: Micros| at.0.to_zoned_datetime(TimeZone::UTC).date();
    match ends {
        (Some(from), Some(to)) => Ok(DatesRange { from: day(from), to: day(to) }),
        _ => Err(StoreError::NotFound(Entity::Event)),
    }
}

/// The instants at which `day` begins and ends in UTC; empty where it lies beyond what can be told.
fn bounds(day: Date) -> (Timestamp, Timestamp) {
    let begin = |day: Date| day.to_zoned_datetime(TimeZone::UTC).map(|at| at.timestamp());
    let end = day.tomorrow().and_then(begin);
    (begin(day).unwrap_or(Timestamp::MAX), end.unwrap_or(Timestamp::MAX))
}

pub(super) fn multi_events(
    connection: &Connection,
    day: Date,
    after: Option<MultiEventId>,
    limit: usize,
) -> Result<Vec<MultiEvent>> {
    let (begin, end) = bounds(day);
    let after = after.unwrap_or(MultiEventId::from_bytes([0; 16]));
    let mut statement = connection.prepare_cached(MULTI_EVENTS)?;
    let found = statement
        .query_map(params![Micros(begin), Micros(end), Micros(rows::now()), after, limit as i64], |row| {
            Ok(MultiEvent { id: row.get(0)?, name: row.get(1)? })
        })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn events(connection: &Connection, multi_event: MultiEventId) -> Result<Vec<EventSummary>> {
    if !connection.prepare_cached(MULTI_EVENT_EXISTS)?.exists([multi_event])? {
        return Err(StoreError::NotFound(Entity::MultiEvent));
    }
    let mut statement = connection.prepare_cached(EVENTS)?;
    let found = statement.query_map(params![multi_event, Micros(rows::now())], rows::event_summary)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn event(connection: &Connection, id: EventId) -> Result<EventFacts> {
    let found = connection
        .prepare_cached(EVENT)?
        .query_row([id], |row| Ok((rows::event_summary(row)?, row.get(5)?, row.get::<_, Micros>(6)?)))
        .optional()?;
    let Some((summary, multi_event, Micros(sale_date))) = found else {
        return Err(StoreError::NotFound(Entity::Event));
    };
    let mut statement = connection.prepare_cached(EVENT_CATEGORIES)?;
    let categories = statement.query_map([id], |row| {
        Ok(CategoryFacts { id: row.get(0)?, name: row.get(1)?, seats: count(row, 2)?, price: row.get(3)? })
    })?;
    let categories = categories.collect::<rusqlite::Result<_>>()?;
    Ok(EventFacts { summary, multi_event, sale_date, categories })
}

pub(super) fn event_exists(connection: &Connection, id: EventId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM Event WHERE EventId = ?1")?.exists([id])
}

/// What each category has sold: what its counter has counted, and the tail behind that. `None` where
/// snapshot and tail do not fit.
pub(super) fn seats_sold(
    connection: &Connection,
    tail: &SharedTail,
    event: EventId,
) -> Result<Option<Vec<CategorySold>>> {
    let beside = tail.beside(connection)?;
    let mut statement = connection.prepare_cached(SEATS_SOLD)?;
    let mut found = statement.query([event])?;
    let mut sold = Vec::new();
    while let Some(row) = found.next()? {
        let counted: u32 = count(row, 2)?;
        let Some(later) = beside.tickets_after(row.get(1)?, row.get(3)?) else {
            return Ok(None);
        };
        sold.push(CategorySold { category: row.get(0)?, sold: counted + later });
    }
    Ok(Some(sold))
}

/// All venues with their categories: rows come ordered by venue, so each venue is complete when the
/// next one begins.
pub(super) fn venues(connection: &Connection) -> Result<Vec<Venue>> {
    let mut venues: Vec<Venue> = Vec::new();
    let mut statement = connection.prepare_cached(VENUES)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let id = row.get(0)?;
        if venues.last().is_none_or(|venue| venue.id != id) {
            let categories = Vec::new();
            venues.push(Venue { id, name: row.get(1)?, kind: row.get(2)?, country: row.get(3)?, categories });
        }
        let category = SeatingCategory {
            id: row.get(4)?,
            config: row.get(5)?,
            name: row.get(6)?,
            seats: count(row, 7)?,
        };
        if let Some(venue) = venues.last_mut() {
            venue.categories.push(category);
        }
    }
    Ok(venues)
}

pub(super) fn catalogue_size(connection: &Connection) -> Result<CatalogueSize> {
    let counted = connection.query_row(CATALOGUE_SIZE, [], |row| {
        Ok(CatalogueSize {
            venues: count(row, 0)?,
            multi_events: count(row, 1)?,
            events: count(row, 2)?,
            tickets: count(row, 3)?,
            sold: count(row, 4)?,
        })
    })?;
    let mut sold_later = 0;
    uncounted(connection, |_, seats| sold_later += seats.map_or(0, |seats| u64::from(seats.count())))?;
    Ok(CatalogueSize { sold: counted.sold + sold_later, ..counted })
}

/// Shows the category and the seats (`None` where they cannot be read) of each sale that the counter of
/// its category has not counted yet.
pub(super) fn uncounted(
    connection: &Connection,
    mut visit: impl FnMut(i64, Option<SeatRanges>),
) -> Result<()> {
    let mut statement = connection.prepare_cached(UNCOUNTED_SALES)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        visit(row.get(0)?, row.get(1).ok());
    }
    Ok(())
}
