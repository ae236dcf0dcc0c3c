//! Random draws that give the same values for ever.
//!
//! Only words and, for ids, bytes of the `ChaCha8` stream feed them, whose output its definition fixes; the
//! random number crate may change its own ranges and weights between versions. Counts are `u64`, not
//! `usize`, so that the width of a machine changes nothing either.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::config::Span;

/// The key to a family of independent random streams, one for each number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// The key for `subject` under `seed`; other subjects and other `more` bytes have other streams.
    pub(super) fn new(subject: &str, seed: u64, more: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(subject.as_bytes());
        hash.update([0]);
        hash.update(more);
        Self(hash.finalize().into())
    }

    /// Stream `number`, from its beginning.
    pub(super) fn stream(self, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.0);
        rng.set_stream(number);
        rng
    }
}

/// A number from 0 to `bound` - 1, each equally likely but for `bound` / 2^64; 0 where `bound` is 0.
pub(super) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    let wide = u128::from(rng.next_u64()) * u128::from(bound);
    (wide >> 64) as u64
}

/// A number of the range, each equally likely; its lower bound where it is empty.
pub(super) fn within(rng: &mut impl Rng, span: Span) -> u32 {
    let width = span.below.saturating_sub(span.from);
    // A draw below a u32 is a u32.
    span.from.saturating_add(below(rng, u64::from(width)) as u32)
}

/// One item of the list, each equally likely; none where it is empty.
pub(super) fn one_of<'a, T>(rng: &mut impl Rng, items: &'a [T]) -> Option<&'a T> {
    let at = below(rng, items.len() as u64);
    items.get(at as usize)
}

/// Positions drawn in proportion to their weights: a cumulative table and a binary search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weighted {
    /// Entry `n` is the sum of the weights up to and with `n`.
    cumulative: Vec<u64>,
}

impl Weighted {
    pub(super) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let mut sum = 0_u64;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                sum = sum.saturating_add(u64::from(weight));
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// A position. Where no weight is above 0 it is one past the last, which no list has.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0);
        let at = below(rng, total);
        self.cumulative.partition_point(|&sum| sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> ChaCha8Rng {
        Key::new("test", 1, b"").stream(0)
    }

    #[test]
    fn keys_and_streams_differ() {
        let key = Key::new("test", 1, b"");
        let first = |key: Key, number| key.stream(number).next_u64();
        assert_eq!(first(key, 0), first(Key::new("test", 1, b""), 0));
        for other in [
            first(key, 1),
            first(Key::new("test", 2, b""), 0),
            first(Key::new("tess", 1, b""), 0),
            first(Key::new("test", 1, b"x"), 0),
        ] {
            assert_ne!(first(key, 0), other);
        }
    }

    #[test]
    fn empty_choices_are_harmless() {
        assert_eq!(below(&mut rng(), 0), 0);
        assert_eq!(one_of::<u8>(&mut rng(), &[]), None);
        assert_eq!(within(&mut rng(), Span { from: 5, below: 5 }), 5);
        assert_eq!(Weighted::new([]).draw(&mut rng()), 0);
        assert_eq!(Weighted::new([0, 0]).draw(&mut rng()), 2);
    }

    #[test]
    fn ranges_are_covered_from_end_to_end() {
        let mut rng = rng();
        let mut seen = [0_u32; 4];
        for _ in 0..4_000 {
            seen[within(&mut rng, Span { from: 7, below: 11 }) as usize - 7] += 1;
        }
        assert!(seen.iter().all(|count| (900..1_100).contains(count)), "{seen:?}");
    }

    #[test]
    fn weights_are_kept_and_zero_is_never_drawn() {
        let mut rng = rng();
        let weighted = Weighted::new([0, 75, 0, 20, 5, 0]);
        let mut seen = [0_u32; 6];
        for _ in 0..10_000 {
            seen[weighted.draw(&mut rng)] += 1;
        }
        for (count, expected) in seen.into_iter().zip([0, 7_500, 0, 2_000, 500, 0]) {
            assert!(count.abs_diff(expected) <= expected / 5, "{seen:?}");
        }
        assert_eq!((seen[0], seen[2], seen[5]), (0, 0, 0));
    }
}
