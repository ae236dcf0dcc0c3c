//! One bot: an account, and runs that each look for tickets and buy some.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use super::answers::{Category, Event, Wish};
use super::client::{CallError, Client};
use super::figures::{Outcome, Purchase};
use super::stop::Stopped;
use super::{Settings, choices};
use crate::model::{AccountId, DatesRange, MultiEventId};

/// Days that a run tries before it says that nothing is on sale.
const DAYS: u32 = 100;
/// Rounds through the events of its multi-event before a run says that they are sold out.
const ROUNDS: u32 = 5;
/// The pause before a round, times its number from 0.
const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// The pause after a run that got no tickets, at least: a shop that refuses all at once is not hammered.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_millis(500);

/// What all bots share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) range: DatesRange,
    /// The seed that was given or drawn.
    pub(super) seed: u64,
    /// Marks the e-mail addresses of this run; the same for the same given seed.
    pub(super) mark: String,
    /// Marks the keys of this process: another one with the same seed buys anew.
    pub(super) keys: u64,
}

/// A buyer that buys by itself.
pub(super) struct Bot {
    shared: Arc<Shared>,
    /// From 1.
    number: u32,
    rng: ChaCha8Rng,
    account: Option<AccountId>,
    wishes: u64,
    /// Whether the run has met an answer that it could do nothing with.
    disturbed: bool,
}

/// What became of a wish.
enum Wished {
    Bought,
    /// Fewer seats are left than wished for.
    TooMany,
    /// Nothing of this event can be bought now.
    NotThisEvent,
    /// Nothing of this category can be bought.
    NotThisCategory,
}

/// A run that is over before it has bought or looked everywhere.
struct Over(Outcome);

impl From<Stopped> for Over {
    fn from(Stopped: Stopped) -> Self {
        Self(Outcome::Stopped)
    }
}

impl Bot {
    pub(super) fn new(shared: Arc<Shared>, number: u32) -> Self {
        let rng = choices::generator(shared.seed, number);
        Self { shared, number, rng, account: None, wishes: 0, disturbed: false }
    }

