//! One buyer: takes a turn, calls the shop, notes what came of it, until there are no more turns.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::calls::{Call, Operation, Outcome, Wished, micros};
use super::history::{Entry, Lines, SoldEntry, WishedEntry};
use super::oversell::Acknowledged;
use super::pace::{Turn, Turns};
use super::recorder::Recorder;
use super::stock::{Aim, Offer, Stock};
use super::{Plan, Workload};
use crate::model::{EventId, IdempotencyKey, MultiEventId, Quantity};
use crate::shop::{MultiEventsPage, Paging, Receipt, Shop, ShopError, Wish};

/// Purchases in a row that are all sold out, after which nothing is left to measure.
pub(super) const SOLD_OUT_MAX: u64 = 1_000;
/// How long a buyer waits after the store was in trouble: asked at once again, it would hardly get out of it.
const AFTER_TROUBLE: Duration = Duration::from_millis(1);
/// Spreads the numbers of calls over the seeds of their choices: 2^64 by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What all buyers of a run share.
pub(super) struct Market {
    pub(super) shop: Shop,
    pub(super) plan: Plan,
    pub(super) stock: Stock,
    /// What the idempotency keys begin with: another run's keys are others, so that none is a repeat.
    pub(super) run: String,
    pub(super) turns: Arc<Turns>,
    pub(super) recorder: Recorder,
    pub(super) acknowledged: Acknowledged,
    /// Purchases since the last that was not sold out.
    pub(super) sold_out: AtomicU64,
}

/// One caller.
pub(super) struct Buyer {
    pub(super) market: Arc<Market>,
    pub(super) number: usize,
    pub(super) history: Option<Lines>,
    /// The key of the purchase at hand; kept for its memory.
    pub(super) key: String,
    /// How far browsing is.
    pub(super) place: Place,
}

/// Where a browsing buyer is: what it looks at next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// The days with events.
    #[default]
    Dates,
    /// The multi-events of a day.
    Day(Date),
    /// The events of a multi-event.
    MultiEvent(MultiEventId),
    /// An event with its seats left.
    Event(EventId),
}

impl Buyer {
    /// Makes calls until the run is over.
    pub(super) async fn call_until_the_end(mut self) {
        while let Some(turn) = self.market.turns.next().await {
            let choices = self.market.plan.seed.wrapping_add(turn.number.wrapping_mul(SPREAD));
            let mut rng = SmallRng::seed_from_u64(choices);
            let buys = match self.market.plan.workload {
                Workload::Purchase => true,
                Workload::Browse => false,
                Workload::Mixed { purchases } => rng.random_range(0..100) < purchases,
            };
            let start = Instant::now();
            let call = if buys { self.buy(&mut rng, turn.number).await } else { self.look(&mut rng).await };
            let end = Instant::now();
            if turn.measured {
                self.market.recorder.add(self.number, &call, end.duration_since(turn.intended));
            }
            let trouble = call.outcome.is_trouble();
            self.note(turn, start, end, call).await;
            match trouble {
                true => tokio::time::sleep(AFTER_TROUBLE).await,
                // Calls that the cache answers never wait: without this they would keep their thread.
                false => tokio::task::consume_budget().await,
            }
        }
    }

    /// One purchase; where its outcome is unknown, once more under the same key, as a buyer would.
    async fn buy(&mut self, rng: &mut SmallRng, number: u64) -> Call {
        let market = Arc::clone(&self.market);
        let drawn = Quantity::new(rng.random_range(1..=4)).ok();
        let key = self.key_of(number);
        let (Some((at, offer)), Some(&account), Some(quantity), Some(key)) =
            (market.stock.draw(rng), market.stock.accounts.choose(rng), market.plan.quantity.or(drawn), key)
        else {
            return Call {
                operation: Operation::Purchase,
                outcome: Outcome::Refused,
                wished: None,
                sold: None,
            };
        };
        let Offer { event, category, .. } = offer;
        let wish = Wish { account, event, category, quantity, key: Some(key) };
        let mut answer = market.purchase(wish).await;
        if matches!(answer, Err(ShopError::OutcomeUnknown(_))) {
            let key = self.key_of(number);
            answer = market.purchase(Wish { account, event, category, quantity, key }).await;
        }
        let wished = Wished { event, category, quantity: quantity.get() };
        market.settle(at, &offer, wished, answer)
    }

