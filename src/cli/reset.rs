//! `tsctl reset`: everything for sale again, after asking.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;

use super::Context;
use super::exit_code::CliError;
use super::output::say;
use crate::store::{self, Access};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl reset                     asks first
  tsctl reset --yes               for scripts
  tsctl reset --catalogue --yes   the catalogue too: an empty store

Not beside a running tsbe.";

#[derive(Args)]
pub(super) struct Reset {
    /// Delete the catalogue too
    #[arg(long)]
    catalogue: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, options: &Reset) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    // Opening it to maintain it would make one.
    if store::schema_status(location).await?.current == 0 {
        return Err(CliError::usage(format!(
            "there is no store at {location}, so there is nothing to delete"
        )));
    }
    context
        .with_store(Access::Maintain, async |store| {
            let size = store.catalogue_size().await?;
            let catalogue = if options.catalogue {
                format!(", and the catalogue of {} events with {} tickets", size.events, size.tickets)
            } else {
                String::new()
            };
            let what = format!("all sales ({} tickets) and accounts of {location}{catalogue}", size.sold);
            if !options.yes && !confirmed(&what)? {
                return Err(CliError::no("nothing was deleted"));
            }
            store.reset(options.catalogue).await?;
            say(&format!("deleted {what}"));
            Ok(ExitCode::SUCCESS)
        })
        .await
}

/// Asks on the terminal; without one there is nobody to ask.
fn confirmed(what: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "this would delete {what}: give --yes to do it without a terminal"
        )));
    }
    let _ = write!(std::io::stderr(), "Delete {what}? Type yes: ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::usage(format!("cannot read the answer: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
