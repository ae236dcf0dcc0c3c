//! Every setting, declared once.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::sources::Given;
use super::value::{Secret, boolean, http_address, log_format, number, seconds, share};
use super::{Config, ConfigErrors, Influx, Sources, Traces};
use crate::cache::CacheSettings;
use crate::store::{
    DEFAULT_STORE, Omni, Priority, SeatLock, SpannerLocation, SpannerSettings, StoreLocation,
};

/// A setting as the sample, the flags and the documentation show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable and the name in a file; the flag is the same in lower case with dashes.
    pub name: &'static str,
    /// What holds where nothing is given; empty where there is none.
    pub default: &'static str,
    /// What a value looks like.
    pub form: &'static str,
    /// What it does, with its unit.
    pub help: &'static str,
}

impl Setting {
    /// The flag, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        flag_of(self.name)
    }
}

pub(super) fn flag_of(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

const fn setting(
    name: &'static str,
    default: &'static str,
    form: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, default, form, help }
}

/// Every setting, in the order of the sample.
pub const SETTINGS: &[Setting] = &[
    setting("ADDRESS", "127.0.0.1", "IP", "Address to listen on; 0.0.0.0 is every interface"),
    setting("PORT", "8090", "NUMBER", "Port to listen on; 0 takes a free one"),
    setting("STORE", DEFAULT_STORE, "STORE", "sqlite:PATH or spanner:PROJECT/INSTANCE/DATABASE"),
    setting("PROJECT", "", "NAME", "Google Cloud project; with INSTANCE and DATABASE it chooses Spanner"),
    setting("INSTANCE", "", "NAME", "Spanner instance"),
    setting("DATABASE", "", "NAME", "Spanner database"),
    setting(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "",
        "FILE",
        "Key of a service account; without it, the default credentials",
    ),
    setting("SPANNER_EMULATOR_HOST", "", "HOST:PORT", "Spanner emulator, reached without credentials"),
    setting(
        "SPANNER_EMULATOR_ADMIN_HOST",
        "",
        "HOST:PORT",
        "REST administration of the emulator; none: its own address, with port 9020 for 9010",
    ),
    setting("SPANNER_ENDPOINT", "", "URL", "Spanner Omni: http:// in plain text, https:// with TLS"),
    setting("SPANNER_CA_FILE", "", "FILE", "Certificate (PEM) that signs Omni's; none: those of the system"),
    setting("SPANNER_CLIENT_CERT", "", "FILE", "Certificate (PEM) to show to Omni, with SPANNER_CLIENT_KEY"),
    setting("SPANNER_CLIENT_KEY", "", "FILE", "Key (PEM) of SPANNER_CLIENT_CERT"),
    setting("SPANNER_STALENESS", "15", "SECONDS", "How old browsing on Spanner may be; 0 is strong"),
    setting(
        "SPANNER_PRIORITY",
        "high",
        "PRIORITY",
        "Priority of sales and browsing on Spanner: high, medium or low",
    ),
    setting("SPANNER_BULK_PRIORITY", "low", "PRIORITY", "Priority of load, reset and audit on Spanner"),
    setting(
        "SPANNER_WRITES",
        "1024",
        "NUMBER",
        "Purchases and new accounts under way at once on Spanner (an emulator: 1); more wait",
    ),
    setting(
        "SPANNER_SEAT_LOCK",
        "exclusive",
        "LOCK",
        "How a purchase on Spanner locks seats: exclusive lets others wait, shared aborts them",
    ),
    setting(
        "SPANNER_COMMIT_DELAY",
        "0",
        "MS",
        "How long Spanner may hold back a sale's commit, to write several at once",
    ),
    setting("SPANNER_LOAD_COMMIT_DELAY", "100", "MS", "How long Spanner may hold back a load's commits"),
    setting("SPANNER_LOAD_PARALLEL", "8", "NUMBER", "Commits of a load under way at once on Spanner"),
    setting("CACHESIZE", "10000", "NUMBER", "Event look-ups that are kept; 0 keeps none"),
    setting(
        "CACHEEXPIRATION",
        "15",
        "SECONDS",
        "How long they are kept, give or take an eighth; 0 keeps none",
    ),
    setting("REQUEST_TIMEOUT", "5", "SECONDS", "How long a request may take, and a purchase may wait"),
    setting(
        "HEADER_TIMEOUT",
        "10",
        "SECONDS",
        "How long the head of a request may take to arrive, and a connection may idle",
    ),
    setting("DRAIN_TIMEOUT", "8", "SECONDS", "How long requests in flight get when the daemon ends"),
    setting("MAX_CONNECTIONS", "4096", "NUMBER", "Connections at once; more wait to be accepted"),
    setting("BODY_LIMIT", "65536", "BYTES", "Largest body of a request"),
    setting("ACCESS_LOG", "true", "BOOL", "One JSON line on standard output for each request"),
    setting("LOG_FORMAT", "auto", "FORMAT", "auto, text or json, for everything else, on standard error"),
    setting("DEBUG", "false", "BOOL", "Log more"),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "URL",
        "OpenTelemetry collector that gets traces, by OTLP over HTTP, such as http://localhost:4318; none: no traces",
    ),
    setting("OTEL_TRACES_SAMPLER_ARG", "1", "SHARE", "Share of requests that are traced, 0 to 1"),
    setting(
        "APIDOC",
        "false",
        "BOOL",
        "Refresh the reference pages at start: API, commands, settings, metrics",
    ),
    setting("APIDOC_DIR", "docs", "FOLDER", "Where APIDOC writes them"),
    setting("INFLUX_ADDR", "", "URL", "InfluxDB that gets a point for each sale; none: no points"),
    setting("INFLUX_DATABASE", "", "NAME", "Database of InfluxDB 1"),
    setting("INFLUX_USERNAME", "", "NAME", "User of InfluxDB 1"),
    setting("INFLUX_PASSWORD", "", "SECRET", "Password of InfluxDB 1"),
    setting("INFLUX_ORG", "", "NAME", "Organisation of InfluxDB 2 or 3"),
    setting("INFLUX_BUCKET", "", "NAME", "Bucket of InfluxDB 2 or 3"),
    setting("INFLUX_TOKEN", "", "SECRET", "Token of InfluxDB 2 or 3"),
    setting("INFLUX_BATCHSIZE", "7", "NUMBER", "Points that are sent as soon as so many wait"),
    setting("INFLUX_FLUSH_INTERVAL", "1", "SECONDS", "How long fewer points wait at most"),
    setting(
        "INFLUX_INSTANCE",
        "",
        "NAME",
        "Tag that tells this tsbe's points from those of others that write to the same bucket",
    ),
];

