//! The use cases of the shop, the same for the API and the command line.
//!
//! Every method carries the name of the route and of the store's method that it joins. Here live the
//! rules that need no rows, the cache of event look-ups, and the joining of a sale with the names that
//! people want to see.

mod accounts;
mod catalogue;
mod offer;
mod purchase;

use std::sync::Arc;

use crate::cache::FlightCache;
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

/// The shop: cheap to clone, one for each process.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    /// What does not change of an event.
    event_facts: FlightCache<EventId, EventFacts>,
    /// The events on sale of a multi-event.
    events: FlightCache<MultiEventId, Vec<EventSummary>>,
    /// The multi-events on sale of a day.
    multi_events: FlightCache<Date, Vec<MultiEvent>>,
}

impl Shop {
    /// A shop that sells from `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, cache: CacheSettings) -> Self {
        Self(Arc::new(Inner {
            store,
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

    /// The facts of an event, as the cache or the store has them.
    ///
    /// # Errors
    /// [`ShopError::NotFound`], [`ShopError::Unavailable`].
    pub async fn event_facts(&self, id: EventId) -> Result<Arc<EventFacts>> {
        self.0.event_facts.get(id, || self.0.store.event(id)).await
    }
}
