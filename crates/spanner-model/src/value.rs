//! Typed values, their order, and their form in protobuf messages
//! (`google.spanner.v1.TypeCode` documents the encoding of every type).

use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use prost_types::value::Kind;
use tonic::Status;

/// The string that a mutation writes to have the commit timestamp stored
/// (cloud.google.com/spanner/docs/commit-timestamp).
pub(crate) const COMMIT_TIMESTAMP: &str = "spanner.commit_timestamp()";

/// A type of a column, a parameter or an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int64,
    Float64,
    String,
    Bytes,
    Timestamp,
    Date,
    Array(Box<Type>),
}

/// A value; `CommitTimestamp` stands for the timestamp that the commit will choose.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int64(i64),
    Float64(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Nanoseconds since 1970.
    Timestamp(i128),
    /// A date as `YYYY-MM-DD`, whose text order is its time order.
    Date(Arc<str>),
    Array(Arc<Vec<Value>>),
    CommitTimestamp,
}

impl Type {
    /// The name in Spanner's SQL.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bool => "BOOL".into(),
            Self::Int64 => "INT64".into(),
            Self::Float64 => "FLOAT64".into(),
            Self::String => "STRING".into(),
            Self::Bytes => "BYTES".into(),
            Self::Timestamp => "TIMESTAMP".into(),
            Self::Date => "DATE".into(),
            Self::Array(of) => format!("ARRAY<{}>", of.name()),
        }
    }

    /// The message for a result's metadata.
    pub(crate) fn to_proto(&self) -> v1::Type {
        let code = match self {
            Self::Bool => v1::TypeCode::Bool,
            Self::Int64 => v1::TypeCode::Int64,
            Self::Float64 => v1::TypeCode::Float64,
            Self::String => v1::TypeCode::String,
            Self::Bytes => v1::TypeCode::Bytes,
            Self::Timestamp => v1::TypeCode::Timestamp,
            Self::Date => v1::TypeCode::Date,
            Self::Array(of) => {
                return v1::Type {
                    code: v1::TypeCode::Array as i32,
                    array_element_type: Some(Box::new(of.to_proto())),
                    ..Default::default()
                };
            }
        };
        v1::Type { code: code as i32, ..Default::default() }
    }

    /// The type that a request declares for a parameter, if the model knows it.
    pub(crate) fn from_proto(message: &v1::Type) -> Option<Self> {
        Some(match v1::TypeCode::try_from(message.code).ok()? {
            v1::TypeCode::Bool => Self::Bool,
            v1::TypeCode::Int64 => Self::Int64,
            v1::TypeCode::Float64 => Self::Float64,
            v1::TypeCode::String => Self::String,
            v1::TypeCode::Bytes => Self::Bytes,
            v1::TypeCode::Timestamp => Self::Timestamp,
            v1::TypeCode::Date => Self::Date,
            v1::TypeCode::Array => {
                Self::Array(Box::new(Self::from_proto(message.array_element_type.as_ref()?)?))
            }
            _ => return None,
        })
    }
}

impl Value {
    /// A string value.
    pub(crate) fn string(text: &str) -> Self {
        Self::String(text.into())
    }

