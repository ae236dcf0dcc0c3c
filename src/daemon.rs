//! `tsbe`: from its arguments to a shop that serves, and to its end.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use tokio::net::TcpListener;

use crate::cli::settings::sources;
use crate::cli::{command as tsctl_command, tsbe};
use crate::config::Config;
use crate::http::Server;
use crate::metrics::{Metrics, Publisher};
use crate::shop::Shop;
use crate::signals::EndRequests;
use crate::store::{Access, Store};
use crate::{demo, docs, logging, store, version};

/// Requests in flight did not end in time; nothing that was acknowledged is lost.
const NOT_DRAINED: u8 = 1;
/// Nobody answers that the daemon lives.
const UNHEALTHY: u8 = 1;
/// How long the daemon may take to say that it lives.
const HEALTH_TIME: Duration = Duration::from_secs(2);
/// The configuration, the store or the socket cannot be used.
const CANNOT_START: u8 = 2;
/// The store failed in a way that only a new start can settle (`EX_SOFTWARE`).
const STORE_FAILED: u8 = 70;
/// A second signal while draining (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// How long the buyers of the last sales may be asked for.
const LAST_BUYERS: Duration = Duration::from_millis(500);

/// Runs `tsbe` with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let matches = tsbe::command().get_matches();
    match matches.subcommand() {
        Some(("serve", matches)) => with_config(matches, |config| serve(config, matches.get_flag("demo"))),
        Some(("check-config", matches)) => with_config(matches, |config| {
            say_out(&format!("{config:#?}\nthe configuration is right\n"));
            ExitCode::SUCCESS
        }),
        Some(("health", matches)) => with_config(matches, health),
        _ => {
            say_out(&version::text());
            ExitCode::SUCCESS
        }
    }
}

fn with_config(matches: &ArgMatches, then: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match Config::read(&sources(matches)) {
        Ok(config) => then(&config),
        Err(errors) => {
            errors.0.iter().for_each(|line| say(&format!("tsbe: {line}")));
            ExitCode::from(CANNOT_START)
        }
    }
}

/// Whether the daemon of these settings answers: for the health check of a container that has no other program.
fn health(config: &Config) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("cannot start: {error}")),
    };
    // One that listens on every interface is asked on its own.
    let ip =
        if config.listen.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { config.listen.ip() };
    let url = format!("http://{}/healthz", SocketAddr::new(ip, config.listen.port()));
    let answer = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIME).build()?;
        client.get(&url).send().await?.error_for_status()
    });
    match answer {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("tsbe: no answer at {url}: {error}"));
            ExitCode::from(UNHEALTHY)
        }
    }
}

fn serve(config: &Config, demo: bool) -> ExitCode {
    let logging = match logging::set_up(config) {
        Ok(logging) => logging,
        Err(why) => return refuse(&why),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("cannot start: {error}")),
    };
    let ended = runtime.block_on(async {
        match open(config, demo).await {
            Ok((store, listener)) => sell(config, store, listener, demo).await,
            Err(why) => refuse(&why),
        }
    });
    drop(runtime);
    logging.end();
    ended
}

/// The store, with the demo's catalogue if asked for, and the socket.
async fn open(config: &Config, demo: bool) -> Result<(Arc<dyn Store>, TcpListener), String> {
    // The socket first: a store need not be opened, or filled, for a port that is taken.
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        format!(
            "cannot listen on {}: {error}: end the other program, or choose another --port",
            config.listen
        )
    })?;
    let store = store::open(&config.store, Access::Serve).await.map_err(|error| error.to_string())?;
    if demo {
        match demo::prepare(&store).await {
            Ok(None) => {}
            Ok(Some(loaded)) => {
                let (tickets, events) = (loaded.statistics.num_tickets, loaded.statistics.num_events);
                say(&format!("loaded a demo catalogue: {tickets} tickets for {events} events"));
            }
            Err(error) => {
                store.close().await;
                return Err(error.to_string());
            }
        }
    }
    Ok((store, listener))
}

