//! The publisher: sends the points of sales to InfluxDB, in batches, whatever that does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use influxdb2::api::write::TimestampPrecision;
use influxdb2::models::{DataPoint, WriteDataPoint};
use influxdb2::{Client, ClientBuilder, RequestError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::points::{Point, Points};
use super::registry::Families;
use crate::config::Influx;

/// Most points in one request.
const BATCH_MAX: usize = 5_000;
/// How long InfluxDB may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How often a batch is sent.
const TRIES: u32 = 10;
/// Pause before a batch is sent again; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long what waits is still sent when the daemon ends.
const FLUSH_TIME: Duration = Duration::from_millis(900);
/// How often a failure that goes on is logged.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// How InfluxDB does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InfluxHealth {
    /// What it last answered or failed with; `None` where the last batch was taken.
    pub problem: Option<String>,
    /// Points that it has acknowledged.
    pub delivered: u64,
    /// Points that it never got.
    pub dropped: u64,
    /// Points that wait or are on their way.
    pub waiting: usize,
}

/// What the publisher and those who ask for its health share.
pub(super) struct Shared {
    pub(super) points: Points,
    problem: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(points: Points) -> Self {
        Self { points, problem: Mutex::default() }
    }

    pub(super) fn health(&self, families: &Families) -> InfluxHealth {
        InfluxHealth {
            problem: self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            delivered: families.points_delivered.get(),
            dropped: families.points_dropped.get(),
            waiting: self.points.in_all(),
        }
    }

    fn set_problem(&self, problem: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.problem.lock().unwrap_or_else(PoisonError::into_inner), problem)
    }
}

/// The running publisher.
pub struct Publisher {
    task: JoinHandle<()>,
    closing: watch::Sender<bool>,
    shared: Arc<Shared>,
}

impl Publisher {
    /// Starts to send the points of `shared`.
    ///
    /// # Errors
    /// Where no client can be made for these settings.
    pub(super) fn start(
        config: &Influx,
        shared: Arc<Shared>,
        families: Arc<Families>,
    ) -> Result<Self, String> {
        let client = ClientBuilder::new(&config.address, &config.organisation, config.token.reveal())
            .build()
            .map_err(|error| format!("INFLUX_ADDR: {error}"))?;
        let (closing, closed) = watch::channel(false);
        let work = Work {
            client,
            config: config.clone(),
            shared: Arc::clone(&shared),
            families,
            closing: closed,
            logged_at: None,
        };
        Ok(Self { task: tokio::spawn(work.run()), closing, shared })
    }

    /// Sends what waits for a moment longer, and says how many points are lost.
    pub async fn close(self) -> usize {
        let Self { mut task, closing, shared } = self;
        closing.send_replace(true);
        if tokio::time::timeout(FLUSH_TIME, &mut task).await.is_err() {
            task.abort();
            // Only the end of the task makes sure that nothing is counted as delivered and as dropped.
            let _ = task.await;
        }
        shared.points.close()
    }
}

/// The publisher's task.
struct Work {
    client: Client,
    config: Influx,
    shared: Arc<Shared>,
    families: Arc<Families>,
    closing: watch::Receiver<bool>,
    /// When a failure was last logged, of those since the last success.
    logged_at: Option<Instant>,
}

impl Work {
    /// Until the daemon ends and nothing waits.
    async fn run(mut self) {
        loop {
            self.wait_for_a_batch().await;
            let batch = self.shared.points.take(BATCH_MAX);
            if batch.is_empty() {
                if *self.closing.borrow() {
                    return;
                }
                continue;
            }
            self.deliver(&batch).await;
            self.shared.points.settle();
        }
    }

    /// Until enough points wait, the first one has waited long enough, or the daemon ends.
    async fn wait_for_a_batch(&mut self) {
        let mut flush_at = None;
        while !*self.closing.borrow() && !self.shared.points.are_enough() {
            if flush_at.is_none() && self.shared.points.waiting() > 0 {
                flush_at = Some(tokio::time::Instant::now() + self.config.flush_interval);
            }
            let flush = async {
                match flush_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shared.points.wake.notified() => {}
                () = flush => return,
                _ = self.closing.changed() => {}
            }
        }
    }