    /// All runs of the bot.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let (tally, stop) = (&shared.client.tally, &shared.client.stop);
        let mut runs = 0;
        while shared.settings.runs.is_none_or(|most| runs < most) && !stop.is_asked() {
            let outcome = self.run_once().await.unwrap_or_else(|Over(outcome)| outcome);
            tally.run_ended(outcome);
            runs += 1;
            let least = if outcome == Outcome::Bought { Duration::ZERO } else { PAUSE_AFTER_NOTHING };
            let is_last = shared.settings.runs == Some(runs);
            if !is_last && self.pause(shared.settings.think.max(least)).await.is_err() {
                break;
            }
        }
        tally.bot_ended();
    }

    async fn run_once(&mut self) -> Result<Outcome, Over> {
        self.disturbed = false;
        let Some(account) = self.account().await? else { return Ok(Outcome::Failed) };
        let Some(multi_event) = self.find_multi_event().await? else {
            return Ok(if self.disturbed { Outcome::Failed } else { Outcome::NothingOnSale });
        };
        let wanted = choices::wanted(&mut self.rng);
        for round in 0..ROUNDS {
            self.pause(ROUND_PAUSE * round).await?;
            if self.round(account, multi_event, wanted).await? {
                return Ok(Outcome::Bought);
            }
        }
        Ok(if self.disturbed { Outcome::Failed } else { Outcome::SoldOut })
    }

    /// The bot's account, made by its first run.
    async fn account(&mut self) -> Result<Option<AccountId>, Over> {
        if self.account.is_none() {
            let shared = Arc::clone(&self.shared);
            let countries = &shared.settings.countries;
            let Some(buyer) = choices::buyer(&mut self.rng, &shared.mark, self.number, countries) else {
                return Ok(None);
            };
            let made = shared.client.create_account(&buyer).await;
            self.account = self.answer(made)?;
        }
        Ok(self.account)
    }

    async fn find_multi_event(&mut self) -> Result<Option<MultiEventId>, Over> {
        let shared = Arc::clone(&self.shared);
        for _ in 0..DAYS {
            let day = choices::day(&mut self.rng, shared.range);
            let found = shared.client.multi_events(day).await;
            let found = self.answer(found)?.unwrap_or_default();
            if let Some(chosen) = choices::one(&mut self.rng, &found) {
                return Ok(Some(chosen.id));
            }
        }
        Ok(None)
    }

    /// Goes once through the events of a multi-event; whether it has bought.
    async fn round(&mut self, account: AccountId, of: MultiEventId, wanted: u32) -> Result<bool, Over> {
        let shared = Arc::clone(&self.shared);
        let events = shared.client.events(of).await;
        let events = self.answer(events)?.unwrap_or_default();
        for listed in choices::shuffled(&mut self.rng, events) {
            let event = shared.client.event(listed.id).await;
            let Some(event) = self.answer(event)? else { continue };
            if self.buy_of(account, event, wanted).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tries the categories of an event that have enough seats; whether it has bought.
    async fn buy_of(&mut self, account: AccountId, mut event: Event, wanted: u32) -> Result<bool, Over> {
        let categories = std::mem::take(&mut event.categories);
        let left = |category: &Category| category.seats_available;
        for category in choices::with_seats(&mut self.rng, wanted, left, categories) {
            match self.buy_from(account, &event, &category, wanted).await? {
                Wished::Bought => return Ok(true),
                Wished::NotThisEvent => return Ok(false),
                Wished::TooMany | Wished::NotThisCategory => {}
            }
        }
        Ok(false)
    }

    /// Wishes for as many tickets as wanted, and for one less each time that so many are not left.
    async fn buy_from(
        &mut self,
        account: AccountId,
        event: &Event,
        category: &Category,
        wanted: u32,
    ) -> Result<Wished, Over> {
        for quantity in (1..=wanted).rev() {
            let wish = Wish { account_id: account, event_id: event.id, category_id: category.id, quantity };
            match self.wish(&wish, event, category).await? {
                Wished::TooMany => {}
                wished => return Ok(wished),
            }
        }
        Ok(Wished::TooMany)
    }

    /// One wish, under a key of its own.
    async fn wish(&mut self, wish: &Wish, event: &Event, category: &Category) -> Result<Wished, Over> {
        self.wishes += 1;
        let shared = Arc::clone(&self.shared);
        let key = format!("bot-{:016x}-{}-{}", shared.keys, self.number, self.wishes);
        match shared.client.purchase_tickets(wish, &key).await {
            Ok(bought) => {
                let purchase = Purchase {
                    bot: self.number,
                    account_id: wish.account_id,
                    sale_id: bought.sale,
                    event_id: event.id,
                    event: event.name.clone(),
                    venue: event.venue.clone(),
                    category: category.name.clone(),
                    quantity: bought.tickets.len() as u32,
                    seats: bought.seats(),
                    total: bought.total(),
                };
                shared.client.tally.bought(purchase, bought.replayed);
                Ok(Wished::Bought)
            }
            Err(CallError::Refused { code, .. }) if code == "not-on-sale" => Ok(Wished::NotThisEvent),
            Err(CallError::Refused { status, .. }) if status.as_u16() == 409 => Ok(Wished::TooMany),
            // It may be bought: another wish could make it two.
            Err(CallError::Strange(_) | CallError::NoAnswer { unknown: true, .. }) => {
                Err(Over(Outcome::Unknown))
            }
            Err(error) => self.answer(Err::<Wished, _>(error)).map(|_| Wished::NotThisCategory),
        }
    }

    /// What a call gave; nothing where its answer is to be passed over.
    fn answer<T>(&mut self, answer: Result<T, CallError>) -> Result<Option<T>, Over> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(CallError::Refused { .. } | CallError::Strange(_)) => {
                self.disturbed = true;
                Ok(None)
            }
            Err(CallError::NoAnswer { .. }) if self.shared.client.stop.is_asked() => {
                Err(Over(Outcome::Stopped))
            }
            Err(CallError::NoAnswer { .. }) => Err(Over(Outcome::GaveUp)),
            Err(CallError::Stopped) => Err(Over(Outcome::Stopped)),
        }
    }

    async fn pause(&self, time: Duration) -> Result<(), Stopped> {
        if time.is_zero() {
            return Ok(());
        }
        let _waiting = self.shared.client.tally.waiting();
        self.shared.client.stop.pause(time).await
    }
}
