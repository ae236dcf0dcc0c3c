//! What there is to buy and to look at, gathered before a run from what the shop shows every buyer.

use std::collections::{BTreeSet, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};

use super::{BenchError, Plan, Reach};
use crate::model::{
    AccountId, AccountName, CategoryId, CountryCode, Email, EventId, MultiEvent, MultiEventId,
};
use crate::shop::{EventDetails, Paging, Shop, ShopError};

/// Events that are gathered at most: enough that no two calls meet by their small number.
const EVENTS_MAX: usize = 5_000;
/// Days that are looked at in one go, in random order.
const DAYS_AT_ONCE: usize = 16;
/// Multi-events that are looked at on one day.
const MULTI_EVENTS_MAX: usize = 2_500;
/// Look-ups at once: a store on a server answers many, and none is to be flooded.
const AT_ONCE: usize = 32;

/// A category of an event that can be bought from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) event: EventId,
    pub(super) category: CategoryId,
    /// All its seats, sold or not.
    pub(super) seats: u32,
}

/// One event that all calls are about, and the way of a browsing buyer to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub(super) day: Date,
    pub(super) multi_event: MultiEventId,
    pub(super) event: EventId,
}

/// What there is to buy and to look at.
#[derive(Debug, Clone)]
pub struct Stock {
    /// Categories with seats left.
    pub(super) offers: Vec<Offer>,
    /// For each offer the seats of all up to and with it.
    seats_up_to: Vec<u64>,
    /// The accounts that buy.
    pub(super) accounts: Vec<AccountId>,
    /// Days on which an event begins that is on sale.
    pub(super) days: Vec<Date>,
    pub(super) aim: Option<Aim>,
    /// How many events that is.
    pub(super) events: usize,
    pub(super) seats_left: u64,
}

/// Told how many events or accounts are gathered, and of how many (of events: at most).
pub type Gathered<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

impl Stock {
    /// Looks for events on sale: those in reach of the plan, of the catalogue at most 5,000.
    ///
    /// # Errors
    /// [`BenchError::Nothing`] where nothing is on sale or, for purchases, all is sold out.
    pub async fn gather(shop: &Shop, plan: &Plan, gathered: Gathered<'_>) -> Result<Self, BenchError> {
        let events = match plan.reach {
            Reach::Event(id) => vec![named(shop, id).await?],
            Reach::Catalogue => catalogue(shop, plan.seed, gathered).await?,
            Reach::LargestEvent => {
                let events = catalogue(shop, plan.seed, gathered).await?;
                // The first of equals: the same at every run.
                events.into_iter().rev().max_by_key(size).into_iter().collect()
            }
        };
        if events.is_empty() {
            return Err(BenchError::Nothing(
                "nothing is on sale in this store: `tsctl load demo` fills it with a catalogue".to_owned(),
            ));
        }
        let stock = Self::of(&events, plan);
        if plan.workload.buys() && stock.offers.is_empty() {
            return Err(BenchError::Nothing(
                "all that is on sale here is sold out: `tsctl bench load` adds events, `tsctl reset` puts every \
                 ticket on sale again, and an empty store is filled by `tsctl load demo`"
                    .to_owned(),
            ));
        }
        Ok(stock)
    }

    fn of(events: &[EventDetails], plan: &Plan) -> Self {
        let offers_of = |event: &EventDetails| {
            let id = event.facts.summary.id;
            let left = event.categories.iter().filter(|category| category.seats_available > 0);
            left.map(move |category| Offer { event: id, category: category.id, seats: category.seats })
                .collect::<Vec<_>>()
        };
        let left = events.iter().flat_map(|event| &event.categories);
        let days: BTreeSet<Date> = events.iter().map(day_of).collect();
        let aim = |event: &EventDetails| Aim {
            day: day_of(event),
            multi_event: event.facts.multi_event,
            event: event.facts.summary.id,
        };
        let offers: Vec<Offer> = events.iter().flat_map(offers_of).collect();
        let sums = offers.iter().scan(0, |sum, offer| {
            *sum += u64::from(offer.seats);
            Some(*sum)
        });
        Self {
            seats_up_to: sums.collect(),
            offers,
            accounts: Vec::new(),
            days: days.into_iter().collect(),
            aim: events.first().filter(|_| plan.reach != Reach::Catalogue).map(aim),
            events: events.len(),
            seats_left: left.map(|category| u64::from(category.seats_available)).sum(),
        }
    }

    /// Makes the accounts `bench-N@example.com`, or finds them.
    ///
    /// # Errors
    /// [`BenchError::Store`].
    pub async fn add_accounts(
        &mut self,
        shop: &Shop,
        count: u32,
        gathered: Gathered<'_>,
    ) -> Result<(), BenchError> {
        let mut made = stream::iter((1..=count).map(|number| account(shop, number))).buffered(AT_ONCE);
        while let Some(account) = made.try_next().await? {
            self.accounts.push(account);
            gathered(self.accounts.len() as u64, u64::from(count));
        }
        Ok(())
    }

    /// The category of a seat that is drawn among all, and its place: large ones are bought from more often,
    /// so that they sell out at about the same time.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Option<(usize, Offer)> {
        let seat = rng.random_range(0..*self.seats_up_to.last()?);
        let at = self.seats_up_to.partition_point(|&up_to| up_to <= seat);
        self.offers.get(at).map(|&offer| (at, offer))
    }

    /// How many events there are.
    #[must_use]
    pub const fn events(&self) -> usize {
        self.events
    }

    /// How many categories have seats left.
    #[must_use]
    pub const fn categories(&self) -> usize {
        self.offers.len()
    }

    /// Seats that were not sold when they were counted.
    #[must_use]
    pub const fn seats_left(&self) -> u64 {
        self.seats_left
    }
}

