//! Functions of SQL.

use std::sync::Arc;

use sqlparser::ast::{
    DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Interval,
};
use tonic::Status;

use super::aggregates::{aggregate, is_aggregate};
use super::expressions::{
    elements, eval, is_true, named_type, no_signature, overflow, timestamp, unsupported,
};
use super::query::run;
use super::scope::{Env, Frame};
use crate::status::Halt;
use crate::value::{Type, Value};

/// The name of a function in upper case.
pub(crate) fn name_of(call: &Function) -> String {
    call.name.to_string().replace('`', "").to_ascii_uppercase()
}

/// The arguments of a call; `*` is left out.
pub(crate) fn arguments(call: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    let mut found = Vec::with_capacity(list.args.len());
    for argument in &list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
            found.push(expr);
        }
    }
    found
}

/// The value of a call.
pub(crate) fn function(env: &Env<'_>, frame: &Frame<'_>, call: &Function) -> Result<Value, Halt> {
    let name = name_of(call);
    if is_aggregate(&name) {
        return aggregate(env, frame, call, &name);
    }
    if let (FunctionArguments::Subquery(query), "ARRAY") = (&call.args, name.as_str()) {
        let rows = run(env, query, Some(frame))?.rows;
        return Ok(Value::Array(Arc::new(
            rows.into_iter().filter_map(|row| row.into_iter().next()).collect(),
        )));
    }
    let arguments = arguments(call);
    match name.as_str() {
        "IF" if arguments.len() == 3 => {
            let chosen = if is_true(&eval(env, frame, arguments[0])?) { 1 } else { 2 };
            eval(env, frame, arguments[chosen])
        }
        "IFNULL" | "COALESCE" => {
            for argument in arguments {
                let value = eval(env, frame, argument)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        "CURRENT_TIMESTAMP" => Ok(Value::Timestamp(i128::from(env.access.now))),
        "PENDING_COMMIT_TIMESTAMP" => Ok(Value::CommitTimestamp),
        "TIMESTAMP_ADD" | "TIMESTAMP_SUB" if arguments.len() == 2 => {
            shifted(env, frame, &arguments, name.ends_with("SUB"))
        }
        "GENERATE_UUID" => Err(unsupported("GENERATE_UUID")),
        _ => {
            let values =
                arguments.iter().map(|argument| eval(env, frame, argument)).collect::<Result<Vec<_>, _>>()?;
            scalar(&name, &values)
        }
    }
}

fn scalar(name: &str, values: &[Value]) -> Result<Value, Halt> {
    if name == "TO_JSON_STRING" || name == "NULLIF" {
        return match values {
            [a, b] => Ok(if a == b { Value::Null } else { a.clone() }),
            _ => Err(unsupported(name)),
        };
    }
    if values.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    Ok(match (name, values) {
        ("DIV", [Value::Int64(a), Value::Int64(b)]) => Value::Int64(divided(*a, *b, i64::checked_div)?),
        ("MOD", [Value::Int64(a), Value::Int64(b)]) => Value::Int64(divided(*a, *b, i64::checked_rem)?),
        ("ABS", [Value::Int64(a)]) => Value::Int64(a.checked_abs().ok_or_else(overflow)?),
        ("ABS", [Value::Float64(a)]) => Value::Float64(a.abs()),
        ("ARRAY_LENGTH", [Value::Array(values)]) => Value::Int64(length(values.len())),
        ("CONCAT", values) => Value::string(&values.iter().map(Value::text).collect::<String>()),
        ("LOWER", [Value::String(text)]) => Value::string(&text.to_lowercase()),
        ("UPPER", [Value::String(text)]) => Value::string(&text.to_uppercase()),
        ("TRIM", [Value::String(text)]) => Value::string(text.trim()),
        ("LENGTH" | "CHAR_LENGTH", [Value::String(text)]) => Value::Int64(length(text.chars().count())),
        ("BYTE_LENGTH", [Value::String(text)]) => Value::Int64(length(text.len())),
        ("STARTS_WITH", [Value::String(text), Value::String(start)]) => {
            Value::Bool(text.starts_with(&**start))
        }
        ("ENDS_WITH", [Value::String(text), Value::String(end)]) => Value::Bool(text.ends_with(&**end)),
        ("STRPOS", [Value::String(text), Value::String(part)]) => {
            let at = text.find(&**part).map_or(0, |byte| text[..byte].chars().count() + 1);
            Value::Int64(length(at))
        }
        ("SUBSTR", [Value::String(text), Value::Int64(from)]) => substring(text, *from, i64::MAX),
        ("SUBSTR", [Value::String(text), Value::Int64(from), Value::Int64(size)]) => {
            substring(text, *from, *size)
        }
        ("GREATEST", [first, rest @ ..]) => rest
            .iter()
            .fold(first, |best, value| if best.total_order(value).is_lt() { value } else { best })
            .clone(),
        ("LEAST", [first, rest @ ..]) => rest
            .iter()
            .fold(first, |best, value| if best.total_order(value).is_gt() { value } else { best })
            .clone(),
        ("TIMESTAMP", [Value::String(text)]) => timestamp(text)?,
        ("UNIX_MICROS", [Value::Timestamp(nanos)]) => unix(*nanos, 1_000),
        ("UNIX_MILLIS", [Value::Timestamp(nanos)]) => unix(*nanos, 1_000_000),
        ("UNIX_SECONDS", [Value::Timestamp(nanos)]) => unix(*nanos, 1_000_000_000),
        ("TIMESTAMP_MICROS", [Value::Int64(micros)]) => Value::Timestamp(i128::from(*micros) * 1000),
        ("GENERATE_ARRAY", [Value::Int64(from), Value::Int64(to)]) => {
            Value::Array(Arc::new((*from..=*to).map(Value::Int64).collect()))
        }
        ("ARRAY_CONCAT", values) => {
            let parts = values.iter().map(elements).collect::<Result<Vec<_>, _>>()?;
            Value::Array(Arc::new(parts.concat()))
        }
        ("DIV" | "MOD" | "LOWER" | "UPPER" | "STARTS_WITH" | "ARRAY_LENGTH" | "ABS", values) => {
            return Err(no_signature(name, &values.iter().collect::<Vec<_>>()));
        }
        _ => return Err(Status::invalid_argument(format!("Function not found: {name}")).into()),
    })
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn unix(nanos: i128, unit: i128) -> Value {
    Value::Int64(i64::try_from(nanos.div_euclid(unit)).unwrap_or(i64::MAX))
}

fn substring(text: &str, from: i64, size: i64) -> Value {
    let skipped = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
    let size = usize::try_from(size.max(0)).unwrap_or(usize::MAX);
    Value::string(&text.chars().skip(skipped).take(size).collect::<String>())
}

fn divided(a: i64, b: i64, by: fn(i64, i64) -> Option<i64>) -> Result<i64, Halt> {
    if b == 0 {
        return Err(Status::out_of_range(format!("division by zero: {a} / {b}")).into());
    }
    by(a, b).ok_or_else(overflow)
}

fn shifted(env: &Env<'_>, frame: &Frame<'_>, arguments: &[&Expr], back: bool) -> Result<Value, Halt> {
    let Expr::Interval(interval) = arguments[1] else { return Err(unsupported("a shift without INTERVAL")) };
    let span = span(env, frame, interval)?;
    match (eval(env, frame, arguments[0])?, span) {
        (Value::Timestamp(nanos), Some(span)) => {
            Ok(Value::Timestamp(if back { nanos - span } else { nanos + span }))
        }
        (Value::Null, _) | (_, None) => Ok(Value::Null),
        (other, _) => Err(no_signature("TIMESTAMP_ADD", &[&other])),
    }
}

fn span(env: &Env<'_>, frame: &Frame<'_>, interval: &Interval) -> Result<Option<i128>, Halt> {
    let count = match eval(env, frame, &interval.value)? {
        Value::Int64(count) => count,
        Value::Null => return Ok(None),
        other => return Err(no_signature("INTERVAL", &[&other])),
    };
    let unit: i128 = match &interval.leading_field {
        Some(DateTimeField::Nanosecond) => 1,
        Some(DateTimeField::Microsecond) => 1_000,
        Some(DateTimeField::Millisecond) => 1_000_000,
        Some(DateTimeField::Second) => 1_000_000_000,
        Some(DateTimeField::Minute) => 60_000_000_000,
        Some(DateTimeField::Hour) => 3_600_000_000_000,
        Some(DateTimeField::Day) => 86_400_000_000_000,
        other => return Err(unsupported(&format!("INTERVAL {other:?}"))),
    };
    Ok(Some(i128::from(count) * unit))
}

/// CAST.
pub(crate) fn cast(value: &Value, to: &str) -> Result<Value, Halt> {
    let of = named_type(to).ok_or_else(|| unsupported(&format!("CAST AS {to}")))?;
    let bad = || Halt::Status(Status::out_of_range(format!("Bad {} value: {}", of.name(), value.text())));
    match (value, &of) {
        (Value::Null, _) => Ok(Value::Null),
        (value, Type::String) => Ok(Value::string(&value.text())),
        (Value::Float64(float), Type::Int64) => Ok(Value::Int64(float.round() as i64)),
        (Value::Bool(flag), Type::Int64) => Ok(Value::Int64(i64::from(*flag))),
        (Value::Int64(number), Type::Bool) => Ok(Value::Bool(*number != 0)),
        (Value::String(text), Type::Bool) => text.parse().map(Value::Bool).map_err(|_| bad()),
        (Value::String(text), Type::Float64) => text.parse().map(Value::Float64).map_err(|_| bad()),
        (Value::String(text), Type::Bytes) => Ok(Value::Bytes(text.as_bytes().into())),
        (value, of) => value.coerce(of).ok_or_else(bad),
    }
}
