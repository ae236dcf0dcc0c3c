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

impl Serialize for Money {
    /// As the JSON number `49.95`, `50.00`: always two decimals, which no binary float could promise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_a_json_number_with_two_decimals() {
        for (minor, text) in [(4995, "49.95"), (5000, "50.00"), (5, "0.05"), (-5, "-0.05"), (0, "0.00")] {
            assert_eq!(serde_json::to_string(&Money::from_minor(minor)).unwrap(), text);
        }
    }
}
