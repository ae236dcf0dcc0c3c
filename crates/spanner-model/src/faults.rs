//! Faults that a model injects by a seeded plan.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tonic::Code;

use crate::calls::RequestRecord;
use crate::core::locked;

/// Something that goes wrong with a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The call is executed after that long.
    Delay(Duration),
    /// The transaction is rolled back, and the call answers ABORTED (not a call of a transaction that is
    /// committed already).
    Aborted,
    /// The call answers UNAVAILABLE and is not executed.
    UnavailableBefore,
    /// The call is executed and answers UNAVAILABLE.
    UnavailableAfter,
    /// The connection is closed, and the call is not executed.
    DropBefore,
    /// The call is executed, and the connection is closed without an answer.
    DropAfter,
    /// The call is executed at once and answers after that long.
    HangAfter(Duration),
    /// The call answers a status and is not executed.
    Status(Code, String),
}

impl Fault {
    /// The name in `Model::fault_counts`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Delay(_) => "Delay",
            Self::Aborted => "Aborted",
            Self::UnavailableBefore => "UnavailableBefore",
            Self::UnavailableAfter => "UnavailableAfter",
            Self::DropBefore => "DropBefore",
            Self::DropAfter => "DropAfter",
            Self::HangAfter(_) => "HangAfter",
            Self::Status(..) => "Status",
        }
    }
}

/// When a fault happens.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// The RPC's name, or `*` for all.
    pub method: String,
    /// What happens.
    pub kind: Fault,
    /// How probable it is for a call that the rule is for.
    pub probability: f64,
    /// How often it happens at most.
    pub max: Option<u64>,
    /// Only for calls with this transaction tag or request tag.
    pub only_tag: Option<String>,
}

impl FaultRule {
    /// A rule for each call of a method.
    pub fn always(method: &str, kind: Fault) -> Self {
        Self { method: method.into(), kind, probability: 1.0, max: None, only_tag: None }
    }

    /// A rule for the first call of a method.
    pub fn once(method: &str, kind: Fault) -> Self {
        Self { max: Some(1), ..Self::always(method, kind) }
    }

    /// A rule for a part of the calls of a method.
    pub fn sometimes(method: &str, kind: Fault, probability: f64) -> Self {
        Self { probability, ..Self::always(method, kind) }
    }
}

/// The rules; the first that fires for a call decides, so that at most one fault happens to it.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Seed of the decisions.
    pub seed: u64,
    /// The rules in the order in which they are tried.
    pub rules: Vec<FaultRule>,
}

#[derive(Debug)]
struct Running {
    random: ChaCha8Rng,
    rules: Vec<(FaultRule, u64)>,
    counts: BTreeMap<String, u64>,
}

/// The plan that is in force.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<Running>);

impl Faults {
    /// No faults.
    pub(crate) fn new(seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self(Mutex::new(Running { random, rules: Vec::new(), counts: BTreeMap::new() }))
    }

    /// Replaces the plan and its counters.
    pub(crate) fn replace(&self, plan: FaultPlan) {
        let mut running = locked(&self.0);
        running.random = ChaCha8Rng::seed_from_u64(plan.seed);
        running.rules = plan.rules.into_iter().map(|rule| (rule, 0)).collect();
        running.counts.clear();
    }

    /// Decides about a call.
    pub(crate) fn decide(&self, request: &RequestRecord) -> Option<Fault> {
        let running = &mut *locked(&self.0);
        for (rule, fired) in &mut running.rules {
            let tag = |tag: &String| *tag == request.transaction_tag || *tag == request.request_tag;
            let meant = (rule.method == "*" || rule.method == request.method)
                && rule.only_tag.as_ref().is_none_or(tag)
                && rule.max.is_none_or(|max| *fired < max);
            if meant && running.random.random::<f64>() < rule.probability {
                *fired += 1;
                *running.counts.entry(rule.kind.kind().into()).or_default() += 1;
                return Some(rule.kind.clone());
            }
        }
        None
    }

    /// The faults that happened, by kind.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        locked(&self.0).counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_for_its_method_tag_and_number() {
        let faults = Faults::new(1);
        let rule = FaultRule { only_tag: Some("buy".into()), ..FaultRule::once("Commit", Fault::Aborted) };
        faults.replace(FaultPlan { seed: 1, rules: vec![rule] });
        let mut request = RequestRecord { method: "Commit".into(), ..RequestRecord::default() };
        assert_eq!(faults.decide(&request), None);
        request.transaction_tag = "buy".into();
        assert_eq!(faults.decide(&request), Some(Fault::Aborted));
        assert_eq!(faults.decide(&request), None);
        assert_eq!(faults.counts(), BTreeMap::from([("Aborted".to_owned(), 1)]));
    }
}
