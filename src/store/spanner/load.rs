//! Loading the catalogue, and emptying the store.
//!
//! Tickets are written first, in many commits at once; what makes them visible, events and categories,
//! comes last, in one commit with the mark. An interrupted batch has so sold nothing yet and is simply
//! written again as it was.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use google_cloud_spanner::mutation::Mutation;
use google_cloud_spanner::statement::Statement;

use super::connection::{Connection, Freshness, READ_TIME, Work, backoff, retries, tag};
use super::inventory::SHARD_SEATS;
use super::rows::{self, COMMIT_TIMESTAMP, Columns};
use crate::model::{CategoryId, EventId, NewEvent, NewMultiEvent, TicketId, Venue};
use crate::store::{LoadMark, Result, StoreError};

const LOADS: &str = include_str!("queries/loads.sql");
const RESET_TICKETS: &str = include_str!("queries/reset_tickets.sql");
const RESET_COUNTERS: &str = include_str!("queries/reset_counters.sql");

/// Most mutations that Spanner takes in one commit: columns of rows, and entries of indexes, by
/// cloud.google.com/spanner/quotas.
const MUTATIONS_MAX: usize = 80_000;
/// What commits of tickets keep to. A commit of 1 to 5 MB is what Google recommends for bulk loads; a
/// ticket is about 200 bytes.
const MUTATIONS_A_COMMIT: usize = 40_000;
/// Mutations of a ticket: six columns, and the five of its entry in TicketsAvailable.
const MUTATIONS_A_TICKET: usize = 11;
/// Mutations of a counter.
const MUTATIONS_A_COUNTER: usize = 4;
/// How often a commit of a load is tried; writing the same rows again does no harm.
const TRIES: usize = 5;

pub(super) async fn loads(connection: &Connection) -> Result<Vec<LoadMark>> {
    let statement = connection.statement(LOADS, "loads", Work::Bulk);
    connection
        .query(Freshness::Strong, statement, |mut row| {
            Ok(LoadMark {
                kind: row.text()?.to_owned(),
                seed: row.text()?.parse().unwrap_or_default(),
                arguments: row.text()?.to_owned(),
                done: row.number()?,
                finished: Columns::boolean(&mut row)?,
            })
        })
        .await
}

pub(super) async fn load_venues(connection: &Connection, mark: &LoadMark, venues: &[Venue]) -> Result<()> {
    let mut venues: Vec<&Venue> = venues.iter().collect();
    venues.sort_by_key(|venue| venue.id);
    let mut mutations: Vec<Mutation> = venues.into_iter().flat_map(venue_rows).collect();
    mutations.push(mark_row(mark));
    commit(connection, "load", mutations).await
}

fn venue_rows(venue: &Venue) -> Vec<Mutation> {
    let id = venue.id.to_string();
    let mut rows = vec![
        Mutation::new_insert_or_update_builder("Venue")
            .set("VenueId")
            .to(id.clone())
            .set("VenueName")
            .to(venue.name.clone())
            .set("VenueType")
            .to(venue.kind.clone())
            .set("CountryCode")
            .to(venue.country.as_str().to_owned())
            .build(),
    ];
    rows.extend(venue.categories.iter().map(|category| {
        Mutation::new_insert_or_update_builder("SeatingCategory")
            .set("VenueId")
            .to(id.clone())
            .set("CategoryId")
            .to(category.id.to_string())
            .set("VenueConfig")
            .to(category.config.clone())
            .set("CategoryName")
            .to(category.name.clone())
            .set("Seats")
            .to(i64::from(category.seats))
            .build()
    }));
    rows
}

pub(super) async fn load_multi_events(
    connection: &Connection,
    mark: &LoadMark,
    multi_events: &[NewMultiEvent],
) -> Result<()> {
    stream::iter(ticket_commits(multi_events))
        .map(|shards| async move {
            let rows = shards.iter().flat_map(Shard::rows).collect();
            commit(connection, "load_tickets", rows).await
        })
        .buffer_unordered(connection.settings.load_parallel)
        .try_collect::<()>()
        .await?;
    let mut rows: Vec<Mutation> = multi_events.iter().flat_map(multi_event_rows).collect();
    rows.push(mark_row(mark));
    commit(connection, "load", rows).await
}

/// A counter with its tickets.
#[derive(Clone, Copy)]
struct Shard {
    event: EventId,
    category: CategoryId,
    /// Seats of the category.
    seats: u32,
    no: u32,
}

/// All shards in the order of their keys, as many in a commit as it takes.
fn ticket_commits(multi_events: &[NewMultiEvent]) -> Vec<Vec<Shard>> {
    let mut shards: Vec<Shard> = Vec::new();
    for event in multi_events.iter().flat_map(|new| &new.events) {
        for category in &event.categories {
            let (event, seats, category) = (event.id, category.seats, category.category);
            shards.extend((0..seats.div_ceil(SHARD_SEATS)).map(|no| Shard { event, category, seats, no }));
        }
    }
    shards.sort_by_key(|shard| (shard.event, shard.category, shard.no));
    let mutations_a_shard = MUTATIONS_A_COUNTER + SHARD_SEATS as usize * MUTATIONS_A_TICKET;
    shards.chunks(MUTATIONS_A_COMMIT / mutations_a_shard).map(<[_]>::to_vec).collect()
}