    fn key_of(&mut self, number: u64) -> Option<IdempotencyKey> {
        self.key.clear();
        write!(self.key, "{}-{number}", self.market.run).ok()?;
        IdempotencyKey::parse(&self.key).ok()
    }

    /// The next step of a look round: dates, a day, a multi-event, an event, and again.
    async fn look(&mut self, rng: &mut SmallRng) -> Call {
        let Market { shop, stock, .. } = &*self.market;
        let (next, call) = match self.place {
            Place::Dates => {
                let answer = shop.events_dates_range().await;
                let day = stock.aim.map(|aim| aim.day).or_else(|| stock.days.choose(rng).copied());
                (
                    answer.is_ok().then_some(day).flatten().map(Place::Day),
                    Call::look(Operation::DatesRange, &answer),
                )
            }
            Place::Day(day) => {
                let limit = MultiEventsPage::LIMIT_MAX;
                let answer = shop.multi_events(Some(day), Paging::RandomWindow, limit).await;
                let found = answer.as_ref().ok().and_then(|page| page.multi_events.choose(rng));
                let next = aimed(stock.aim, |aim| aim.multi_event).or(found.map(|found| found.id));
                (next.map(Place::MultiEvent), Call::look(Operation::MultiEvents, &answer))
            }
            Place::MultiEvent(id) => {
                let answer = shop.events(id).await;
                let found = answer.as_ref().ok().and_then(|events| events.choose(rng));
                let next = aimed(stock.aim, |aim| aim.event).or(found.map(|found| found.id));
                (next.map(Place::Event), Call::look(Operation::Events, &answer))
            }
            Place::Event(id) => (None, Call::look(Operation::Event, &shop.event(id).await)),
        };
        self.place = next.unwrap_or_default();
        call
    }

    /// Writes the call to the history, where one is kept.
    async fn note(&mut self, turn: Turn, start: Instant, end: Instant, call: Call) {
        let Some(history) = &self.history else { return };
        let since = |at: Instant| micros(at.saturating_duration_since(self.market.turns.begun()));
        let entry = Entry {
            call: turn.number,
            buyer: self.number,
            operation: call.operation,
            intended_us: since(turn.intended),
            start_us: since(start),
            end_us: since(end),
            outcome: call.outcome,
            warm_up: !turn.measured,
            wished: call.wished.map(|Wished { event, category, quantity }| WishedEntry {
                event,
                category,
                quantity,
            }),
            sold: call.sold.map(|(sale, effort)| SoldEntry {
                sale: sale.id,
                seats: sale.seats,
                attempts: effort.attempts,
                group: effort.group,
            }),
        };
        if history.send(entry).await.is_err() {
            // The file cannot be written any more: the writer says why at the end.
            self.market.turns.end();
        }
    }
}

fn aimed<T>(aim: Option<Aim>, part: impl FnOnce(Aim) -> T) -> Option<T> {
    aim.map(part)
}

impl Market {
    async fn purchase(&self, wish: Wish) -> Result<Receipt, ShopError> {
        self.shop.purchase_tickets(wish, Instant::now() + self.plan.request_timeout).await
    }

    /// Enters what was sold, and ends the run where nothing is left.
    fn settle(&self, at: usize, offer: &Offer, wished: Wished, answer: Result<Receipt, ShopError>) -> Call {
        let (outcome, sold) = match answer {
            Ok(receipt) => {
                self.acknowledged.add(at, offer, wished.quantity, &receipt.sale.sale);
                (Outcome::Sold, Some((receipt.sale.sale, receipt.effort)))
            }
            Err(error) => (Outcome::from(&error), None),
        };
        if outcome == Outcome::SoldOut {
            if self.sold_out.fetch_add(1, Ordering::Relaxed) + 1 >= SOLD_OUT_MAX {
                self.turns.end();
            }
        } else if self.sold_out.load(Ordering::Relaxed) > 0 && !self.all_sold_out() {
            self.sold_out.store(0, Ordering::Relaxed);
        }
        Call { operation: Operation::Purchase, outcome, wished: Some(wished), sold }
    }

    /// Whether so many purchases in a row were sold out that the run ended.
    pub(super) fn all_sold_out(&self) -> bool {
        self.sold_out.load(Ordering::Relaxed) >= SOLD_OUT_MAX
    }
}
