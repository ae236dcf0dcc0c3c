//! Which seats of a category are sold, one bit a seat, and which to sell next.
//!
//! Pure and free of any store: the choice of seats is the same whoever keeps the map.

use super::{SeatRange, SeatRanges};

/// The seats of one category. Bit `n` stands for seat `n + 1` and is set once that is sold; the bits
/// behind the last seat count as sold, so that no search needs to look where the category ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// How many seats there are.
    seats: u32,
    /// How many of them are free.
    free: u32,
    words: Vec<u64>,
}

const WORD: u32 = u64::BITS;

impl SeatMap {
    /// A category with this many seats, all free.
    #[must_use]
    pub fn new(seats: u32) -> Self {
        let mut words = vec![0; seats.div_ceil(WORD) as usize];
        if let (Some(last), used @ 1..) = (words.last_mut(), seats % WORD) {
            *last = u64::MAX << used;
        }
        Self { seats, free: seats, words }
    }

    /// A category with this many seats of which these alone (from 1) are known to be free.
    #[must_use]
    pub fn with_free(seats: u32, free: impl IntoIterator<Item = u32>) -> Self {
        let mut map = Self { seats, free: 0, words: vec![u64::MAX; seats.div_ceil(WORD) as usize] };
        for at in free.into_iter().filter(|seat| (1..=seats).contains(seat)).map(|seat| seat - 1) {
            if let Some(word) = map.words.get_mut((at / WORD) as usize) {
                map.free += (*word >> (at % WORD) & 1) as u32;
                *word &= !(1 << (at % WORD));
            }
        }
        map
    }

