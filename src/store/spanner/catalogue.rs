//! Browsing: dates, multi-events, events, and what of an event is sold.

use google_cloud_spanner::key;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::connection::{Connection, Freshness, Work, only};
use super::rows::{self, Columns};
use crate::model::{
    CategoryFacts, CategoryId, CategorySold, CountryCode, DatesRange, EventFacts, EventId, EventSummary,
    Invalid, MultiEvent, MultiEventId, SeatingCategory, Venue, VenueId,
};
use crate::store::{CatalogueSize, Entity, Result, StoreError};

const DATES_RANGE: &str = include_str!("queries/events_dates_range.sql");
const MULTI_EVENTS: &str = include_str!("queries/multi_events.sql");
const EVENTS: &str = include_str!("queries/events.sql");
const EVENT: &str = include_str!("queries/event.sql");
const SEATS_SOLD: &str = include_str!("queries/seats_sold.sql");
const VENUES: &str = include_str!("queries/venues.sql");
const CATALOGUE_SIZE: &str = include_str!("queries/catalogue_size.sql");

pub(super) async fn events_dates_range(connection: &Connection) -> Result<DatesRange> {
    let statement = connection.statement(DATES_RANGE, "events_dates_range", Work::Sale);
    let ends = connection
        .query(Freshness::Stale, statement, |mut row| {
            Ok((row.optional(Columns::time)?, row.optional(Columns::time)?))
        })
        .await?;
    let day = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).date();
    match only(ends)? {
        (Some(from), Some(to)) => Ok(DatesRange { from: day(from), to: day(to) }),
        _ => Err(StoreError::NotFound(Entity::Event)),
    }
}

/// The instants at which `day` begins and ends in UTC, within what a TIMESTAMP column can hold.
fn bounds(day: Date) -> (Timestamp, Timestamp) {
    let begin = |day: Date| day.to_zoned_datetime(TimeZone::UTC).map(|at| at.timestamp());
    let end = day.tomorrow().and_then(begin);
    let within = |at: std::result::Result<Timestamp, jiff::Error>| {
        at.unwrap_or(Timestamp::MAX).max(Timestamp::UNIX_EPOCH)
    };
    (within(begin(day)), within(end))
}

pub(super) async fn multi_events(
    connection: &Connection,
    day: Date,
    after: Option<MultiEventId>,
    limit: usize,
) -> Result<Vec<MultiEvent>> {
    let (begin, end) = bounds(day);
    // Every id is greater than the empty text.
    let after = after.map_or_else(String::new, |id| id.to_string());
    let statement = connection
        .statement(MULTI_EVENTS, "multi_events", Work::Sale)
        .time("begin", begin)
        .time("end", end)
        .time("now", rows::now())
        .text("after", after)
        .number("limit", limit);
    connection
        .query(Freshness::Stale, statement, |mut row| {
            Ok(MultiEvent { id: row.parse(MultiEventId::parse)?, name: row.text()?.to_owned() })
        })
        .await
}

pub(super) async fn events(connection: &Connection, multi_event: MultiEventId) -> Result<Vec<EventSummary>> {
    let statement = connection
        .statement(EVENTS, "events", Work::Sale)
        .text("multi_event", multi_event)
        .time("now", rows::now());
    let found =
        connection.query(Freshness::Stale, statement, |mut row| rows::event_summary(&mut row)).await?;
    if found.is_empty() {
        let keys = key![multi_event.to_string()];
        let read = connection.by_key("MultiEvent", &["MultiEventId"], keys, "multi_event");
        if connection.read(read, |_| Ok(())).await?.is_empty() {
            return Err(StoreError::NotFound(Entity::MultiEvent));
        }
    }
    Ok(found)
}

/// An event as of some seconds ago; one that is not found then may be new, and is looked up as of now.
pub(super) async fn event(connection: &Connection, id: EventId) -> Result<EventFacts> {
    for freshness in [Freshness::Stale, Freshness::Strong] {
        let statement = connection.statement(EVENT, "event", Work::Sale).text("event", id);
        let rows = connection.query(freshness, statement, event_row).await?;
        if let Some(facts) = facts(rows) {
            return Ok(facts);
        }
    }
    Err(StoreError::NotFound(Entity::Event))
}

fn event_row(mut row: Columns<'_>) -> std::result::Result<(EventFacts, Option<CategoryFacts>), Invalid> {
    let summary = rows::event_summary(&mut row)?;
    let (multi_event, sale_date) = (row.parse(MultiEventId::parse)?, row.time()?);
    let facts = EventFacts { summary, multi_event, sale_date, categories: Vec::new() };
    let Some(id) = row.optional(|row| row.parse(CategoryId::parse))? else {
        return Ok((facts, None));
    };
    let (name, seats) = (row.text()?.to_owned(), row.number()?);
    Ok((facts, Some(CategoryFacts { id, name, seats, price: row.money()? })))
}

/// One event of its rows, each of which repeats it with another category.
fn facts(rows: Vec<(EventFacts, Option<CategoryFacts>)>) -> Option<EventFacts> {
    let mut rows = rows.into_iter();
    let (mut facts, first) = rows.next()?;
    facts.categories = first.into_iter().chain(rows.filter_map(|(_, category)| category)).collect();
    Some(facts)
}

pub(super) async fn seats_sold(connection: &Connection, event: EventId) -> Result<Vec<CategorySold>> {
    let statement = connection.statement(SEATS_SOLD, "seats_sold", Work::Sale).text("event", event);
    connection
        .query(Freshness::Strong, statement, |mut row| {
            Ok(CategorySold { category: row.parse(CategoryId::parse)?, sold: row.number()? })
        })
        .await
}

/// All venues with their categories: rows come ordered by venue, so each venue is complete when the
/// next one begins.
pub(super) async fn venues(connection: &Connection) -> Result<Vec<Venue>> {
    let statement = connection.statement(VENUES, "venues", Work::Bulk);
    let mut venues: Vec<Venue> = Vec::new();
    connection
        .query(Freshness::Strong, statement, |mut row| {
            let mut venue = Venue {
                id: row.parse(VenueId::parse)?,
                name: row.text()?.to_owned(),
                kind: row.text()?.to_owned(),
                country: row.parse(CountryCode::parse)?,
                categories: Vec::new(),
            };
            let category = SeatingCategory {
                id: row.parse(CategoryId::parse)?,
                config: row.text()?.to_owned(),
                name: row.text()?.to_owned(),
                seats: row.number()?,
            };
            match venues.last_mut() {
                Some(last) if last.id == venue.id => last.categories.push(category),
                _ => {
                    venue.categories.push(category);
                    venues.push(venue);
                }
            }
            Ok(())
        })
        .await?;
    Ok(venues)
}

pub(super) async fn catalogue_size(connection: &Connection) -> Result<CatalogueSize> {
    let statement = connection.statement(CATALOGUE_SIZE, "catalogue_size", Work::Bulk);
    let sizes = connection
        .query(Freshness::Strong, statement, |mut row| {
            Ok(CatalogueSize {
                venues: row.number()?,
                multi_events: row.number()?,
                events: row.number()?,
                tickets: row.optional(Columns::number)?.unwrap_or(0),
                sold: row.optional(Columns::number)?.unwrap_or(0),
            })
        })
        .await?;
    only(sizes)
}
