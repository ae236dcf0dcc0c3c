//! The options of `tsctl bench`, and the plans that they make.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};

use crate::bench::{LoadPlan, Plan, Rate, Reach, Stop, Workload};
use crate::cli::exit_code::CliError;
use crate::cli::load::count;
use crate::model::{EventId, Quantity};

/// The measured time where neither a time nor a number of calls is given.
const DURATION: Duration = Duration::from_secs(10);
/// The warm-up of a run that ends by the clock.
const WARM_UP: Duration = Duration::from_secs(1);
/// The longest that can be asked for: a week.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

/// What every run takes.
#[derive(Args)]
pub(in crate::cli) struct Looking {
    /// How many call at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    buyers: usize,
    /// How long calls are measured [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds_above_zero, conflicts_with = "count")]
    duration: Option<Duration>,
    /// How many calls are measured, instead of a time: 1000, 10k
    #[arg(long, value_name = "N", value_parser = count)]
    count: Option<u64>,
    /// Calls begun in this time, before the others, are not in the figures [default: 1, with --count 0]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,
    /// All calls are about one event: this, or the one on sale with the most seats; without it, about the
    /// whole catalogue. Either way, categories are bought from in proportion to their seats
    #[arg(long, value_name = "EVENT", num_args = 0..=1)]
    hot: Option<Option<EventId>>,
    /// Calls per second (an open loop): each is due at its time, and its latency counts from then; without
    /// it, each buyer calls again once it is answered (a closed loop)
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<Rate>,
    /// Seed of the choices; without it, a random one, which the report tells
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Draw latency and throughput over time, and the distribution of the latencies
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write one line of JSON for each call; that costs the run some of its speed
    #[arg(long, value_name = "FILE.jsonl")]
    history: Option<PathBuf>,
}

/// What a run takes beside that sells.
#[derive(Args)]
struct Buying {
    /// Tickets of each purchase, 1 to 10; without it 1 to 4, each as often as the others
    #[arg(long, value_name = "N")]
    quantity: Option<i64>,
    /// How many accounts buy; they are made where they are missing
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=10_000_000))]
    accounts: u32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(in crate::cli) struct Purchasing {
    #[command(flatten)]
    looking: Looking,
    #[command(flatten)]
    buying: Buying,
}

#[derive(Args)]
pub(in crate::cli) struct Mixed {
    /// Purchases, in percent of the calls
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = value_parser!(u8).range(0..=100))]
    purchases: u8,
    #[command(flatten)]
    looking: Looking,
    #[command(flatten)]
    buying: Buying,
}

#[derive(Args)]
pub(in crate::cli) struct LoadOptions {
    /// About how many tickets: 100k, 10M
    #[arg(long, value_name = "N", default_value = "1M", value_parser = count)]
    tickets: u64,
    /// How many venues; without it, one for 5,000 tickets and at least 60
    #[arg(long, value_name = "N", value_parser = count)]
    venues: Option<u64>,
    /// Seed of the generator, which the store must not have seen; without it, a random one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
}

/// A run that was asked for.
pub(super) struct Asked {
    pub(super) plan: Plan,
    pub(super) plot: Option<PathBuf>,
    pub(super) history: Option<PathBuf>,
    pub(super) yes: bool,
}

impl Looking {
    pub(super) fn asked(self, request_timeout: Duration) -> Result<Asked, CliError> {
        // Nobody buys: the options of buying do not matter.
        let buying = Buying { quantity: None, accounts: 1, yes: true };
        self.with(&buying, Workload::Browse, request_timeout)
    }

    fn with(self, buying: &Buying, workload: Workload, request_timeout: Duration) -> Result<Asked, CliError> {
        let quantity = buying.quantity.map(Quantity::new).transpose();
        let plan = Plan {
            workload,
            buyers: self.buyers,
            stop: self.count.map_or_else(|| Stop::After(self.duration.unwrap_or(DURATION)), Stop::Calls),
            warm_up: self.warm_up.unwrap_or(if self.count.is_some() { Duration::ZERO } else { WARM_UP }),
            rate: self.rate,
            reach: match self.hot {
                None => Reach::Catalogue,
                Some(None) => Reach::LargestEvent,
                Some(Some(event)) => Reach::Event(event),
            },
            quantity: quantity.map_err(|error| CliError::usage(format!("--quantity {error}")))?,
            accounts: buying.accounts,
            seed: self.seed.unwrap_or_else(random_seed),
            request_timeout,
        };
        Ok(Asked { plan, plot: self.plot, history: self.history, yes: buying.yes })
    }
}

impl Purchasing {
    pub(super) fn asked(self, request_timeout: Duration) -> Result<Asked, CliError> {
        self.looking.with(&self.buying, Workload::Purchase, request_timeout)
    }
}

impl Mixed {
    pub(super) fn asked(self, request_timeout: Duration) -> Result<Asked, CliError> {
        let workload = Workload::Mixed { purchases: self.purchases };
        self.looking.with(&self.buying, workload, request_timeout)
    }
}

impl LoadOptions {
    pub(super) fn plan(&self) -> LoadPlan {
        let seed = self.seed.unwrap_or_else(random_seed);
        LoadPlan { tickets: self.tickets, venues: self.venues, seed }
    }
}

/// Short enough to be typed again.
fn random_seed() -> u64 {
    u64::from(rand::random::<u32>())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "must be a number of seconds, such as 10 or 0.5, at most a week".to_owned())
}

fn seconds_above_zero(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("must be above 0".to_owned()),
        seconds => Ok(seconds),
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    text.parse()
        .ok()
        .and_then(Rate::new)
        .ok_or_else(|| "must be calls per second, above 0 and at most 10000000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_rates_have_bounds() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for text in ["", "-1", "soon", "inf", "NaN", "1e9"] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
        assert!(seconds_above_zero("0").is_err());
        for text in ["0", "-5", "NaN", "fast", "1e12"] {
            assert!(rate(text).is_err(), "{text:?}");
        }
        assert_eq!(rate("0.5").map(Rate::per_second), Ok(0.5));
    }
}
