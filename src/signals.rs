//! How a process is asked to end: SIGINT (Ctrl-C) or SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

/// Completes when the process is asked to end.
pub async fn asked_to_end() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(error) => {
            tracing::error!(%error, "a signal cannot be waited for");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
    }
}
