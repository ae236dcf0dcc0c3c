//! Prices: integer minor units inside, a number with two decimals at the edge.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount in minor units (cents), so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// The amount of this many minor units (hundredths).
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The amount in minor units (hundredths).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The price of `count` such things. Saturates rather than wraps.
    #[must_use]
    pub const fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count as i64))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", minor / 100, minor % 100)
    }
}

/// Amounts below this have at most 15 digits, which a binary float keeps.
const EXACT_BELOW: u64 = 1_000_000_000_000_000;

impl Serialize for Money {
    /// As the JSON number `49.95`, `50.00`: always two decimals, which no binary float could promise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Where the last decimal is not 0, both are also in the shortest text of the nearest binary float.
        if self.0 % 10 != 0 && self.0.unsigned_abs() < EXACT_BELOW {
            return serializer.serialize_f64(self.0 as f64 / 100.0);
        }
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_a_json_number_with_two_decimals() {
        let json = |minor| serde_json::to_string(&Money::from_minor(minor)).unwrap();
        for (minor, text) in [(4995, "49.95"), (5000, "50.00"), (5, "0.05"), (-5, "-0.05"), (0, "0.00")] {
            assert_eq!(json(minor), text);
        }
        for minor in (-20_000..20_000).chain((1..60).map(|bit| (1 << bit) + 1)).chain([i64::MAX, i64::MIN]) {
            assert_eq!(json(minor), Money::from_minor(minor).to_string());
        }
    }
}
