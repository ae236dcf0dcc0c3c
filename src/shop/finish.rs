//! What has begun is finished: a caller that goes away does not take the end of its purchase with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Waits for `work`. Where the one who waits is dropped before, as when a buyer's connection breaks, the
/// runtime finishes it.
pub(super) fn finished<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Finished<T> {
    Finished(Some(Box::pin(work)))
}

/// Work that will be finished.
pub(super) struct Finished<T: Send + 'static>(Option<Boxed<T>>);

impl<T: Send + 'static> Future for Finished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // A future that was ready is not asked again.
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Finished<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_finished() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let work = finished(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = done.send(7);
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), work).await.is_err());
        assert_eq!(is_done.await, Ok(7));
    }
}
