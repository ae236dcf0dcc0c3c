//! `tsctl reset`: everything for sale again, after asking.

use std::process::ExitCode;

use clap::Args;

use super::Context;
use super::confirm::confirmed;
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
            if !options.yes && !confirmed("delete", &what)? {
                return Err(CliError::no("nothing was deleted"));
            }
            store.reset(options.catalogue).await?;
            say(&format!("deleted {what}"));
            Ok(ExitCode::SUCCESS)
        })
        .await
}
