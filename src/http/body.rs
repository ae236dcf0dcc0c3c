//! Reading bodies: bounded, in time, and every wrong field named at once.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde_json::{Map, Value};
use warp::http::{HeaderMap, header};

use super::problem::{FieldError, Problem};
use super::problem_kind::ProblemKind;
use crate::model::Invalid;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Most bytes.
    pub(super) bytes: u64,
    /// How long it may take to arrive.
    pub(super) time: Duration,
}

/// Reads a JSON body. Its length must be declared, so that one that is too large is refused unread.
pub(super) async fn read<B: Buf>(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
    limits: BodyLimits,
) -> Result<Bytes, Problem> {
    check_media_type(headers)?;
    let length = declared_length(headers)?;
    if length > limits.bytes {
        let detail = format!("the body has {length} bytes, at most {} are read", limits.bytes);
        return Err(Problem::new(ProblemKind::BodyTooLarge, detail));
    }
    let all = async {
        let mut body = std::pin::pin!(body);
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|_| {
                Problem::new(ProblemKind::MalformedRequest, "the body ended before its length")
            })?;
            if chunk.remaining() as u64 == length {
                // Nearly always all of it: no copy.
                return Ok(chunk.copy_to_bytes(length as usize));
            }
            bytes.extend_from_slice(chunk.chunk());
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(limits.time, all).await.unwrap_or_else(|_| {
        Err(Problem::new(ProblemKind::RequestTimeout, format!("the body took over {:?}", limits.time)))
    })
}

/// JSON, or nothing said: `curl -d` says a form, which is refused, so that a web page of another site
/// cannot post without asking.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::UnsupportedMediaType, "send Content-Type: application/json"))
}

fn declared_length(headers: &HeaderMap) -> Result<u64, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.ok_or_else(|| {
        Problem::new(
            ProblemKind::LengthRequired,
            "send a body with Content-Length; chunked bodies are not read",
        )
    })
}

/// The fields of a JSON object, taken one by one; what is wrong is gathered until [`Fields::finish`].
///
/// Names are matched in any case, as the first backend of this API did.
pub(super) struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body).map_err(|error| {
            Problem::new(ProblemKind::MalformedRequest, format!("the body is no JSON: {error}"))
        })?;
        match value {
            Value::Object(object) => Ok(Self { object, errors: Vec::new() }),
            _ => Err(Problem::of_fields(vec![FieldError {
                pointer: String::new(),
                detail: "must be an object".to_owned(),
            }])),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.object.remove(name) {
            return Some(value);
        }
        let other_case = self.object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()?;
        self.object.remove(&other_case)
    }

    /// A text, read by `parse`.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let read = match self.take(name) {
            None | Some(Value::Null) => Err("is missing".to_owned()),
            Some(Value::String(text)) => parse(&text).map_err(|error| error.to_string()),
            Some(_) => Err("must be a string".to_owned()),
        };
        self.note(name, read)
    }

    /// A whole number, read by `parse`.
    pub(super) fn integer<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(i64) -> Result<T, Invalid>,
    ) -> Option<T> {
        let read = match self.take(name) {
            None | Some(Value::Null) => Err("is missing".to_owned()),
            // Not an integer of 64 bits: as far out of range as any number can be.
            Some(Value::Number(number)) => {
                parse(whole(&number).unwrap_or(i64::MAX)).map_err(|error| error.to_string())
            }
            Some(_) => Err("must be a number".to_owned()),
        };
        self.note(name, read)
    }

    fn note<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|detail| self.errors.push(FieldError { pointer: format!("/{name}"), detail })).ok()
    }

    /// The problem with these fields, where there is one; fields that nobody took are one.
    pub(super) fn finish(mut self) -> Problem {
        for name in self.object.keys().take(10) {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            self.errors.push(FieldError { pointer, detail: "is unknown".to_owned() });
        }
        Problem::of_fields(self.errors)
    }

    /// Whether every field was right and taken.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty() && self.object.is_empty()
    }
}

/// The number, where it is whole; to JSON, 3 and 3.0 are the same.
fn whole(number: &serde_json::Number) -> Option<i64> {
    /// Below this, a binary float tells every whole number.
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    let of_float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT_BELOW);
    number.as_i64().or_else(|| of_float().map(|float| float as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;
    use proptest::prelude::*;

    #[test]
    fn wrong_quantities_are_named() {
        for quantity in
            ["0", "11", "-1", "1e18", "1.5", "18446744073709551616", "\"1\"", "null", "[]", "true"]
        {
            let mut fields = Fields::parse(format!("{{\"quantity\":{quantity}}}").as_bytes()).unwrap();
            assert_eq!(fields.integer("quantity", Quantity::new), None, "{quantity}");
            assert!(!fields.is_clean());
        }
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction() {
        for (quantity, expected) in [("3", 3), ("3.0", 3), ("1e1", 10)] {
            let mut fields = Fields::parse(format!("{{\"quantity\":{quantity}}}").as_bytes()).unwrap();
            assert_eq!(fields.integer("quantity", Quantity::new).map(Quantity::get), Some(expected));
        }
    }

    #[test]
    fn names_match_in_any_case_and_the_rest_is_unknown() {
        let mut fields = Fields::parse(br#"{"EventId":"a","x/y":1}"#).unwrap();
        assert_eq!(fields.text("eventId", |text| Ok(text.to_owned())), Some("a".to_owned()));
        assert!(!fields.is_clean());
        assert!(format!("{:?}", fields.finish()).contains("/x~1y"));
    }

    proptest! {
        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            if let Ok(mut fields) = Fields::parse(&bytes) {
                let _ = fields.integer("quantity", Quantity::new);
                let _ = fields.finish();
            }
        }
    }
}
