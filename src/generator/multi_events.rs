//! Multi-events at given venues, until they sell about as many tickets as were asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand::Rng;
use sha2::{Digest, Sha256};

use super::GeneratorConfig;
use super::config::{Document, NameParts, Span, split_place, tier_of};
use super::dates::{Calendar, Dates};
use super::draw::{Key, Weighted, within};
use super::names::{event_names, multi_event_name};
use super::stages::{Pool, Stage, draw_stage};
use crate::model::{
    EventId, Money, MultiEvent, MultiEventId, NewEvent, NewMultiEvent, NewTicketCategory, Venue,
};

/// Multi-events that together sell 95 % to 105 % of the tickets asked for.
///
/// Ids, names, places and prices depend on the configuration, the seed, the set of venues and the
/// number of tickets; `start` shifts the dates and nothing else. Another seed, set of venues or number
/// of tickets gives other ids, so that two catalogues can be loaded into one shop.
///
/// One multi-event is drawn at a time, and an event only where it stays within the 105 %, so the
/// iterator always ends. Where no place is small enough before the 95 % are reached, it ends early and
/// [`MultiEvents::shortfall`] says so.
#[derive(Debug, Clone)]
pub struct MultiEvents {
    contents: Key,
    dates: Key,
    /// The number of the multi-event that comes next.
    number: u64,
    kinds: Vec<Kind>,
    calendar: Calendar,
    asked: u64,
    so_far: u64,
}

/// A type of multi-event that some venue suits.
#[derive(Debug, Clone)]
struct Kind {
    weight: u32,
    events: Span,
    /// In whole units, by venue type and tier.
    prices: BTreeMap<String, BTreeMap<String, Span>>,
    names: NameParts,
    /// Where it can take place; none is empty.
    pools: Vec<Pool>,
}

impl MultiEvents {
    /// Prepares a catalogue of about `tickets` tickets whose events begin after `start`.
    ///
    /// # Errors
    /// One sentence when `tickets` is 0 or no multi-event can take place at any of the venues.
    pub fn new(
        config: &GeneratorConfig,
        seed: u64,
        start: Timestamp,
        venues: Vec<Venue>,
        tickets: u64,
    ) -> Result<Self, String> {
        if tickets == 0 {
            return Err("the number of tickets must be at least 1".to_owned());
        }
        if venues.is_empty() {
            return Err("there are no venues for events to take place at".to_owned());
        }
        let document = config.document();
        let identity = identity(&venues, tickets);
        let kinds = kinds(document, venues);
        if kinds.is_empty() {
            return Err(
                "no venue is of a type and configuration that a multi-event can take place at".to_owned()
            );
        }
        Ok(Self {
            contents: Key::new("multi-events", seed, &identity),
            dates: Key::new("dates", seed, &identity),
            number: 0,
            kinds,
            calendar: Calendar::new(start, document.event_date_range, document.all_for_sale_now),
            asked: tickets,
            so_far: 0,
        })
    }

    /// How many tickets the multi-events returned so far sell.
    #[must_use]
    pub fn tickets_so_far(&self) -> u64 {
        self.so_far
    }

    /// Why no more multi-events come although the tickets are fewer than 95 % of those asked for; none
    /// where more come or the 95 % are reached.
    #[must_use]
    pub fn shortfall(&self) -> Option<String> {
        let smallest = self.kinds.iter().filter_map(Kind::smallest).min()?;
        (!self.is_enough(0) && smallest > self.room(0)).then(|| {
            format!(
                "only {} of {} tickets: the smallest place for another event has {smallest} seats, which would pass 105 %",
                self.so_far, self.asked
            )
        })
    }

    /// Whether 95 % are reached, with `drawn` tickets that are not counted yet.
    fn is_enough(&self, drawn: u64) -> bool {
        self.so_far.saturating_add(drawn) >= self.asked - self.asked / 20
    }

    /// How many tickets stay within 105 %, after `drawn` that are not counted yet.
    fn room(&self, drawn: u64) -> u64 {
        let most = self.asked.saturating_add(self.asked / 20);
        most.saturating_sub(self.so_far).saturating_sub(drawn)
    }

