//! `tsctl schema print|apply|status`.

use std::process::ExitCode;

use clap::Subcommand;

use super::Context;
use super::exit_code::CliError;
use super::output::{Rows, say};
use crate::demo::{progress_bar, show};
use crate::store::{self, ApplyRequest};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl schema status
  tsctl schema apply --store sqlite:shop.db    make an empty store, or upgrade one
  tsctl schema print > schema.sql";

#[derive(Subcommand)]
pub(super) enum SchemaCommand {
    /// Print the newest schema as SQL
    Print,
    /// Make the store, or bring its schema up to date; for an embedded store not beside a running tsbe
    Apply {
        /// On Spanner: make the database first where there is none
        #[arg(long)]
        create_database: bool,
    },
    /// Print which schema the store has and which migrations are missing
    Status,
}

pub(super) async fn run(context: &Context, command: SchemaCommand) -> Result<ExitCode, CliError> {
    let location = &context.config.store;
    match command {
        SchemaCommand::Print => context.output.text(&store::schema_text(location)),
        SchemaCommand::Apply { create_database } => {
            let bar = progress_bar("percent");
            let mut progress = |name: &str, percent: u32| {
                bar.set_message(name.to_owned());
                show(&bar, u64::from(percent), 100);
            };
            let poll_every = std::time::Duration::from_secs(1);
            let mut request = ApplyRequest { create_database, progress: &mut progress, poll_every };
            let before = store::schema_apply(location, &mut request).await;
            bar.finish_and_clear();
            let before = before?;
            match before.pending.as_slice() {
                [] => say(&format!("{location} has schema {} already", before.latest)),
                pending => say(&format!("{location}: applied {}", pending.join(", "))),
            }
            Ok(ExitCode::SUCCESS)
        }
        SchemaCommand::Status => {
            let status = store::schema_status(location).await?;
            let row = [status.current.to_string(), status.latest.to_string(), status.pending.join(", ")];
            context.output.data(&status, &Rows::new(["current", "latest", "pending"], [row]))
        }
    }
}
