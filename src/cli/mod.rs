//! `tsctl`: the operator's tool. One file a command: its options, its work, what it prints.
//!
//! Only data goes to standard output; messages, bars and errors go to standard error. Exit codes are in
//! [`exit_code`].

mod account;
mod audit;
mod backup;
mod bench;
mod bots;
mod buy;
mod confirm;
mod docs;
pub mod exit_code;
mod list;
mod load;
mod output;
mod reset;
mod schema;
pub mod settings;
mod spanner;
pub mod tsbe;

use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use self::exit_code::CliError;
use self::output::{Format, Output};
use self::settings::{setting_args, sources};
use crate::config::Config;
use crate::shop::Shop;
use crate::store::{self, Access, Store};
use crate::version;

/// Settings that matter to `tsctl`.
const SETTINGS: &[&str] = &[
    "STORE",
    "PROJECT",
    "INSTANCE",
    "DATABASE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SPANNER_EMULATOR_HOST",
    "SPANNER_EMULATOR_ADMIN_HOST",
    "SPANNER_ENDPOINT",
    "SPANNER_CA_FILE",
    "SPANNER_CLIENT_CERT",
    "SPANNER_CLIENT_KEY",
    "SPANNER_STALENESS",
    "SPANNER_PRIORITY",
    "SPANNER_BULK_PRIORITY",
    "SPANNER_WRITES",
    "SPANNER_SEAT_LOCK",
    "SPANNER_COMMIT_DELAY",
    "SPANNER_LOAD_COMMIT_DELAY",
    "SPANNER_LOAD_PARALLEL",
    "CACHESIZE",
    "CACHEEXPIRATION",
    "REQUEST_TIMEOUT",
    "DEBUG",
];

const EXAMPLES: &str = "Examples:
  tsctl load demo                         a catalogue to try, about 100,000 tickets
  tsctl list multievents --date 2027-01-31
  tsctl buy --quantity 2 --trace          two tickets of anything on sale, and where the time went
  tsctl bots --bots 100                   a hundred buyers at once, over HTTP, at a running tsbe
  tsctl audit                             count everything again
  tsctl --store sqlite:shop.db --output json list events --multievent ID

`list`, `buy`, `account`, `audit`, `backup` and `bench` (but for `bench load`) work beside a running tsbe on the same
store.

Exit codes: 0 done; 1 the answer is no (not found, sold out, not on sale, the audit disagrees);
2 wrong usage, setting or store; 3 the store failed, or it is unknown whether it was done.";

/// The ticket shop's operator's tool: the same queries and purchases as the API, straight against the store.
#[derive(Parser)]
#[command(name = "tsctl", version = version::VERSION, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// How data is printed
    #[arg(long, global = true, value_enum, default_value_t = FormatArg::Table)]
    output: FormatArg,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people
    Table,
    /// One JSON document, with the names of the API
    Json,
    /// Comma-separated, with a header
    Csv,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Show what is in the store
    #[command(subcommand, after_help = list::EXAMPLES)]
    List(list::List),
    /// Buy tickets; what is not named is chosen at random among what is on sale
    #[command(after_help = buy::EXAMPLES)]
    Buy(buy::Buy),
    /// Let many buyers buy at once, over HTTP: a shop's load, live
    #[command(after_help = bots::EXAMPLES)]
    Bots(bots::BotsOptions),
    /// Accounts
    #[command(subcommand, after_help = account::EXAMPLES)]
    Account(account::AccountCommand),
    /// Load a generated catalogue
    #[command(subcommand, after_help = load::EXAMPLES)]
    Load(load::Load),
    /// Count tickets, counters and ledger again and print every disagreement
    #[command(after_help = audit::EXAMPLES)]
    Audit,
    /// Copy an embedded store into a new file, while it sells
    #[command(after_help = backup::EXAMPLES)]
    Backup(backup::Backup),
    /// Put a copy in the place of an embedded store
    #[command(after_help = backup::RESTORE_EXAMPLES)]
    Restore(backup::Restore),
    /// Measure how fast the store sells, answers and loads, and check that it sold right
    #[command(subcommand, after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
    /// Delete all sales and accounts, so that every ticket is for sale again
    #[command(after_help = reset::EXAMPLES)]
    Reset(reset::Reset),
    /// The store's schema
    #[command(subcommand, after_help = schema::EXAMPLES)]
    Schema(schema::SchemaCommand),
    /// What only a store on Cloud Spanner has: splits, and statistics of locks
    #[command(subcommand, after_help = spanner::EXAMPLES)]
    Spanner(spanner::SpannerCommand),
    /// Write the reference pages: API, command lines, settings, metrics, man pages
    #[command(after_help = docs::EXAMPLES)]
    Docs(docs::Docs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  tsctl completions bash > /etc/bash_completion.d/tsctl")]
    Completions(Completions),
    /// Print the version and the build
    Version,
}

