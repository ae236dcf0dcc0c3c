//! Writing a generated catalogue to a store: in batches, with progress, resumable.
//!
//! With every batch the store keeps how far the load is. A load that was interrupted goes on where it
//! stopped when it is run again with the same arguments: the generator is seeded, so what was written
//! is skipped rather than read. Anything else is refused before a half-loaded catalogue becomes a
//! wrong one.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::generator::{self, GeneratorConfig, MultiEvents, Statistics};
use crate::model::{NewMultiEvent, Venue};
use crate::store::{LoadMark, Store, StoreError};

/// Venues in one commit.
const VENUES_A_BATCH: usize = 100;
/// Ticket categories in one batch, or a few more: what a commit on Spanner takes.
const CATEGORIES_A_BATCH: usize = 2_000;
/// Tickets in one batch, or a few more: where a ticket is a row, an interrupted batch is written again.
const TICKETS_A_BATCH: u64 = 100_000;

const VENUES: &str = "venues";
const TICKETS: &str = "tickets";

/// Told how much is written, and how much that will be in all: venues or tickets.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// Venues, or about so many tickets.
    pub count: u64,
    /// Seed of the generator.
    pub seed: u64,
    /// The distributions.
    pub config: GeneratorConfig,
}

/// What a load has written, with what an interrupted run before it had.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What is in the catalogue by this load.
    pub statistics: Statistics,
    /// Why it is less than asked for, if it is.
    pub shortfall: Option<String>,
    /// How many venues or multi-events were there already.
    pub resumed_at: u64,
}

/// Why a load was not made, or not finished.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It does not fit what is in the store.
    #[error("{0}")]
    Refused(String),
    /// The store failed. Run again, the load goes on where it stopped.
    #[error("{0}; run the same command again to go on")]
    Store(#[from] StoreError),
}

/// What decides a catalogue beside kind and seed, as it is kept in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Arguments {
    count: u64,
    /// Hash of the generator's configuration.
    config: String,
    /// Tickets only: from when on events are dated.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Timestamp>,
    /// Tickets only: hash of the ids of all venues.
    #[serde(skip_serializing_if = "Option::is_none")]
    venues: Option<String>,
}

impl Arguments {
    fn of(request: &LoadRequest) -> Self {
        let config = serde_json::to_vec(&request.config).unwrap_or_default();
        Self { count: request.count, config: hash([config.as_slice()]), start: None, venues: None }
    }

