//! Runs the model of Spanner as a process of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use spanner_model::{DEFAULT_INSTANCE, Model, Options};

/// A model of Cloud Spanner for tests: its gRPC API and its admin REST API on one port, in memory.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9010")]
    addr: SocketAddr,
    /// An instance that exists, `projects/P/instances/I`; can be given several times.
    #[arg(long = "instance", default_value = DEFAULT_INSTANCE)]
    instances: Vec<String>,
    /// A database to create, `projects/P/instances/I/databases/D`.
    #[arg(long)]
    database: Option<String>,
    /// A file with the DDL statements of the database.
    #[arg(long, requires = "database")]
    schema: Option<PathBuf>,
    /// How many milliseconds every data RPC takes in addition.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// How often an operation of the admin API is asked before it is done.
    #[arg(long, default_value_t = 0)]
    operation_polls: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    // With SPANNER_EMULATOR_HOST on port 9010 the client looks for the admin API on port 9020.
    let admin = SocketAddr::new(arguments.addr.ip(), 9020);
    let options = Options {
        addr: arguments.addr,
        also: if arguments.addr.port() == 9010 { vec![admin] } else { Vec::new() },
        instances: arguments.instances,
        latency: Duration::from_millis(arguments.latency_ms),
        operation_polls: arguments.operation_polls,
        ..Options::default()
    };
    let model = Model::start(options).await?;
    if let Some(database) = &arguments.database {
        let schema = arguments.schema.map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        model.create_database(database, &[&schema])?;
    }
    writeln!(std::io::stdout(), "{}", model.addr())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
