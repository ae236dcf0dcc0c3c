//! `tsctl docs`: the reference pages.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exit_code::{CliError, NO};
use super::output::say;
use super::{Context, tsbe};
use crate::docs;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl docs                     writes what has changed in docs/
  tsctl docs --check             writes nothing; exit code 1 where a page is stale
  tsctl docs --out /tmp/docs

The answers in api.md are real: a shop is opened on a store in a temporary folder and asked.";

/// Options of `tsctl docs`.
#[derive(Args)]
pub(super) struct Docs {
    /// Folder of the pages; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "docs")]
    out: PathBuf,
    /// Only say which pages are stale or missing
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(context: &Context, options: &Docs) -> Result<ExitCode, CliError> {
    let (daemon, operator) = (tsbe::command(), super::command());
    let folder = options.out.display();
    if !options.check {
        let changed = docs::refresh(daemon, operator, &options.out).await.map_err(CliError::usage)?;
        say(&format!("{} pages in {folder} have changed", changed.len()));
        return context.output.text(&lines(&changed));
    }
    let pages = docs::pages(daemon, operator).await.map_err(CliError::usage)?;
    let stale = docs::stale(&pages, &options.out);
    context.output.text(&lines(&stale))?;
    if stale.is_empty() {
        say(&format!("the pages in {folder} are up to date"));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} pages in {folder} are stale: `tsctl docs --out {folder}` writes them", stale.len()));
    Ok(ExitCode::from(NO))
}

fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}
