//! `tsctl audit`: every disagreement between tickets, counters and ledger.

use std::process::ExitCode;

use super::Context;
use super::exit_code::{CliError, NO};
use super::output::{Rows, say};
use crate::demo::{progress_bar, show};
use crate::store::{Access, AuditReport, Disagreement};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl audit
  tsctl audit --store sqlite:/var/backups/shop.db   after a restore
  tsctl audit --output json > audit.json

Reads one snapshot, also while tsbe sells. Exit code 1 where anything disagrees.";

pub(super) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    context
        .with_store(Access::Attach, async |store| {
            let bar = progress_bar("rows");
            let shown = bar.clone();
            let report = store.audit(Box::new(move |done, total| show(&shown, done, total))).await?;
            bar.finish_and_clear();
            print(context, &report)?;
            Ok(if report.disagreements.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NO) })
        })
        .await
}

fn print(context: &Context, report: &AuditReport) -> Result<(), CliError> {
    let id = |id: Option<String>| id.unwrap_or_default();
    let row = |found: &Disagreement| {
        let sales: Vec<String> = found.sales.iter().map(ToString::to_string).collect();
        let event = id(found.event.map(|event| event.to_string()));
        let category = id(found.category.map(|category| category.to_string()));
        [found.kind.to_owned(), found.detail.clone(), event, category, sales.join(" ")]
    };
    let rows =
        Rows::new(["kind", "detail", "event", "category", "sales"], report.disagreements.iter().map(row));
    if !(context.output.is_table() && report.disagreements.is_empty()) {
        context.output.data(report, &rows)?;
    }
    let AuditReport { categories, sales, tickets_sold, accounts, disagreements } = report;
    let verdict = match disagreements.len() {
        0 => "all agree".to_owned(),
        1 => "1 disagreement".to_owned(),
        count => format!("{count} disagreements"),
    };
    say(&format!(
        "{sales} sales of {tickets_sold} tickets in {categories} categories by {accounts} accounts: {verdict}"
    ));
    Ok(())
}
