//! The use cases of the shop, the same for the API and the command line.
//!
//! Every method carries the name of the route and of the store's method that it joins. Here live the
//! rules that need no rows, the cache of event look-ups, and the joining of a sale with the names that
//! people want to see.

mod accounts;
mod buyers;
mod catalogue;
mod finish;
mod offer;
mod purchase;

use std::sync::Arc;
use std::time::Duration;

use self::buyers::Buyers;
use crate::cache::FlightCache;
use crate::metrics::{Metrics, Readings};
use crate::model::{EventFacts, EventId, EventSummary, MultiEvent, MultiEventId};
use crate::store::{Result, Store};
use jiff::civil::Date;

pub use accounts::{AccountDetails, SALES_MAX};
pub use catalogue::{CategoryDetails, EventDetails, EventReply, MultiEventsPage, Paging};
pub use offer::Offer;
pub use purchase::{Receipt, SaleDetails, Ticket, Wish};

/// Between store and shop nothing happens that a caller could tell apart, so they share one error.
pub use crate::store::StoreError as ShopError;

pub use crate::cache::CacheSettings;

/// How long the store may take to say that it is ready, where the answer is only shown.
const READY_TIME: Duration = Duration::from_secs(1);

/// The shop: cheap to clone, one for each process.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    metrics: Metrics,
    buyers: Buyers,
    /// What does not change of an event.
    event_facts: FlightCache<EventId, EventFacts>,
    /// The events on sale of a multi-event.
    events: FlightCache<MultiEventId, Vec<EventSummary>>,
    /// The multi-events on sale of a day.
    multi_events: FlightCache<Date, Vec<MultiEvent>>,
}

impl Shop {
    /// A shop that sells from `store`, with metrics of its own.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, cache: CacheSettings) -> Self {
        Self::with_metrics(store, cache, Metrics::new(None))
    }

    /// A shop that sells from `store` and counts what happens in `metrics`.
    #[must_use]
    pub fn with_metrics(store: Arc<dyn Store>, cache: CacheSettings, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            store,
            metrics,
            buyers: Buyers::default(),
            event_facts: FlightCache::new(cache),
            events: FlightCache::new(cache),
            multi_events: FlightCache::new(cache),
        }))
    }

    /// The store it sells from.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Where what happens is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether the store can sell now, and why it cannot. A store that does not answer soon cannot.
    ///
    /// # Errors
    /// [`ShopError::Unavailable`], [`ShopError::Overloaded`].
    pub async fn ready(&self) -> Result<()> {
        let late = |_| Err(ShopError::unavailable("the store does not answer"));
        tokio::time::timeout(READY_TIME, self.store().ready()).await.unwrap_or_else(late)
    }

    /// All metrics, in Prometheus' text format.
    pub async fn metrics_text(&self) -> String {
        let Inner { store, metrics, event_facts, events, multi_events, .. } = &*self.0;
        let caches = [
            ("event", event_facts.counts()),
            ("events", events.counts()),
            ("multi_events", multi_events.counts()),
        ];
        let store_ready = self.ready().await.is_ok();
        metrics.text(&Readings { store_ready, store_queue: store.queue(), caches })
    }

    /// The facts of an event, as the cache or the store has them.
    ///
    /// # Errors
    /// [`ShopError::NotFound`], [`ShopError::Unavailable`].
    pub async fn event_facts(&self, id: EventId) -> Result<Arc<EventFacts>> {
        self.0.event_facts.get(id, || self.0.store.event(id)).await
    }
}