impl Shard {
    fn rows(&self) -> Vec<Mutation> {
        let base = TicketId::base(self.event, self.category);
        let first = self.no * SHARD_SEATS + 1;
        let last = (first + SHARD_SEATS - 1).min(self.seats);
        let mut rows = vec![self.row("SoldTicketsCounter").set("Sold").to(0_i64).build()];
        rows.extend((first..=last).map(|seat| {
            self.row("Ticket")
                .set("SeqNo")
                .to(i64::from(seat))
                .set("TicketId")
                .to(base.with_seat(seat).to_string())
                .set("Available")
                .to(true)
                .build()
        }));
        rows
    }

    /// A row of a table that has the keys of a shard.
    fn row(&self, table: &str) -> google_cloud_spanner::mutation::WriteBuilder {
        Mutation::new_insert_or_update_builder(table)
            .set("EventId")
            .to(self.event.to_string())
            .set("CategoryId")
            .to(self.category.to_string())
            .set("Shard")
            .to(i64::from(self.no))
    }
}

fn multi_event_rows(new: &NewMultiEvent) -> Vec<Mutation> {
    let mut rows = vec![
        Mutation::new_insert_or_update_builder("MultiEvent")
            .set("MultiEventId")
            .to(new.multi_event.id.to_string())
            .set("Name")
            .to(new.multi_event.name.clone())
            .build(),
    ];
    rows.extend(new.events.iter().flat_map(|event| event_rows(new, event)));
    rows
}

fn event_rows(of: &NewMultiEvent, event: &NewEvent) -> Vec<Mutation> {
    let id = event.id.to_string();
    let mut rows = vec![
        Mutation::new_insert_or_update_builder("Event")
            .set("EventId")
            .to(id.clone())
            .set("MultiEventId")
            .to(of.multi_event.id.to_string())
            .set("VenueId")
            .to(event.venue.to_string())
            .set("EventName")
            .to(event.name.clone())
            .set("EventDate")
            .to(rows::time(event.event_date))
            .set("SaleDate")
            .to(rows::time(event.sale_date))
            .build(),
    ];
    rows.extend(event.categories.iter().map(|category| {
        Mutation::new_insert_or_update_builder("TicketCategory")
            .set("EventId")
            .to(id.clone())
            .set("CategoryId")
            .to(category.category.to_string())
            .set("Price")
            .to(category.price.minor())
            .build()
    }));
    rows
}

fn mark_row(mark: &LoadMark) -> Mutation {
    Mutation::new_insert_or_update_builder("Load")
        .set("Kind")
        .to(mark.kind.clone())
        .set("Seed")
        .to(mark.seed.to_string())
        .set("Arguments")
        .to(mark.arguments.clone())
        .set("Done")
        .to(i64::try_from(mark.done).unwrap_or(i64::MAX))
        .set("Finished")
        .to(mark.finished)
        .set("WrittenAt")
        .to(COMMIT_TIMESTAMP.to_owned())
        .build()
}

/// Writes rows in one commit. They may be written twice where an answer was lost, which is why only a
/// load does it this way: its rows are the same each time.
async fn commit(connection: &Connection, action: &str, mutations: Vec<Mutation>) -> Result<()> {
    // The largest row has eight columns and two index entries of four.
    if mutations.len() > MUTATIONS_MAX / 16 && mutations.len() * MUTATIONS_A_TICKET > MUTATIONS_MAX {
        return Err(StoreError::unavailable(format!("{} rows are too many for one commit", mutations.len())));
    }
    let mut result = Ok(());
    for _ in 0..TRIES {
        let mut writer = connection
            .database
            .write_only_transaction()
            .set_transaction_tag(tag(action))
            .set_commit_priority(connection.priority(Work::Bulk))
            .with_commit_retry_policy(retries(READ_TIME))
            .with_commit_backoff_policy(backoff());
        if !connection.settings.load_commit_delay.is_zero() {
            writer = writer.set_max_commit_delay(connection.settings.load_commit_delay);
        }
        match writer.build().write_at_least_once(mutations.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) => {
                let again = !super::error::commit_is_undone(&error);
                result = Err(error.into());
                if !again {
                    break;
                }
            }
        }
    }
    result
}

/// Deletes by partitioned DML, which has no limit of rows; what was interrupted is finished by the next
/// reset.
pub(super) async fn reset(connection: &Connection, catalogue: bool) -> Result<()> {
    let mut statements = vec![
        ("Sale", "DELETE FROM Sale WHERE TRUE"),
        ("Account", "DELETE FROM Account WHERE TRUE"),
        ("Ticket", RESET_TICKETS),
        ("SoldTicketsCounter", RESET_COUNTERS),
    ];
    if catalogue {
        statements.extend([
            ("TicketCategory", "DELETE FROM TicketCategory WHERE TRUE"),
            ("Event", "DELETE FROM Event WHERE TRUE"),
            ("MultiEvent", "DELETE FROM MultiEvent WHERE TRUE"),
            ("Ticket", "DELETE FROM Ticket WHERE TRUE"),
            ("SoldTicketsCounter", "DELETE FROM SoldTicketsCounter WHERE TRUE"),
            ("SeatingCategory", "DELETE FROM SeatingCategory WHERE TRUE"),
            ("Venue", "DELETE FROM Venue WHERE TRUE"),
            ("Load", "DELETE FROM Load WHERE TRUE"),
        ]);
    }
    for (_, sql) in statements {
        let statement = Statement::builder(sql)
            .set_request_tag(tag("reset"))
            .set_priority(connection.priority(Work::Bulk));
        connection.database.partitioned_dml_transaction().build().execute_update(statement).await?;
    }
    Ok(())
}
