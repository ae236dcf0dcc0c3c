//! What the bots did: counted while they run, read by whoever shows it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::{CreationError, Histogram};

use super::figures::{Call, Figures, Outcome, Purchase, TopEvent};
use crate::model::{EventId, Money};

/// Purchases that the live table shows.
const LATEST: usize = 8;
/// Events at the top of the list.
const TOP: usize = 10;
/// Kinds of errors that are counted apart; a server may make up codes without end.
const ERROR_KINDS: usize = 30;
/// The longest call that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The routes that bots call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    EventsDatesRange,
    Account,
    MultiEvents,
    Events,
    Event,
    Purchase,
}

impl Route {
    const ALL: [Self; 6] =
        [Self::EventsDatesRange, Self::Account, Self::MultiEvents, Self::Events, Self::Event, Self::Purchase];

    const fn name(self) -> &'static str {
        match self {
            Self::EventsDatesRange => "GET /eventsdatesrange",
            Self::Account => "POST /account",
            Self::MultiEvents => "GET /multievents",
            Self::Events => "GET /multievents/{id}/events",
            Self::Event => "GET /events/{id}",
            Self::Purchase => "POST /tickets/purchase",
        }
    }
}

/// The counts of all bots together. One lock, held for a few instructions at each call.
pub struct Tally {
    begun: Instant,
    keep: usize,
    counts: Mutex<Counts>,
}

struct Counts {
    figures: Figures,
    calls: Vec<Calls>,
    latest: VecDeque<Purchase>,
    kept: Vec<Purchase>,
    events: HashMap<EventId, TopEvent>,
}

/// The calls of one route; times in microseconds.
struct Calls {
    errors: u64,
    times: Histogram<u64>,
}

impl Tally {
    /// Counts from now on, and keeps up to `keep` purchases for [`Tally::purchases`].
    ///
    /// # Errors
    /// Where there is no room for the times of the calls.
    pub fn new(keep: usize) -> Result<Self, CreationError> {
        let calls = || {
            let times = Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, 3)?;
            Ok(Calls { errors: 0, times })
        };
        let counts = Counts {
            figures: Figures::default(),
            calls: Route::ALL.iter().map(|_| calls()).collect::<Result<_, CreationError>>()?,
            latest: VecDeque::with_capacity(LATEST),
            kept: Vec::new(),
            events: HashMap::new(),
        };
        Ok(Self { begun: Instant::now(), keep, counts: Mutex::new(counts) })
    }

    /// A copy of the figures as they are now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures { time: self.begun.elapsed(), ..self.counts().figures.clone() }
    }

    /// Calls by route, each attempt one.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let counts = self.counts();
        let of = |(route, calls): (&Route, &Calls)| Call {
            route: route.name(),
            count: calls.times.len(),
            errors: calls.errors,
            p50: micros(calls.times.value_at_quantile(0.5)),
            p99: micros(calls.times.value_at_quantile(0.99)),
            max: micros(calls.times.max()),
        };
        Route::ALL.iter().zip(&counts.calls).map(of).collect()
    }

    /// Half of the purchase calls, and 99 of 100, took no longer than this.
    #[must_use]
    pub fn purchase_times(&self) -> (Duration, Duration) {
        let counts = self.counts();
        let times = counts.calls.get(Route::Purchase as usize).map(|calls| &calls.times);
        let at = |quantile| micros(times.map_or(0, |times| times.value_at_quantile(quantile)));
        (at(0.5), at(0.99))
    }

    /// The last purchases, newest first.
    #[must_use]
    pub fn latest(&self) -> Vec<Purchase> {
        self.counts().latest.iter().cloned().collect()
    }

    /// Every purchase in the order in which they were answered; `None` where there were more than are kept.
    #[must_use]
    pub fn purchases(&self) -> Option<Vec<Purchase>> {
        let counts = self.counts();
        (counts.kept.len() as u64 == counts.figures.purchases).then(|| counts.kept.clone())
    }

    /// The events of which most tickets were bought.
    #[must_use]
    pub fn top_events(&self) -> Vec<TopEvent> {
        let mut events: Vec<TopEvent> = self.counts().events.values().cloned().collect();
        events.sort_by(|a, b| b.tickets.cmp(&a.tickets).then_with(|| a.event.cmp(&b.event)));
        events.truncate(TOP);
        events
    }

    pub(super) fn bot_began(&self) {
        self.counts().figures.running += 1;
    }

    pub(super) fn bot_ended(&self) {
        self.counts().figures.running -= 1;
    }

    pub(super) fn run_ended(&self, outcome: Outcome) {
        self.counts().figures.outcomes[outcome as usize] += 1;
    }

    pub(super) fn retried(&self) {
        self.counts().figures.retries += 1;
    }

    /// A bot begins to wait: for its next round or run, for a repeat, or for a free connection.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.counts().figures.waiting += 1;
        Waiting(self)
    }

    /// A call took `time`; `error` says what was wrong with its answer, in a few words.
    pub(super) fn called(&self, route: Route, time: Duration, error: Option<String>) {
        let mut counts = self.counts();
        counts.figures.calls += 1;
        if let Some(calls) = counts.calls.get_mut(route as usize) {
            calls.times.saturating_record(time.as_micros() as u64);
            calls.errors += u64::from(error.is_some());
        }
        if let Some(error) = error {
            counts.figures.errors += 1;
            count_kind(&mut counts.figures.error_kinds, error);
        }
    }

    pub(super) fn bought(&self, purchase: Purchase, replayed: bool) {
        let mut counts = self.counts();
        let (tickets, total) = (u64::from(purchase.quantity), purchase.total);
        counts.figures.purchases += 1;
        counts.figures.replayed += u64::from(replayed);
        counts.figures.tickets += tickets;
        counts.figures.revenue = plus(counts.figures.revenue, total);
        let event = counts.events.entry(purchase.event_id).or_insert_with(|| TopEvent::of(&purchase));
        event.tickets += tickets;
        event.revenue = plus(event.revenue, total);
        if counts.kept.len() < self.keep {
            counts.kept.push(purchase.clone());
        }
        counts.latest.truncate(LATEST - 1);
        counts.latest.push_front(purchase);
    }

    /// A bot that panicked while it counted has left a count that is wrong by one at most.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bot waits until this is dropped.
