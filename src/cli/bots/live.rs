//! What the bots are doing, while they do it, on standard error: a table that is drawn anew on a terminal, a
//! line from time to time elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};

use super::report::milliseconds;
use crate::bots::{Figures, Outcome, Purchase, Stop, Tally};
use crate::cli::output::{Rows, say};

/// The table is drawn so often.
const REDRAW: Duration = Duration::from_millis(500);
/// Without a terminal, a line comes so often.
const LINE: Duration = Duration::from_secs(5);
/// Names in the table are cut to so many characters.
const NAME_CHARS: usize = 32;

/// What happens in a second, between two looks.
#[derive(Debug, Default, PartialEq)]
struct Rates {
    purchases: f64,
    tickets: f64,
    calls: f64,
}

/// Shows what the bots do until `work` is done.
pub(super) async fn show_while(tally: &Tally, stop: &Stop, work: impl Future<Output = ()>) {
    let bar = std::io::stderr().is_terminal().then(table_bar);
    let mut ticks = interval(if bar.is_some() { REDRAW } else { LINE });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    let mut before = tally.figures();
    let mut told = false;
    tokio::pin!(work);
    loop {
        tokio::select! {
            () = &mut work => break,
            () = stop.asked(), if !told => {
                told = true;
                if bar.is_none() {
                    say(ENDING);
                }
            }
            _ = ticks.tick() => {
                let now = tally.figures();
                let rates = Rates::between(&before, &now);
                match &bar {
                    Some(bar) => bar.set_message(screen(tally, &now, &rates, told)),
                    None => say(&line(&now, &rates, tally.purchase_times())),
                }
                before = now;
            }
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

const ENDING: &str = "ending: bots finish the request they are in; Ctrl-C again ends at once";

/// A bar that is nothing but its message, drawn when that changes.
fn table_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

impl Rates {
    fn between(before: &Figures, now: &Figures) -> Self {
        let seconds = now.time.saturating_sub(before.time).as_secs_f64().max(1e-3);
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
        Self {
            purchases: rate(before.purchases, now.purchases),
            tickets: rate(before.tickets, now.tickets),
            calls: rate(before.calls, now.calls),
        }
    }
}

/// The figures on one line.
fn line(now: &Figures, rates: &Rates, (p50, p99): (Duration, Duration)) -> String {
    format!(
        "{:.0} s: {} bots ({} wait), {} purchases ({:.0}/s), {} tickets for {}, {} calls ({:.0}/s), {} errors, \
         purchase p50 {} ms, p99 {} ms",
        now.time.as_secs_f64(),
        now.running,
        now.waiting,
        now.purchases,
        rates.purchases,
        now.tickets,
        now.revenue,
        now.calls,
        rates.calls,
        now.errors,
        milliseconds(p50),
        milliseconds(p99),
    )
}

/// Everything that the terminal shows.
fn screen(tally: &Tally, now: &Figures, rates: &Rates, ending: bool) -> String {
    let (p50, p99) = tally.purchase_times();
    let count = |count: u64| HumanCount(count).to_string();
    let ends = Outcome::ALL.into_iter().filter(|outcome| now.runs(*outcome) > 0);
    let ends: Vec<String> =
        ends.map(|outcome| format!("{} {}", outcome.words(), count(now.runs(outcome)))).collect();
    let (running, waiting) = (count(now.running), count(now.waiting));
    let (purchases, tickets) = (count(now.purchases), count(now.tickets));
    let time = now.time.as_secs();
    format!(
        "bots     {running} running, {waiting} of them wait, after {time} s{}\n\
         bought   {purchases} purchases ({:.0}/s), {tickets} tickets ({:.0}/s), for {}\n\
         calls    {} ({:.0}/s), {} errors, {} repeats; purchases take p50 {} ms, p99 {} ms\n\
         runs     {}\n{}",
        if ending { "; ending, Ctrl-C again ends at once" } else { "" },
        rates.purchases,
        rates.tickets,
        now.revenue,
        count(now.calls),
        rates.calls,
        count(now.errors),
        count(now.retries),
        milliseconds(p50),
        milliseconds(p99),
        if ends.is_empty() { "none has ended".to_owned() } else { ends.join(", ") },
        latest(&tally.latest()).as_table(),
    )
}

fn latest(purchases: &[Purchase]) -> Rows {
    let row = |purchase: &Purchase| {
        [
            purchase.bot.to_string(),
            cut(&purchase.event),
            cut(&purchase.venue),
            cut(&purchase.category),
            purchase.seats.to_string(),
            purchase.total.to_string(),
        ]
    };
    Rows::new(["bot", "event", "venue", "category", "seats", "price"], purchases.iter().map(row))
}

/// A name that does not make its row two lines: the table must keep its height.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_what_happened_between_two_looks() {
        let before = Figures { time: Duration::from_secs(10), purchases: 100, ..Figures::default() };
        let now = Figures { time: Duration::from_secs(12), purchases: 300, ..Figures::default() };
        assert_eq!(Rates::between(&before, &now).purchases, 100.0);
        assert_eq!(Rates::between(&now, &now).purchases, 0.0);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("Tokyo Dome"), "Tokyo Dome");
        assert_eq!(cut(&"é".repeat(99)).chars().count(), NAME_CHARS);
    }
}
