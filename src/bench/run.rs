//! One run: the buyers at work, the collector that follows them, and what was measured.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::buyer::{Buyer, Market, Place};
use super::calls::{Operation, Outcome};
use super::history::{Head, History, Lines, Writing};
use super::oversell::{Acknowledged, WrongSeat};
use super::pace::{Turns, start_pacer};
use super::recorder::{Interval, Recorder, Tally};
use super::stock::Stock;
use super::{BenchError, Plan, Stop};
use crate::shop::Shop;

/// How often the shards are emptied: the length of an interval.
const COLLECT_EVERY: Duration = Duration::from_millis(250);
/// After so many intervals with nothing but sold-out answers, nothing is left to measure.
const SOLD_OUT_INTERVALS: u32 = 8;
/// Fewer purchases than this do not prove in so short a time that all is sold out.
const SOLD_OUT_PROOF: u64 = 100;

/// Why a run ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All that was in reach was sold.
    SoldOut,
    /// Ctrl-C.
    Interrupted,
    /// The store can sell no more in this process, for this reason.
    StoreFailed(String),
}

/// What a run measured.
#[derive(Debug)]
pub struct Measured {
    /// The id of the run, which its idempotency keys begin with.
    pub(super) run: String,
    pub(super) begun: Timestamp,
    /// From the end of the warm-up to the end of the last call, in seconds.
    pub(super) seconds: f64,
    pub(super) tally: Tally,
    pub(super) intervals: Vec<Interval>,
    pub(super) ended: Option<Ended>,
    /// Calls that were due in time and not begun, in an open loop.
    pub(super) not_begun: Option<u64>,
    /// Different seats acknowledged, also in the warm-up.
    pub(super) tickets: u64,
    pub(super) wrong: (u64, Vec<WrongSeat>),
    /// Tickets that the store had sold before; purchases only.
    pub(super) sold_before: u64,
}

impl Measured {
    /// Why the run ended before its time, if it did.
    #[must_use]
    pub const fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }
}

/// How far a run is, four times a second.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// Whether the warm-up is over.
    pub measured: bool,
    /// Since then, or since the beginning.
    pub elapsed: Duration,
    /// Calls measured so far.
    pub calls: u64,
    /// Purchases measured so far that became a sale.
    pub sold: u64,
    /// Calls that were neither sold nor found.
    pub other: u64,
    /// The last interval.
    pub interval: Interval,
}

/// Runs the plan on the stock. `live` is told how far it is.
///
/// # Errors
/// [`BenchError::Store`] where the store fails before the first call, [`BenchError::File`] where the
/// history cannot be written. What goes wrong with a call is an outcome.
pub async fn run(
    shop: &Shop,
    plan: &Plan,
    stock: Stock,
    history: Option<History>,
    live: &mut (dyn FnMut(&Live) + Send),
) -> Result<Measured, BenchError> {
    let sold_before = if plan.workload.buys() { shop.store().catalogue_size().await?.sold } else { 0 };
    let run = format!("bench-{:016x}", rand::random::<u64>());
    let begun = Timestamp::now();
    let history = history.map(|history| {
        let (workload, buyers) = (plan.workload.name(), plan.buyers);
        history.start(&Head { run: &run, begun, workload, buyers, seed: plan.seed })
    });
    let (lines, writing) = history.transpose()?.unzip();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let acknowledged = Acknowledged::new(stock.categories());
    let turns = Arc::new(Turns::new(plan));
    let market = Arc::new(Market {
        shop: shop.clone(),
        plan: plan.clone(),
        stock,
        run,
        recorder: Recorder::new(plan.buyers, cores),
        acknowledged,
        sold_out: AtomicU64::new(0),
        turns,
    });
    let mut following = Following::new(Arc::clone(&market), live);
    let ended = following.follow(buyers(&market, lines.as_ref())?).await;
    drop(lines);
    writing.map(Writing::finish).transpose()?;
    Ok(following.measured(ended?, begun, sold_before))
}

/// Starts the buyers.
fn buyers(market: &Arc<Market>, history: Option<&Lines>) -> Result<JoinSet<()>, BenchError> {
    let mut buyers = JoinSet::new();
    for number in 0..market.plan.buyers {
        let (market, history) = (Arc::clone(market), history.cloned());
        let buyer = Buyer { market, number, history, key: String::new(), place: Place::Dates };
        buyers.spawn(buyer.call_until_the_end());
    }
    start_pacer(&market.turns, market.plan.buyers)
        .map_err(|error| BenchError::Harness(format!("cannot start a thread: {error}")))?;
    Ok(buyers)
}

