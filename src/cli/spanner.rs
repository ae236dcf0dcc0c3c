//! `tsctl spanner presplit|hot`: what only a store on Spanner has.

use std::process::ExitCode;

use clap::Subcommand;

use super::Context;
use super::exit_code::CliError;
use super::output::{Rows, say};
use crate::model::EventId;
use crate::store::{self, HotSpot, HotSpots};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl spanner presplit --event ID               the day before its sale begins
  tsctl spanner presplit --event ID --every 640   ten times as many splits within a category
  tsctl spanner hot                               during the sale: who waits for whom, and where

Both need Cloud Spanner: emulators neither split nor keep statistics.";

#[derive(Subcommand)]
pub(super) enum SpannerCommand {
    /// Spread an event over more splits before its sale begins
    Presplit {
        /// The event, by its id
        #[arg(long, value_name = "ID", value_parser = EventId::parse)]
        event: EventId,
        /// A split at each category, and at every so many seats within it
        #[arg(long, value_name = "SEATS", default_value_t = 6_400, value_parser = clap::value_parser!(u32).range(64..))]
        every: u32,
    },
    /// Show the longest lock waits and the busiest splits of the last full minute
    Hot {
        /// Most lines of each
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
}

pub(super) async fn run(context: &Context, command: SpannerCommand) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    match command {
        SpannerCommand::Presplit { event, every } => {
            let points = store::presplit(location, event, every).await?;
            say(&format!("{location}: asked for {points} splits; Spanner makes them within some minutes"));
            Ok(ExitCode::SUCCESS)
        }
        SpannerCommand::Hot { limit } => print(context, &store::hot_spots(location, limit).await?),
    }
}

fn print(context: &Context, spots: &HotSpots) -> Result<ExitCode, CliError> {
    let row = |kind: &str, unit: &str, spot: &HotSpot| {
        [kind.to_owned(), format!("{:.3} {unit}", spot.measure), spot.place.clone(), spot.detail.clone()]
    };
    let locks = spots.locks.iter().map(|spot| row("lock", "s waited", spot));
    let splits = spots.splits.iter().map(|spot| row("split", "% of a CPU", spot));
    context
        .output
        .data(spots, &Rows::new(["kind", "how hot", "keys", "by whom, or of what"], locks.chain(splits)))
}
