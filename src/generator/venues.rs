//! Venues: an endless list in which number `n` can be drawn without the ones before it.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;

use super::GeneratorConfig;
use super::config::VenueType;
use super::draw::{Key, Weighted, within};
use super::names::{city, venue_name};
use super::seating;
use crate::model::{Country, SeatingCategory, Venue, VenueId, countries};

/// The venues of a seed, first one first.
///
/// Endless and deterministic. Venue `n` depends on `config`, `seed` and `n` alone, and `skip(n)` draws
/// none of the skipped ones, so that a load can go on where it stopped. The countries follow their
/// populations; every venue has at least one seat in each of its configurations.
#[must_use]
pub fn venues(config: &GeneratorConfig, seed: u64) -> Venues {
    let document = config.document();
    let types = &document.venue_types;
    Venues {
        key: Key::new("venues", seed, b""),
        number: 0,
        words: document.venue_words.clone(),
        max_category_seats: document.max_category_seats,
        type_weights: Weighted::new(types.values().map(|kind| kind.weight)),
        types: types.clone(),
        country_weights: Weighted::new(countries().iter().map(|country| country.population)),
    }
}

/// The iterator that [`venues`] returns.
#[derive(Debug, Clone)]
pub struct Venues {
    key: Key,
    /// The number of the venue that comes next.
    number: u64,
    words: Vec<String>,
    max_category_seats: u32,
    types: BTreeMap<String, VenueType>,
    /// In the order of `types`.
    type_weights: Weighted,
    /// In the order of [`countries`].
    country_weights: Weighted,
}

impl Venues {
    /// Venue `number`; none only if there was nothing to choose from, which a valid configuration rules out.
    fn venue(&self, number: u64) -> Option<Venue> {
        let mut rng = self.key.stream(number);
        let id = VenueId::random(&mut rng);
        let (kind, venue_type) = self.types.iter().nth(self.type_weights.draw(&mut rng))?;
        let country: &Country = countries().get(self.country_weights.draw(&mut rng))?;
        Some(Venue {
            id,
            name: venue_name(&mut rng, city(country.code), &self.words, kind),
            kind: kind.clone(),
            country: country.code,
            categories: self.categories(&mut rng, venue_type),
        })
    }

    fn categories(&self, rng: &mut ChaCha8Rng, venue_type: &VenueType) -> Vec<SeatingCategory> {
        let seats = within(rng, venue_type.seats);
        let mut categories = Vec::new();
        for (name, config) in &venue_type.configs {
            categories.extend(seating::categories(rng, name, config, seats, self.max_category_seats));
        }
        categories
    }
}

impl Iterator for Venues {
    type Item = Venue;

    fn next(&mut self) -> Option<Venue> {
        self.nth(0)
    }

    fn nth(&mut self, n: usize) -> Option<Venue> {
        let number = self.number.wrapping_add(n as u64);
        self.number = number.wrapping_add(1);
        self.venue(number)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fingerprint, venue_line};
    use super::*;

    fn of_seed(seed: u64) -> Venues {
        venues(&GeneratorConfig::default(), seed)
    }

    #[test]
    fn the_venues_of_a_seed_never_change() {
        assert_eq!(fingerprint(of_seed(1).take(50).map(|venue| venue_line(&venue))), "906723dca4c23d84");
        assert!(of_seed(1).take(20).eq(of_seed(1).take(20)));
        assert!(of_seed(1).zip(of_seed(2)).take(20).all(|(one, two)| one.id != two.id));
    }

    #[test]
    fn skipping_leads_to_the_same_venue() {
        let plainly: Vec<Venue> = of_seed(3).take(12).collect();
        for (n, venue) in plainly.iter().enumerate() {
            assert_eq!(of_seed(3).nth(n).as_ref(), Some(venue));
            let mut twice = of_seed(3).skip(n / 2).skip(n - n / 2);
            assert_eq!(twice.next().as_ref(), Some(venue));
        }
        assert!(of_seed(3).nth(usize::MAX).is_some());
    }

    #[test]
    fn kinds_and_countries_follow_their_weights() {
        let mut small = super::super::testing::document();
        for kind in small["venueTypes"].as_object_mut().unwrap().values_mut() {
            kind["seats"] = serde_json::json!([1, 2]);
        }
        let config = GeneratorConfig::parse(&small.to_string()).unwrap();
        let (mut kinds, mut places) = (BTreeMap::new(), BTreeMap::new());
        for venue in venues(&config, 1).take(14_600) {
            *kinds.entry(venue.kind).or_insert(0_u32) += 1;
            *places.entry(venue.country).or_insert(0_u32) += 1;
        }
        for (kind, expected) in [("club", 10_000), ("auditorium", 3_000), ("arena", 1_000), ("stadium", 500)]
        {
            assert!(kinds[kind].abs_diff(expected) < expected / 5, "{kinds:?}");
        }
        assert!((60..150).contains(&kinds["fairgrounds"]), "{kinds:?}");
        let people: u64 = countries().iter().map(|country| u64::from(country.population)).sum();
        for country in countries() {
            let expected = (u64::from(country.population) * 14_600 / people) as u32;
            let seen = places.get(&country.code).copied().unwrap_or(0);
            assert!(seen.abs_diff(expected) <= 30 + expected / 5, "{}: {seen}", country.code);
            assert!(country.population > 0 || seen == 0, "{}", country.code);
        }
    }

    #[test]
    fn every_configuration_has_its_seats_in_categories_of_at_most_ten_thousand() {
        for venue in of_seed(5).take(200) {
            let seats = |config: &str| -> u32 {
                let of_config = venue.categories.iter().filter(|category| category.config == config);
                of_config.map(|category| category.seats).sum()
            };
            let bounds = match venue.kind.as_str() {
                "club" => 50..1_000,
                "auditorium" => 500..2_000,
                "arena" => 3_000..10_000,
                "stadium" => 10_000..100_000,
                _ => 200_000..1_000_000,
            };
            if matches!(venue.kind.as_str(), "arena" | "stadium") {
                assert_eq!(seats("concert"), 2 * seats("sports"), "{}", venue.name);
                assert!(bounds.contains(&seats("sports")), "{}", venue.name);
            } else {
                assert!(bounds.contains(&seats("standard")), "{}", venue.name);
            }
            assert!(venue.categories.iter().all(|category| (1..=10_000).contains(&category.seats)));
        }
    }
}