    /// Sends a batch until it is taken, refused for good, or has been sent too often.
    async fn deliver(&mut self, batch: &[Point]) {
        let body = lines(batch, self.config.instance.as_deref());
        let mut pause = FIRST_PAUSE;
        for tries in 1.. {
            match self.send(body.clone()).await {
                Ok(()) => {
                    self.families.influx_ok.inc();
                    self.families.points_delivered.inc_by(batch.len() as u64);
                    return self.succeeded();
                }
                Err(failure) => {
                    self.families.influx_errors.inc();
                    self.failed(&failure);
                    // At its end the daemon gives up by the clock, and counts then what is left.
                    if failure.is_final || tries >= TRIES && !*self.closing.borrow() {
                        break;
                    }
                }
            }
            // Up to half as long again, so that many daemons do not come back at once. While the daemon
            // ends there is no time for pauses.
            let jittered = pause.mul_f64(1.0 + 0.5 * rand::random::<f64>());
            let rest = if *self.closing.borrow() { FIRST_PAUSE } else { jittered };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                Ok(()) = self.closing.changed() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.families.points_dropped.inc_by(batch.len() as u64);
    }

    async fn send(&self, body: Vec<u8>) -> Result<(), Failure> {
        let Influx { organisation, bucket, .. } = &self.config;
        let precision = TimestampPrecision::Nanoseconds;
        let write = self.client.write_line_protocol_with_precision(organisation, bucket, body, precision);
        match tokio::time::timeout(ANSWER_TIME, write).await {
            Ok(written) => written.map_err(|error| Failure::of(&error)),
            Err(_) => {
                let problem = format!("no answer within {} s", ANSWER_TIME.as_secs());
                Err(Failure { problem, is_final: false })
            }
        }
    }

    fn succeeded(&mut self) {
        self.logged_at = None;
        if self.shared.set_problem(None).is_some() {
            tracing::info!("InfluxDB takes points again");
        }
    }

    /// Logs a failure, and then once in a while if it goes on.
    fn failed(&mut self, failure: &Failure) {
        self.shared.set_problem(Some(failure.problem.clone()));
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            self.logged_at = Some(Instant::now());
            let dropped = self.families.points_dropped.get();
            tracing::warn!(problem = failure.problem, dropped, "InfluxDB does not take points; sales go on");
        }
    }
}

/// Why a batch was not taken.
struct Failure {
    problem: String,
    /// Whether sending it again would be of no use.
    is_final: bool,
}

impl Failure {
    fn of(error: &RequestError) -> Self {
        match error {
            RequestError::Http { status, text } => {
                let code = status.as_u16();
                let is_final = (400..500).contains(&code) && code != 408 && code != 429;
                let text: String = text.chars().filter(|char| !char.is_control()).take(200).collect();
                Self { problem: format!("it answered {code}: {text}"), is_final }
            }
            error => Self { problem: format!("it cannot be reached: {}", innermost(error)), is_final: false },
        }
    }
}

/// What an error comes from in the end; those above it only say that a request failed, and repeat its address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The points in line protocol.
fn lines(batch: &[Point], instance: Option<&str>) -> Vec<u8> {
    let mut body = Vec::with_capacity(batch.len() * 96);
    for point in batch {
        let line = DataPoint::builder("ticket_sale")
            .tag("region", point.country.region().code())
            .tag("country", point.country.as_str())
            .field("avglatency", f64::from(point.took_us) / 1_000.0)
            .field("tickets-sold", i64::from(point.tickets))
            .timestamp(point.at_ns);
        let line = match instance {
            Some(instance) => line.tag("instance", instance),
            None => line,
        };
        // It has fields, and writing to memory cannot fail.
        if let Ok(line) = line.build() {
            let _ = line.write_data_point_to(&mut body);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CountryCode;

    #[test]
    fn a_sale_is_one_line() {
        let point = Point {
            at_ns: 1_700_000_000_000_000_001,
            country: CountryCode::parse("JP").unwrap(),
            tickets: 3,
            took_us: 1_250,
        };
        let text = |instance| String::from_utf8(lines(&[point], instance)).unwrap();
        assert_eq!(
            text(None),
            "ticket_sale,country=JP,region=AS avglatency=1.25,tickets-sold=3i 1700000000000000001\n"
        );
        assert!(
            text(Some("shop 1,a=b"))
                .starts_with("ticket_sale,country=JP,instance=shop\\ 1\\,a\\=b,region=AS ")
        );
    }
}
