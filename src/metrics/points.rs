//! Points that wait for InfluxDB: a bounded queue that no purchase ever waits for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::model::CountryCode;

/// Points that wait at most: 2 MiB of them, and a minute of a thousand sales a second.
const WAITING_MAX: usize = 1 << 16;

/// One sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Nanoseconds since 1970, no two alike.
    pub(super) at_ns: i64,
    /// Where the buyer is from.
    pub(super) country: CountryCode,
    /// Tickets sold.
    pub(super) tickets: u32,
    /// How long the purchase took in the store, in microseconds.
    pub(super) took_us: u32,
}

/// The queue, between purchases and the publisher.
pub(super) struct Points {
    queue: Mutex<Queue>,
    /// Points that are enough to be sent.
    enough: usize,
    pub(super) wake: Notify,
    dropped: Counter,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Point>,
    /// Taken by the publisher and neither delivered nor dropped yet.
    taken: usize,
    last_ns: i64,
    /// Nobody takes points any more.
    closed: bool,
}

impl Points {
    /// A queue that wakes its publisher at `enough` points, and counts what it drops.
    pub(super) fn new(enough: usize, dropped: Counter) -> Self {
        Self { queue: Mutex::default(), enough, wake: Notify::new(), dropped }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a point of now. Where too many wait, the oldest goes.
    pub(super) fn push(&self, country: CountryCode, tickets: u32, took: Duration) {
        let now_ns = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        self.push_at(now_ns, country, tickets, took);
    }

    fn push_at(&self, now_ns: i64, country: CountryCode, tickets: u32, took: Duration) {
        let mut queue = self.queue();
        if queue.closed {
            self.dropped.inc();
            return;
        }
        if queue.waiting.len() == WAITING_MAX {
            queue.waiting.pop_front();
            self.dropped.inc();
        }
        // Two points with equal tags at the same time would be one to InfluxDB.
        let at_ns = now_ns.max(queue.last_ns.saturating_add(1));
        queue.last_ns = at_ns;
        let took_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        queue.waiting.push_back(Point { at_ns, country, tickets, took_us });
        if queue.waiting.len() == self.enough || queue.waiting.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Whether enough wait to be sent before their time.
    pub(super) fn are_enough(&self) -> bool {
        self.waiting() >= self.enough
    }

    /// Takes the oldest, at most `limit`.
    pub(super) fn take(&self, limit: usize) -> Vec<Point> {
        let mut queue = self.queue();
        let count = limit.min(queue.waiting.len());
        let taken: Vec<Point> = queue.waiting.drain(..count).collect();
        queue.taken = taken.len();
        taken
    }

    /// What was taken is delivered or dropped.
    pub(super) fn settle(&self) {
        self.queue().taken = 0;
    }

    /// How many wait or are on their way.
    pub(super) fn in_all(&self) -> usize {
        let queue = self.queue();
        queue.waiting.len() + queue.taken
    }

    /// Takes no more points, drops those that wait or are on their way, and says how many they were.
    pub(super) fn close(&self) -> usize {
        let mut queue = self.queue();
        queue.closed = true;
        let left = queue.waiting.len() + queue.taken;
        queue.waiting.clear();
        queue.taken = 0;
        self.dropped.inc_by(left as u64);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> (Points, Counter) {
        let dropped = Counter::default();
        (Points::new(3, dropped.clone()), dropped)
    }

    fn push(points: &Points, tickets: u32) {
        points.push(CountryCode::parse("DE").unwrap(), tickets, Duration::from_micros(1_234));
    }

    #[test]
    fn no_two_points_have_the_same_time() {
        let ((points, _), country) = (points(), CountryCode::parse("DE").unwrap());
        // The clock stands still, and goes back.
        for now_ns in [50, 50, 50, 30, 60] {
            points.push_at(now_ns, country, 1, Duration::ZERO);
        }
        let times: Vec<i64> = points.take(usize::MAX).iter().map(|point| point.at_ns).collect();
        assert_eq!(times, [50, 51, 52, 53, 60]);
    }

    #[test]
    fn the_oldest_go_where_too_many_wait_and_each_is_counted() {
        let (points, dropped) = points();
        (0..WAITING_MAX as u32 + 5).for_each(|no| push(&points, no));
        assert_eq!((points.waiting(), dropped.get()), (WAITING_MAX, 5));
        assert_eq!(points.take(1)[0].tickets, 5);
        assert_eq!(points.in_all(), WAITING_MAX);
        assert_eq!(points.close(), WAITING_MAX);
        push(&points, 1);
        assert_eq!((points.in_all(), dropped.get()), (0, 5 + WAITING_MAX as u64 + 1));
    }
}
