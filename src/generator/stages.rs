//! Venues grouped by what they can be set up as, so that a place for an event is found in one draw.

use std::collections::BTreeMap;

use rand::Rng;

use super::config::{VenueType, tier_of};
use super::draw::below;
use crate::model::{CategoryId, CountryCode, SeatingCategory, Venue, VenueId};

/// A venue in one configuration: what an event takes place in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) venue: VenueId,
    pub(super) country: CountryCode,
    /// The kind of the venue, under which the price lists know it.
    pub(super) kind: String,
    /// All seats of `blocks`, at least 1.
    pub(super) tickets: u64,
    /// Ordered by name; none is empty.
    pub(super) blocks: Vec<Block>,
}

/// A seating category of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) category: CategoryId,
    pub(super) name: String,
    pub(super) seats: u32,
}

/// The stages of one venue type and configuration, ordered by tickets and then by venue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pool(Vec<Stage>);

impl Pool {
    /// The pool of every pair of venue type and configuration that some venue belongs to.
    ///
    /// The order of the venues does not matter, and a venue that is there twice counts once. Venues of a
    /// type, configuration or tier that `types` does not know belong to no pool: nothing prices them.
    pub(super) fn all(
        mut venues: Vec<Venue>,
        types: &BTreeMap<String, VenueType>,
    ) -> BTreeMap<(String, String), Self> {
        venues.sort_by_key(|venue| venue.id);
        venues.dedup_by_key(|venue| venue.id);
        let mut pools: BTreeMap<(String, String), Self> = BTreeMap::new();
        for venue in &venues {
            let Some(venue_type) = types.get(&venue.kind) else {
                continue;
            };
            for (name, config) in &venue_type.configs {
                if let Some(stage) = stage(venue, name, &config.tiers) {
                    let pool = pools.entry((venue.kind.clone(), name.clone())).or_default();
                    pool.0.push(stage);
                }
            }
        }
        for pool in pools.values_mut() {
            // Stable, so that equal sizes stay ordered by venue.
            pool.0.sort_by_key(|stage| stage.tickets);
        }
        pools
    }

    /// The stages with at most this many tickets.
    fn up_to(&self, tickets: u64) -> &[Stage] {
        let count = self.0.partition_point(|stage| stage.tickets <= tickets);
        self.0.get(..count).unwrap_or_default()
    }

    /// How many tickets the smallest stage has.
    pub(super) fn smallest(&self) -> Option<u64> {
        self.0.first().map(|stage| stage.tickets)
    }
}

/// One of the pools' stages with at most `room` tickets, each equally likely; none where all are larger.
pub(super) fn draw_stage<'a>(rng: &mut impl Rng, pools: &'a [Pool], room: u64) -> Option<&'a Stage> {
    let count = |pool: &Pool| pool.up_to(room).len() as u64;
    let mut at = below(rng, pools.iter().map(count).sum());
    for pool in pools {
        let fitting = pool.up_to(room);
        if let Some(stage) = fitting.get(at as usize) {
            return Some(stage);
        }
        at -= fitting.len() as u64;
    }
    None
}

/// The venue in this configuration; none where it has no seats in it or one of an unknown tier.
fn stage(venue: &Venue, config: &str, tiers: &BTreeMap<String, u32>) -> Option<Stage> {
    let mut categories: Vec<&SeatingCategory> =
        venue.categories.iter().filter(|category| category.config == config && category.seats > 0).collect();
    categories.sort_by(|one, two| (&one.name, one.id).cmp(&(&two.name, two.id)));
    if categories.iter().any(|category| tier_of(tiers, &category.name).is_none()) {
        return None;
    }
    let tickets = categories.iter().map(|category| u64::from(category.seats)).sum();
    (tickets > 0).then(|| Stage {
        venue: venue.id,
        country: venue.country,
        kind: venue.kind.clone(),
        tickets,
        blocks: categories.into_iter().map(block).collect(),
    })
}

fn block(category: &SeatingCategory) -> Block {
    Block { category: category.id, name: category.name.clone(), seats: category.seats }
}

#[cfg(test)]
mod tests {
    use super::super::draw::Key;
    use super::super::{GeneratorConfig, venues};
    use super::*;

    fn pools(venues: Vec<Venue>) -> BTreeMap<(String, String), Pool> {
        Pool::all(venues, &GeneratorConfig::default().document().venue_types)
    }

    fn place(kind: &str, config: &str) -> (String, String) {
        (kind.to_owned(), config.to_owned())
    }

    #[test]
    fn order_and_repetition_of_the_venues_do_not_matter() {
        let venues: Vec<Venue> = venues(&GeneratorConfig::default(), 1).take(40).collect();
        let mut other: Vec<Venue> = venues.iter().rev().chain(venues.iter().take(3)).cloned().collect();
        for venue in &mut other {
            venue.categories.reverse();
        }
        assert_eq!(pools(venues), pools(other));
    }

    #[test]
    fn venues_that_nothing_prices_are_left_out() {
        let club = venues(&GeneratorConfig::default(), 1).find(|venue| venue.kind == "club").unwrap();
        let mut attic = club.clone();
        attic.kind = "attic".to_owned();
        let mut box_seats = club.clone();
        box_seats.categories[0].name = "Box".to_owned();
        let mut empty = club.clone();
        empty.categories.clear();
        for venue in [attic, box_seats, empty] {
            assert!(pools(vec![venue]).is_empty());
        }
        assert_eq!(pools(vec![club]).len(), 1);
    }

    #[test]
    fn a_stage_is_drawn_among_those_that_fit() {
        let pools = pools(venues(&GeneratorConfig::default(), 1).take(100).collect());
        let clubs =
            [pools[&place("club", "standard")].clone(), pools[&place("auditorium", "standard")].clone()];
        let smallest = clubs[0].smallest().unwrap();
        let mut rng = Key::new("test", 1, b"").stream(0);
        assert_eq!(draw_stage(&mut rng, &clubs, smallest - 1), None);
        assert_eq!(draw_stage(&mut rng, &clubs, smallest).unwrap().tickets, smallest);
        let mut kinds = BTreeMap::new();
        for _ in 0..500 {
            let stage = draw_stage(&mut rng, &clubs, 800).unwrap();
            assert!(stage.tickets <= 800);
            *kinds.entry(stage.kind.as_str()).or_insert(0) += 1;
        }
        assert_eq!(kinds.len(), 2, "{kinds:?}");
    }
}
