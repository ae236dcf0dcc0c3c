//! The catalogue: multi-events, events, venues and their categories.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CategoryId, CountryCode, EventId, Money, MultiEventId, VenueId};

/// Whether tickets can be bought at `now`: from `sale_date` until the event begins at `event_date`.
#[must_use]
pub fn is_on_sale(sale_date: Timestamp, event_date: Timestamp, now: Timestamp) -> bool {
    sale_date <= now && now < event_date
}

/// A group of events: a tour, a league.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MultiEvent {
    /// Random.
    pub id: MultiEventId,
    /// What it is called.
    pub name: String,
}

/// The first and the last day (UTC) on which an event begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatesRange {
    /// Day of the first event.
    #[schema(value_type = String, format = Date, example = "2027-01-31")]
    pub from: Date,
    /// Day of the last event.
    #[schema(value_type = String, format = Date, example = "2027-07-31")]
    pub to: Date,
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventSummary {
    /// Random.
    pub id: EventId,
    /// What it is called.
    pub name: String,
    /// Name of the venue.
    pub venue: String,
    /// Country of the venue.
    pub country: CountryCode,
    /// When it begins.
    #[schema(value_type = String, format = DateTime, example = "2027-01-31T19:00:00Z")]
    pub when: Timestamp,
}

/// All of an event that does not change while it sells; safe to cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// What the lists show of it.
    pub summary: EventSummary,
    /// The group it belongs to.
    pub multi_event: MultiEventId,
    /// From when on tickets are sold.
    pub sale_date: Timestamp,
    /// What is on sale, ordered by name.
    pub categories: Vec<CategoryFacts>,
}

impl EventFacts {
    /// The category with this id, if the event sells it.
    #[must_use]
    pub fn category(&self, id: CategoryId) -> Option<&CategoryFacts> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// Whether tickets can be bought at `now`.
    #[must_use]
    pub fn is_on_sale(&self, now: Timestamp) -> bool {
        is_on_sale(self.sale_date, self.summary.when, now)
    }
}

/// A seating category on sale for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryFacts {
    /// The venue's seating category.
    pub id: CategoryId,
    /// What the block of seats is called.
    pub name: String,
    /// How many seats it has, numbered from 1.
    pub seats: u32,
    /// Price of one ticket.
    pub price: Money,
}

/// How many tickets of a category are sold: what changes while the event sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategorySold {
    /// The category.
    pub category: CategoryId,
    /// Tickets sold of it.
    pub sold: u32,
}

/// A place with seats, as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venue {
    /// Random.
    pub id: VenueId,
    /// What it is called.
    pub name: String,
    /// Its kind: `club`, `stadium`, …
    pub kind: String,
    /// Where it stands.
    pub country: CountryCode,
    /// Its blocks of seats, for each configuration that it can be set up in.
    pub categories: Vec<SeatingCategory>,
}

/// A block of seats of a venue in one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatingCategory {
    /// Random.
    pub id: CategoryId,
    /// The configuration it belongs to: `standard`, `concert`, `sports`.
    pub config: String,
    /// What the block is called.
    pub name: String,
    /// How many seats it has.
    pub seats: u32,
}

/// A multi-event with its events, as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMultiEvent {
    /// The group.
    pub multi_event: MultiEvent,
    /// Its events.
    pub events: Vec<NewEvent>,
}

impl NewMultiEvent {
    /// How many tickets its events sell.
    #[must_use]
    pub fn tickets(&self) -> u64 {
        self.events.iter().map(NewEvent::tickets).sum()
    }
}

/// An event as it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Random.
    pub id: EventId,
    /// Where it takes place.
    pub venue: VenueId,
    /// What it is called.
    pub name: String,
    /// When it begins.
    pub event_date: Timestamp,
    /// From when on tickets are sold.
    pub sale_date: Timestamp,
    /// What it sells.
    pub categories: Vec<NewTicketCategory>,
}

impl NewEvent {
    /// How many tickets it sells.
    #[must_use]
    pub fn tickets(&self) -> u64 {
        self.categories.iter().map(|category| u64::from(category.seats)).sum()
    }
}

/// A seating category put on sale for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTicketCategory {
    /// The venue's seating category.
    pub category: CategoryId,
    /// How many seats that has.
    pub seats: u32,
    /// Price of one ticket.
    pub price: Money,
}
