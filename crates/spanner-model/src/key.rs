//! Keys as bytes whose order is the order of the key parts, and ranges of them. NULL sorts first in an
//! ascending part and last in a descending one (cloud.google.com/spanner/docs/schema-and-data-model).

use crate::value::Value;

/// An encoded key of a table or an index.
pub(crate) type Key = Vec<u8>;

/// The keys from `start` up to and without `end`; no end means all that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: Key,
    pub(crate) end: Option<Key>,
}

impl Range {
    /// Every key.
    pub(crate) fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// One whole key.
    pub(crate) fn point(key: Key) -> Self {
        let mut end = key.clone();
        end.push(0);
        Self { start: key, end: Some(end) }
    }

    /// The keys that begin with a prefix.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.to_vec(), end: successor(prefix) }
    }

    /// Whether no key can be in the range.
    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// Whether a key is in the range.
    #[cfg(test)]
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }

    /// Whether both ranges have a key in common.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| a.end.as_ref().is_some_and(|end| *end <= b.start);
        !before(self, other) && !before(other, self) && !self.is_empty() && !other.is_empty()
    }

    /// Bounds for a `BTreeMap`; None if the range is empty.
    pub(crate) fn bounds(&self) -> Option<(std::ops::Bound<&Key>, std::ops::Bound<&Key>)> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        if self.is_empty() {
            return None;
        }
        Some((Included(&self.start), self.end.as_ref().map_or(Unbounded, Excluded)))
    }
}

/// The first byte string after everything that begins with `prefix`; None if there is none.
pub(crate) fn successor(prefix: &[u8]) -> Option<Key> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xFF)?;
    let mut next = prefix[..=kept].to_vec();
    next[kept] += 1;
    Some(next)
}

/// Appends one key part.
pub(crate) fn push(key: &mut Key, value: &Value, descending: bool) {
    let begin = key.len();
    match value {
        Value::Null => key.push(0),
        other => {
            key.push(1);
            push_value(key, other);
        }
    }
    if descending {
        key[begin..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

fn push_value(key: &mut Key, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => key.push(u8::from(*value)),
        Value::Int64(value) => key.extend((value ^ i64::MIN).to_be_bytes()),
        Value::Float64(value) => {
            let bits = value.to_bits();
            let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            key.extend(ordered.to_be_bytes());
        }
        Value::String(text) | Value::Date(text) => push_bytes(key, text.as_bytes()),
        Value::Bytes(bytes) => push_bytes(key, bytes),
        Value::Timestamp(nanos) => key.extend((nanos ^ i128::MIN).to_be_bytes()),
        Value::CommitTimestamp => key.extend((i128::MAX ^ i128::MIN).to_be_bytes()),
        Value::Array(values) => {
            values.iter().for_each(|value| push(key, value, false));
            key.push(0);
        }
    }
}

fn push_bytes(key: &mut Key, bytes: &[u8]) {
    for byte in bytes {
        key.push(*byte);
        if *byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend([0, 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value, descending: bool) -> Key {
        let mut key = Vec::new();
        push(&mut key, value, descending);
        key
    }

    #[test]
    fn bytes_order_is_value_order() {
        let ordered =
            [Value::Null, Value::Int64(i64::MIN), Value::Int64(-1), Value::Int64(0), Value::Int64(9)];
        for pair in ordered.windows(2) {
            assert!(encoded(&pair[0], false) < encoded(&pair[1], false));
            assert!(encoded(&pair[0], true) > encoded(&pair[1], true));
        }
        let texts = ["", "a", "a\0", "a\0b", "ab", "b"].map(Value::string);
        for pair in texts.windows(2) {
            assert!(encoded(&pair[0], false) < encoded(&pair[1], false), "{pair:?}");
            assert!(encoded(&pair[0], true) > encoded(&pair[1], true), "{pair:?}");
        }
        let floats = [f64::NEG_INFINITY, -1.5, 0.0, 2.0].map(Value::Float64);
        for pair in floats.windows(2) {
            assert!(encoded(&pair[0], false) < encoded(&pair[1], false));
        }
    }

    #[test]
    fn a_prefix_range_holds_its_extensions_only() {
        let mut key = encoded(&Value::string("e"), false);
        let range = Range::prefix(&key);
        push(&mut key, &Value::Int64(i64::MAX), false);
        assert!(range.contains(&key));
        assert!(!range.contains(&encoded(&Value::string("ea"), false)));
        assert!(range.overlaps(&Range::all()));
        assert!(!range.overlaps(&Range::prefix(&encoded(&Value::string("f"), false))));
    }
}
