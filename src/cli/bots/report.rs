//! The results of bots: tables for people, one document for programs, the purchases as CSV.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::HumanCount;
use serde::Serialize;

use crate::bots::{Call, Figures, Outcome, Purchase, Settings, Tally, TopEvent};
use crate::cli::exit_code::CliError;
use crate::cli::output::{Output, Rows};
use crate::model::{AccountId, EventId, Money, SaleId};

/// All results.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    url: String,
    bots: u32,
    /// `None` where the bots ran until they were asked to end.
    runs_of_each: Option<u64>,
    seed: Option<u64>,
    /// What the e-mail addresses of the run have before their `@`.
    mark: String,
    /// Whether the bots were asked to end.
    interrupted: bool,
    totals: Totals,
    outcomes: BTreeMap<&'static str, u64>,
    /// Errors by kind.
    errors: BTreeMap<String, u64>,
    calls: Vec<CallRow>,
    top_events: Vec<EventRow>,
    /// None where there were more than 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchases: Option<Vec<PurchaseRow>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    seconds: f64,
    runs: u64,
    purchases: u64,
    purchases_per_second: f64,
    tickets: u64,
    revenue: Money,
    calls: u64,
    calls_per_second: f64,
    retries: u64,
    errors: u64,
    replayed: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallRow {
    route: &'static str,
    count: u64,
    errors: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventRow {
    event_id: EventId,
    event: String,
    venue: String,
    tickets: u64,
    revenue: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PurchaseRow {
    bot: u32,
    account_id: AccountId,
    sale_id: Option<SaleId>,
    event_id: EventId,
    event: String,
    venue: String,
    category: String,
    quantity: u32,
    seats: String,
    total: Money,
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        mark: String,
        interrupted: bool,
        figures: &Figures,
        tally: &Tally,
    ) -> Self {
        let purchases = tally.purchases();
        Self {
            url: settings.url.to_string(),
            bots: settings.bots,
            runs_of_each: settings.runs,
            seed: settings.seed,
            mark,
            interrupted,
            totals: Totals::of(figures),
            outcomes: Outcome::ALL.iter().map(|outcome| (outcome.name(), figures.runs(*outcome))).collect(),
            errors: figures.error_kinds.clone(),
            calls: tally.calls().into_iter().map(CallRow::from).collect(),
            top_events: tally.top_events().into_iter().map(EventRow::from).collect(),
            purchases: purchases.map(|all| all.into_iter().map(PurchaseRow::from).collect()),
        }
    }

    pub(super) fn print(&self, output: &Output) -> Result<ExitCode, CliError> {
        if !output.is_table() {
            return output.data(self, &self.purchase_rows());
        }
        let mut tables = vec![
            ("Totals", self.total_rows()),
            ("How the runs ended", self.outcome_rows()),
            ("HTTP calls, times in ms", self.call_rows()),
        ];
        if !self.errors.is_empty() {
            tables.push(("Errors", named_counts("error", &self.errors)));
        }
        if !self.top_events.is_empty() {
            tables.push(("Events with most tickets bought", self.event_rows()));
        }
        output.tables(&tables)
    }

    fn total_rows(&self) -> Rows {
        let Totals { seconds, purchases_per_second, calls_per_second, revenue, .. } = &self.totals;
        let totals = &self.totals;
        let rows = [
            ("seconds", format!("{seconds:.1}")),
            ("bots", count(u64::from(self.bots))),
            ("runs", count(totals.runs)),
            ("purchases", count(totals.purchases)),
            ("purchases a second", format!("{purchases_per_second:.1}")),
            ("tickets", count(totals.tickets)),
            ("revenue", revenue.to_string()),
            ("HTTP calls", count(totals.calls)),
            ("HTTP calls a second", format!("{calls_per_second:.1}")),
            ("repeats", count(totals.retries)),
            ("errors", count(totals.errors)),
            ("answers that had been lost", count(totals.replayed)),
        ];
        Rows::new(["total", "value"], rows.map(|(name, value)| [name.to_owned(), value]))
    }

    fn outcome_rows(&self) -> Rows {
        let row = |outcome: &Outcome| {
            let runs = self.outcomes.get(outcome.name()).copied().unwrap_or(0);
            [outcome.words().to_owned(), count(runs)]
        };
        Rows::new(["outcome", "runs"], Outcome::ALL.iter().map(row))
    }

    fn call_rows(&self) -> Rows {
        let row = |call: &CallRow| {
            let times = [call.p50_ms, call.p99_ms, call.max_ms].map(|time| format!("{time:.1}"));
            let [p50, p99, max] = times;
            [call.route.to_owned(), count(call.count), count(call.errors), p50, p99, max]
        };
        Rows::new(["route", "calls", "errors", "p50", "p99", "max"], self.calls.iter().map(row))
    }

    fn event_rows(&self) -> Rows {
        let row = |event: &EventRow| {
            [event.event.clone(), event.venue.clone(), count(event.tickets), event.revenue.to_string()]
        };
        Rows::new(["event", "venue", "tickets", "revenue"], self.top_events.iter().map(row))
    }

    fn purchase_rows(&self) -> Rows {
        let row = |purchase: &PurchaseRow| {
            [
                purchase.bot.to_string(),
                purchase.account_id.to_string(),
                purchase.sale_id.map(|id| id.to_string()).unwrap_or_default(),
                purchase.event.clone(),
                purchase.venue.clone(),
                purchase.category.clone(),
                purchase.quantity.to_string(),
                purchase.seats.clone(),
                purchase.total.to_string(),
            ]
        };
        let header = ["bot", "account", "sale", "event", "venue", "category", "quantity", "seats", "total"];
        Rows::new(header, self.purchases.iter().flatten().map(row))
    }
}

fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

fn named_counts(what: &'static str, counts: &BTreeMap<String, u64>) -> Rows {
    Rows::new([what, "calls"], counts.iter().map(|(name, calls)| [name.clone(), count(*calls)]))
}

/// A time as people read it: a tenth of a millisecond is told.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1}", in_ms(time))
}

fn in_ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// With three decimals: more is noise.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

impl Totals {
    fn of(figures: &Figures) -> Self {
        let seconds = figures.time.as_secs_f64();
        Self {
            seconds: rounded(seconds),
            runs: figures.all_runs(),
            purchases: figures.purchases,
            purchases_per_second: rounded(figures.purchases as f64 / seconds.max(1e-3)),
            tickets: figures.tickets,
            revenue: figures.revenue,
            calls: figures.calls,
            calls_per_second: rounded(figures.calls as f64 / seconds.max(1e-3)),
            retries: figures.retries,
            errors: figures.errors,
            replayed: figures.replayed,
        }
    }
}

impl From<Call> for CallRow {
    fn from(call: Call) -> Self {
        let Call { route, count, errors, p50, p99, max } = call;
        Self { route, count, errors, p50_ms: in_ms(p50), p99_ms: in_ms(p99), max_ms: in_ms(max) }
    }
}

impl From<TopEvent> for EventRow {
    fn from(top: TopEvent) -> Self {
        let TopEvent { id, event, venue, tickets, revenue } = top;
        Self { event_id: id, event, venue, tickets, revenue }
    }
}

impl From<Purchase> for PurchaseRow {
    fn from(purchase: Purchase) -> Self {
        let Purchase { bot, account_id, sale_id, event_id, event, venue, category, quantity, seats, total } =
            purchase;
        let seats = seats.to_string();
        Self { bot, account_id, sale_id, event_id, event, venue, category, quantity, seats, total }
    }
}
