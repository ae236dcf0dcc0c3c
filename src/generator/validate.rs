//! What is wrong with a configuration document, all of it at once.
//!
//! Each mistake is one sentence, `path: what must be`. Besides plain slips this catches documents that
//! would draw nothing (no weight, an empty range), tickets that nobody could buy (a tier without a
//! price), and sizes that would not fit in memory or in a ticket's id.

use std::collections::BTreeMap;

use super::config::{Document, MultiEventType, NameParts, Span, VenueType, split_place, tier_of};

/// A hundred years.
const MAX_DATE_RANGE_DAYS: u32 = 36_500;
/// A ticket's id has three bytes for the seat.
const MAX_CATEGORY_SEATS: u32 = 0x00ff_ffff;
/// Each seat is drawn, so a venue must end.
const MAX_VENUE_SEATS: u64 = 10_000_000;
/// A multi-event is made in memory as a whole.
const MAX_EVENTS: u64 = 10_000;
/// A price in whole units, so that sums stay far from the end of 64 bits.
const MAX_PRICE: u64 = 1_000_000;
/// Of one word or name of the document.
const MAX_CHARS: usize = 50;

/// Every mistake of the document, in its order; none if it is valid.
pub(super) fn mistakes(document: &Document) -> Vec<String> {
    let mut found = Mistakes(Vec::new());
    found.settings(document);
    let venue_weights = document.venue_types.values().map(|kind| kind.weight);
    found.weights("venueTypes", venue_weights);
    for (name, kind) in &document.venue_types {
        found.venue_type(name, kind);
    }
    let multi_event_weights = document.multi_event_types.values().map(|kind| kind.weight);
    found.weights("multiEventTypes", multi_event_weights);
    for (name, kind) in &document.multi_event_types {
        found.multi_event_type(name, kind, &document.venue_types);
    }
    found.0
}

struct Mistakes(Vec<String>);

impl Mistakes {
    /// Notes the sentence unless `ok`.
    fn check(&mut self, ok: bool, path: &str, sentence: &str) {
        if !ok {
            self.0.push(format!("{path}: {sentence}"));
        }
    }

    fn settings(&mut self, document: &Document) {
        let days = document.event_date_range;
        self.check(
            (1..=MAX_DATE_RANGE_DAYS).contains(&days),
            "eventDateRange",
            &format!("must be 1 to {MAX_DATE_RANGE_DAYS} days"),
        );
        let seats = document.max_category_seats;
        self.check(
            (1..=MAX_CATEGORY_SEATS).contains(&seats),
            "maxCategorySeats",
            &format!("must be 1 to {MAX_CATEGORY_SEATS}"),
        );
        self.words("venueWords", &document.venue_words);
    }

    fn venue_type(&mut self, name: &str, kind: &VenueType) {
        let path = format!("venueTypes.{name}");
        self.key(&path, name);
        let factor = kind.configs.values().map(|config| config.seats_factor).max();
        let most = MAX_VENUE_SEATS / u64::from(factor.unwrap_or(1).max(1));
        self.span(&format!("{path}.seats"), kind.seats, most);
        self.check(!kind.configs.is_empty(), &format!("{path}.configs"), "must not be empty");
        for (config_name, config) in &kind.configs {
            let path = format!("{path}.configs.{config_name}");
            self.key(&path, config_name);
            self.check(config.seats_factor > 0, &format!("{path}.seatsFactor"), "must be at least 1");
            self.weights(&format!("{path}.tiers"), config.tiers.values().copied());
            for tier in config.tiers.keys() {
                self.key(&format!("{path}.tiers.{tier}"), tier);
            }
        }
    }

