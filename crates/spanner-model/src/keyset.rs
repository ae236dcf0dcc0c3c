//! Key sets of requests as ranges of encoded keys
//! (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, `KeySet` and `KeyRange`).

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use googleapis_tonic_google_spanner_v1::google::spanner::v1::key_range::{EndKeyType, StartKeyType};
use prost_types::ListValue;
use tonic::Status;

use crate::key::{self, Key, Range};
use crate::schema::{KeyPart, Table};
use crate::value::Value;

/// The ranges of a key set in key order; keys must have all parts, bounds of ranges may be prefixes.
pub(crate) fn ranges(
    set: &v1::KeySet,
    table: &Table,
    parts: &[KeyPart],
    whole: usize,
) -> Result<Vec<Range>, Status> {
    if set.all {
        return Ok(vec![Range::all()]);
    }
    let mut found = Vec::with_capacity(set.keys.len() + set.ranges.len());
    for list in &set.keys {
        if list.values.len() != whole {
            return Err(Status::invalid_argument(format!(
                "Wrong number of key parts: expected {whole}, found {}.",
                list.values.len()
            )));
        }
        let key = encode(list, table, parts)?;
        found.push(if whole == parts.len() { Range::point(key) } else { Range::prefix(&key) });
    }
    for range in &set.ranges {
        found.push(key_range(range, table, parts)?);
    }
    found.sort_by(|a, b| a.start.cmp(&b.start));
    found.dedup();
    Ok(merged(found))
}

/// Joins ranges that overlap, because a row is answered once.
fn merged(sorted: Vec<Range>) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::with_capacity(sorted.len());
    for range in sorted.into_iter().filter(|range| !range.is_empty()) {
        match joined.last_mut() {
            Some(last) if last.overlaps(&range) => {
                last.end = match (last.end.take(), range.end) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    _ => None,
                };
            }
            _ => joined.push(range),
        }
    }
    joined
}

fn key_range(range: &v1::KeyRange, table: &Table, parts: &[KeyPart]) -> Result<Range, Status> {
    let missing = || Status::invalid_argument("KeyRange must have a start key and an end key.");
    let mut end = None;
    let start = match range.start_key_type.as_ref().ok_or_else(missing)? {
        StartKeyType::StartClosed(list) => encode(list, table, parts)?,
        StartKeyType::StartOpen(list) => match key::successor(&encode(list, table, parts)?) {
            Some(start) => start,
            None => {
                end = Some(Key::new());
                Key::new()
            }
        },
    };
    let bound = match range.end_key_type.as_ref().ok_or_else(missing)? {
        EndKeyType::EndClosed(list) => key::successor(&encode(list, table, parts)?),
        EndKeyType::EndOpen(list) => Some(encode(list, table, parts)?),
    };
    Ok(Range { start, end: end.or(bound) })
}

/// Encodes a key or a prefix of one.
pub(crate) fn encode(list: &ListValue, table: &Table, parts: &[KeyPart]) -> Result<Key, Status> {
    if list.values.len() > parts.len() {
        return Err(Status::invalid_argument(format!("Too many key parts: {}.", list.values.len())));
    }
    let mut encoded = Key::new();
    for (value, part) in list.values.iter().zip(parts) {
        let value = Value::from_proto(value, &table.columns[part.column].of)?;
        key::push(&mut encoded, &value, part.descending);
    }
    Ok(encoded)
}
