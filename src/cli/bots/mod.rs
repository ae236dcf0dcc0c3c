//! `tsctl bots`: buyers that buy by themselves, at any shop with this API.

mod live;
mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use self::live::show_while;
use self::report::Report;
use super::Context;
use super::exit_code::{CliError, NO};
use super::output::{Format, say};
use crate::bots::{
    Bots, Connections, Figures, Outcome, Settings, StartError, StopBots, Tally, connections, stop,
};
use crate::config::{boolean, number, seconds};
use crate::model::CountryCode;
use crate::signals::EndRequests;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl bots                                     ten bots buy once each at http://localhost:8090
  tsctl bots --bots 2000 --runs 5                two thousand at once, five purchases each
  tsctl bots --continuous --think 1              until Ctrl-C, with a second between the runs of a bot
  tsctl bots --url https://shop.example.com/api/v1 --countries DE,FR --single-dns-lookup
  tsctl bots --seed 7 --output json > run.json   the same bots again, and all that they bought

A run: a day with events, a multi-event of that day, 1 to 10 tickets of one of its events; what is sold out
is tried with fewer tickets, then elsewhere, five times over. Ctrl-C ends it: bots finish the request they
are in, and the results are printed; a second Ctrl-C ends it at once.

A purchase without an answer is repeated under the same idempotency key, so nothing is bought twice. The
accounts are new ones with addresses @bots.example.com; the same --seed uses its accounts again.

An empty variable sets nothing. The shop is asked over HTTP alone: no store is opened.

Exit codes: 0 something was bought, or all is sold out; 1 nothing could be bought; 2 wrong usage, nobody
answers, or no ticket shop does; 130 ended by a second Ctrl-C.";

/// Most bot-runs whose purchases JSON has one by one.
const PURCHASES_MAX: usize = 10_000;
/// A second signal (128 + SIGINT).
const INTERRUPTED: i32 = 130;

#[derive(Args)]
pub(super) struct BotsOptions {
    /// Address of the API; without a path, that of /api/v1
    #[arg(long, env = "ROOT_URL", default_value = DEFAULT_URL, value_parser = url)]
    url: Url,
    /// How many bots, all at once
    #[arg(long, alias = "coroutines", env = "COROUTINES", value_name = "N", default_value = "10",
          value_parser = bots)]
    bots: u32,
    /// Runs of each bot; a bot keeps its account
    #[arg(long, value_name = "N", default_value = "1", value_parser = runs)]
    runs: u64,
    /// Run until Ctrl-C, whatever --runs says
    #[arg(long, env = "CONTINUOUS", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = switch,
          action = clap::ArgAction::Set)]
    continuous: bool,
    /// Pause between the runs of a bot
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = think)]
    think: Duration,
    /// How long a request may take
    #[arg(long, env = "HTTP_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = timeout)]
    http_timeout: Duration,
    /// Where the buyers live, such as DE,FR; without it, anywhere
    #[arg(long, env = "COUNTRIES", value_name = "CODES", default_value = "", value_parser = countries,
          hide_default_value = true)]
    countries: Countries,
    /// Resolve the host's name once and use its address from then on
    #[arg(long, env = "SINGLE_DNS_LOOKUP", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false", value_parser = switch,
          action = clap::ArgAction::Set)]
    single_dns_lookup: bool,
    /// Seed of everything that bots choose; without it, another one each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

const DEFAULT_URL: &str = "http://localhost:8090/api/v1";

/// A list that is one value on the command line.
#[derive(Clone)]
struct Countries(Vec<CountryCode>);

/// `text`, or what holds where an empty variable sets nothing.
fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.trim().is_empty() { default } else { text.trim() }
}

fn url(text: &str) -> Result<Url, String> {
    let wrong = || format!("must begin with http:// or https://, such as {DEFAULT_URL}");
    let url = Url::parse(or(text, DEFAULT_URL)).map_err(|_| wrong())?;
    let has_more = url.query().is_some() || url.fragment().is_some();
    match url.scheme() {
        "http" | "https" if url.has_host() && !has_more => Ok(url),
        _ => Err(wrong()),
    }
}

fn bots(text: &str) -> Result<u32, String> {
    number(or(text, "10"), 1, 1_000_000).map(|bots| bots as u32)
}

fn runs(text: &str) -> Result<u64, String> {
    number(text, 1, u64::MAX)
}

fn switch(text: &str) -> Result<bool, String> {
    boolean(or(text, "off"))
}

fn think(text: &str) -> Result<Duration, String> {
    seconds(text, 0.0)
}

