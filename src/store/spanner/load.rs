//! Loading the catalogue.
//!
//! Tickets are written first, in many commits at once; what makes them visible, events and categories,
//! comes last, in one commit with the mark. An interrupted batch has so sold nothing yet and is simply
//! written again as it was.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use google_cloud_gax::error::rpc::Code;
use google_cloud_spanner::Error;
use google_cloud_spanner::mutation::Mutation;

use super::connection::{Connection, Freshness, Work, tag};
use super::error::{code, commit_is_undone};
use super::retries::{BoundedAborts, backoff, retries};
use super::rows::{self, COMMIT_TIMESTAMP, Columns};
use super::shard::{SHARD_SEATS, Shard};
use crate::model::{NewEvent, NewMultiEvent, TicketId, Venue};
use crate::store::{Cause, LoadMark, Result, StoreError};

const LOADS: &str = include_str!("queries/loads.sql");

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
/// Most mutations of any other row: six columns of an event, six and four of its index entries.
const MUTATIONS_A_ROW_MAX: usize = 16;
/// How often a commit of a load is tried.
const TRIES: usize = 5;
/// How long a commit of a load may take.
const WRITE_TIME: Duration = Duration::from_secs(60);

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
        .map(|shards| insert_shards(connection, shards))
        .buffer_unordered(connection.settings.load_parallel)
        .try_collect::<()>()
        .await?;
    let mut rows: Vec<Mutation> = multi_events.iter().flat_map(multi_event_rows).collect();
    rows.push(mark_row(mark));
    commit(connection, "load", rows).await
}

/// A counter with its tickets.
#[derive(Clone, Copy)]
struct NewShard {
    shard: Shard,
    /// Seats of the category.
    seats: u32,
}

/// All shards in the order of their keys, as many in a commit as it takes.
fn ticket_commits(multi_events: &[NewMultiEvent]) -> Vec<Vec<NewShard>> {
    let mut shards: Vec<NewShard> = Vec::new();
    for event in multi_events.iter().flat_map(|new| &new.events) {
        for category in &event.categories {
            let (event, seats, category) = (event.id, category.seats, category.category);
            let new = |no| NewShard { shard: Shard { event, category, no }, seats };
            shards.extend((0..Shard::count(seats)).map(new));
        }
    }
    shards.sort_by_key(|new| new.shard);
    let mutations_a_shard = MUTATIONS_A_COUNTER + SHARD_SEATS as usize * MUTATIONS_A_TICKET;
    shards.chunks(MUTATIONS_A_COMMIT / mutations_a_shard).map(<[_]>::to_vec).collect()
}

impl NewShard {
    fn rows(&self) -> Vec<Mutation> {
        let Self { shard, seats } = self;
        let base = TicketId::base(shard.event, shard.category);
        let row = |table| shard.columns(Mutation::new_insert_builder(table));
        let mut rows = vec![row("SoldTicketsCounter").set("Sold").to(0_i64).build()];
        rows.extend(Shard::seats(shard.no).take_while(|seat| seat <= seats).map(|seat| {
            row("Ticket")
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

/// Writes rows in one commit, again where the answer was lost: each row is the same whenever it is
/// written, or is an insert, which is done once.
pub(super) async fn commit(connection: &Connection, action: &str, mutations: Vec<Mutation>) -> Result<()> {
    if mutations.len() * MUTATIONS_A_ROW_MAX > MUTATIONS_MAX {
        return Err(StoreError::unavailable(format!("{} rows are too many for one commit", mutations.len())));
    }
    let mut unknown = false;
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match write(connection, action, mutations.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        unknown |= !commit_is_undone(&error);
        if commit_is_undone(&error) || tries == TRIES {
            return Err(if unknown { StoreError::OutcomeUnknown(Arc::new(error)) } else { error.into() });
        }
    }
}

async fn write(
    connection: &Connection,
    action: &str,
    mutations: Vec<Mutation>,
) -> google_cloud_spanner::Result<()> {
    let mut writer = connection
        .database
        .write_only_transaction()
        .set_transaction_tag(tag(action))
        .set_commit_priority(connection.priority(Work::Bulk))
        .with_retry_policy(BoundedAborts::new(WRITE_TIME))
        .with_commit_attempt_timeout(WRITE_TIME)
        .with_commit_retry_policy(retries(WRITE_TIME))
        .with_commit_backoff_policy(backoff());
    if !connection.settings.load_commit_delay.is_zero() {
        writer = writer.set_max_commit_delay(connection.settings.load_commit_delay);
    }
    Box::pin(writer.build().write_at_least_once(mutations)).await.map(|_| ())
}

/// Writes counters with their tickets, each once and for all: a late or second copy must not put a ticket
/// up for sale that was sold meanwhile. What is there already is left as it is; a shard is always written
/// as a whole.
async fn insert_shards(connection: &Connection, shards: Vec<NewShard>) -> Result<()> {
    let rows = |shards: &[NewShard]| shards.iter().flat_map(NewShard::rows).collect();
    if insert(connection, rows(&shards)).await? {
        return Ok(());
    }
    for shard in shards {
        insert(connection, rows(&[shard])).await?;
    }
    Ok(())
}

/// Inserts rows; `false` where one of them is there already.
async fn insert(connection: &Connection, mutations: Vec<Mutation>) -> Result<bool> {
    match commit(connection, "load_tickets", mutations).await {
        Ok(()) => Ok(true),
        Err(StoreError::Unavailable(error) | StoreError::OutcomeUnknown(error)) if already_exists(&error) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn already_exists(error: &Cause) -> bool {
    error.downcast_ref::<Error>().is_some_and(|error| code(error) == Some(Code::AlreadyExists))
}
