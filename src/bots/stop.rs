//! Asking the bots to end, and pauses that end when they are asked.

use std::time::Duration;

use tokio::sync::watch;

/// Whoever holds it can ask all bots to end. Dropped, it asks too.
pub struct StopBots(watch::Sender<bool>);

/// Tells whether the bots are asked to end.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// The bots are asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// Nobody has asked yet; `StopBots` does.
#[must_use]
pub fn stop() -> (StopBots, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopBots(sender), Stop(receiver))
}

impl StopBots {
    /// Asks the bots to end: each finishes the request it is in.
    pub fn ask(&self) {
        let _ = self.0.send(true);
    }
}

impl Stop {
    /// Whether the bots are asked to end.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the bots are asked to end.
    pub async fn asked(&self) {
        let _ = self.0.clone().wait_for(|asked| *asked).await;
    }

    /// What `work` gives, unless the bots are asked to end before.
    pub(super) async fn unless_asked<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.asked() => Err(Stopped),
            done = work => Ok(done),
        }
    }

    /// Waits, unless the bots are asked to end.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Stopped> {
        self.unless_asked(tokio::time::sleep(time)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_ends_when_the_bots_are_asked_to_end() {
        let (asks, stop) = stop();
        assert_eq!(stop.pause(Duration::ZERO).await, Ok(()));
        let paused = tokio::spawn({
            let stop = stop.clone();
            async move { stop.pause(Duration::from_secs(3_600)).await }
        });
        asks.ask();
        assert_eq!(paused.await.unwrap(), Err(Stopped));
        assert!(stop.is_asked());
    }
}