    fn multi_event_type(&mut self, name: &str, kind: &MultiEventType, venues: &BTreeMap<String, VenueType>) {
        let path = format!("multiEventTypes.{name}");
        self.key(&path, name);
        self.span(&format!("{path}.events"), kind.events, MAX_EVENTS);
        self.check(!kind.venues.is_empty(), &format!("{path}.venues"), "must not be empty");
        for (at, place) in kind.venues.iter().enumerate() {
            let entry = format!("{path}.venues[{at}]");
            let twice = kind.venues.iter().take(at).any(|before| before == place);
            self.check(!twice, &entry, "is there twice");
            self.place(&path, &entry, place, kind, venues);
        }
        self.prices(&path, kind, venues);
        self.names(&format!("{path}.names"), &kind.names);
    }

    /// One `type:configuration` of a multi-event type: it exists and all its tiers have a price.
    fn place(
        &mut self,
        path: &str,
        entry: &str,
        place: &str,
        kind: &MultiEventType,
        venues: &BTreeMap<String, VenueType>,
    ) {
        let Some((venue, config)) = split_place(place) else {
            self.check(false, entry, "must be type:configuration, such as club:standard");
            return;
        };
        let Some(venue_type) = venues.get(venue) else {
            self.check(false, entry, &format!("there is no venue type {venue}"));
            return;
        };
        let Some(seating) = venue_type.configs.get(config) else {
            let sentence = format!("venue type {venue} has no configuration {config}");
            self.check(false, entry, &sentence);
            return;
        };
        let prices = kind.prices.get(venue);
        for tier in seating.tiers.keys() {
            let priced = prices.is_some_and(|prices| tier_of(prices, tier).is_some());
            self.check(
                priced,
                &format!("{path}.prices.{venue}.{tier}"),
                &format!("{place} needs a price here"),
            );
        }
    }

    /// The prices themselves, and that none of them is for nothing.
    fn prices(&mut self, path: &str, kind: &MultiEventType, venues: &BTreeMap<String, VenueType>) {
        for (venue, prices) in &kind.prices {
            for (tier, &price) in prices {
                let path = format!("{path}.prices.{venue}.{tier}");
                self.key(&path, tier);
                self.span(&path, price, MAX_PRICE);
                let used = kind
                    .venues
                    .iter()
                    .filter_map(|place| split_place(place))
                    .filter(|(used, _)| used == venue)
                    .filter_map(|(used, config)| venues.get(used)?.configs.get(config))
                    .any(|config| config.tiers.keys().any(|name| name.starts_with(tier.as_str())));
                self.check(used, &path, "no venue of this type has such a tier");
            }
        }
    }

    fn names(&mut self, path: &str, names: &NameParts) {
        self.check(!names.parts.is_empty(), &format!("{path}.parts"), "must not be empty");
        for (at, words) in names.parts.iter().enumerate() {
            self.words(&format!("{path}.parts[{at}]"), words);
        }
        self.word(&format!("{path}.repeat"), &names.repeat);
    }

    fn words(&mut self, path: &str, words: &[String]) {
        self.check(!words.is_empty(), path, "must not be empty");
        for (at, word) in words.iter().enumerate() {
            self.word(&format!("{path}[{at}]"), word);
        }
    }

    fn word(&mut self, path: &str, word: &str) {
        let ok = !word.trim().is_empty()
            && word.chars().count() <= MAX_CHARS
            && !word.chars().any(char::is_control);
        self.check(ok, path, &format!("must be text of 1 to {MAX_CHARS} characters on one line"));
    }

    /// A name that other entries refer to.
    fn key(&mut self, path: &str, key: &str) {
        self.word(path, key);
        self.check(!key.contains(':'), path, "must not contain a colon");
    }

    fn weights(&mut self, path: &str, mut weights: impl Iterator<Item = u32>) {
        self.check(weights.any(|weight| weight > 0), path, "one weight must be above 0");
    }

    /// A range of at least one number, from 1 to `most`.
    fn span(&mut self, path: &str, Span { from, below }: Span, most: u64) {
        self.check(from > 0, path, "must begin at 1 or more");
        self.check(
            from < below,
            path,
            &format!("the lower bound {from} must be below the upper bound {below}"),
        );
        self.check(u64::from(below) <= most + 1, path, &format!("must end at {most} or less"));
    }
}

#[cfg(test)]
mod tests;