pub(super) struct Waiting<'a>(&'a Tally);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.counts().figures.waiting -= 1;
    }
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

const fn plus(a: Money, b: Money) -> Money {
    Money::from_minor(a.minor().saturating_add(b.minor()))
}

fn count_kind(kinds: &mut BTreeMap<String, u64>, kind: String) {
    let kind = if kinds.len() < ERROR_KINDS { kind } else { "other".to_owned() };
    *kinds.entry(kind).or_insert(0) += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, SeatRanges};

    fn purchase(event_id: EventId, quantity: u32) -> Purchase {
        Purchase {
            bot: 1,
            account_id: AccountId::from_bytes([1; 16]),
            sale_id: None,
            event_id,
            event: "Silver Lanterns".to_owned(),
            venue: "Tokyo Dome".to_owned(),
            category: "General".to_owned(),
            quantity,
            seats: SeatRanges::together(1, quantity),
            total: Money::from_minor(100).times(quantity),
        }
    }

    #[test]
    fn purchases_are_summed_by_event_and_kept_up_to_the_bound() {
        let tally = Tally::new(10).unwrap();
        let events = [1, 2].map(|byte| EventId::from_bytes([byte; 16]));
        for at in 0..10 {
            tally.bought(purchase(events[usize::from(at % 3 == 0)], 3), at == 0);
        }
        let figures = tally.figures();
        assert_eq!((figures.purchases, figures.tickets, figures.replayed), (10, 30, 1));
        assert_eq!(figures.revenue.to_string(), "30.00");
        let top: Vec<u64> = tally.top_events().iter().map(|event| event.tickets).collect();
        assert_eq!((top, tally.latest().len()), (vec![18, 12], LATEST));
        assert_eq!(tally.purchases().map(|kept| kept.len()), Some(10));
        tally.bought(purchase(events[0], 1), false);
        assert_eq!(tally.purchases(), None);
    }

    #[test]
    fn calls_are_counted_by_route_and_errors_by_kind() {
        let tally = Tally::new(0).unwrap();
        for at in 0..100_u32 {
            let error = (at >= 50).then(|| format!("kind {at}"));
            tally.called(Route::Purchase, Duration::from_millis(u64::from(at)), error);
        }
        tally.called(Route::Account, Duration::from_secs(1 << 40), None);
        let calls = tally.calls();
        assert_eq!((calls[5].count, calls[5].errors, calls[1].count), (100, 50, 1));
        assert!(calls[5].p50 <= calls[5].p99 && calls[5].p99 <= calls[5].max);
        let kinds = tally.figures().error_kinds;
        assert_eq!((kinds.len(), kinds["other"]), (ERROR_KINDS + 1, 20));
    }
}