fn timeout(text: &str) -> Result<Duration, String> {
    seconds(or(text, "30"), 0.1)
}

fn countries(text: &str) -> Result<Countries, String> {
    let codes = text.split(',').map(str::trim).filter(|code| !code.is_empty());
    let read = codes.map(|code| CountryCode::parse(code).map_err(|error| error.to_string()));
    read.collect::<Result<_, _>>().map(Countries)
}

impl BotsOptions {
    fn settings(self, connections: usize) -> Settings {
        Settings {
            url: self.url,
            bots: self.bots,
            runs: (!self.continuous).then_some(self.runs),
            think: self.think,
            http_timeout: self.http_timeout,
            countries: self.countries.0,
            single_dns_lookup: self.single_dns_lookup,
            seed: self.seed,
            connections,
        }
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        Self::usage(error.to_string())
    }
}

pub(super) async fn run(context: &Context, options: BotsOptions) -> Result<ExitCode, CliError> {
    let Connections { most, files_wanted } = connections(options.bots);
    if let Some(files) = files_wanted {
        let bots = options.bots;
        say(&format!(
            "the limit of open files allows {most} connections at once, so some of the {bots} bots wait; \
             `ulimit -n {files}` before would be enough for all"
        ));
    }
    let keep = match context.output.format() {
        Format::Table => 0,
        Format::Json => PURCHASES_MAX,
        Format::Csv => usize::MAX,
    };
    let tally = Tally::new(keep).map_err(|error| CliError::usage(format!("cannot count: {error}")))?;
    let tally = Arc::new(tally);
    let (asks, stop) = stop();
    let settings = options.settings(most);
    let bots = Bots::connect(settings.clone(), Arc::clone(&tally), stop.clone()).await?;
    let mark = bots.mark().to_owned();
    let ends = EndRequests::listen();
    let ends = ends.map_err(|error| CliError::usage(format!("signals cannot be waited for: {error}")))?;
    tokio::spawn(end_on_signals(ends, asks));
    show_while(&tally, &stop, bots.run()).await;
    let figures = tally.figures();
    Report::new(&settings, mark, stop.is_asked(), &figures, &tally).print(&context.output)?;
    Ok(verdict(&figures))
}

/// The first signal asks the bots to end, the second does not wait for them.
async fn end_on_signals(mut ends: EndRequests, asks: StopBots) {
    ends.next().await;
    asks.ask();
    ends.next().await;
    std::process::exit(INTERRUPTED);
}

/// What is left to say, and the exit code.
fn verdict(figures: &Figures) -> ExitCode {
    let unknown = figures.runs(Outcome::Unknown);
    if unknown > 0 {
        say(&format!(
            "of {unknown} purchases it is not known whether they were made: no answer came; the accounts' sales tell"
        ));
    }
    let sold_out = figures.all_runs() > 0 && figures.runs(Outcome::SoldOut) == figures.all_runs();
    if figures.purchases > 0 || sold_out {
        return ExitCode::SUCCESS;
    }
    let most = Outcome::ALL.into_iter().max_by_key(|outcome| figures.runs(*outcome));
    let why = most.filter(|outcome| figures.runs(*outcome) > 0).map_or("", Outcome::words);
    say(&format!("tsctl: nothing could be bought: {why}"));
    ExitCode::from(NO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_means_off_and_nothing_sets_nothing() {
        for text in ["", " ", "0", "false", "off", "no", "False"] {
            assert_eq!(switch(text), Ok(false), "{text:?}");
        }
        for text in ["1", "true", "on", "YES"] {
            assert_eq!(switch(text), Ok(true), "{text:?}");
        }
        assert!(switch("maybe").is_err());
        assert_eq!((bots(""), timeout("")), (Ok(10), Ok(Duration::from_secs(30))));
        assert_eq!(url("").unwrap().as_str(), DEFAULT_URL);
    }

    #[test]
    fn countries_are_a_list_with_commas() {
        let read = |text| countries(text).map(|Countries(codes)| codes.len());
        assert_eq!((read(""), read("DE"), read(" de, fr ,")), (Ok(0), Ok(1), Ok(2)));
        assert!(read("DE,XX").is_err());
    }

    #[test]
    fn an_address_must_be_one_of_http() {
        for text in ["localhost:8090", "ftp://localhost", "shop", "http://", "http://a/b?c=d"] {
            assert!(url(text).is_err(), "{text}");
        }
        assert!(url("http://[::1]:8090").is_ok());
    }
}
