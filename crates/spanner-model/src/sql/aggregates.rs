//! Aggregate functions over the rows of a group.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use sqlparser::ast::{BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArguments};
use tonic::Status;

use super::expressions::{eval, is_true, operate};
use super::functions::arguments;
use super::scope::{Env, Frame};
use crate::key;
use crate::status::Halt;
use crate::value::Value;

/// Whether a function aggregates.
pub(crate) fn is_aggregate(name: &str) -> bool {
    ["COUNT", "COUNTIF", "SUM", "MIN", "MAX", "AVG", "ARRAY_AGG", "ANY_VALUE", "LOGICAL_OR", "LOGICAL_AND"]
        .contains(&name)
}

/// Whether an expression has an aggregate outside of subqueries.
pub(crate) fn has_aggregate(expr: &Expr) -> bool {
    let any = |list: &[&Expr]| list.iter().any(|expr| has_aggregate(expr));
    match expr {
        Expr::Function(call) => is_aggregate(&super::functions::name_of(call)) || any(&arguments(call)),
        Expr::BinaryOp { left, right, .. } => any(&[left, right]),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) | Expr::Cast { expr, .. } => has_aggregate(expr),
        Expr::IsNull(expr) | Expr::IsNotNull(expr) => has_aggregate(expr),
        Expr::Between { expr, low, high, .. } => any(&[expr, low, high]),
        Expr::In { expr, .. } => has_aggregate(expr),
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.iter().chain(else_result).any(|expr| has_aggregate(expr))
                || conditions.iter().any(|when| any(&[&when.condition, &when.result]))
        }
        _ => false,
    }
}

/// The value of an aggregate.
pub(crate) fn aggregate(
    env: &Env<'_>,
    frame: &Frame<'_>,
    call: &Function,
    name: &str,
) -> Result<Value, Halt> {
    let Some(group) = frame.group else {
        let text = format!("Aggregate function {name} not allowed here");
        return Err(Status::invalid_argument(text).into());
    };
    let arguments = arguments(call);
    let Some(argument) = arguments.first() else {
        return Ok(Value::Int64(i64::try_from(group.len()).unwrap_or(i64::MAX)));
    };
    let mut values = Vec::with_capacity(group.len());
    for row in group {
        let inner = Frame::new(frame.columns, row, frame.outer);
        values.push(eval(env, &inner, argument)?);
    }
    if name != "ARRAY_AGG" {
        values.retain(|value| !value.is_null());
    }
    if is_distinct(call) {
        let mut seen = HashSet::new();
        values.retain(|value| {
            let mut encoded = Vec::new();
            key::push(&mut encoded, value, false);
            seen.insert(encoded)
        });
    }
    combined(name, values)
}

fn is_distinct(call: &Function) -> bool {
    matches!(&call.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

fn combined(name: &str, values: Vec<Value>) -> Result<Value, Halt> {
    let count = |values: &mut dyn Iterator<Item = &Value>| {
        Value::Int64(i64::try_from(values.count()).unwrap_or(i64::MAX))
    };
    Ok(match name {
        "COUNT" => count(&mut values.iter()),
        "COUNTIF" => count(&mut values.iter().filter(|value| is_true(value))),
        "MIN" => best(values, Ordering::Less),
        "MAX" => best(values, Ordering::Greater),
        "SUM" => sum(&values)?,
        "AVG" if values.is_empty() => Value::Null,
        "AVG" => operate(&BinaryOperator::Divide, &sum(&values)?, &Value::Float64(values.len() as f64))?,
        "ARRAY_AGG" if values.is_empty() => Value::Null,
        "ARRAY_AGG" => Value::Array(Arc::new(values)),
        "LOGICAL_OR" => Value::Bool(values.iter().any(is_true)),
        "LOGICAL_AND" => Value::Bool(values.iter().all(is_true)),
        _ => values.into_iter().next().unwrap_or(Value::Null),
    })
}

fn sum(values: &[Value]) -> Result<Value, Halt> {
    let Some((first, rest)) = values.split_first() else { return Ok(Value::Null) };
    rest.iter().try_fold(first.clone(), |total, value| operate(&BinaryOperator::Plus, &total, value))
}

fn best(values: Vec<Value>, wanted: Ordering) -> Value {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return Value::Null };
    values.fold(first, |best, value| if value.total_order(&best) == wanted { value } else { best })
}
