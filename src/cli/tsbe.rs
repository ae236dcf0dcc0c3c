//! The command line of `tsbe`, beside those of `tsctl`: it has the same flags for the same settings.

use clap::{Arg, ArgAction, Command};

use super::settings::setting_args;
use crate::config::SETTINGS;
use crate::version;

const EXAMPLES: &str = "Examples:
  tsbe serve --demo                       a shop to try, in data/ticketshop.db
  tsbe serve --store sqlite:shop.db --port 8091
  tsbe serve --config config.env          settings from a file; see config-sample.env
  tsbe check-config --config config.env   only say what is wrong with them

Each flag can be an environment variable (PORT=8091) or a line of the file: a flag wins over the
environment, that over the file, that over the default.

Exit codes: 0 ended as asked; 1 requests in flight were cut off; 2 wrong usage, setting, store or
port; 70 the store failed and has to be opened again.";

/// The command line of `tsbe`.
#[must_use]
pub fn command() -> Command {
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    let demo = Arg::new("demo")
        .long("demo")
        .action(ArgAction::SetTrue)
        .help("Where the store has no events, load a demo catalogue first; print how to buy from it");
    let serve = Command::new("serve").about("Serve the API until SIGINT or SIGTERM").arg(demo);
    let check = Command::new("check-config").about("Read the settings, print them, and say what is wrong");
    let health =
        Command::new("health").about("Ask the tsbe on this machine whether it lives; exit code 1 where not");
    Command::new("tsbe")
        .about("The ticket shop's daemon: a REST API that sells tickets, each seat once")
        .version(version::VERSION)
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve.args(setting_args(&names)).after_help(EXAMPLES))
        .subcommand(check.args(setting_args(&names)))
        .subcommand(health.args(setting_args(&["ADDRESS", "PORT"])))
        .subcommand(Command::new("version").about("Print the version and the build"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
