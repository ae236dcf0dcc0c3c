//! Setting up the log: standard error, for people or one JSON object a line.
//!
//! A failure is logged once, where it is handled. Neither secrets nor e-mail addresses are logged.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Config, LogFormat};

/// Sends what is logged to standard error. `RUST_LOG` chooses what, else DEBUG does.
pub fn set_up(config: &Config) {
    let level = if config.debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second set-up in one process (a test) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
