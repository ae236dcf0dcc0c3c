//! What a process remembers for its purchases: facts that do not change, and a guess of how full a
//! category is. Neither decides anything: the transaction reads the seats that it sells.

use std::sync::{Arc, Mutex, PoisonError};

use cached::{Cached, LruCache};

use super::connection::Connection;
use super::shard::SHARD_SEATS;
use super::{catalogue, order::Window};
use crate::cache::{CacheSettings, FlightCache};
use crate::model::{CategoryId, EventFacts, EventId};
use crate::store::Result;

/// Categories of which the fill is remembered.
const GUESSES_MAX: usize = 100_000;

/// A whole as [`Guess`] counts it.
const WHOLE: u32 = 1_024;

/// What is remembered.
pub(super) struct Inventory {
    facts: FlightCache<EventId, EventFacts>,
    free: Mutex<LruCache<(EventId, CategoryId), Guess>>,
}

/// Free seats of a category in 1,024ths, as the last windows showed it.
type Guess = u32;

impl Inventory {
    pub(super) fn new(cache: CacheSettings) -> Self {
        Self { facts: FlightCache::new(cache), free: Mutex::new(LruCache::new(GUESSES_MAX)) }
    }

    /// The facts of an event, kept or read.
    pub(super) async fn event(&self, connection: &Connection, id: EventId) -> Result<Arc<EventFacts>> {
        self.facts.get(id, || catalogue::event(connection, id)).await
    }

    /// Forgets all facts: the catalogue has changed.
    pub(super) fn forget(&self) {
        self.facts.clear();
    }

    /// How many shards to look at first, so that they hold about four times what is asked for. A
    /// category that was not looked at yet is taken as empty.
    pub(super) fn shards_for(&self, event: EventId, category: CategoryId, quantity: u32) -> u32 {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = free.cache_get(&(event, category)).copied().unwrap_or(WHOLE).max(1);
        (4 * quantity * WHOLE).div_ceil(SHARD_SEATS * free)
    }

    /// Learns from a window that held `free` free seats.
    pub(super) fn learn(&self, event: EventId, category: CategoryId, window: &Window, free: u32) {
        let seen = (u64::from(free) * u64::from(WHOLE) / u64::from(window.seats().max(1))) as u32;
        let mut guesses = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let before = guesses.cache_get(&(event, category)).copied().unwrap_or(seen);
        // A look at the whole category is the truth; a part of it is one eighth of the next guess.
        let guess = if window.is_whole() { seen } else { (before * 7 + seen) / 8 };
        guesses.cache_set((event, category), guess);
    }
}