#[derive(Args)]
struct Completions {
    /// The shell
    shell: Shell,
}

/// What every command gets.
struct Context {
    config: Config,
    output: Output,
}

impl Context {
    /// Opens the store, runs `work` on it, and closes it whatever happened.
    async fn with_store<T>(
        &self,
        access: Access,
        work: impl AsyncFnOnce(&Arc<dyn Store>) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let store = store::open(&self.config.store, access).await?;
        let result = work(&store).await;
        store.close().await;
        result
    }

    /// The same with a shop on the store, to look and to buy beside a daemon.
    async fn with_shop<T>(
        &self,
        work: impl AsyncFnOnce(&Shop) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let cache = self.config.cache;
        self.with_store(Access::Attach, async |store| work(&Shop::new(Arc::clone(store), cache)).await).await
    }
}

/// The command line of `tsctl`, with a flag for each setting that matters to it.
#[must_use]
pub fn command() -> Command {
    Cli::command().args(setting_args(SETTINGS).into_iter().map(|arg| arg.global(true)))
}

/// Runs `tsctl` with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = match command().try_get_matches() {
        Ok(matches) => {
            Cli::from_arg_matches(&matches).map_err(CliError::from).and_then(|cli| run_command(cli, &matches))
        }
        Err(error) if is_help(&error) => error.exit(),
        Err(error) => Err(error.into()),
    };
    outcome.unwrap_or_else(|error| error.report())
}

/// Whether help or the version is to be shown, asked for or not.
fn is_help(error: &clap::Error) -> bool {
    let for_want_of_a_command = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    !error.use_stderr() || for_want_of_a_command
}

fn run_command(cli: Cli, matches: &ArgMatches) -> Result<ExitCode, CliError> {
    let output = Output::new(match cli.output {
        FormatArg::Table => Format::Table,
        FormatArg::Json => Format::Json,
        FormatArg::Csv => Format::Csv,
    });
    match &cli.command {
        Subcommands::Version => return output.text(&version::text()),
        Subcommands::Completions(Completions { shell }) => return completions(*shell, &output),
        _ => {}
    }
    let config = Config::read(&sources(deepest(matches)))?;
    // Operators' commands are not traced: `tsctl buy --trace` tells where the time goes.
    let config = Config { traces: None, ..config };
    let _logging = crate::logging::set_up(&config).map_err(CliError::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::usage(format!("cannot start: {error}")))?;
    let context = Context { config, output };
    runtime.block_on(async {
        match cli.command {
            Subcommands::List(list) => list::run(&context, list).await,
            Subcommands::Buy(buy) => buy::run(&context, buy).await,
            Subcommands::Bots(options) => bots::run(&context, options).await,
            Subcommands::Account(command) => account::run(&context, command).await,
            Subcommands::Load(load) => load::run(&context, load).await,
            Subcommands::Audit => audit::run(&context).await,
            Subcommands::Backup(options) => backup::run(&context, &options).await,
            Subcommands::Restore(options) => backup::restore(&context, &options).await,
            Subcommands::Bench(bench) => bench::run(&context, bench).await,
            Subcommands::Reset(reset) => reset::run(&context, &reset).await,
            Subcommands::Schema(command) => schema::run(&context, command).await,
            Subcommands::Spanner(command) => spanner::run(&context, command).await,
            Subcommands::Docs(options) => docs::run(&context, &options).await,
            Subcommands::Completions(_) | Subcommands::Version => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Global flags are found among the matches of the last subcommand, wherever they were given.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| deepest(below))
}

fn completions(shell: Shell, output: &Output) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "tsctl", &mut script);
    output.text(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
