//! One JSON line on standard output for each request.
//!
//! Lines gather in memory and a thread of their own writes them, so that no request waits for the
//! output. They name the route and not the path, which can hold an e-mail address.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::metrics::Metrics;

/// How long a line may wait to be written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// Bytes at which lines are written before that.
const FLUSH_BYTES: usize = 64 << 10;
/// Bytes that may wait; where the output is slower than that, lines are dropped and counted.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// What is logged of a request.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) time: Timestamp,
    pub(super) request_id: &'a str,
    pub(super) client: SocketAddr,
    pub(super) method: &'a str,
    /// The route's template.
    pub(super) route: &'a str,
    pub(super) status: u16,
    /// From the head of the request to the head of the response.
    pub(super) duration_us: u64,
}

/// Where lines go; clones share it.
#[derive(Clone)]
pub(super) struct AccessLog(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    wake: Condvar,
    dropped: AtomicU64,
    closed: AtomicBool,
}

impl AccessLog {
    /// A log that a thread writes to standard output, or none.
    pub(super) fn start(enabled: bool, metrics: Metrics) -> (Self, Option<std::thread::JoinHandle<()>>) {
        if !enabled {
            return (Self(None), None);
        }
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.write(&metrics));
        match thread {
            Ok(thread) => (Self(Some(shared)), Some(thread)),
            Err(error) => {
                tracing::error!(%error, "requests are not logged: their thread did not start");
                (Self(None), None)
            }
        }
    }

    pub(super) fn log(&self, line: &Line<'_>) {
        let Some(shared) = &self.0 else { return };
        let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() > WAITING_BYTES_MAX {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if serde_json::to_writer(&mut *waiting, line).is_ok() {
            waiting.push(b'\n');
        }
        if waiting.len() > FLUSH_BYTES {
            shared.wake.notify_one();
        }
    }

    /// Lets the thread end once what is waiting is written.
    pub(super) fn close(&self) {
        if let Some(shared) = &self.0 {
            shared.closed.store(true, Ordering::Relaxed);
            shared.wake.notify_one();
        }
    }
}

impl Shared {
    fn write(&self, metrics: &Metrics) {
        loop {
            let closed = self.closed.load(Ordering::Relaxed);
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.is_empty() && !closed {
                waiting = match self.wake.wait_timeout(waiting, FLUSH_INTERVAL) {
                    Ok((waiting, _)) => waiting,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
            let lines = std::mem::take(&mut *waiting);
            drop(waiting);
            // An output that nobody reads any more is no reason to stop selling.
            let _ = std::io::stdout().write_all(&lines);
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                metrics.access_log_dropped(dropped);
                tracing::warn!(dropped, "the output is too slow: lines of the access log were dropped");
            }
            if closed && lines.is_empty() {
                return;
            }
            if !closed && lines.len() < FLUSH_BYTES {
                std::thread::sleep(FLUSH_INTERVAL / 4);
            }
        }
    }
}