/// Reads values and gathers what is wrong with them.
struct Reader<'a> {
    sources: &'a Sources,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    /// The value of a setting, where there is one.
    fn optional<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let default =
            SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
        let (text, origin) = match self.sources.get(name) {
            Some(Given { text, origin }) => (text.as_str(), origin.as_str()),
            None if default.is_empty() => return None,
            None => (default, name),
        };
        read(text).map_err(|mistake| self.mistakes.push(format!("{origin}: {mistake}"))).ok()
    }

    /// The value of a setting that has a default. What stands in for a wrong one is never used.
    fn value<T>(&mut self, name: &str, stand_in: T, read: impl FnOnce(&str) -> Result<T, String>) -> T {
        self.optional(name, read).unwrap_or(stand_in)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, |text| Ok(text.to_owned()))
    }

    fn whole(&mut self, name: &str, min: u64, max: u64) -> usize {
        self.value(name, 0, |text| number(text, min, max)) as usize
    }
}

/// Reads the whole configuration.
pub(super) fn read(sources: &Sources) -> Result<Config, ConfigErrors> {
    let mut from = Reader { sources, mistakes: sources.mistakes() };
    let address = from.value("ADDRESS", IpAddr::from([127, 0, 0, 1]), |text| {
        text.parse().map_err(|_| "must be an IP address, such as 127.0.0.1 or 0.0.0.0".to_owned())
    });
    let listen = SocketAddr::new(address, from.whole("PORT", 0, 65_535) as u16);
    let cache_expiration = from.value("CACHEEXPIRATION", Default::default(), |text| seconds(text, 0.0));
    let cache = CacheSettings { size: from.whole("CACHESIZE", 0, 10_000_000), expiration: cache_expiration };
    let config = Config {
        listen,
        store: store(&mut from, cache),
        cache,
        request_timeout: from.value("REQUEST_TIMEOUT", Default::default(), |text| seconds(text, 0.1)),
        header_timeout: from.value("HEADER_TIMEOUT", Default::default(), |text| seconds(text, 0.1)),
        drain_timeout: from.value("DRAIN_TIMEOUT", Default::default(), |text| seconds(text, 0.0)),
        max_connections: from.whole("MAX_CONNECTIONS", 1, 1_000_000),
        body_limit: from.whole("BODY_LIMIT", 1_024, 16 << 20) as u64,
        access_log: from.value("ACCESS_LOG", true, boolean),
        log_format: from.value("LOG_FORMAT", super::LogFormat::Text, log_format),
        debug: from.value("DEBUG", false, boolean),
        traces: traces(&mut from),
        apidoc: apidoc(&mut from),
        influx: influx(&mut from),
    };
    if from.mistakes.is_empty() { Ok(config) } else { Err(ConfigErrors(from.mistakes)) }
}

