//! When each call is due: when its buyer is free (a closed loop), or at a fixed rate (an open loop).
//!
//! In a closed loop a slow answer also delays the calls behind it, whose waiting nobody sees
//! ("coordinated omission"). In an open loop the n-th call is due at n / rate, whether or not anybody is
//! free to make it, and its latency counts from then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Plan, Stop};

/// How long the pacer sleeps at most, so that it notices the end.
const NAP: Duration = Duration::from_millis(50);

/// Calls per second, above 0 and at most [`Rate::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// The highest rate: beyond what one machine's clock and threads can keep.
    pub const MAX: f64 = 10_000_000.0;

    /// So many calls per second; `None` where that is not above 0 and at most [`Rate::MAX`].
    #[must_use]
    pub fn new(per_second: f64) -> Option<Self> {
        (per_second > 0.0 && per_second <= Self::MAX).then_some(Self(per_second))
    }

    /// Calls per second.
    #[must_use]
    pub const fn per_second(self) -> f64 {
        self.0
    }

    /// When the call with this number (from 0) is due, counted from the first.
    fn due(self, call: u64) -> Duration {
        Duration::try_from_secs_f64(call as f64 / self.0).unwrap_or(Duration::MAX)
    }

    /// How many calls are due before `time`.
    fn calls_before(self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.0).ceil() as u64
    }

    /// How many calls are due once `time` has passed.
    fn calls_by(self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.0).floor() as u64 + 1
    }
}

/// The turns of a run: whoever takes one makes that call.
pub(super) struct Turns {
    begun: Instant,
    warm_up: Duration,
    stop: Stop,
    next: AtomicU64,
    /// Turns taken in the warm-up.
    warmed_up: AtomicU64,
    /// Measured turns taken, where their number ends the run.
    measured: AtomicU64,
    over: AtomicBool,
    open: Option<OpenLoop>,
}

/// What an open loop has beside.
struct OpenLoop {
    rate: Rate,
    /// A permit for each call that is due and not taken.
    due: Semaphore,
    /// The number behind the last call that is due.
    end: u64,
}

/// One call that is to be made now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Its number among all, also those of the warm-up, from 0.
    pub(super) number: u64,
    /// When it was due.
    pub(super) intended: Instant,
    /// Whether it begins behind the warm-up, and so counts.
    pub(super) measured: bool,
}

impl Turns {
    /// The turns of a run that begins now.
    pub(super) fn new(plan: &Plan) -> Self {
        let open = plan.rate.map(|rate| {
            let end = match plan.stop {
                Stop::After(time) => rate.calls_before(plan.warm_up.saturating_add(time)),
                Stop::Calls(calls) => rate.calls_before(plan.warm_up).saturating_add(calls),
            };
            OpenLoop { rate, due: Semaphore::new(0), end }
        });
        Self {
            begun: Instant::now(),
            warm_up: plan.warm_up,
            stop: plan.stop,
            next: AtomicU64::new(0),
            warmed_up: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            over: AtomicBool::new(false),
            open,
        }
    }

    /// When the run began.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    /// Calls that were due and never begun, of a run at a rate that measured so many.
    pub(super) fn not_begun(&self, measured: u64) -> Option<u64> {
        let begun = self.warmed_up.load(Ordering::Relaxed) + measured;
        self.open.as_ref().map(|open| open.end.saturating_sub(begun))
    }

    /// No more turns.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Waits for the next turn; `None` once the run is over.
    pub(super) async fn next(&self) -> Option<Turn> {
        match &self.open {
            None => self.next_closed(),
            Some(open) => {
                open.due.acquire().await.ok()?.forget();
                self.next_open(open)
            }
        }
    }

    fn next_closed(&self) -> Option<Turn> {
        let now = Instant::now();
        let measured = self.takes(now)?;
        Some(Turn { number: self.next.fetch_add(1, Ordering::Relaxed), intended: now, measured })
    }

    fn next_open(&self, open: &OpenLoop) -> Option<Turn> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // What was due in time and finds nobody free before the end is left, and told in the report.
        if number >= open.end {
            return None;
        }
        let measured = self.takes(Instant::now())?;
        Some(Turn { number, intended: self.begun + open.rate.due(number), measured })
    }

    /// Whether the call that begins now is measured; `None` where the run is over.
    fn takes(&self, now: Instant) -> Option<bool> {
        if self.is_over(now) {
            return None;
        }
        let measured = now.duration_since(self.begun) >= self.warm_up;
        match self.stop {
            _ if !measured => {
                self.warmed_up.fetch_add(1, Ordering::Relaxed);
            }
            Stop::Calls(calls) if self.measured.fetch_add(1, Ordering::Relaxed) >= calls => return None,
            Stop::Calls(_) | Stop::After(_) => {}
        }
        Some(measured)
    }

    fn is_over(&self, now: Instant) -> bool {
        let ended = match self.stop {
            Stop::After(time) => now.duration_since(self.begun) >= self.warm_up.saturating_add(time),
            Stop::Calls(_) => false,
        };
        ended || self.over.load(Ordering::Relaxed)
    }
}