async fn account(shop: &Shop, number: u32) -> Result<AccountId, BenchError> {
    let harness = |error: crate::model::Invalid| BenchError::Harness(error.to_string());
    let name = AccountName::parse("Bench Buyer").map_err(harness)?;
    let email = Email::parse(&format!("bench-{number}@example.com")).map_err(harness)?;
    let country = CountryCode::parse("DE").map_err(harness)?;
    Ok(shop.create_account(name, email, country).await?.account.id)
}

/// The day (UTC) on which an event begins.
fn day_of(event: &EventDetails) -> Date {
    event.facts.summary.when.to_zoned_datetime(TimeZone::UTC).date()
}

/// All seats of an event.
fn size(event: &EventDetails) -> u64 {
    event.categories.iter().map(|category| u64::from(category.seats)).sum()
}

async fn named(shop: &Shop, id: EventId) -> Result<EventDetails, BenchError> {
    let event = shop.event(id).await?;
    if !event.facts.is_on_sale(jiff::Timestamp::now()) {
        let (from, until) = (event.facts.sale_date, event.facts.summary.when);
        return Err(ShopError::NotOnSale { from, until }.into());
    }
    Ok(event)
}

/// Events on sale, from days in an order that the seed decides.
async fn catalogue(shop: &Shop, seed: u64, gathered: Gathered<'_>) -> Result<Vec<EventDetails>, BenchError> {
    let (mut events, mut seen) = (Vec::new(), HashSet::new());
    for days in days(shop, seed).await?.chunks(DAYS_AT_ONCE) {
        let of_days = stream::iter(days.iter().map(|&day| of_day(shop, day)));
        let of_days: Vec<Vec<MultiEvent>> = of_days.buffered(AT_ONCE).try_collect().await?;
        // Each shows its events of all days: once is enough.
        let new = of_days.into_iter().flatten().map(|found| found.id).filter(|&id| seen.insert(id));
        let new: Vec<MultiEventId> = new.collect();
        // One step after the other: in one stream, look-ups that wait for a reader of the store would be
        // given one and not go on while those behind them wait for it.
        for new in new.chunks(AT_ONCE) {
            let lists = stream::iter(new.iter().map(|&id| events_of(shop, id))).buffered(AT_ONCE);
            let ids: Vec<Vec<EventId>> = lists.try_collect().await?;
            let found = ids.into_iter().flatten().map(|id| details(shop, id));
            let mut details = stream::iter(found).buffered(AT_ONCE);
            while let Some(event) = details.try_next().await? {
                if event.facts.is_on_sale(jiff::Timestamp::now()) {
                    events.push(event);
                    gathered(events.len() as u64, EVENTS_MAX as u64);
                }
                if events.len() == EVENTS_MAX {
                    return Ok(events);
                }
            }
        }
    }
    Ok(events)
}

async fn of_day(shop: &Shop, day: Date) -> Result<Vec<MultiEvent>, BenchError> {
    Ok(shop.multi_events(Some(day), Paging::FromStart, MULTI_EVENTS_MAX).await?.multi_events)
}

async fn events_of(shop: &Shop, id: MultiEventId) -> Result<Vec<EventId>, BenchError> {
    Ok(shop.events(id).await?.iter().map(|event| event.id).collect())
}

async fn details(shop: &Shop, id: EventId) -> Result<EventDetails, BenchError> {
    Ok(shop.event(id).await?)
}

/// The days from today on with perhaps an event, in an order that the seed decides.
async fn days(shop: &Shop, seed: u64) -> Result<Vec<Date>, BenchError> {
    let range = match shop.events_dates_range().await {
        Err(ShopError::NotFound(_)) => return Ok(Vec::new()),
        range => range?,
    };
    let today = jiff::Timestamp::now().to_zoned_datetime(TimeZone::UTC).date();
    let days = range.from.max(today).series(jiff::Span::new().days(1));
    let mut days: Vec<Date> = days.take_while(|&day| day <= range.to).collect();
    days.shuffle(&mut SmallRng::seed_from_u64(seed));
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_drawn_as_often_as_it_has_seats() {
        let offer = |id: u8, seats| Offer {
            event: EventId::from_bytes([1; 16]),
            category: CategoryId::from_bytes([id; 16]),
            seats,
        };
        let stock = Stock {
            offers: vec![offer(1, 100), offer(2, 900), offer(3, 1)],
            seats_up_to: vec![100, 1_000, 1_001],
            accounts: vec![],
            days: vec![],
            aim: None,
            events: 1,
            seats_left: 1_001,
        };
        let draws = |seed| {
            let mut rng = SmallRng::seed_from_u64(seed);
            (0..10_000).map(|_| stock.draw(&mut rng).unwrap().0).collect::<Vec<_>>()
        };
        let of = |place| draws(7).iter().filter(|&&at| at == place).count();
        assert!((700..1_300).contains(&of(0)), "{}", of(0));
        assert!((1..60).contains(&of(2)), "{}", of(2));
        assert_eq!(draws(7), draws(7));
    }
}
