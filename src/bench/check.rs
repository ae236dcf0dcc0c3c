//! Whether the store sold right: what the buyers were told, against each other and against a recount.

use serde::Serialize;

use super::oversell::WrongSeat;
use super::run::Measured;
use super::{BenchError, Plan};
use crate::shop::Shop;
use crate::store::{AuditProgress, AuditReport};

/// What the check of a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Whether everything is right.
    pub right: bool,
    /// Different seats that the buyers were told are theirs, also in the warm-up.
    pub tickets_acknowledged: u64,
    /// Seats that were acknowledged wrongly, above all twice.
    pub wrong_seats: u64,
    /// The first of them.
    pub wrong: Vec<WrongSeat>,
    /// Tickets that the store had sold before the run.
    pub sold_before: u64,
    /// Tickets that the store has sold now; others may have bought beside.
    pub sold_after: u64,
    /// The recount.
    pub audit: AuditReport,
}

impl Check {
    fn of(measured: &Measured, audit: AuditReport) -> Self {
        let (wrong_seats, wrong) = measured.wrong.clone();
        let (sold_before, sold_after) = (measured.sold_before, audit.tickets_sold);
        let grew = sold_after.saturating_sub(sold_before);
        let right = wrong_seats == 0 && audit.disagreements.is_empty() && grew >= measured.tickets;
        Self {
            right,
            tickets_acknowledged: measured.tickets,
            wrong_seats,
            wrong,
            sold_before,
            sold_after,
            audit,
        }
    }

    /// How many tickets were acknowledged and are in no sale.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.tickets_acknowledged.saturating_sub(self.sold_after.saturating_sub(self.sold_before))
    }
}

/// Checks a run that bought; `None` where the plan buys nothing.
///
/// # Errors
/// [`BenchError::Store`] where the audit cannot be made, [`BenchError::Interrupted`].
pub async fn check(
    shop: &Shop,
    plan: &Plan,
    measured: &Measured,
    progress: AuditProgress,
) -> Result<Option<Check>, BenchError> {
    if !plan.workload.buys() {
        return Ok(None);
    }
    // The run has taken Ctrl-C from the system, so this must not ignore it.
    tokio::select! {
        audit = shop.store().audit(progress) => Ok(Some(Check::of(measured, audit?))),
        Ok(()) = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::recorder::Tally;

    fn measured(tickets: u64) -> Measured {
        Measured {
            run: String::new(),
            begun: jiff::Timestamp::UNIX_EPOCH,
            seconds: 1.0,
            tally: Tally::default(),
            intervals: Vec::new(),
            ended: None,
            not_begun: None,
            tickets,
            wrong: (0, Vec::new()),
            sold_before: 100,
        }
    }

    fn audit(tickets_sold: u64) -> AuditReport {
        AuditReport { tickets_sold, ..AuditReport::default() }
    }

    #[test]
    fn others_may_buy_beside_and_nothing_may_be_lost() {
        assert!(Check::of(&measured(20), audit(120)).right);
        assert!(Check::of(&measured(20), audit(130)).right);
        let lost = Check::of(&measured(20), audit(115));
        assert_eq!((lost.right, lost.lost()), (false, 5));
        let wrong = Measured { wrong: (1, Vec::new()), ..measured(20) };
        assert!(!Check::of(&wrong, audit(120)).right);
    }
}
