//! Where a purchase is in the store, as spans under the one of its request: queue, transaction, commit.

use tracing::{Span, debug_span};

/// The stage at work. Without anyone who traces there is nothing here, and nothing to do.
pub(super) struct Stages(Option<Box<Stage>>);

struct Stage {
    parent: Span,
    /// Open for as long as the stage lasts.
    at_work: Span,
}

impl Stages {
    /// In the queue, for the request whose span is open.
    pub(super) fn queued() -> Self {
        let at_work = debug_span!("queue");
        Self((!at_work.is_disabled()).then(|| Box::new(Stage { parent: Span::current(), at_work })))
    }

    /// In the transaction.
    pub(super) fn transaction(&mut self) {
        if let Some(stage) = &mut self.0 {
            stage.at_work = debug_span!(parent: &stage.parent, "transaction");
        }
    }

    /// In the commit of a transaction that so many requests share.
    pub(super) fn commit(&mut self, group: usize) {
        if let Some(stage) = &mut self.0 {
            stage.at_work = debug_span!(parent: &stage.parent, "commit", group);
        }
    }

    /// Through.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }
}
