//! What a bot chooses, from its own generator alone: the same seed and bot choose the same. Pure.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::names::{FAMILY, GIVEN};
use crate::model::{CountryCode, DatesRange, Quantity, countries};

/// The pause before the first repeat of a request is at most this long, and doubles with each.
const BACKOFF: Duration = Duration::from_millis(200);
/// No pause of ours before a repeat is longer.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What a server may ask for by `Retry-After`; more is cut.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Who a bot says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Buyer {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) country: CountryCode,
}

/// The generator of a bot: every choice of bot `bot` of a run with `seed` comes from it.
pub(super) fn generator(seed: u64, bot: u32) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..12].copy_from_slice(&bot.to_le_bytes());
    ChaCha8Rng::from_seed(bytes)
}

/// A buyer from one of `from`, or of any country where that is empty. `run` is what makes the e-mail
/// addresses of one run differ from those of another. The address holds all that the buyer is made of,
/// so that it never belongs to another name or country.
pub(super) fn buyer(rng: &mut impl Rng, run: &str, bot: u32, from: &[CountryCode]) -> Option<Buyer> {
    let country = match from {
        [] => countries().choose(rng)?.code,
        _ => *from.choose(rng)?,
    };
    let (given, family) = (GIVEN.choose(rng)?, FAMILY.choose(rng)?);
    let email = format!("{given}.{family}.{country}.{bot}.{run}@bots.example.com").to_lowercase();
    Some(Buyer { name: format!("{given} {family}"), email, country })
}

/// A day of the range, both ends included.
pub(super) fn day(rng: &mut impl Rng, range: DatesRange) -> Date {
    let days = range.from.until(range.to).map_or(0, |span| span.get_days()).max(0);
    let after = rng.random_range(0..=days);
    range.from.checked_add(after.days()).unwrap_or(range.from)
}

/// How many tickets a run is for: 1 to [`Quantity::MAX`].
pub(super) fn wanted(rng: &mut impl Rng) -> u32 {
    rng.random_range(1..=u32::from(Quantity::MAX))
}

/// One of `all`.
pub(super) fn one<'a, T>(rng: &mut impl Rng, all: &'a [T]) -> Option<&'a T> {
    all.choose(rng)
}

/// All of them, in random order.
pub(super) fn shuffled<T>(rng: &mut impl Rng, mut all: Vec<T>) -> Vec<T> {
    all.shuffle(rng);
    all
}

/// Those with at least `wanted` seats left, in random order.
pub(super) fn with_seats<T>(
    rng: &mut impl Rng,
    wanted: u32,
    left: impl Fn(&T) -> u32,
    all: Vec<T>,
) -> Vec<T> {
    shuffled(rng, all.into_iter().filter(|category| left(category) >= wanted).collect())
}

/// The pause before repeat `repeat` (0 is the first): full jitter below a bound that doubles, and never
/// less than the server asked for.
///
/// Not from the bot's generator: trouble on the way must not change what a bot chooses.
pub(super) fn pause_before_repeat(repeat: u32, retry_after: Option<Duration>) -> Duration {
    let bound = BACKOFF.saturating_mul(2_u32.saturating_pow(repeat)).min(BACKOFF_MAX);
    let jitter = rand::rng().random_range(Duration::ZERO..=bound);
    retry_after.unwrap_or_default().min(RETRY_AFTER_MAX) + jitter
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    fn days(from: Date, to: Date) -> BTreeSet<Date> {
        let mut rng = generator(1, 0);
        (0..500).map(|_| day(&mut rng, DatesRange { from, to })).collect()
    }

    #[test]
    fn the_first_and_the_last_day_are_chosen_too() {
        let range = days(date(2027, 12, 30), date(2028, 1, 2));
        assert_eq!(range.len(), 4);
        assert_eq!((range.first(), range.last()), (Some(&date(2027, 12, 30)), Some(&date(2028, 1, 2))));
    }

    #[test]
    fn a_range_of_one_day_and_a_reversed_one_are_no_trouble() {
        for to in [date(2027, 1, 31), date(2027, 1, 1)] {
            assert_eq!(days(date(2027, 1, 31), to), BTreeSet::from([date(2027, 1, 31)]));
        }
    }

    #[test]
    fn every_quantity_that_the_shop_sells_is_wanted() {
        let mut rng = generator(1, 0);
        let wanted: BTreeSet<u32> = (0..500).map(|_| wanted(&mut rng)).collect();
        assert_eq!(wanted, (1..=10).collect());
    }

    #[test]
    fn a_category_with_exactly_the_seats_wanted_is_tried() {
        let mut rng = generator(1, 0);
        let mut found = with_seats(&mut rng, 4, |left| *left, vec![3_u32, 4, 5]);
        found.sort_unstable();
        assert_eq!(found, [4, 5]);
    }

    #[test]
    fn the_same_seed_and_bot_choose_the_same_and_others_do_not() {
        let range = DatesRange { from: date(2027, 1, 1), to: date(2029, 1, 1) };
        let choices = |seed, bot| {
            let mut rng = generator(seed, bot);
            let who = buyer(&mut rng, "s1", bot, &[]).unwrap();
            (who, day(&mut rng, range), shuffled(&mut rng, (0..50).collect::<Vec<u32>>()))
        };
        assert_eq!(choices(1, 7), choices(1, 7));
        assert_ne!(choices(1, 7).2, choices(1, 8).2);
        assert_ne!(choices(1, 7).2, choices(2, 7).2);
    }

    #[test]
    fn buyers_come_from_the_countries_named() {
        let from = ["DE", "JP"].map(|code| CountryCode::parse(code).unwrap());
        let mut rng = generator(1, 0);
        let found: BTreeSet<CountryCode> =
            (0..100).map(|bot| buyer(&mut rng, "r", bot, &from).unwrap().country).collect();
        assert_eq!(found, BTreeSet::from(from));
        let anywhere: BTreeSet<CountryCode> =
            (0..500).map(|bot| buyer(&mut rng, "r", bot, &[]).unwrap().country).collect();
        assert!(anywhere.len() > 50);
    }

    #[test]
    fn what_a_buyer_is_made_of_is_what_a_shop_takes() {
        let mut rng = generator(3, 1);
        for bot in 0..100 {
            let buyer = buyer(&mut rng, "s18446744073709551615", bot, &[]).unwrap();
            assert_eq!(crate::model::Email::parse(&buyer.email).unwrap().as_str(), buyer.email);
            crate::model::AccountName::parse(&buyer.name).unwrap();
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_what_the_server_asks_for_at_least() {
        for repeat in 0..40 {
            let bound = Duration::from_millis(200).saturating_mul(1 << repeat.min(10));
            assert!(pause_before_repeat(repeat, None) <= bound.min(Duration::from_secs(5)));
            let asked = pause_before_repeat(repeat, Some(Duration::from_secs(7)));
            assert!((Duration::from_secs(7)..=Duration::from_secs(12)).contains(&asked));
            assert!(pause_before_repeat(repeat, Some(Duration::MAX)) <= Duration::from_secs(65));
        }
    }
}
