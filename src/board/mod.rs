//! The board: what a dashboard shows of the shop, made anew each second while somebody looks.
//!
//! Totals come from the ledger, so they are right after a restart and with sales of other processes; they are
//! counted on, not again. Latencies and refusals are those of this process. While nobody looks, nothing is
//! counted.

mod snapshot;
mod totals;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::snapshot::Snapshot;
use self::totals::Totals;
use crate::shop::Shop;
use crate::store::OnSale;

/// How often the board is made anew.
const EVERY: Duration = Duration::from_secs(1);
/// How long counting may go on before what is counted so far is shown.
const COUNT_TIME: Duration = Duration::from_millis(500);
/// Least time between two looks at what is on sale.
const ON_SALE_EVERY: Duration = Duration::from_secs(2);
/// The share of a reader's time that a board may take: it rests this many times as long as it has read.
const REST: u32 = 20;
/// Events that are shown.
const EVENTS: usize = 20;
/// Dashboards that may look at once: each holds one of the daemon's connections.
pub const WATCHERS_MAX: usize = 256;

/// A board as JSON; empty before the first one.
pub type Shown = Arc<str>;

/// The board of a shop.
pub struct Board {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    shop: Shop,
    store_name: String,
    begun: Instant,
    shown: watch::Sender<Shown>,
    watched: Notify,
    started: AtomicBool,
}

impl Board {
    /// A board of a shop whose store is called `store_name`.
    #[must_use]
    pub fn new(shop: Shop, store_name: String) -> Self {
        let shown = watch::Sender::new(Shown::from(""));
        let (watched, started) = (Notify::new(), AtomicBool::new(false));
        let shared = Shared { shop, store_name, begun: Instant::now(), shown, watched, started };
        Self { shared: Arc::new(shared), task: Mutex::default() }
    }

    /// Looks at the board until what is returned is dropped; `None` where too many look already.
    pub fn watch(&self) -> Option<watch::Receiver<Shown>> {
        if self.shared.shown.receiver_count() >= WATCHERS_MAX {
            return None;
        }
        let mut watcher = self.shared.shown.subscribe();
        // What was shown before is shown at once, old as it may be: the next is a second away.
        watcher.mark_changed();
        if !self.shared.started.swap(true, Ordering::Relaxed) {
            let task = tokio::spawn(Arc::clone(&self.shared).keep_up());
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
        self.shared.watched.notify_one();
        Some(watcher)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// What the board is made of.
#[derive(Default)]
struct Figures {
    totals: Totals,
    count_at: Option<Instant>,
    on_sale: OnSale,
    on_sale_as_of: Option<Instant>,
    on_sale_at: Option<Instant>,
}

impl Shared {
    async fn keep_up(self: Arc<Self>) {
        let mut figures = Figures::default();
        loop {
            if self.shown.receiver_count() == 0 {
                self.watched.notified().await;
            }
            let begun = tokio::time::Instant::now();
            figures.refresh(&self.shop).await;
            let snapshot = Snapshot::of(&self, &figures).await;
            if let Ok(json) = serde_json::to_string(&snapshot) {
                self.shown.send_replace(json.into());
            }
            tokio::time::sleep_until(begun + EVERY).await;
        }
    }
}

impl Figures {
    /// Reads again what is due. What cannot be read stays as it is, and grows old for all to see.
    async fn refresh(&mut self, shop: &Shop) {
        if is_due(self.count_at) {
            let begun = Instant::now();
            let counted = self.totals.count(shop.store(), COUNT_TIME).await;
            let rest =
                if counted.is_ok() && self.totals.share() < 1.0 { Duration::ZERO } else { rest(begun) };
            self.count_at = Some(Instant::now() + rest);
        }
        if is_due(self.on_sale_at) {
            let begun = Instant::now();
            if let Ok(on_sale) = shop.store().on_sale(EVENTS).await {
                (self.on_sale, self.on_sale_as_of) = (on_sale, Some(Instant::now()));
            }
            self.on_sale_at = Some(Instant::now() + rest(begun).max(ON_SALE_EVERY - EVERY / 2));
        }
    }
}

fn is_due(at: Option<Instant>) -> bool {
    at.is_none_or(|at| at <= Instant::now())
}

/// How long to rest from what began then.
fn rest(begun: Instant) -> Duration {
    begun.elapsed() * REST
}

/// Seconds since then; `None` for never.
fn age_seconds(since: Option<Instant>) -> Option<f64> {
    since.map(|since| snapshot::rounded(since.elapsed().as_secs_f64()))
}