async fn sell(config: &Config, store: Arc<dyn Store>, listener: TcpListener, demo: bool) -> ExitCode {
    let metrics = Metrics::new(config.influx.as_ref());
    // Before anybody is told that it serves: who then asks it to end gets a clean end.
    let ends = EndRequests::listen().map_err(|error| format!("signals cannot be waited for: {error}"));
    let (mut ends, publisher) =
        match ends.and_then(|ends| Ok((ends, metrics.publish(config.influx.as_ref())?))) {
            Ok(ready) => ready,
            Err(why) => {
                store.close().await;
                return refuse(&why);
            }
        };
    let shop = Shop::with_metrics(Arc::clone(&store), config.cache, metrics);
    let buyers = tokio::spawn({
        let shop = shop.clone();
        async move { shop.ask_for_buyers().await }
    });
    let address = listener.local_addr().map_or_else(|_| config.listen.to_string(), |local| local.to_string());
    let server = Server::new(listener, shop.clone(), config);
    say(&format!("tsbe {} sells from {} on http://{address}", version::VERSION, config.store));
    tell_service_manager(Phase::Serving);
    if demo && let Some(hint) = demo::hint(&shop, &format!("http://{address}")).await {
        say(&hint);
    }
    refresh_docs(config);
    let (ended, why_ended) = tokio::sync::oneshot::channel();
    let can_sell = &store;
    let drained = server
        .run(async move {
            let failure = tokio::select! {
                () = ends.next() => None,
                failure = can_sell.failed() => Some(failure),
            };
            let _ = ended.send(failure);
            tell_service_manager(Phase::Ending);
            tokio::spawn(async move {
                ends.next().await;
                // Asked twice: what is acknowledged is on disk, and nobody wants to wait.
                std::process::exit(INTERRUPTED);
            });
        })
        .await;
    buyers.abort();
    // The last sales are counted by country too, where the store can still tell.
    let _ = tokio::time::timeout(LAST_BUYERS, shop.ask_for_waiting_buyers()).await;
    store.close().await;
    publish_the_rest(publisher).await;
    match (why_ended.await, drained) {
        (Ok(Some(failure)), _) => {
            say(&format!("tsbe: the store failed: {failure}: start again to find out what was sold"));
            ExitCode::from(STORE_FAILED)
        }
        (_, true) => ExitCode::SUCCESS,
        (_, false) => {
            say("tsbe: requests in flight were cut off; nothing that was acknowledged is lost");
            ExitCode::from(NOT_DRAINED)
        }
    }
}

/// Sends the points that wait, within a second: what is not taken then is lost, and said to be.
async fn publish_the_rest(publisher: Option<Publisher>) {
    let Some(publisher) = publisher else { return };
    let lost = publisher.close().await;
    if lost > 0 {
        tracing::warn!(lost, "InfluxDB did not take these points before the end");
    }
}

/// What a service manager wants to know of a daemon.
#[derive(Clone, Copy)]
enum Phase {
    /// Connections are accepted.
    Serving,
    /// It has been told to end.
    Ending,
}

/// Tells systemd, where that has started this process and asked to be told (`Type=notify`). It is no reason to stop
/// selling that it cannot be reached.
fn tell_service_manager(phase: Phase) {
    #[cfg(target_os = "linux")]
    {
        let state = match phase {
            Phase::Serving => sd_notify::NotifyState::Ready,
            Phase::Ending => sd_notify::NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = phase;
}

/// Writes the reference pages beside the work of the shop, which does not depend on it.
fn refresh_docs(config: &Config) {
    let Some(folder) = config.apidoc.clone() else { return };
    tokio::spawn(async move {
        let written = docs::refresh(tsbe::command(), tsctl_command(), &folder).await;
        let folder = folder.display();
        match written {
            Ok(changed) => {
                tracing::info!(%folder, changed = changed.len(), "the reference pages are up to date")
            }
            Err(why) => tracing::warn!(%folder, why, "the reference pages were not refreshed; sales go on"),
        }
    });
}

fn refuse(why: &str) -> ExitCode {
    say(&format!("tsbe: {why}"));
    ExitCode::from(CANNOT_START)
}

/// A line for the operator. Where nobody reads it, that is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn say_out(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}