    fn compose(&self) -> Option<NewMultiEvent> {
        let mut rng = self.contents.stream(self.number);
        let kind = self.draw_kind(&mut rng)?;
        let id = MultiEventId::random(&mut rng);
        let name = multi_event_name(&mut rng, &kind.names);
        let stages = self.draw_stages(kind, &mut rng);
        let dates = self.calendar.draw(&mut self.dates.stream(self.number), stages.len());
        let countries = stages.iter().map(|stage| stage.country);
        let events = event_names(&name, &kind.names.repeat, countries)
            .into_iter()
            .zip(stages.iter().zip(dates))
            .map(|(name, (stage, dates))| kind.event(&mut rng, name, stage, dates))
            .collect();
        let multi_event = MultiEvent { id, name };
        Some(NewMultiEvent { multi_event, events })
    }

    /// A type, by weight, among those with a place that still fits.
    fn draw_kind(&self, rng: &mut impl Rng) -> Option<&Kind> {
        let room = self.room(0);
        let fits = |kind: &Kind| kind.smallest().is_some_and(|tickets| tickets <= room);
        let weights = self.kinds.iter().map(|kind| if fits(kind) { kind.weight } else { 0 });
        self.kinds.get(Weighted::new(weights).draw(rng))
    }

    /// Where the events take place: as many as are drawn, fewer where the tickets suffice before.
    fn draw_stages<'a>(&self, kind: &'a Kind, rng: &mut impl Rng) -> Vec<&'a Stage> {
        let mut tickets = 0;
        let mut stages = Vec::new();
        for _ in 0..within(rng, kind.events) {
            if self.is_enough(tickets) {
                break;
            }
            let Some(stage) = draw_stage(rng, &kind.pools, self.room(tickets)) else {
                break;
            };
            tickets = tickets.saturating_add(stage.tickets);
            stages.push(stage);
        }
        stages
    }
}

impl Iterator for MultiEvents {
    type Item = NewMultiEvent;

    fn next(&mut self) -> Option<NewMultiEvent> {
        if self.is_enough(0) {
            return None;
        }
        let multi_event = self.compose()?;
        self.number += 1;
        self.so_far = self.so_far.saturating_add(multi_event.tickets());
        Some(multi_event)
    }
}

impl std::iter::FusedIterator for MultiEvents {}

impl Kind {
    /// The tickets of the smallest place.
    fn smallest(&self) -> Option<u64> {
        self.pools.iter().filter_map(Pool::smallest).min()
    }

    fn event(&self, rng: &mut impl Rng, name: String, stage: &Stage, dates: Dates) -> NewEvent {
        let id = EventId::random(rng);
        let prices = self.prices.get(&stage.kind);
        let categories = stage.blocks.iter().filter_map(|block| {
            Some(NewTicketCategory {
                category: block.category,
                seats: block.seats,
                price: price(rng, *tier_of(prices?, &block.name)?),
            })
        });
        NewEvent {
            id,
            venue: stage.venue,
            name,
            event_date: dates.event,
            sale_date: dates.sale,
            categories: categories.collect(),
        }
    }
}

/// A whole number of units of the range, less five hundredths: 49.95.
fn price(rng: &mut impl Rng, units: Span) -> Money {
    Money::from_minor(i64::from(within(rng, units)) * 100 - 5)
}

/// The types with a weight and a place.
fn kinds(document: &Document, venues: Vec<Venue>) -> Vec<Kind> {
    let pools = Pool::all(venues, &document.venue_types);
    let pool_of = |place: &String| {
        let (venue, config) = split_place(place)?;
        pools.get(&(venue.to_owned(), config.to_owned())).cloned()
    };
    let kinds = document.multi_event_types.values().map(|kind| Kind {
        weight: kind.weight,
        events: kind.events,
        prices: kind.prices.clone(),
        names: kind.names.clone(),
        pools: kind.venues.iter().filter_map(pool_of).collect(),
    });
    kinds.filter(|kind| kind.weight > 0 && !kind.pools.is_empty()).collect()
}

/// Bytes that differ between sets of venues and numbers of tickets.
fn identity(venues: &[Venue], tickets: u64) -> Vec<u8> {
    let mut ids: Vec<_> = venues.iter().map(|venue| venue.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut hash = Sha256::new();
    hash.update(tickets.to_be_bytes());
    for id in ids {
        hash.update(id.as_bytes());
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests;