/// The collector: empties the recorder a few times a second and keeps the sums.
struct Following<'a> {
    market: Arc<Market>,
    live: &'a mut (dyn FnMut(&Live) + Send),
    /// The end of the warm-up.
    start: Instant,
    /// The end of the last interval.
    last: Instant,
    total: Tally,
    interval: Tally,
    spare: Tally,
    intervals: Vec<Interval>,
    /// Purchases in the intervals since the last with another outcome than sold out, and how many intervals.
    sold_out: (u64, u32),
}

impl<'a> Following<'a> {
    fn new(market: Arc<Market>, live: &'a mut (dyn FnMut(&Live) + Send)) -> Self {
        let start = market.turns.begun() + market.plan.warm_up;
        Self {
            market,
            live,
            start,
            last: start,
            total: Tally::default(),
            interval: Tally::default(),
            spare: Tally::default(),
            intervals: Vec::new(),
            sold_out: (0, 0),
        }
    }

    /// Follows the buyers until the last has gone, and tells why they went too early, if they did.
    async fn follow(&mut self, mut buyers: JoinSet<()>) -> Result<Option<Ended>, BenchError> {
        let mut ticks = tokio::time::interval(COLLECT_EVERY);
        let mut interrupted = std::pin::pin!(interrupted());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let market = Arc::clone(&self.market);
        let mut ended = None;
        let mut failed = std::pin::pin!(market.shop.store().failed());
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if self.collect(false) {
                        ended.get_or_insert(Ended::SoldOut);
                    }
                }
                why = &mut failed, if ended.is_none() => ended = Some(Ended::StoreFailed(why)),
                () = &mut interrupted, if ended.is_none() => ended = Some(Ended::Interrupted),
                gone = buyers.join_next() => match gone {
                    None => break,
                    Some(Err(error)) => return Err(BenchError::Harness(format!("a buyer crashed: {error}"))),
                    Some(Ok(())) => continue,
                },
            }
            if ended.is_some() {
                market.turns.end();
            }
        }
        self.collect(true);
        Ok(ended.or_else(|| market.all_sold_out().then_some(Ended::SoldOut)))
    }

    /// Ends an interval, and tells whether all is sold out. The last ends at once, however short it is.
    fn collect(&mut self, last: bool) -> bool {
        let now = Instant::now();
        let measured = now >= self.start;
        if measured && now.duration_since(self.last) < COLLECT_EVERY / 2 && !last {
            return false;
        }
        self.market.recorder.collect(&mut self.interval, &mut self.spare);
        self.total.merge(&self.interval);
        let length = now.saturating_duration_since(self.last);
        let interval = self.interval.interval(now.saturating_duration_since(self.start), length);
        if measured {
            self.intervals.push(interval);
            self.last = now;
        }
        let [sold, found] = [Outcome::Sold, Outcome::Found].map(|outcome| self.total.outcome(outcome));
        let since = if measured { self.start } else { self.market.turns.begun() };
        let (elapsed, calls) = (now.saturating_duration_since(since), self.total.calls());
        (self.live)(&Live { measured, elapsed, calls, sold, other: calls - sold - found, interval });
        self.nothing_but_sold_out()
    }

    fn nothing_but_sold_out(&mut self) -> bool {
        let purchases = self.interval.latencies().find(|(operation, _)| *operation == Operation::Purchase);
        let purchases = purchases.map_or(0, |(_, latencies)| latencies.len());
        if purchases > 0 && self.interval.outcome(Outcome::SoldOut) == purchases {
            self.sold_out = (self.sold_out.0 + purchases, self.sold_out.1 + 1);
        } else if purchases > 0 {
            self.sold_out = (0, 0);
        }
        self.sold_out.0 >= SOLD_OUT_PROOF && self.sold_out.1 >= SOLD_OUT_INTERVALS
    }

    fn measured(self, ended: Option<Ended>, begun: Timestamp, sold_before: u64) -> Measured {
        let Self { market, start, last, total, intervals, .. } = self;
        let in_time = ended.is_none() && matches!(market.plan.stop, Stop::After(_));
        let not_begun = market.turns.not_begun(total.calls()).filter(|_| in_time);
        Measured {
            run: market.run.clone(),
            begun,
            seconds: last.saturating_duration_since(start).as_secs_f64(),
            not_begun,
            tally: total,
            intervals,
            ended,
            tickets: market.acknowledged.tickets(),
            wrong: market.acknowledged.wrong(),
            sold_before,
        }
    }
}

/// Waits for Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // It cannot be heard here: then it ends the process, as ever.
        std::future::pending::<()>().await;
    }
}
