//! Loading the catalogue, and emptying the store.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::rows::Micros;
use crate::model::{NewEvent, NewMultiEvent, Venue};
use crate::store::{LoadMark, Result};

const LOADS: &str = "SELECT Kind, Seed, Arguments, Done, Finished FROM Load ORDER BY LoadNo";
const WRITE_MARK: &str = "INSERT INTO Load (Kind, Seed, Arguments, Done, Finished) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (Kind, Seed) DO UPDATE SET Done = excluded.Done, Finished = excluded.Finished";
const VENUE: &str = "INSERT INTO Venue (VenueId, VenueName, VenueType, CountryCode) VALUES (?1, ?2, ?3, ?4)";
const SEATING_CATEGORY: &str = "INSERT INTO SeatingCategory (VenueId, CategoryId, VenueConfig, CategoryName, Seats) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const MULTI_EVENT: &str = "INSERT INTO MultiEvent (MultiEventId, Name) VALUES (?1, ?2)";
const EVENT: &str = "INSERT INTO Event (EventId, MultiEventId, VenueId, EventName, EventDate, SaleDate) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const TICKET_CATEGORY: &str = "INSERT INTO TicketCategory (EventId, CategoryId, Price) VALUES (?1, ?2, ?3)";

const RESET_SALES: &str = "DELETE FROM Sale; DELETE FROM SaleById; DELETE FROM SoldTicketsCounter; DELETE FROM Account; \
     UPDATE Meta SET Value = Value + 1 WHERE Name = 'Generation'; \
     UPDATE Meta SET Value = 0 WHERE Name = 'SettledUpTo';";
const RESET_CATALOGUE: &str = "DELETE FROM TicketCategory; DELETE FROM Event; DELETE FROM MultiEvent; \
     DELETE FROM SeatingCategory; DELETE FROM Venue; DELETE FROM Load;";

pub(super) fn loads(connection: &Connection) -> Result<Vec<LoadMark>> {
    let mut statement = connection.prepare_cached(LOADS)?;
    let marks = statement.query_map([], |row| {
        let seed: String = row.get(1)?;
        Ok(LoadMark {
            kind: row.get(0)?,
            seed: seed.parse().unwrap_or_default(),
            arguments: row.get(2)?,
            done: super::rows::count(row, 3)?,
            finished: row.get(4)?,
        })
    })?;
    Ok(marks.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn load_venues(connection: &mut Connection, mark: &LoadMark, venues: &[Venue]) -> Result<()> {
    in_one_commit(connection, mark, |transaction| {
        let mut insert_venue = transaction.prepare_cached(VENUE)?;
        let mut insert_category = transaction.prepare_cached(SEATING_CATEGORY)?;
        for venue in venues {
            insert_venue.execute(params![venue.id, venue.name, venue.kind, venue.country])?;
            for category in &venue.categories {
                insert_category.execute(params![
                    venue.id,
                    category.id,
                    category.config,
                    category.name,
                    category.seats
                ])?;
            }
        }
        Ok(())
    })
}

pub(super) fn load_multi_events(
    connection: &mut Connection,
    mark: &LoadMark,
    multi_events: &[NewMultiEvent],
) -> Result<()> {
    in_one_commit(connection, mark, |transaction| {
        let mut insert_multi_event = transaction.prepare_cached(MULTI_EVENT)?;
        for new in multi_events {
            insert_multi_event.execute(params![new.multi_event.id, new.multi_event.name])?;
            for event in &new.events {
                insert_event(transaction, new, event)?;
            }
        }
        Ok(())
    })
}

fn insert_event(transaction: &Transaction<'_>, of: &NewMultiEvent, event: &NewEvent) -> rusqlite::Result<()> {
    transaction.prepare_cached(EVENT)?.execute(params![
        event.id,
        of.multi_event.id,
        event.venue,
        event.name,
        Micros(event.event_date),
        Micros(event.sale_date),
    ])?;
    let mut insert_category = transaction.prepare_cached(TICKET_CATEGORY)?;
    for category in &event.categories {
        insert_category.execute(params![event.id, category.category, category.price])?;
    }
    Ok(())
}

fn in_one_commit(
    connection: &mut Connection,
    mark: &LoadMark,
    write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write(&transaction)?;
    transaction.prepare_cached(WRITE_MARK)?.execute(params![
        mark.kind,
        mark.seed.to_string(),
        mark.arguments,
        mark.done as i64,
        mark.finished
    ])?;
    Ok(transaction.commit()?)
}

pub(super) fn reset(connection: &mut Connection, catalogue: bool) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(RESET_SALES)?;
    if catalogue {
        transaction.execute_batch(RESET_CATALOGUE)?;
    }
    Ok(transaction.commit()?)
}
