//! When events take place and when their sales begin, from a start that the caller gives.

use jiff::Timestamp;
use rand::Rng;

use super::draw::below;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// A sale that does not begin at once ends its wait this long before the event, or earlier.
const SALE_BEFORE_EVENT: i64 = 60 * DAY;

/// When one event takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    pub(super) event: Timestamp,
    pub(super) sale: Timestamp,
}

/// The rules by which dates are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    /// In seconds of Unix time.
    start: i64,
    /// How many whole hours events are spread over.
    hours: u64,
    all_for_sale_now: bool,
}

impl Calendar {
    pub(super) fn new(start: Timestamp, days: u32, all_for_sale_now: bool) -> Self {
        Self { start: start.as_second(), hours: u64::from(days) * 24, all_for_sale_now }
    }

    /// Dates for so many events, ordered by the event.
    ///
    /// An event begins 1 to `hours` hours after the start, that rounded to the hour, and 0, 15, 30 or 45
    /// minutes: at least half an hour after the start itself.
    pub(super) fn draw(&self, rng: &mut impl Rng, count: usize) -> Vec<Dates> {
        let mut events: Vec<i64> = (0..count).map(|_| self.event(rng)).collect();
        events.sort_unstable();
        let dates = |event| Dates { event: timestamp(event), sale: timestamp(self.sale(rng, event)) };
        events.into_iter().map(dates).collect()
    }

    fn event(&self, rng: &mut impl Rng) -> i64 {
        let start = (self.start + HOUR / 2).div_euclid(HOUR) * HOUR;
        let hours = 1 + below(rng, self.hours) as i64;
        let quarters = below(rng, 4) as i64;
        start + hours * HOUR + quarters * (HOUR / 4)
    }

    fn sale(&self, rng: &mut impl Rng, event: i64) -> i64 {
        let wait = event - SALE_BEFORE_EVENT - self.start;
        if self.all_for_sale_now || wait <= 0 {
            self.start - DAY
        } else {
            self.start + below(rng, wait.unsigned_abs()) as i64
        }
    }
}

/// The moment, or the first or last one that a timestamp can name.
fn timestamp(second: i64) -> Timestamp {
    let end = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::super::draw::Key;
    use super::*;

    fn drawn(start: &str, days: u32, all_for_sale_now: bool) -> (Timestamp, Vec<Dates>) {
        let start: Timestamp = start.parse().unwrap();
        let mut rng = Key::new("test", 1, b"").stream(0);
        (start, Calendar::new(start, days, all_for_sale_now).draw(&mut rng, 2_000))
    }

    #[test]
    fn events_begin_on_quarters_after_the_start_and_within_the_range() {
        for start in ["2026-03-01T10:29:59Z", "2026-03-01T10:30:00Z", "1969-12-31T23:59:59.9Z"] {
            for days in [1, 100] {
                let (start, dates) = drawn(start, days, true);
                let end = start.as_second() + i64::from(days) * DAY + 2 * HOUR;
                assert!(dates.is_sorted_by_key(|dates| dates.event));
                for Dates { event, sale } in dates {
                    assert!(event > start && event.as_second() < end, "{event}");
                    assert_eq!(event.as_second() % 900, 0, "{event}");
                    assert_eq!(sale.as_second(), start.as_second() - DAY);
                }
            }
        }
    }

    #[test]
    fn a_later_sale_begins_between_the_start_and_sixty_days_before_the_event() {
        let (start, dates) = drawn("2026-03-01T10:10:10Z", 100, false);
        let (mut now, mut later) = (0, 0);
        for Dates { event, sale } in dates {
            if event.as_second() - SALE_BEFORE_EVENT > start.as_second() {
                later += 1;
                assert!(sale >= start && sale.as_second() < event.as_second() - SALE_BEFORE_EVENT);
            } else {
                now += 1;
                assert_eq!(sale.as_second(), start.as_second() - DAY);
            }
        }
        assert!((1_100..1_300).contains(&now) && (700..900).contains(&later), "{now} {later}");
    }

    #[test]
    fn the_ends_of_time_are_not_passed() {
        for start in [Timestamp::MIN, Timestamp::MAX] {
            let calendar = Calendar::new(start, 36_500, false);
            let mut rng = Key::new("test", 1, b"").stream(0);
            assert!(calendar.draw(&mut rng, 10).iter().all(|dates| dates.event >= start));
        }
    }
}
