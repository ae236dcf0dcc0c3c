//! What a load produced, counted while it runs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Money, NewMultiEvent, Venue};

/// Counts of the venues and multi-events that were added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Venues added.
    pub num_venues: u64,
    /// Venues and their seats, by the kind of the venue.
    pub venue_kinds: BTreeMap<String, KindStatistics>,
    /// Multi-events added.
    pub num_multi_events: u64,
    /// Their events.
    pub num_events: u64,
    /// The tickets of the events: one for each seat.
    pub num_tickets: u64,
    /// What all tickets together cost.
    pub sum_ticket_prices: Money,
    /// How many multi-events have this many events.
    pub events_per_multi_event: BTreeMap<u64, u64>,
}

/// The venues of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindStatistics {
    /// How many there are.
    pub venues: u64,
    /// Their seats, each venue in the configuration with the most.
    pub seats: u64,
}

impl Statistics {
    /// Counts a venue.
    pub fn add_venue(&mut self, venue: &Venue) {
        self.num_venues += 1;
        let kind = self.venue_kinds.entry(venue.kind.clone()).or_default();
        kind.venues += 1;
        kind.seats += most_seats(venue);
    }

    /// Counts a multi-event with its events and tickets.
    pub fn add_multi_event(&mut self, multi_event: &NewMultiEvent) {
        let events = multi_event.events.len() as u64;
        self.num_multi_events += 1;
        self.num_events += events;
        self.num_tickets += multi_event.tickets();
        *self.events_per_multi_event.entry(events).or_default() += 1;
        for category in multi_event.events.iter().flat_map(|event| &event.categories) {
            let price = category.price.times(category.seats).minor();
            let sum = self.sum_ticket_prices.minor().saturating_add(price);
            self.sum_ticket_prices = Money::from_minor(sum);
        }
    }
}

/// The seats of the venue's largest configuration.
fn most_seats(venue: &Venue) -> u64 {
    let mut seats: BTreeMap<&str, u64> = BTreeMap::new();
    for category in &venue.categories {
        *seats.entry(&category.config).or_default() += u64::from(category.seats);
    }
    seats.into_values().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{GeneratorConfig, MultiEvents, venues};
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn the_numbers_are_those_of_the_items() {
        let config = GeneratorConfig::default();
        let venues: Vec<Venue> = venues(&config, 1).take(60).collect();
        let mut multi_events =
            MultiEvents::new(&config, 1, Timestamp::UNIX_EPOCH, venues.clone(), 50_000).unwrap();
        let mut statistics = Statistics::default();
        venues.iter().for_each(|venue| statistics.add_venue(venue));
        let items: Vec<NewMultiEvent> = multi_events.by_ref().collect();
        items.iter().for_each(|item| statistics.add_multi_event(item));
        assert_eq!(statistics.num_venues, 60);
        assert_eq!(statistics.venue_kinds.values().map(|kind| kind.venues).sum::<u64>(), 60);
        assert_eq!(statistics.num_multi_events, items.len() as u64);
        assert_eq!(statistics.num_tickets, multi_events.tickets_so_far());
        let events: u64 =
            statistics.events_per_multi_event.iter().map(|(events, times)| events * times).sum();
        assert_eq!(statistics.num_events, events);
        let average = statistics.sum_ticket_prices.minor() as u64 / statistics.num_tickets;
        assert!((995..50_000).contains(&average), "{average}");
    }

    #[test]
    fn a_venue_counts_its_largest_configuration() {
        let arena = venues(&GeneratorConfig::default(), 1).find(|venue| venue.kind == "arena").unwrap();
        let concert = arena.categories.iter().filter(|category| category.config == "concert");
        let seats = concert.map(|category| u64::from(category.seats)).sum();
        let mut statistics = Statistics::default();
        statistics.add_venue(&arena);
        assert_eq!(statistics.venue_kinds["arena"], KindStatistics { venues: 1, seats });
    }

    #[test]
    fn the_json_has_the_names_of_the_demo() {
        let json = serde_json::to_string(&Statistics::default()).unwrap();
        assert_eq!(
            json,
            r#"{"numVenues":0,"venueKinds":{},"numMultiEvents":0,"numEvents":0,"numTickets":0,"sumTicketPrices":0.00,"eventsPerMultiEvent":{}}"#
        );
    }
}