/// Starts the thread that lets an open loop's calls begin when they are due. A thread, since the timers of
/// the runtime know whole milliseconds only.
pub(super) fn start_pacer(turns: &Arc<Turns>, buyers: usize) -> std::io::Result<()> {
    if turns.open.is_some() {
        let turns = Arc::clone(turns);
        std::thread::Builder::new().name("pacer".to_owned()).spawn(move || pace(&turns, buyers))?;
    }
    Ok(())
}

fn pace(turns: &Turns, buyers: usize) {
    let Some(open) = &turns.open else { return };
    let mut given = 0;
    while given < open.end && !turns.is_over(Instant::now()) {
        let elapsed = turns.begun.elapsed();
        let due = open.rate.calls_by(elapsed).min(open.end);
        if due > given {
            open.due.add_permits((due - given) as usize);
            given = due;
        } else {
            std::thread::sleep(open.rate.due(given).saturating_sub(elapsed).min(NAP));
        }
    }
    // One for each buyer that waits for a call that never comes.
    open.due.add_permits(buyers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Reach, Workload};

    fn plan(stop: Stop, warm_up: Duration, rate: Option<f64>) -> Plan {
        Plan {
            workload: Workload::Purchase,
            buyers: 1,
            stop,
            warm_up,
            rate: rate.and_then(Rate::new),
            reach: Reach::Catalogue,
            quantity: None,
            accounts: 1,
            seed: 1,
            request_timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn rates_are_above_nothing_and_bounded() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Rate::new(wrong), None);
        }
        assert_eq!(Rate::new(0.5).unwrap().per_second(), 0.5);
    }

    #[test]
    fn the_nth_call_is_due_at_n_by_the_rate() {
        let rate = Rate::new(400.0).unwrap();
        assert_eq!(rate.due(0), Duration::ZERO);
        assert_eq!(rate.due(6), Duration::from_millis(15));
        assert_eq!(rate.calls_before(Duration::ZERO), 0);
        assert_eq!(rate.calls_before(Duration::from_millis(5)), 2);
        assert_eq!(rate.calls_before(Duration::from_millis(6)), 3);
        assert_eq!(rate.calls_by(Duration::ZERO), 1);
        assert_eq!(rate.calls_by(Duration::from_millis(6)), 3);
        for calls in [1, 1_000, 123_456_789] {
            assert!(rate.calls_by(rate.due(calls) + Duration::from_nanos(1)) > calls);
        }
    }

    #[tokio::test]
    async fn a_closed_loop_ends_after_its_calls() {
        let turns = Turns::new(&plan(Stop::Calls(3), Duration::ZERO, None));
        for number in 0..3 {
            let turn = turns.next().await.unwrap();
            assert_eq!((turn.number, turn.measured), (number, true));
        }
        assert!(turns.next().await.is_none());
    }

    #[tokio::test]
    async fn calls_of_the_warm_up_are_marked_and_come_on_top() {
        let hour = Duration::from_secs(3_600);
        let turns = Turns::new(&plan(Stop::Calls(1), hour, None));
        for _ in 0..5 {
            assert!(!turns.next().await.unwrap().measured);
        }
        turns.end();
        assert!(turns.next().await.is_none());
    }

    #[tokio::test]
    async fn an_open_loop_gives_each_call_the_time_it_was_due() {
        let warm_up = Duration::from_millis(2);
        let turns = Arc::new(Turns::new(&plan(Stop::Calls(8), warm_up, Some(1_000.0))));
        start_pacer(&turns, 1).unwrap();
        let (mut number, mut measured) = (0, 0);
        while let Some(turn) = turns.next().await {
            assert_eq!(turn.number, number);
            assert_eq!(turn.intended - turns.begun(), Duration::from_millis(number));
            measured += u64::from(turn.measured);
            number += 1;
        }
        // As many of the ten as began in the warm-up are not measured.
        assert_eq!(measured, 8);
        assert_eq!(turns.not_begun(measured), Some(10 - number));
    }

    #[tokio::test]
    async fn an_open_loop_ends_when_it_is_told_to() {
        let turns = Arc::new(Turns::new(&plan(Stop::Calls(u64::MAX), Duration::ZERO, Some(0.001))));
        start_pacer(&turns, 1).unwrap();
        assert!(turns.next().await.is_some());
        turns.end();
        assert!(turns.next().await.is_none());
    }
}
