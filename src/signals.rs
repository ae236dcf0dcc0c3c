//! How a process is asked to end: SIGINT (Ctrl-C) or SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The requests to end that arrive from [`EndRequests::listen`] on. Before it a signal ends the process as it would
/// any other: at once.
pub struct EndRequests {
    interrupt: Signal,
    terminate: Signal,
}

impl EndRequests {
    /// Takes over both signals, for the rest of the process's life.
    ///
    /// # Errors
    /// Where the system lets nobody wait for them.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Completes at the next request.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
