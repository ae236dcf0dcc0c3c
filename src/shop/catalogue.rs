//! Browsing. Lists and facts may come from the cache; how many seats are left never does.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rand::RngExt;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shop;
use crate::model::{
    CategoryId, DatesRange, EventFacts, EventId, EventSummary, Money, MultiEvent, MultiEventId,
};
use crate::store::Result;

/// Multi-events of a day that are kept in the cache to choose a random window from.
const WINDOW_OF: usize = 2_500;

/// Which part of a long list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// Any: where there are more than fit, a random window of neighbours, which spreads buyers.
    RandomWindow,
    /// From the beginning.
    FromStart,
    /// What follows this one.
    After(MultiEventId),
}

/// A part of the multi-events of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiEventsPage {
    /// The multi-events, ordered by id.
    pub multi_events: Vec<MultiEvent>,
    /// Where the next page begins, if there is one and pages were asked for.
    pub next: Option<MultiEventId>,
}

impl MultiEventsPage {
    /// Most multi-events on one page.
    pub const LIMIT_MAX: usize = 200;
}

/// An event with what is left of it.
#[derive(Debug, Clone)]
pub struct EventDetails {
    /// What does not change of it.
    pub facts: Arc<EventFacts>,
    /// Its categories, in the order of the facts.
    pub categories: Vec<CategoryDetails>,
}

/// A category with what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryDetails {
    /// The category.
    pub id: CategoryId,
    /// Its name.
    pub name: String,
    /// Seats that are not sold.
    pub seats_available: u32,
    /// All its seats; not shown by the API.
    #[serde(skip)]
    pub seats: u32,
    /// Price of one ticket.
    pub price: Money,
}

/// An event as it is shown to people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventReply<'a> {
    /// What the lists show of it.
    #[serde(flatten)]
    pub summary: &'a EventSummary,
    /// What it sells.
    pub categories: &'a [CategoryDetails],
}

impl<'a> From<&'a EventDetails> for EventReply<'a> {
    fn from(event: &'a EventDetails) -> Self {
        Self { summary: &event.facts.summary, categories: &event.categories }
    }
}

impl Shop {
    /// The days of the first and the last event.
    ///
    /// # Errors
    /// [`super::ShopError::NotFound`] where there is no event.
    pub async fn events_dates_range(&self) -> Result<DatesRange> {
        self.store().events_dates_range().await
    }

    /// Multi-events with an event on `day` (UTC; today where none is named) that is on sale, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`super::ShopError::Unavailable`].
    pub async fn multi_events(
        &self,
        day: Option<Date>,
        paging: Paging,
        limit: usize,
    ) -> Result<MultiEventsPage> {
        let day = day.unwrap_or_else(|| Timestamp::now().to_zoned_datetime(TimeZone::UTC).date());
        let after = match paging {
            Paging::RandomWindow => return self.random_window(day, limit).await,
            Paging::FromStart => None,
            Paging::After(id) => Some(id),
        };
        let mut multi_events = self.store().multi_events(day, after, limit + 1).await?;
        let more = multi_events.len() > limit;
        multi_events.truncate(limit);
        let next = multi_events.last().filter(|_| more).map(|last| last.id);
        Ok(MultiEventsPage { multi_events, next })
    }

    async fn random_window(&self, day: Date, limit: usize) -> Result<MultiEventsPage> {
        let ask = || self.store().multi_events(day, None, WINDOW_OF);
        let all = self.0.multi_events.get(day, ask).await?;
        let start = rand::rng().random_range(0..=all.len().saturating_sub(limit));
        let multi_events = all.iter().skip(start).take(limit).cloned().collect();
        Ok(MultiEventsPage { multi_events, next: None })
    }

    /// The events of a multi-event that are on sale, ordered by date.
    ///
    /// # Errors
    /// [`super::ShopError::NotFound`] for an unknown multi-event.
    pub async fn events(&self, multi_event: MultiEventId) -> Result<Arc<Vec<EventSummary>>> {
        self.0.events.get(multi_event, || self.store().events(multi_event)).await
    }

    /// An event, on sale or not, with the seats that are left now.
    ///
    /// # Errors
    /// [`super::ShopError::NotFound`].
    pub async fn event(&self, id: EventId) -> Result<EventDetails> {
        let facts = self.event_facts(id).await?;
        let sold = self.store().seats_sold(id).await?;
        let sold: HashMap<CategoryId, u32> =
            sold.into_iter().map(|sold| (sold.category, sold.sold)).collect();
        let details = |category: &crate::model::CategoryFacts| CategoryDetails {
            id: category.id,
            name: category.name.clone(),
            seats_available: category.seats.saturating_sub(sold.get(&category.id).copied().unwrap_or(0)),
            seats: category.seats,
            price: category.price,
        };
        let categories = facts.categories.iter().map(details).collect();
        Ok(EventDetails { facts, categories })
    }
}
