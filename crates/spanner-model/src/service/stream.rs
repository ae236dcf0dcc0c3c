//! Results as one message or as a stream of partial ones.

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use prost_types::ListValue;
use tonic::Status;

use super::transactions::Opened;
use crate::database::Kind;
use crate::value::{Type, Value};

/// How many rows a partial result has at most.
const CHUNK: usize = 1000;

/// Columns and rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) fields: Vec<(String, Type)>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) stats: Option<v1::ResultSetStats>,
}

impl Rows {
    fn metadata(&self, opened: &Opened) -> v1::ResultSetMetadata {
        let field = |(name, of): &(String, Type)| v1::struct_type::Field {
            name: name.clone(),
            r#type: Some(of.to_proto()),
        };
        v1::ResultSetMetadata {
            row_type: Some(v1::StructType { fields: self.fields.iter().map(field).collect() }),
            transaction: opened.message.clone(),
            undeclared_parameters: None,
        }
    }

    /// The whole result.
    pub(crate) fn whole(self, opened: &Opened) -> v1::ResultSet {
        v1::ResultSet {
            metadata: Some(self.metadata(opened)),
            rows: self.rows.iter().map(|row| ListValue { values: encoded(row) }).collect(),
            stats: self.stats,
            precommit_token: opened.token(),
            cache_update: None,
        }
    }

    /// Partial results. After a resume token they go on where it was, without metadata.
    pub(crate) fn parts(self, opened: &Opened, resume: Option<Resume>) -> Vec<v1::PartialResultSet> {
        let skipped = resume.map_or(0, |resume| resume.rows);
        let mut parts = Vec::new();
        let mut sent = skipped;
        loop {
            let end = self.rows.len().min(sent + CHUNK);
            let rows = self.rows.get(sent..end).unwrap_or_default();
            let mut part = v1::PartialResultSet {
                values: rows.iter().flat_map(|row| encoded(row)).collect(),
                last: end >= self.rows.len(),
                ..v1::PartialResultSet::default()
            };
            if parts.is_empty() && resume.is_none() {
                part.metadata = Some(self.metadata(opened));
            }
            sent = end;
            if part.last {
                part.stats = self.stats;
                part.precommit_token = opened.token();
                parts.push(part);
                return parts;
            }
            part.resume_token = Resume { rows: sent, timestamp: snapshot(opened) }.encode();
            parts.push(part);
        }
    }
}

fn encoded(row: &[Value]) -> Vec<prost_types::Value> {
    row.iter().map(Value::to_proto).collect()
}

fn snapshot(opened: &Opened) -> i64 {
    match opened.kind {
        Kind::ReadOnly(timestamp) => timestamp,
        Kind::ReadWrite | Kind::Partitioned => 0,
    }
}

/// Where a stream was interrupted: the rows that were sent and the timestamp they were read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    rows: usize,
    timestamp: i64,
}

impl Resume {
    fn encode(self) -> Vec<u8> {
        format!("{}@{}", self.rows, self.timestamp).into_bytes()
    }

    /// Reads a token; an empty one is none.
    pub(crate) fn decode(token: &[u8]) -> Result<Option<Self>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = || {
            let (rows, timestamp) = std::str::from_utf8(token).ok()?.split_once('@')?;
            Some(Self { rows: rows.parse().ok()?, timestamp: timestamp.parse().ok()? })
        };
        read().map(Some).ok_or_else(|| Status::invalid_argument("Invalid resume_token."))
    }

    /// Lets a single use go on with the timestamp that it had.
    pub(crate) fn apply(self, opened: &mut Opened) {
        if let (Kind::ReadOnly(_), None) = (opened.kind, opened.id) {
            opened.kind = Kind::ReadOnly(self.timestamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_be_read_again() {
        let resume = Resume { rows: 1000, timestamp: 5 };
        assert_eq!(Resume::decode(&resume.encode()).unwrap(), Some(resume));
        assert_eq!(Resume::decode(b"").unwrap(), None);
        assert!(Resume::decode(b"x").is_err());
    }
}
