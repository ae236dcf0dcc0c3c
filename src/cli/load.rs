//! `tsctl load`: a generated catalogue, written or only counted.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use super::Context;
use super::exit_code::CliError;
use super::output::{Rows, say};
use crate::demo::{self, progress_bar, show};
use crate::generator::{self, GeneratorConfig, MultiEvents, Statistics};
use crate::loader::{LoadRequest, Loaded, load_tickets, load_venues};
use crate::model::Venue;
use crate::store::{self, Access};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl load demo                      60 venues and about 100,000 tickets
  tsctl load venues 1000               then, at these venues:
  tsctl load tickets 10M --seed 7      about ten million tickets
  tsctl load tickets 1M --dry-run      write nothing, print the statistics
  tsctl load config > my.json          the distributions, to begin from
  tsctl load tickets 1M --config-file my.json

The same seed, counts and distributions make the same catalogue. An interrupted load goes on when it is
run again. Not beside a running tsbe. See docs/catalogue.md.";

/// The demo's generator warned below this number of tickets; so does this.
const FEW_TICKETS: u64 = 10_000;
/// Venues that a dry run counts with where the store has none.
const DRY_RUN_VENUES: u64 = 1_000;

#[derive(Subcommand)]
pub(super) enum Load {
    /// Venues with their seating categories
    Venues(Count),
    /// Multi-events at the venues of the store, until they sell about so many tickets
    Tickets(Tickets),
    /// A small catalogue to try, and the account demo@example.com
    Demo,
    /// Print the default distributions as JSON
    Config,
}

#[derive(Args)]
pub(super) struct Count {
    /// How many: 1000, 100k, 10M
    #[arg(value_parser = count)]
    count: u64,
    /// Seed of the generator
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Distributions, as printed by `tsctl load config`
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Write nothing; print the statistics of what would be loaded
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub(super) struct Tickets {
    #[command(flatten)]
    count: Count,
    /// From when on events are dated: a day (UTC), such as 2027-01-31, or now
    #[arg(long, value_name = "DATE", default_value = "now", value_parser = start)]
    start: Timestamp,
}

/// Reads `now`, or a day as its midnight.
fn start(text: &str) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(Timestamp::now());
    }
    let midnight = text.parse::<Date>().and_then(|day| day.to_zoned_datetime(jiff::tz::TimeZone::UTC));
    midnight
        .map(|midnight| midnight.timestamp())
        .map_err(|_| "must be a day, such as 2027-01-31, or now".to_owned())
}

/// Reads `1000`, `1_000`, `100k`, `10M`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let text = text.replace('_', "");
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
        Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
        _ => (text.as_str(), 1),
    };
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
    count
        .filter(|&count| count > 0)
        .ok_or_else(|| "must be a whole number above 0, such as 1000, 100k or 10M".to_owned())
}

pub(super) async fn run(context: &Context, load: Load) -> Result<ExitCode, CliError> {
    match load {
        Load::Config => context.output.text(GeneratorConfig::DEFAULT_JSON),
        Load::Demo => demo(context).await,
        Load::Venues(options) => venues(context, &options).await,
        Load::Tickets(options) => tickets(context, &options).await,
    }
}

impl Count {
    fn request(&self) -> Result<LoadRequest, CliError> {
        let config = match &self.config_file {
            None => GeneratorConfig::default(),
            Some(file) => {
                let shown = file.display();
                let text = std::fs::read_to_string(file)
                    .map_err(|error| CliError::usage(format!("cannot read {shown}: {error}")))?;
                GeneratorConfig::parse(&text)
                    .map_err(|mistakes| CliError::usage(format!("{shown}: {}", mistakes.join("; "))))?
            }
        };
        Ok(LoadRequest { count: self.count, seed: self.seed, config })
    }
}

async fn demo(context: &Context) -> Result<ExitCode, CliError> {
    context
        .with_store(Access::Maintain, async |store| match demo::prepare(store).await? {
            Some(loaded) => print(context, &loaded),
            None => {
                say("the store has events already; nothing was loaded");
                Ok(ExitCode::SUCCESS)
            }
        })
        .await
}

