//! How the seats of a venue become seating categories.

use rand::Rng;

use super::config::SeatingConfig;
use super::draw::Weighted;
use crate::model::{CategoryId, SeatingCategory};

/// The categories of one configuration of a venue with `seats` seats before the configuration's factor.
///
/// The tier of each seat is drawn. A tier of at most `max` seats is one category with the tier's name; a
/// larger one becomes as few as possible, `General 001`, `General 002`, …, whose sizes differ by at most
/// one seat. A tier that no seat fell to has none.
pub(super) fn categories(
    rng: &mut impl Rng,
    config_name: &str,
    config: &SeatingConfig,
    seats: u32,
    max: u32,
) -> Vec<SeatingCategory> {
    let seats = seats.saturating_mul(config.seats_factor);
    let counts = seats_of_tiers(rng, config, seats);
    let mut categories = Vec::new();
    for (tier, count) in config.tiers.keys().zip(counts) {
        let parts = count.div_ceil(max.max(1));
        for (number, seats) in (1..).zip(even_parts(count, parts)) {
            categories.push(SeatingCategory {
                id: CategoryId::random(rng),
                config: config_name.to_owned(),
                name: if parts == 1 { tier.clone() } else { format!("{tier} {number:03}") },
                seats,
            });
        }
    }
    categories
}

/// How many of the seats fall to each tier, in the order of the tiers.
fn seats_of_tiers(rng: &mut impl Rng, config: &SeatingConfig, seats: u32) -> Vec<u32> {
    let tiers = Weighted::new(config.tiers.values().copied());
    let mut counts = vec![0; config.tiers.len()];
    for _ in 0..seats {
        if let Some(count) = counts.get_mut(tiers.draw(rng)) {
            *count += 1;
        }
    }
    counts
}

/// `count` split into so many parts, the larger ones first.
fn even_parts(count: u32, parts: u32) -> impl Iterator<Item = u32> {
    (0..parts).map(move |part| count / parts + u32::from(part < count % parts))
}

#[cfg(test)]
mod tests {
    use super::super::draw::Key;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn drawn(tiers: &[(&str, u32)], factor: u32, seats: u32, max: u32) -> Vec<(String, u32)> {
        let config = SeatingConfig {
            seats_factor: factor,
            tiers: tiers.iter().map(|&(name, weight)| (name.to_owned(), weight)).collect(),
        };
        let mut rng = Key::new("test", 7, b"").stream(0);
        categories(&mut rng, "standard", &config, seats, max)
            .into_iter()
            .map(|category| (category.name, category.seats))
            .collect()
    }

    #[test]
    fn the_factor_multiplies_the_seats() {
        assert_eq!(drawn(&[("General", 1)], 2, 600, 10_000), [("General".to_owned(), 1_200)]);
    }

    #[test]
    fn a_tier_over_the_limit_is_split_evenly() {
        let expected = [("General 001", 8_334), ("General 002", 8_334), ("General 003", 8_333)]
            .map(|(name, seats)| (name.to_owned(), seats));
        assert_eq!(drawn(&[("General", 1)], 1, 25_001, 10_000), expected);
        assert_eq!(drawn(&[("General", 1)], 1, 10_000, 10_000).len(), 1);
        assert_eq!(drawn(&[("General", 1)], 1, 10_001, 10_000).len(), 2);
    }

    #[test]
    fn a_tier_without_seats_has_no_category() {
        let drawn = drawn(&[("General", 1), ("VIP", 0)], 1, 500, 10_000);
        assert_eq!(drawn, [("General".to_owned(), 500)]);
    }

    #[test]
    fn tiers_follow_their_weights() {
        let drawn: BTreeMap<_, _> =
            drawn(&[("General", 75), ("Premium", 20), ("VIP", 5)], 1, 20_000, 100_000).into_iter().collect();
        for (tier, expected) in [("General", 15_000_u32), ("Premium", 4_000), ("VIP", 1_000)] {
            assert!(drawn[tier].abs_diff(expected) < 250, "{drawn:?}");
        }
    }

    proptest! {
        #[test]
        fn no_seat_is_lost(seats in 1u32..3_000, max in 1u32..3_000) {
            let drawn = drawn(&[("General", 9), ("VIP", 1)], 1, seats, max);
            prop_assert_eq!(drawn.iter().map(|(_, seats)| seats).sum::<u32>(), seats);
            prop_assert!(drawn.iter().all(|&(_, seats)| (1..=max).contains(&seats)));
        }
    }
}
