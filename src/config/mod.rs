//! The configuration: one struct, read once, with every mistake reported at once.
//!
//! Each setting is declared once, in `settings.rs`: name, default, meaning, and how it is read. From
//! there come the flags, the environment variables, the lines of a configuration file and the sample.

mod settings;
mod sources;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::cache::CacheSettings;
use crate::store::StoreLocation;

pub use settings::{SETTINGS, Setting};
pub use sources::{ConfigErrors, Sources};
pub use value::{Secret, boolean, number, seconds};

/// The sample of a configuration file, with every setting and its default.
pub const SAMPLE: &str = include_str!("../../config-sample.env");

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where `tsbe` listens: ADDRESS and PORT.
    pub listen: SocketAddr,
    /// Where the catalogue, the accounts and the sales are kept: STORE, or PROJECT, INSTANCE, DATABASE;
    /// for Spanner with GOOGLE_APPLICATION_CREDENTIALS and SPANNER_….
    pub store: StoreLocation,
    /// The cache of event look-ups: CACHESIZE, CACHEEXPIRATION.
    pub cache: CacheSettings,
    /// How long a request may take, and a purchase may wait: REQUEST_TIMEOUT.
    pub request_timeout: Duration,
    /// How long the head of a request may take to arrive, and a connection may idle: HEADER_TIMEOUT.
    pub header_timeout: Duration,
    /// How long requests in flight get when the daemon ends: DRAIN_TIMEOUT.
    pub drain_timeout: Duration,
    /// Most connections at once: MAX_CONNECTIONS.
    pub max_connections: usize,
    /// Most bytes in the body of a request: BODY_LIMIT.
    pub body_limit: u64,
    /// Whether each request is logged: ACCESS_LOG.
    pub access_log: bool,
    /// How log lines look: LOG_FORMAT.
    pub log_format: LogFormat,
    /// Whether more is logged: DEBUG.
    pub debug: bool,
    /// Where traces are sent, if anywhere: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG.
    pub traces: Option<Traces>,
    /// Where the daemon refreshes the reference pages when it starts, if it does: APIDOC, APIDOC_DIR.
    pub apidoc: Option<PathBuf>,
    /// Where sales are published, if anywhere: INFLUX_ADDR and the others.
    pub influx: Option<Influx>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// An http or https address, without the path of OTLP.
    pub endpoint: String,
    /// How many of a million requests are traced, at random; one whose caller has decided is or is not, as
    /// that says.
    pub share_millionths: u32,
}

/// Where sales are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Influx {
    /// INFLUX_ADDR, an http or https address.
    pub address: String,
    /// INFLUX_BUCKET, or INFLUX_DATABASE of version 1.
    pub bucket: String,
    /// INFLUX_ORG; version 1 has none.
    pub organisation: String,
    /// INFLUX_TOKEN, or `user:password` of version 1.
    pub token: Secret,
    /// INFLUX_BATCHSIZE: points that are sent as soon as they wait.
    pub batch_size: usize,
    /// INFLUX_FLUSH_INTERVAL: how long fewer points wait.
    pub flush_interval: Duration,
    /// INFLUX_INSTANCE: the tag that tells this daemon's points from those of others.
    pub instance: Option<String>,
}

impl Config {
    /// Reads the configuration from its sources.
    ///
    /// # Errors
    /// Every mistake, one line each.
    pub fn read(sources: &Sources) -> Result<Self, ConfigErrors> {
        settings::read(sources)
    }
}
