//! Where buyers are from, for sales of which the store could not tell on the way: asked afterwards, many at a
//! time, so that no sale costs a request more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Shop;
use crate::metrics::Sold;
use crate::model::{AccountId, CountryCode};

/// Sales that wait at most; beyond that the oldest is counted without its country.
const WAITING_MAX: usize = 1 << 16;
/// Buyers that are asked for at once.
const AT_ONCE: usize = 1_000;
/// How long sales gather before their buyers are asked for.
const GATHER: Duration = Duration::from_millis(100);
/// Pause after a store that could not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Sales whose buyers are not asked for yet.
#[derive(Default)]
pub(super) struct Buyers {
    waiting: Mutex<VecDeque<(AccountId, Sold)>>,
    wake: Notify,
}

impl Buyers {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(AccountId, Sold)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<(AccountId, Sold)> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(AT_ONCE);
        waiting.drain(..count).collect()
    }

    fn put_back(&self, sales: Vec<(AccountId, Sold)>) {
        let mut waiting = self.waiting();
        sales.into_iter().rev().for_each(|sale| waiting.push_front(sale));
    }
}

impl Shop {
    /// Counts a sale by the country of its buyer, now or once that is known.
    pub(super) fn note_sold(&self, account: AccountId, country: Option<CountryCode>, sold: Sold) {
        if let Some(country) = country {
            return self.metrics().sold(country, sold);
        }
        let buyers = &self.0.buyers;
        let mut waiting = buyers.waiting();
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
            self.metrics().sold_to_nobody_knows_whom();
        }
        waiting.push_back((account, sold));
        drop(waiting);
        buyers.wake.notify_one();
    }

    /// Asks for buyers for ever, some time after they have bought.
    pub async fn ask_for_buyers(&self) {
        loop {
            self.0.buyers.wake.notified().await;
            tokio::time::sleep(GATHER).await;
            while !self.ask_for_waiting_buyers().await {
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    /// Asks for those that wait now; whether the store could answer.
    pub async fn ask_for_waiting_buyers(&self) -> bool {
        loop {
            let sales = self.0.buyers.take();
            if sales.is_empty() {
                return true;
            }
            let accounts: Vec<AccountId> = sales.iter().map(|(account, _)| *account).collect();
            let Ok(found) = self.store().countries(&accounts).await else {
                self.0.buyers.put_back(sales);
                return false;
            };
            let found: HashMap<AccountId, CountryCode> = found.into_iter().collect();
            for (account, sold) in sales {
                match found.get(&account) {
                    Some(&country) => self.metrics().sold(country, sold),
                    None => self.metrics().sold_to_nobody_knows_whom(),
                }
            }
        }
    }
}