/// STORE; without it Spanner where all three of its names are given, and the embedded store otherwise.
fn store(from: &mut Reader<'_>, cache: CacheSettings) -> StoreLocation {
    let settings = spanner(from, cache);
    let named = from.value("STORE", StoreLocation::Sqlite { path: "".into() }, |text| {
        StoreLocation::parse(text).map_err(|mistake| mistake.to_string())
    });
    let mut location = if from.sources.get("STORE").is_some() { named } else { by_names(from, named) };
    if let StoreLocation::Spanner(at) = &mut location {
        at.settings = settings;
    }
    location
}

/// PROJECT, INSTANCE and DATABASE, or `without` where none of them is given.
fn by_names(from: &mut Reader<'_>, without: StoreLocation) -> StoreLocation {
    match (from.text("PROJECT"), from.text("INSTANCE"), from.text("DATABASE")) {
        (Some(project), Some(instance), Some(database)) => {
            StoreLocation::Spanner(Box::new(SpannerLocation::new(&project, &instance, &database)))
        }
        (None, None, None) => without,
        _ => {
            from.mistakes.push("PROJECT, INSTANCE and DATABASE: give all three, or none of them".to_owned());
            without
        }
    }
}

fn spanner(from: &mut Reader<'_>, cache: CacheSettings) -> SpannerSettings {
    let priority = |text: &str| Priority::parse(text).map_err(|mistake| mistake.to_string());
    let emulator_host = from.text("SPANNER_EMULATOR_HOST");
    let writes = match from.whole("SPANNER_WRITES", 1, 100_000) {
        // Google's emulator has one transaction at a time, and ends a session's when the next one begins.
        _ if emulator_host.is_some() && from.sources.get("SPANNER_WRITES").is_none() => 1,
        writes => writes,
    };
    let milliseconds = |from: &mut Reader<'_>, name| Duration::from_millis(from.whole(name, 0, 500) as u64);
    let staleness = from.value("SPANNER_STALENESS", Duration::ZERO, |text| match seconds(text, 0.0)? {
        staleness if staleness <= Duration::from_secs(3_600) => Ok(staleness),
        _ => Err("must be at most 3600, since Spanner keeps old versions for one hour".to_owned()),
    });
    SpannerSettings {
        key_file: from.text("GOOGLE_APPLICATION_CREDENTIALS").map(Into::into),
        emulator_host,
        emulator_admin_host: from.text("SPANNER_EMULATOR_ADMIN_HOST"),
        omni: omni(from),
        staleness,
        priority: from.value("SPANNER_PRIORITY", Priority::High, priority),
        bulk_priority: from.value("SPANNER_BULK_PRIORITY", Priority::Low, priority),
        writes,
        seat_lock: from.value("SPANNER_SEAT_LOCK", SeatLock::Exclusive, |text| {
            SeatLock::parse(text).map_err(|mistake| mistake.to_string())
        }),
        commit_delay: milliseconds(from, "SPANNER_COMMIT_DELAY"),
        load_commit_delay: milliseconds(from, "SPANNER_LOAD_COMMIT_DELAY"),
        load_parallel: from.whole("SPANNER_LOAD_PARALLEL", 1, 256),
        cache,
    }
}

fn omni(from: &mut Reader<'_>) -> Option<Omni> {
    let ca_file = from.text("SPANNER_CA_FILE").map(Into::into);
    let client_cert = match (from.text("SPANNER_CLIENT_CERT"), from.text("SPANNER_CLIENT_KEY")) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        _ => {
            from.mistakes
                .push("SPANNER_CLIENT_CERT and SPANNER_CLIENT_KEY: give both, or neither".to_owned());
            None
        }
    };
    let endpoint = from.optional("SPANNER_ENDPOINT", http_address)?;
    if endpoint.starts_with("http:") && (ca_file.is_some() || client_cert.is_some()) {
        from.mistakes.push("SPANNER_ENDPOINT: certificates need https://, this is plain text".to_owned());
    }
    Some(Omni { endpoint, ca_file, client_cert })
}

fn traces(from: &mut Reader<'_>) -> Option<Traces> {
    let share = from.value("OTEL_TRACES_SAMPLER_ARG", 1.0, share);
    let endpoint = from.optional("OTEL_EXPORTER_OTLP_ENDPOINT", http_address)?;
    Some(Traces { endpoint, share_millionths: (share * 1e6) as u32 })
}

/// The folder of the reference pages, where they are to be refreshed.
fn apidoc(from: &mut Reader<'_>) -> Option<PathBuf> {
    let folder = from.text("APIDOC_DIR").unwrap_or_default().into();
    from.value("APIDOC", false, boolean).then_some(folder)
}