    /// The map that [`SeatMap::to_bytes`] wrote for a category with this many seats, or `None` where
    /// the bytes belong to another number of seats.
    #[must_use]
    pub fn from_bytes(seats: u32, bytes: &[u8]) -> Option<Self> {
        let mut map = Self::new(seats);
        if bytes.len() != map.words.len() * 8 {
            return None;
        }
        let mut taken = 0;
        for (word, bytes) in map.words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word |= u64::from_le_bytes(*bytes);
            taken += word.count_ones();
        }
        let behind_the_last = map.words.len() as u32 * WORD - seats;
        map.free = seats - (taken - behind_the_last);
        Some(map)
    }

    /// The bits, little-endian, eight bytes for each 64 seats begun.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// How many seats the category has.
    #[must_use]
    pub const fn seats(&self) -> u32 {
        self.seats
    }

    /// How many seats are free.
    #[must_use]
    pub const fn free(&self) -> u32 {
        self.free
    }

    /// How many seats are sold.
    #[must_use]
    pub const fn sold(&self) -> u32 {
        self.seats - self.free
    }

    /// Whether this seat (from 1) is sold; seats that do not exist count as sold.
    #[must_use]
    pub fn is_sold(&self, seat: u32) -> bool {
        let Some(at) = seat.checked_sub(1) else {
            return true;
        };
        self.words.get((at / WORD) as usize).is_none_or(|word| word >> (at % WORD) & 1 == 1)
    }

    /// Marks one seat (from 1) as sold; `false` where it was sold before or does not exist.
    pub fn take(&mut self, seat: u32) -> bool {
        if self.is_sold(seat) {
            return false;
        }
        let at = seat - 1;
        if let Some(word) = self.words.get_mut((at / WORD) as usize) {
            *word |= 1 << (at % WORD);
            self.free -= 1;
        }
        true
    }

    /// Takes `quantity` (1 to 64) free seats, or none and `None` where fewer are free.
    ///
    /// Neighbours come first: the first run of `quantity` free seats at or after `start` (counted
    /// from 0), wrapping round at the end. Without such a run the group is split into as long runs
    /// as there are.
    pub fn take_neighbours(&mut self, quantity: u32, start: u32) -> Option<SeatRanges> {
        if quantity == 0 || quantity > self.free {
            return None;
        }
        let mut ranges = Vec::with_capacity(1);
        let (mut missing, mut run) = (quantity, quantity);
        while missing > 0 {
            match self.first_run(run, start) {
                Some(at) => {
                    self.take_run(at, run);
                    ranges.push(SeatRange { first: at + 1, last: at + run });
                    missing -= run;
                    run = run.min(missing);
                }
                None => run -= 1,
            }
        }
        Some(SeatRanges::of(ranges))
    }

    fn take_run(&mut self, at: u32, run: u32) {
        for seat in at + 1..=at + run {
            self.take(seat);
        }
    }

    /// Where (from 0) the first run of `run` free seats at or after `start` begins, wrapping round.
    fn first_run(&self, run: u32, start: u32) -> Option<u32> {
        let words = self.words.len();
        let start = start.checked_rem(self.seats)?;
        let (first, skipped) = ((start / WORD) as usize, start % WORD);
        let begin_of =
            |at: usize, begins: u64| (begins != 0).then(|| at as u32 * WORD + begins.trailing_zeros());
        begin_of(first, self.run_begins(first, run) & (u64::MAX << skipped))
            .or_else(|| (first + 1..words).find_map(|at| begin_of(at, self.run_begins(at, run))))
            .or_else(|| (0..=first).find_map(|at| begin_of(at, self.run_begins(at, run))))
    }

    /// The bits of word `at` at which a run of `run` free seats begins; it may reach into the next word.
    fn run_begins(&self, at: usize, run: u32) -> u64 {
        let free = |at: usize| self.words.get(at).map_or(0, |word| !word);
        let low = free(at);
        if low == 0 {
            return 0;
        }
        let mut begins = u128::from(low) | u128::from(free(at + 1)) << WORD;
        // After each step bit n is set where a run of `length` begins; the length doubles.
        let mut length = 1;
        while length < run {
            let step = length.min(run - length);
            begins &= begins >> step;
            length += step;
        }
        begins as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn map_with(seats: u32, sold: &BTreeSet<u32>) -> SeatMap {
        let mut map = SeatMap::new(seats);
        for &seat in sold {
            map.take(seat);
        }
        map
    }

    /// The same promise, the slow and plain way.
    fn first_run_plainly(seats: u32, sold: &BTreeSet<u32>, run: u32, start: u32) -> Option<u32> {
        let fits = |at: &u32| at + run <= seats && (at + 1..=at + run).all(|seat| !sold.contains(&seat));
        (start..seats).chain(0..start).find(fits)
    }

    #[test]
    fn a_category_without_seats_sells_none() {
        assert_eq!(SeatMap::new(0).take_neighbours(1, 0), None);
    }

    #[test]
    fn a_start_near_the_end_wraps_round() {
        let mut map = SeatMap::new(100);
        assert_eq!(map.take_neighbours(4, 98), Some(SeatRanges::together(1, 4)));
        assert_eq!(map.take_neighbours(2, 98), Some(SeatRanges::together(99, 2)));
    }

    #[test]
    fn a_group_is_split_only_where_no_run_is_left() {
        let sold: BTreeSet<u32> = [3, 4, 7, 8, 10].into();
        let mut map = map_with(10, &sold);
        assert_eq!(map.take_neighbours(5, 8).unwrap().to_string(), "1-2,5-6,9");
        assert_eq!((map.free(), map.take_neighbours(1, 0)), (0, None));
    }

    #[test]
    fn runs_cross_words() {
        let sold: BTreeSet<u32> = (1..=60).chain(71..=128).collect();
        assert_eq!(map_with(128, &sold).take_neighbours(10, 3), Some(SeatRanges::together(61, 10)));
    }

    proptest! {
        #[test]
        fn neighbours_are_found_wherever_the_plain_search_finds_them(
            seats in 1u32..300,
            sold in prop::collection::btree_set(1u32..300, 0..300),
            quantity in 1u32..=10,
            start in 0u32..400,
        ) {
            let sold: BTreeSet<u32> = sold.into_iter().filter(|&seat| seat <= seats).collect();
            let mut map = map_with(seats, &sold);
            let expected = first_run_plainly(seats, &sold, quantity, start % seats);
            let free = seats - sold.len() as u32;
            match map.take_neighbours(quantity, start) {
                None => prop_assert!(free < quantity),
                Some(taken) => {
                    prop_assert_eq!(taken.count(), quantity);
                    prop_assert!(taken.seats().all(|seat| seat >= 1 && seat <= seats && !sold.contains(&seat)));
                    prop_assert!(taken.seats().all(|seat| map.is_sold(seat)));
                    prop_assert_eq!(map.free(), free - quantity);
                    match expected {
                        Some(at) => prop_assert_eq!(taken, SeatRanges::together(at + 1, quantity)),
                        None => prop_assert!(taken.ranges().len() > 1),
                    }
                }
            }
        }

        #[test]
        fn selling_one_by_one_sells_each_seat_once(seats in 1u32..500, starts in prop::collection::vec(any::<u32>(), 500)) {
            let mut map = SeatMap::new(seats);
            let mut sold = BTreeSet::new();
            for start in starts {
                match map.take_neighbours(1, start) {
                    Some(taken) => prop_assert!(taken.seats().all(|seat| sold.insert(seat))),
                    None => break,
                }
            }
            prop_assert_eq!(sold.len() as u32, map.sold());
            prop_assert_eq!(sold.len(), seats as usize);
        }

        #[test]
        fn a_map_of_free_seats_is_that_of_the_others_sold(seats in 1u32..300, free in prop::collection::btree_set(0u32..400, 0..100)) {
            let sold = (1..=seats).filter(|seat| !free.contains(seat)).collect();
            prop_assert_eq!(SeatMap::with_free(seats, free), map_with(seats, &sold));
        }

        #[test]
        fn a_map_survives_its_bytes(seats in 0u32..300, sold in prop::collection::btree_set(1u32..300, 0..100)) {
            let map = map_with(seats, &sold);
            prop_assert_eq!(SeatMap::from_bytes(seats, &map.to_bytes()), Some(map));
            prop_assert_eq!(SeatMap::from_bytes(seats + 64, &SeatMap::new(seats).to_bytes()), None);
        }
    }
}