    /// Whether this is SQL's NULL.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The type, where the value itself tells it.
    pub(crate) fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int64(_) => Type::Int64,
            Self::Float64(_) => Type::Float64,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) | Self::CommitTimestamp => Type::Timestamp,
            Self::Date(_) => Type::Date,
            Self::Array(of) => {
                Type::Array(Box::new(of.iter().find_map(Self::type_of).unwrap_or(Type::Int64)))
            }
        })
    }

    /// Order of two values that are not NULL; None for types that cannot be compared.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int64(a), Self::Int64(b)) => a.cmp(b),
            (Self::Float64(a), Self::Float64(b)) => a.partial_cmp(b)?,
            (Self::Int64(a), Self::Float64(b)) => (*a as f64).partial_cmp(b)?,
            (Self::Float64(a), Self::Int64(b)) => a.partial_cmp(&(*b as f64))?,
            (Self::String(a), Self::String(b)) | (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::CommitTimestamp, Self::CommitTimestamp) => Ordering::Equal,
            (Self::CommitTimestamp, Self::Timestamp(_)) => Ordering::Greater,
            (Self::Timestamp(_), Self::CommitTimestamp) => Ordering::Less,
            (Self::Timestamp(a), Self::String(b)) => a.cmp(&parse_timestamp(b)?),
            (Self::String(a), Self::Timestamp(b)) => parse_timestamp(a)?.cmp(b),
            (Self::Date(a), Self::String(b)) | (Self::String(a), Self::Date(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => compare_arrays(a, b),
            _ => return None,
        })
    }

    /// The total order of ORDER BY and GROUP BY: NULL first.
    pub(crate) fn total_order(&self, other: &Self) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare(other).unwrap_or(Ordering::Equal),
        }
    }

    /// The value as text, for messages and CAST AS STRING.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => "NULL".into(),
            Self::Bool(value) => value.to_string(),
            Self::Int64(value) => value.to_string(),
            Self::Float64(value) => value.to_string(),
            Self::String(value) | Self::Date(value) => value.to_string(),
            Self::Bytes(value) => BASE64_STANDARD.encode(value),
            Self::Timestamp(nanos) => format_timestamp(*nanos),
            Self::CommitTimestamp => COMMIT_TIMESTAMP.into(),
            Self::Array(values) => {
                format!("[{}]", values.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The message for a result row.
    pub(crate) fn to_proto(&self) -> prost_types::Value {
        let kind = match self {
            Self::Null => Kind::NullValue(0),
            Self::Bool(value) => Kind::BoolValue(*value),
            Self::Float64(value) if value.is_finite() => Kind::NumberValue(*value),
            Self::Float64(value) if value.is_nan() => Kind::StringValue("NaN".into()),
            Self::Float64(value) if *value > 0.0 => Kind::StringValue("Infinity".into()),
            Self::Float64(_) => Kind::StringValue("-Infinity".into()),
            Self::Array(values) => Kind::ListValue(prost_types::ListValue {
                values: values.iter().map(Self::to_proto).collect(),
            }),
            other => Kind::StringValue(other.text()),
        };
        prost_types::Value { kind: Some(kind) }
    }

    /// Reads a value of a known type from a message.
    pub(crate) fn from_proto(message: &prost_types::Value, of: &Type) -> Result<Self, Status> {
        let wrong = || Status::invalid_argument(format!("Could not parse {message:?} as {}", of.name()));
        let Some(kind) = &message.kind else { return Ok(Self::Null) };
        Ok(match (kind, of) {
            (Kind::NullValue(_), _) => Self::Null,
            (Kind::BoolValue(value), Type::Bool) => Self::Bool(*value),
            (Kind::NumberValue(value), Type::Float64) => Self::Float64(*value),
            (Kind::StringValue(text), _) => Self::parse(text, of).ok_or_else(wrong)?,
            (Kind::ListValue(list), Type::Array(element)) => Self::Array(Arc::new(
                list.values.iter().map(|value| Self::from_proto(value, element)).collect::<Result<_, _>>()?,
            )),
            _ => return Err(wrong()),
        })
    }

    /// Reads a value whose type the request does not tell.
    pub(crate) fn from_untyped(message: &prost_types::Value) -> Self {
        match &message.kind {
            Some(Kind::BoolValue(value)) => Self::Bool(*value),
            Some(Kind::NumberValue(value)) => Self::Float64(*value),
            Some(Kind::StringValue(text)) => Self::string(text),
            Some(Kind::ListValue(list)) => {
                Self::Array(Arc::new(list.values.iter().map(Self::from_untyped).collect()))
            }
            _ => Self::Null,
        }
    }

    fn parse(text: &str, of: &Type) -> Option<Self> {
        Some(match of {
            Type::Int64 => Self::Int64(text.parse().ok()?),
            Type::Float64 => Self::Float64(match text {
                "NaN" => f64::NAN,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => return None,
            }),
            Type::String => Self::string(text),
            Type::Bytes => Self::Bytes(BASE64_STANDARD.decode(text).ok()?.into()),
            Type::Timestamp if text == COMMIT_TIMESTAMP => Self::CommitTimestamp,
            Type::Timestamp => Self::Timestamp(parse_timestamp(text)?),
            Type::Date => Self::Date(text.parse::<jiff::civil::Date>().ok()?.to_string().as_str().into()),
            Type::Bool | Type::Array(_) => return None,
        })
    }

    /// The value as the given type, where an untyped parameter or a literal meets a column.
    pub(crate) fn coerce(&self, to: &Type) -> Option<Self> {
        match (self, to) {
            (Self::Null, _) => Some(Self::Null),
            (Self::CommitTimestamp, Type::Timestamp) => Some(Self::CommitTimestamp),
            (Self::Int64(value), Type::Float64) => Some(Self::Float64(*value as f64)),
            (Self::Array(values), Type::Array(element)) => {
                let values = values.iter().map(|value| value.coerce(element)).collect::<Option<_>>()?;
                Some(Self::Array(Arc::new(values)))
            }
            (value, _) if value.type_of().as_ref() == Some(to) => Some(value.clone()),
            (Self::String(text), _) => Self::parse(text, to),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.total_order(other) == Ordering::Equal && self.is_null() == other.is_null()
    }
}

fn compare_arrays(left: &[Value], right: &[Value]) -> Ordering {
    let mut pairs = left.iter().zip(right).map(|(a, b)| a.total_order(b));
    pairs.find(|order| *order != Ordering::Equal).unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Nanoseconds since 1970 of an RFC 3339 text.
pub(crate) fn parse_timestamp(text: &str) -> Option<i128> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond())
}

/// RFC 3339 with as many digits as are needed.
pub(crate) fn format_timestamp(nanos: i128) -> String {
    jiff::Timestamp::from_nanosecond(nanos).unwrap_or_default().to_string()
}

/// The well-known message of a timestamp in nanoseconds.
pub(crate) fn timestamp_message(nanos: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_message() {
        let list = Type::Array(Box::new(Type::String));
        let cases = [
            (Value::Int64(-7), Type::Int64),
            (Value::string("x"), Type::String),
            (Value::Timestamp(1_700_000_000_123_456_000), Type::Timestamp),
            (Value::Float64(1.5), Type::Float64),
            (Value::Bool(true), Type::Bool),
            (Value::Array(Arc::new(vec![Value::string("a"), Value::Null])), list),
        ];
        for (value, of) in cases {
            assert_eq!(Value::from_proto(&value.to_proto(), &of).unwrap(), value);
        }
    }

    #[test]
    fn null_is_first_and_timestamps_compare_with_text() {
        assert_eq!(Value::Null.total_order(&Value::Int64(i64::MIN)), Ordering::Less);
        let early = Value::string("2024-01-01T00:00:00Z");
        assert_eq!(early.compare(&Value::Timestamp(i128::from(i64::MAX))), Some(Ordering::Less));
    }

    #[test]
    fn the_placeholder_is_a_timestamp() {
        let message = prost_types::Value { kind: Some(Kind::StringValue(COMMIT_TIMESTAMP.into())) };
        assert!(matches!(Value::from_proto(&message, &Type::Timestamp).unwrap(), Value::CommitTimestamp));
    }
}
