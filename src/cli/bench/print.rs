//! What `tsctl bench` prints, and what it says beside.

use std::process::ExitCode;

use indicatif::{HumanBytes, HumanCount};

use crate::bench::{Check, Ended, Figures, LoadReport, Report, WrongSeat};
use crate::cli::exit_code::CliError;
use crate::cli::output::{Output, Rows, say};

/// Wrong seats and disagreements that are said; all that are kept are in the JSON.
const SAID_MAX: usize = 20;

/// Prints the figures; as a table also the outcomes and what the sales took.
pub(super) fn report(output: &Output, report: &Report) -> Result<ExitCode, CliError> {
    let several = report.operations.iter().chain(std::iter::once(&report.total));
    if !output.is_table() {
        let header = ["operation", "calls", "perSecond", "p50Ms", "p90Ms", "p99Ms", "p999Ms", "maxMs"];
        return output.data(report, &Rows::new(header, several.map(|of| figures(of, u64::to_string, 3))));
    }
    let header = ["operation", "calls", "per second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"];
    let grouped = |count: &u64| HumanCount(*count).to_string();
    output.data(report, &Rows::new(header, several.map(|of| figures(of, grouped, 0))))?;
    let calls = report.total.calls.max(1) as f64;
    let outcomes = report.outcomes.iter().map(|(outcome, count)| {
        let percent = format!("{:.2}", *count as f64 / calls * 100.0);
        [(*outcome).to_owned(), HumanCount(*count).to_string(), percent]
    });
    output.data(report, &Rows::new(["outcome", "calls", "percent"], outcomes))?;
    output.text(&lines(report))
}