    fn mark(&self, kind: &str, seed: u64, done: u64, finished: bool) -> LoadMark {
        let arguments = serde_json::to_string(self).unwrap_or_default();
        LoadMark { kind: kind.to_owned(), seed, arguments, done, finished }
    }
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Loads the first `count` venues of the seed.
///
/// # Errors
/// [`LoadError::Refused`] where venues of this seed are there already, or another load is not finished.
pub async fn load_venues(
    store: &Arc<dyn Store>,
    request: &LoadRequest,
    progress: Progress<'_>,
) -> Result<Loaded, LoadError> {
    let arguments = Arguments::of(request);
    let before = begin(store, VENUES, request, |stored| *stored == arguments).await?;
    let resumed_at = before.map_or(0, |mark| mark.done);
    let mut venues = generator::venues(&request.config, request.seed).take(request.count as usize);
    let mut statistics = Statistics::default();
    venues.by_ref().take(resumed_at as usize).for_each(|venue| statistics.add_venue(&venue));
    let mut done = resumed_at;
    while done < request.count {
        let batch: Vec<Venue> = venues.by_ref().take(VENUES_A_BATCH).collect();
        batch.iter().for_each(|venue| statistics.add_venue(venue));
        done += batch.len() as u64;
        let mark = arguments.mark(VENUES, request.seed, done, done == request.count);
        store.load_venues(mark, batch).await?;
        progress(done, request.count);
    }
    Ok(Loaded { statistics, shortfall: None, resumed_at })
}

/// Loads multi-events at the venues of the store until they sell about `count` tickets, dated from
/// `start` on (an interrupted load keeps its own).
///
/// # Errors
/// [`LoadError::Refused`] where there are no venues, tickets of this seed are there already, or another
/// load is not finished.
pub async fn load_tickets(
    store: &Arc<dyn Store>,
    request: &LoadRequest,
    start: Timestamp,
    progress: Progress<'_>,
) -> Result<Loaded, LoadError> {
    let venues = store.venues().await?;
    if venues.is_empty() {
        return Err(LoadError::Refused("there are no venues: run `tsctl load venues N` first".to_owned()));
    }
    let venues_hash = hash(venues.iter().map(|venue| venue.id.as_bytes().as_slice()));
    let mut arguments = Arguments { venues: Some(venues_hash), start: Some(start), ..Arguments::of(request) };
    let same = |stored: &Arguments| Arguments { start: arguments.start, ..stored.clone() } == arguments;
    let before = begin(store, TICKETS, request, same).await?;
    if let Some(begun) =
        before.as_ref().and_then(|mark| serde_json::from_str::<Arguments>(&mark.arguments).ok())
    {
        arguments.start = begun.start.or(arguments.start);
    }
    let resumed_at = before.map_or(0, |mark| mark.done);
    let start = arguments.start.unwrap_or(start);
    let mut multi_events = MultiEvents::new(&request.config, request.seed, start, venues, request.count)
        .map_err(LoadError::Refused)?;
    let mut statistics = Statistics::default();
    multi_events.by_ref().take(resumed_at as usize).for_each(|new| statistics.add_multi_event(&new));
    let mut done = resumed_at;
    let mut next = multi_events.next();
    if next.is_none() && done == 0 {
        let why = multi_events.shortfall().unwrap_or_else(|| "there is nothing to load".to_owned());
        return Err(LoadError::Refused(why));
    }
    while let Some(first) = next {
        let batch = batch(first, &mut multi_events);
        batch.iter().for_each(|new| statistics.add_multi_event(new));
        done += batch.len() as u64;
        next = multi_events.next();
        let mark = arguments.mark(TICKETS, request.seed, done, next.is_none());
        store.load_multi_events(mark, batch).await?;
        progress(statistics.num_tickets, request.count);
    }
    Ok(Loaded { statistics, shortfall: multi_events.shortfall(), resumed_at })
}

fn batch(first: NewMultiEvent, more: &mut MultiEvents) -> Vec<NewMultiEvent> {
    let categories =
        |new: &NewMultiEvent| new.events.iter().map(|event| event.categories.len()).sum::<usize>();
    let (mut size, mut tickets) = (categories(&first), first.tickets());
    let mut batch = vec![first];
    while size < CATEGORIES_A_BATCH && tickets < TICKETS_A_BATCH {
        let Some(new) = more.next() else { break };
        size += categories(&new);
        tickets += new.tickets();
        batch.push(new);
    }
    batch
}

/// The mark of the interrupted load that this one goes on with, or none for a new one.
async fn begin(
    store: &Arc<dyn Store>,
    kind: &str,
    request: &LoadRequest,
    same: impl Fn(&Arguments) -> bool,
) -> Result<Option<LoadMark>, LoadError> {
    let loads = store.loads().await?;
    if let Some(half) = loads.iter().find(|mark| !mark.finished) {
        let stored: Option<Arguments> = serde_json::from_str(&half.arguments).ok();
        let goes_on = half.kind == kind && half.seed == request.seed && stored.as_ref().is_some_and(&same);
        if goes_on {
            return Ok(Some(half.clone()));
        }
        let count = stored.map_or(0, |stored| stored.count);
        return Err(LoadError::Refused(format!(
            "a load is half done: finish it with `tsctl load {} {count} --seed {}` and the same configuration, \
             or begin anew after `tsctl reset --catalogue`",
            half.kind, half.seed
        )));
    }
    if loads.iter().any(|mark| mark.kind == kind && mark.seed == request.seed) {
        return Err(LoadError::Refused(format!(
            "{kind} of seed {} are loaded already: choose another --seed for more",
            request.seed
        )));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{self, Access, StoreLocation};

    async fn new_store() -> (tempfile::TempDir, Arc<dyn Store>) {
        let directory = tempfile::tempdir().unwrap();
        let location = StoreLocation::Sqlite { path: directory.path().join("ticketshop.db") };
        let store = store::open(&location, Access::Maintain).await.unwrap();
        (directory, store)
    }

    fn request(count: u64, seed: u64) -> LoadRequest {
        LoadRequest { count, seed, config: GeneratorConfig::default() }
    }

    fn start() -> Timestamp {
        "2027-01-01T00:00:00Z".parse().unwrap()
    }

    async fn venues(store: &Arc<dyn Store>, count: u64, seed: u64) -> Result<Loaded, LoadError> {
        load_venues(store, &request(count, seed), &mut |_, _| ()).await
    }

    async fn tickets(store: &Arc<dyn Store>, count: u64, seed: u64) -> Result<Loaded, LoadError> {
        load_tickets(store, &request(count, seed), start(), &mut |_, _| ()).await
    }

    #[tokio::test]
    async fn what_is_loaded_is_what_is_told() {
        let (_directory, store) = new_store().await;
        assert_eq!(venues(&store, 150, 1).await.unwrap().statistics.num_venues, 150);
        let mut told = Vec::new();
        let loaded = load_tickets(&store, &request(300_000, 1), start(), &mut |done, _| told.push(done))
            .await
            .unwrap();
        let size = store.catalogue_size().await.unwrap();
        assert_eq!((size.venues, size.tickets), (150, loaded.statistics.num_tickets));
        assert_eq!(size.events, loaded.statistics.num_events);
        assert!((285_000..=315_000).contains(&size.tickets));
        assert_eq!(told.last(), Some(&size.tickets));
    }

    /// Begins a load as far as one batch of what the whole load would write.
    async fn interrupt(store: &Arc<dyn Store>, kind: &str, request: &LoadRequest) {
        let stored = store.venues().await.unwrap();
        if kind == VENUES {
            let batch: Vec<Venue> = generator::venues(&request.config, request.seed).take(7).collect();
            store
                .load_venues(Arguments::of(request).mark(VENUES, request.seed, 7, false), batch)
                .await
                .unwrap();
            return;
        }
        let venues = Some(hash(stored.iter().map(|venue| venue.id.as_bytes().as_slice())));
        let arguments = Arguments { venues, start: Some(start()), ..Arguments::of(request) };
        let new = MultiEvents::new(&request.config, request.seed, start(), stored, request.count).unwrap();
        let mark = arguments.mark(TICKETS, request.seed, 3, false);
        store.load_multi_events(mark, new.take(3).collect()).await.unwrap();
    }

    #[tokio::test]
    async fn an_interrupted_load_ends_as_an_uninterrupted_one() {
        let (_one, whole) = new_store().await;
        let (_two, halved) = new_store().await;
        venues(&whole, 150, 1).await.unwrap();
        interrupt(&halved, VENUES, &request(150, 1)).await;
        let resumed = venues(&halved, 150, 1).await.unwrap();
        assert_eq!((resumed.resumed_at, resumed.statistics.num_venues), (7, 150));
        assert_eq!(whole.venues().await.unwrap(), halved.venues().await.unwrap());

        let expected = tickets(&whole, 200_000, 5).await.unwrap();
        interrupt(&halved, TICKETS, &request(200_000, 5)).await;
        // Later, with another "now": the load keeps the start that it began with.
        let later = Timestamp::now();
        let resumed = load_tickets(&halved, &request(200_000, 5), later, &mut |_, _| ()).await.unwrap();
        assert_eq!((resumed.resumed_at, resumed.statistics), (3, expected.statistics));
        assert_eq!(whole.events_dates_range().await.unwrap(), halved.events_dates_range().await.unwrap());
        assert_eq!(whole.catalogue_size().await.unwrap(), halved.catalogue_size().await.unwrap());
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_and_writes_nothing() {
        let refusal = async |store: &Arc<dyn Store>, kind: &str, count, seed| {
            let before = store.catalogue_size().await.unwrap();
            let loaded = if kind == VENUES {
                venues(store, count, seed).await
            } else {
                tickets(store, count, seed).await
            };
            assert_eq!(store.catalogue_size().await.unwrap(), before);
            match loaded {
                Err(LoadError::Refused(why)) => why,
                other => panic!("{kind} {count} {seed}: {other:?}"),
            }
        };
        let (_directory, store) = new_store().await;
        assert!(refusal(&store, TICKETS, 1_000, 1).await.contains("load venues"));
        interrupt(&store, VENUES, &request(150, 1)).await;
        for (kind, count, seed) in [(VENUES, 151, 1), (VENUES, 150, 2), (TICKETS, 100_000, 1)] {
            let why = refusal(&store, kind, count, seed).await;
            assert!(why.contains("tsctl load venues 150 --seed 1"), "{why}");
        }
        venues(&store, 150, 1).await.unwrap();
        assert!(refusal(&store, VENUES, 150, 1).await.contains("choose another --seed"));
        assert!(refusal(&store, TICKETS, 1, 1).await.contains("105 %"));
        tickets(&store, 100_000, 1).await.unwrap();
        assert!(refusal(&store, TICKETS, 100_000, 1).await.contains("choose another --seed"));
        tickets(&store, 100_000, 2).await.unwrap();
    }
}