fn influx(from: &mut Reader<'_>) -> Option<Influx> {
    let batch_size = from.whole("INFLUX_BATCHSIZE", 1, 5_000);
    let flush_interval = from.value("INFLUX_FLUSH_INTERVAL", Duration::ZERO, |text| seconds(text, 0.01));
    let instance = from.text("INFLUX_INSTANCE");
    let bucket = from.text("INFLUX_BUCKET").or_else(|| from.text("INFLUX_DATABASE"));
    let user = from.text("INFLUX_USERNAME").zip(from.text("INFLUX_PASSWORD"));
    let token =
        from.text("INFLUX_TOKEN").or_else(|| user.map(|(user, password)| format!("{user}:{password}")));
    let organisation = from.text("INFLUX_ORG").unwrap_or_default();
    let address = from.optional("INFLUX_ADDR", http_address)?;
    let Some(bucket) = bucket else {
        from.mistakes.push("INFLUX_ADDR: give INFLUX_BUCKET, or INFLUX_DATABASE, too".to_owned());
        return None;
    };
    let token = Secret::new(token.unwrap_or_default());
    Some(Influx { address, bucket, organisation, token, batch_size, flush_interval, instance })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;

    fn from(values: &[(&'static str, &str)]) -> Result<Config, ConfigErrors> {
        let mut sources = Sources::default();
        for (name, text) in values {
            sources.set(name, (*text).to_owned(), (*name).to_owned());
        }
        read(&sources)
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let config = from(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8090");
        assert_eq!(config.store.to_string(), DEFAULT_STORE);
        assert_eq!(config.cache, CacheSettings { size: 10_000, expiration: Duration::from_secs(15) });
        assert_eq!(config.influx, None);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let errors = from(&[
            ("PORT", "70000"),
            ("ADDRESS", "localhost"),
            ("STORE", "data.db"),
            ("CACHESIZE", "-1"),
            ("CACHEEXPIRATION", "soon"),
            ("DEBUG", "maybe"),
            ("INFLUX_ADDR", "localhost:8086"),
            ("INFLUX_BATCHSIZE", "0"),
        ]);
        let ConfigErrors(lines) = errors.unwrap_err();
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert!(lines.contains(&"PORT: must be a whole number from 0 to 65535".to_owned()));
    }

    #[test]
    fn all_three_names_choose_spanner_and_fewer_are_a_mistake() {
        let spanner = [("PROJECT", "p"), ("INSTANCE", "i"), ("DATABASE", "d")];
        assert_eq!(from(&spanner).unwrap().store.to_string(), "spanner:p/i/d");
        assert!(from(&spanner[..2]).is_err());
        let [project, instance, database] = spanner;
        let named = from(&[project, instance, database, ("STORE", "sqlite:x.db")]).unwrap();
        assert_eq!(named.store.to_string(), "sqlite:x.db");
    }

    #[test]
    fn secrets_are_never_shown() {
        let secret = "hunter2-canary";
        let config = from(&[
            ("INFLUX_ADDR", "http://localhost:8086"),
            ("INFLUX_DATABASE", "d"),
            ("INFLUX_USERNAME", "u"),
            ("INFLUX_PASSWORD", secret),
        ])
        .unwrap();
        assert_eq!(config.influx.as_ref().unwrap().token.reveal(), "u:hunter2-canary");
        assert!(!format!("{config:?}").contains(secret));
        let mut sources = Sources::default();
        sources.set("INFLUX_TOKEN", secret.to_owned(), "INFLUX_TOKEN".to_owned());
        assert!(!format!("{sources:?}").contains(secret));
    }

    fn from_file(text: &str) -> Result<Config, ConfigErrors> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(&Sources::from_environment(Some(file.path())))
    }

    #[test]
    fn the_sample_is_every_setting_with_its_default() {
        let names = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| line.trim_start_matches('#'));
            let settings = lines.filter_map(|line| line.split_once('='));
            settings
                .map(|(name, value)| format!("{name}={value}"))
                .filter(|line| !line.contains(' '))
                .collect()
        };
        let expected: Vec<String> =
            SETTINGS.iter().map(|setting| format!("{}={}", setting.name, setting.default)).collect();
        assert_eq!(names(super::super::SAMPLE), expected);
        let uncommented: String = expected.join("\n");
        assert_eq!(from_file(&uncommented), from(&[]));
        assert_eq!(from_file(super::super::SAMPLE), from(&[]));
    }

    #[test]
    fn an_empty_value_undoes_nothing() {
        let mut sources = Sources::default();
        sources.set("PORT", "9000".to_owned(), "file".to_owned());
        sources.set("PORT", " ".to_owned(), "PORT".to_owned());
        assert_eq!(read(&sources).unwrap().listen.port(), 9_000);
    }

    #[test]
    fn a_file_with_mistakes_is_refused_without_repeating_it() {
        let ConfigErrors(lines) = from_file("PORT=x\nPROT=1\nINFLUX_PASSWORD=a canary b\n").unwrap_err();
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(!lines.join("\n").contains("canary"));
    }
}