fn figures(of: &Figures, count: impl Fn(&u64) -> String, digits: usize) -> [String; 8] {
    let ms = |ms: f64| format!("{ms:.3}");
    let per_second = match digits {
        0 if of.per_second >= 100.0 => count(&(of.per_second.round() as u64)),
        0 => format!("{:.1}", of.per_second),
        _ => format!("{:.digits$}", of.per_second),
    };
    let Figures { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = *of;
    let [p50, p90, p99, p999, max] = [p50_ms, p90_ms, p99_ms, p999_ms, max_ms].map(ms);
    [of.operation.to_owned(), count(&of.calls), per_second, p50, p90, p99, p999, max]
}

/// What the tables do not tell.
fn lines(report: &Report) -> String {
    let settings = &report.settings;
    let mut lines = String::new();
    if let Some(sales) = &report.sales {
        lines += &format!(
            "sold: {} sales of {} tickets, {} sales/s, {} tickets/s\n\
             attempts per sale: {:.3}; requests that shared its transaction: {:.1} on average, {} at most\n",
            HumanCount(sales.sales),
            HumanCount(sales.tickets),
            HumanCount(sales.sales_per_second.round() as u64),
            HumanCount(sales.tickets_per_second.round() as u64),
            sales.attempts_per_sale,
            sales.mean_group,
            sales.max_group
        );
    }
    let pace = settings.rate.map_or_else(
        || "closed loop".to_owned(),
        |rate| format!("open loop at {rate} calls/s, latency from when each was due"),
    );
    let reach = match report.stock.events {
        1 => "1 event".to_owned(),
        events => format!("{} events", HumanCount(events as u64)),
    };
    lines += &format!(
        "measured {:.3} s, {} buyers on {reach}, {pace}, seed {}\n",
        report.seconds, settings.buyers, settings.seed
    );
    lines
}

/// Says what was remarkable about a run, and whether the store sold right.
pub(super) fn remarks(report: &Report) {
    match &report.ended_early {
        None => {}
        Some(Ended::SoldOut) => {
            say(&format!("all that was in reach is sold out: the run ended after {:.1} s", report.seconds));
        }
        Some(Ended::Interrupted) => say(&format!("interrupted after {:.1} s", report.seconds)),
        Some(Ended::StoreFailed(why)) => say(&format!("the store can sell no more: {why}")),
    }
    if let Some(missed @ 1..) = report.not_begun {
        say(&format!(
            "the rate was not kept: {} of {} calls that were due found no free buyer in time, so latency grew as \
             long as the run was",
            HumanCount(missed),
            HumanCount(missed + report.total.calls)
        ));
    }
    if let Some(check) = &report.check {
        for line in verdict(check) {
            say(&line);
        }
    }
}

/// Whether the store sold right, in words.
fn verdict(check: &Check) -> Vec<String> {
    let acknowledged = HumanCount(check.tickets_acknowledged);
    let sales = HumanCount(check.audit.sales);
    if check.right {
        return vec![format!(
            "checked: {acknowledged} tickets acknowledged, none twice; the audit of {sales} sales agrees"
        )];
    }
    let mut lines: Vec<String> = check.wrong.iter().take(SAID_MAX).map(wrong_seat).collect();
    let disagreements = &check.audit.disagreements;
    let disagrees = disagreements.iter().take(SAID_MAX);
    lines.extend(disagrees.map(|found| format!("the audit disagrees: {}: {}", found.kind, found.detail)));
    if check.lost() > 0 {
        lines.push(format!(
            "lost: {} of {acknowledged} acknowledged tickets are in no sale",
            HumanCount(check.lost())
        ));
    }
    lines.push(format!(
        "WRONG: {acknowledged} tickets acknowledged, {} of them wrongly, {} lost; the audit of {sales} sales has \
         {} disagreements",
        HumanCount(check.wrong_seats),
        HumanCount(check.lost()),
        HumanCount(disagreements.len() as u64)
    ));
    lines
}

fn wrong_seat(wrong: &WrongSeat) -> String {
    let WrongSeat { kind, event, category, seat, sale } = wrong;
    format!("{kind}: seat {seat} of category {category} of event {event}, in sale {sale}")
}

/// Prints how a load went.
pub(super) fn loaded(output: &Output, report: &LoadReport) -> Result<ExitCode, CliError> {
    if let Some(why) = &report.shortfall {
        say(&format!("warning: {why}"));
    }
    let seconds = |seconds: f64| format!("{seconds:.3}");
    let count = |count: u64| {
        if output.is_table() { HumanCount(count).to_string() } else { count.to_string() }
    };
    let bytes =
        |bytes: u64| if output.is_table() { HumanBytes(bytes).to_string() } else { bytes.to_string() };
    let mut rows = vec![
        ["venues".to_owned(), count(report.venues)],
        ["multi-events".to_owned(), count(report.multi_events)],
        ["events".to_owned(), count(report.events)],
        ["tickets".to_owned(), count(report.tickets)],
        ["seconds for the venues".to_owned(), seconds(report.venues_seconds)],
        ["seconds for the tickets".to_owned(), seconds(report.tickets_seconds)],
        ["tickets per second".to_owned(), count(report.tickets_per_second.round() as u64)],
    ];
    if let Some(peak) = report.peak_memory_bytes {
        rows.push(["peak memory".to_owned(), bytes(peak)]);
    }
    output.data(report, &Rows::new(["what", "value"], rows))?;
    say(&format!(
        "the tickets stay in {} (seed {}); `tsctl reset --catalogue` empties it",
        report.store, report.seed
    ));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CategoryId, EventId, SaleId};
    use crate::store::AuditReport;

    fn check() -> Check {
        let audit = AuditReport { sales: 3_000_000, tickets_sold: 1_234_667, ..AuditReport::default() };
        Check {
            right: true,
            tickets_acknowledged: 1_234_567,
            wrong_seats: 0,
            wrong: Vec::new(),
            sold_before: 100,
            sold_after: 1_234_667,
            audit,
        }
    }

    #[test]
    fn what_is_right_is_one_line() {
        assert_eq!(
            verdict(&check()),
            ["checked: 1,234,567 tickets acknowledged, none twice; the audit of 3,000,000 sales agrees"]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = WrongSeat {
            kind: "seat-twice",
            event: EventId::from_bytes([1; 16]),
            category: CategoryId::from_bytes([2; 16]),
            seat: 17,
            sale: SaleId::from_bytes([3; 16]),
        };
        let check =
            Check { right: false, wrong_seats: 1, wrong: vec![wrong], sold_after: 1_234_660, ..check() };
        let lines = verdict(&check);
        assert!(lines[0].starts_with("seat-twice: seat 17 of category 0202"), "{lines:?}");
        assert!(lines[1].starts_with("lost: 7 of "), "{lines:?}");
        assert!(lines[2].starts_with("WRONG: 1,234,567 tickets acknowledged, 1 of them wrongly, 7 lost"));
    }
}