async fn venues(context: &Context, options: &Count) -> Result<ExitCode, CliError> {
    let request = options.request()?;
    if options.dry_run {
        let mut statistics = Statistics::default();
        let venues = generator::venues(&request.config, request.seed).take(request.count as usize);
        venues.for_each(|venue| statistics.add_venue(&venue));
        return print(context, &Loaded { statistics, shortfall: None, resumed_at: 0 });
    }
    context
        .with_store(Access::Maintain, async |store| {
            let bar = progress_bar("venues");
            let loaded = load_venues(store, &request, &mut |done, total| show(&bar, done, total)).await;
            bar.finish_and_clear();
            print(context, &loaded?)
        })
        .await
}

async fn tickets(context: &Context, options: &Tickets) -> Result<ExitCode, CliError> {
    let request = options.count.request()?;
    if request.count < FEW_TICKETS {
        say(&format!("{} tickets are few: most kinds of events need venues with more seats", request.count));
    }
    if options.count.dry_run {
        return dry_run_tickets(context, &request, options.start).await;
    }
    context
        .with_store(Access::Maintain, async |store| {
            let bar = progress_bar("tickets");
            let show = &mut |done, total| show(&bar, done, total);
            let loaded = load_tickets(store, &request, options.start, show).await;
            bar.finish_and_clear();
            print(context, &loaded?)
        })
        .await
}

/// Generates and counts, at the venues of the store or, where there are none, at generated ones.
async fn dry_run_tickets(
    context: &Context,
    request: &LoadRequest,
    start: Timestamp,
) -> Result<ExitCode, CliError> {
    let is_there = store::schema_status(&context.config.store).await?.current > 0;
    let mut venues = match is_there {
        true => context.with_store(Access::Attach, async |store| Ok(store.venues().await?)).await?,
        false => Vec::new(),
    };
    if venues.is_empty() {
        say(&format!("the store has no venues: counting with {} generated ones", DRY_RUN_VENUES));
        venues = generator::venues(&request.config, request.seed)
            .take(DRY_RUN_VENUES as usize)
            .collect::<Vec<Venue>>();
    }
    let mut multi_events = MultiEvents::new(&request.config, request.seed, start, venues, request.count)
        .map_err(CliError::usage)?;
    let mut statistics = Statistics::default();
    multi_events.by_ref().for_each(|new| statistics.add_multi_event(&new));
    print(context, &Loaded { statistics, shortfall: multi_events.shortfall(), resumed_at: 0 })
}

fn print(context: &Context, loaded: &Loaded) -> Result<ExitCode, CliError> {
    let Loaded { statistics, shortfall, resumed_at } = loaded;
    if *resumed_at > 0 {
        say(&format!("went on with a load that had been interrupted after {resumed_at}"));
    }
    if let Some(why) = shortfall {
        say(&format!("warning: {why}"));
    }
    let mut rows = vec![
        ["venues".to_owned(), statistics.num_venues.to_string()],
        ["multi-events".to_owned(), statistics.num_multi_events.to_string()],
        ["events".to_owned(), statistics.num_events.to_string()],
        ["tickets".to_owned(), statistics.num_tickets.to_string()],
        ["sum of ticket prices".to_owned(), statistics.sum_ticket_prices.to_string()],
    ];
    for (kind, of_kind) in &statistics.venue_kinds {
        rows.push([format!("venues, {kind}"), of_kind.venues.to_string()]);
        rows.push([format!("seats, {kind}"), of_kind.seats.to_string()]);
    }
    let rows = rows.into_iter().filter(|[_, value]| value != "0" && value != "0.00");
    context.output.data(statistics, &Rows::new(["what", "count"], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_people_write_them() {
        for (text, expected) in [("1000", 1_000), ("10_000", 10_000), ("100k", 100_000), ("10M", 10_000_000)]
        {
            assert_eq!(count(text), Ok(expected));
        }
        for text in ["", "0", "-1", "k", "1.5M", "ten", "99999999999999999999", "99999999999G"] {
            assert!(count(text).is_err(), "{text:?}");
        }
    }
}
