//! What purchases of the last minute were like, for the dashboard: percentiles that a few buckets could not
//! tell, and how many went without tickets.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How long a purchase counts.
const WINDOW: Duration = Duration::from_secs(60);
/// The window moves in steps of this length.
const STEP: Duration = Duration::from_secs(2);
/// Steps of a window, and the one at work.
const STEPS: usize = (WINDOW.as_secs() / STEP.as_secs()) as usize + 1;
/// Longest time that is told, in microseconds.
const LONGEST_US: u64 = 60_000_000;
/// Significant digits of times: within 1 %.
const DIGITS: u8 = 2;

/// How a purchase ended, as far as the dashboard tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With tickets.
    Sold,
    /// Without, since too few were left.
    SoldOut,
    /// Without, for another reason.
    Refused,
}

/// The last minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LastMinute {
    /// How long purchases that sold took in the store; `None` where there was none.
    pub latency: Option<Latency>,
    /// Purchases without tickets, since too few were left.
    pub sold_outs: u64,
    /// Purchases without tickets for another reason.
    pub refused: u64,
    /// Transactions beyond the first that purchases took.
    pub conflicts: u64,
}

/// Percentiles of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

/// What happened within a step.
#[derive(Clone)]
struct Step {
    /// Its number since the window was made.
    no: u64,
    times_us: Histogram<u32>,
    sold_outs: u64,
    refused: u64,
    conflicts: u64,
}

/// The steps of the last minute, one after another in a ring.
pub(super) struct Window {
    begun: Instant,
    steps: Mutex<Vec<Step>>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), steps: Mutex::default() }
    }

    /// Notes a purchase that took `attempts` transactions and `time` in the store.
    pub(super) fn add(&self, ending: Ending, attempts: u32, time: Duration) {
        self.add_at(self.begun.elapsed(), ending, attempts, time);
    }

    fn add_at(&self, at: Duration, ending: Ending, attempts: u32, time: Duration) {
        let no = step_at(at);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.is_empty() {
            *steps = (0..STEPS).filter_map(|_| Step::new()).collect();
        }
        let Some(step) = steps.get_mut((no % STEPS as u64) as usize) else { return };
        step.begin(no);
        match ending {
            Ending::Sold => {
                step.times_us.saturating_record((time.as_micros() as u64).clamp(1, LONGEST_US));
            }
            Ending::SoldOut => step.sold_outs += 1,
            Ending::Refused => step.refused += 1,
        }
        step.conflicts += u64::from(attempts.saturating_sub(1));
    }

    pub(super) fn last_minute(&self) -> LastMinute {
        self.last_minute_at(self.begun.elapsed())
    }

    fn last_minute_at(&self, at: Duration) -> LastMinute {
        let (now, mut all, mut last) = (step_at(at), Step::new(), LastMinute::default());
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        for step in steps.iter().filter(|step| step.no <= now && now - step.no < STEPS as u64) {
            last.sold_outs += step.sold_outs;
            last.refused += step.refused;
            last.conflicts += step.conflicts;
            if let Some(all) = &mut all {
                // Both have the same bounds.
                let _ = all.times_us.add(&step.times_us);
            }
        }
        last.latency = all.filter(|all| !all.times_us.is_empty()).map(|all| {
            let quantile = |share| Duration::from_micros(all.times_us.value_at_quantile(share));
            Latency { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) }
        });
        last
    }
}

fn step_at(at: Duration) -> u64 {
    at.as_secs() / STEP.as_secs()
}

impl Step {
    /// An empty step; `None` is for bounds that make no histogram, which these do.
    fn new() -> Option<Self> {
        let times_us = Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok()?;
        Some(Self { no: 0, times_us, sold_outs: 0, refused: 0, conflicts: 0 })
    }

    /// Makes it the step with this number, empty unless it is that already.
    fn begin(&mut self, no: u64) {
        if self.no != no {
            self.times_us.reset();
            (self.no, self.sold_outs, self.refused, self.conflicts) = (no, 0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_forgets_what_is_older() {
        let window = Window::new();
        let seconds = Duration::from_secs;
        for (at, took) in [(0, 900), (30, 1), (31, 2), (59, 3)] {
            window.add_at(seconds(at), Ending::Sold, 1, Duration::from_millis(took));
        }
        window.add_at(seconds(31), Ending::SoldOut, 1, Duration::ZERO);
        window.add_at(seconds(31), Ending::Refused, 3, Duration::ZERO);
        let p99 = |at| window.last_minute_at(seconds(at)).latency.map(|latency| latency.p99.as_millis());
        assert!(p99(59).is_some_and(|p99| (890..=910).contains(&p99)), "the first still counts");
        assert_eq!(p99(62), Some(3), "the first is over a minute old");
        let LastMinute { sold_outs, refused, conflicts, latency } = window.last_minute_at(seconds(62));
        assert_eq!((sold_outs, refused, conflicts), (1, 1, 2));
        assert_eq!(latency.map(|latency| latency.p50.as_millis()), Some(2));
        assert_eq!(window.last_minute_at(seconds(200)), LastMinute::default());
    }

    #[test]
    fn a_step_of_the_ring_is_emptied_before_it_is_used_again() {
        let window = Window::new();
        let later = STEP * STEPS as u32;
        window.add_at(Duration::ZERO, Ending::SoldOut, 1, Duration::ZERO);
        window.add_at(later, Ending::SoldOut, 1, Duration::ZERO);
        assert_eq!(window.last_minute_at(later).sold_outs, 1);
    }
}
