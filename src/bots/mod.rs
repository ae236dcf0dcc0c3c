//! Buy-bots: many buyers at once, over HTTP. Each has an account, looks for tickets like a person in a
//! hurry, and buys some. Needs no store, only the address of an API.
//!
//! They buy as the Python bots of 2018 did, with the same environment variables, save for this: a purchase has
//! at most 10 tickets, which is what a shop sells at once (they wished for up to 14); the first and the last day
//! and a category with exactly the seats wanted are chosen too; a bot keeps its account; and no answer, of
//! whatever kind, ends a bot.
//!
//! [`Bots::connect`] asks the shop for its dates, [`Bots::run`] lets the bots buy, [`Tally`] has what
//! they did, while they run and after.

mod answers;
mod bot;
mod choices;
mod client;
mod figures;
mod names;
mod open_files;
mod stop;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::bot::{Bot, Shared};
use self::client::{CallError, Client};
use crate::model::CountryCode;

pub use figures::{Call, Figures, Outcome, Purchase, TopEvent};
pub use open_files::{Connections, connections};
pub use stop::{Stop, StopBots, stop};
pub use tally::Tally;

/// A connection that idles longer is not used again: servers close theirs too, ours after 10 seconds, and
/// a request that meets the closing is lost.
const IDLE: Duration = Duration::from_secs(5);
/// Where an address names none, the API has this path.
const API_PATH: &str = "/api/v1";

/// What bots do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address of the API, such as `http://localhost:8090/api/v1`.
    pub url: Url,
    /// How many there are, all at once.
    pub bots: u32,
    /// Runs of each; none: until they are asked to end.
    pub runs: Option<u64>,
    /// A pause between the runs of a bot.
    pub think: Duration,
    /// How long each request may take.
    pub http_timeout: Duration,
    /// Where accounts come from; empty: any country.
    pub countries: Vec<CountryCode>,
    /// Whether the host's name is resolved once and its address used from then on.
    pub single_dns_lookup: bool,
    /// The seed of all choices; without one it is drawn.
    pub seed: Option<u64>,
    /// Connections at once, see [`connections`].
    pub connections: usize,
}

/// Why the bots cannot begin: one line each, which says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Nobody answers.
    #[error("cannot reach {url}: {why}: is tsbe running? Start it with `make run`, or name it with --url")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened.
        why: String,
    },
    /// Somebody answers, but not this API.
    #[error(
        "{url} does not answer as a ticket shop ({why}): does --url name one, such as http://localhost:8090/api/v1?"
    )]
    OtherApi {
        /// The address.
        url: String,
        /// What came instead.
        why: String,
    },
    /// The shop has no events.
    #[error(
        "the shop at {url} has no events: load a catalogue, such as `tsctl load demo`, or start it with `tsbe serve --demo`"
    )]
    NoEvents {
        /// The address.
        url: String,
    },
    /// The HTTP client or the tally cannot be made.
    #[error("cannot start: {0}")]
    Client(String),
    /// They were asked to end before they began.
    #[error("stopped before the first answer")]
    Stopped,
}

/// Bots that have found their shop.
pub struct Bots(Arc<Shared>);

impl Bots {
    /// Asks the shop for the days of its events, once for all bots.
    ///
    /// # Errors
    /// [`StartError`]: nobody answers, or it is no shop, or it has nothing to sell.
    pub async fn connect(settings: Settings, tally: Arc<Tally>, stop: Stop) -> Result<Self, StartError> {
        let root = root_of(&settings.url);
        let http = http_client(&settings).await?;
        let connections = Semaphore::new(settings.connections.clamp(1, Semaphore::MAX_PERMITS));
        let client = Client { http, root: root.clone(), connections, tally, stop };
        let range = client.events_dates_range(0).await.map_err(|error| start_error(root, error))?;
        let (drawn, keys) = (rand::random(), rand::random());
        let mark = settings.seed.map_or_else(|| format!("r{drawn:x}"), |seed| format!("s{seed}"));
        let seed = settings.seed.unwrap_or(drawn);
        Ok(Self(Arc::new(Shared { client, settings, range, seed, mark, keys })))
    }

    /// What the e-mail addresses of these bots have before their `@`, and those of no other run.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.0.mark
    }

    /// Lets all bots run to their end.
    pub async fn run(self) {
        let mut bots = JoinSet::new();
        for number in 1..=self.0.settings.bots {
            self.0.client.tally.bot_began();
            bots.spawn(Bot::new(Arc::clone(&self.0), number).run());
        }
        while bots.join_next().await.is_some() {}
    }
}

/// The address without a slash at its end, and with the API's path where it names none.
fn root_of(url: &Url) -> String {
    match url.path() {
        "" | "/" => format!("{}{API_PATH}", url.as_str().trim_end_matches('/')),
        _ => url.as_str().trim_end_matches('/').to_owned(),
    }
}

async fn http_client(settings: &Settings) -> Result<reqwest::Client, StartError> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .timeout(settings.http_timeout)
        .pool_max_idle_per_host(settings.connections)
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        // Repeats are ours, so that each is counted, and the shop is measured, not a proxy before it.
        .retry(reqwest::retry::never())
        .no_proxy();
    if let (true, Some(host)) = (settings.single_dns_lookup, settings.url.domain()) {
        // The port matters not: that of the URL is used. The name stays in Host and for TLS.
        let port = settings.url.port_or_known_default().unwrap_or(0);
        let unreachable = |why: String| StartError::Unreachable { url: root_of(&settings.url), why };
        let found = tokio::net::lookup_host((host, port)).await;
        let addresses: Vec<_> = found.map_err(|error| unreachable(error.to_string()))?.collect();
        builder = builder.resolve_to_addrs(host, &addresses);
    }
    builder.build().map_err(|error| StartError::Client(client::told(&error)))
}

fn start_error(url: String, error: CallError) -> StartError {
    match error {
        CallError::Refused { status: StatusCode::NOT_FOUND, code } if code == "event-not-found" => {
            StartError::NoEvents { url }
        }
        CallError::Refused { status, code } => {
            StartError::OtherApi { url, why: format!("{} {code}", status.as_u16()).trim_end().to_owned() }
        }
        CallError::Strange(why) => StartError::OtherApi { url, why },
        CallError::NoAnswer { why, .. } => StartError::Unreachable { url, why },
        CallError::Stopped => StartError::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_means_the_api() {
        for (text, root) in [
            ("http://localhost:8090", "http://localhost:8090/api/v1"),
            ("http://localhost:8090/", "http://localhost:8090/api/v1"),
            ("http://localhost/api/v1/", "http://localhost/api/v1"),
            ("https://shop.example.com/v1", "https://shop.example.com/v1"),
        ] {
            assert_eq!(root_of(&Url::parse(text).unwrap()), root);
        }
    }
}
