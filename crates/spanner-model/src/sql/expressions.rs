//! Evaluates expressions with SQL's three-valued logic.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Ident, InTarget, Query, UnaryOperator, Value as Literal,
};
use tonic::Status;

use super::functions::{cast, function};
use super::query::run;
use super::scope::{ColumnRef, Env, Frame};
use crate::access::Access;
use crate::schema::{Row, Schema, Table};
use crate::status::Halt;
use crate::storage::Data;
use crate::value::{Type, Value, parse_timestamp};

/// Whether a check holds for a row; NULL does.
pub(crate) fn holds(access: &Access<'_>, table: &Table, row: &Row, check: &Expr) -> Result<bool, Halt> {
    let (params, types, names) = (HashMap::new(), HashMap::new(), BTreeSet::new());
    let env = Env { access, params: &params, param_types: &types, names: &names, tables: Rc::default() };
    let columns = columns_of(table, &table.name);
    let frame = Frame::new(&columns, row, None);
    Ok(!matches!(eval(&env, &frame, check)?, Value::Bool(false)))
}

/// The value of an expression without names, for instance of DEFAULT.
pub(crate) fn constant(expr: &Expr, now: i64) -> Result<Value, Halt> {
    let (schema, data) = (Schema::default(), Data::default());
    let access = Access { mutations: Cell::new(0), ..Access::snapshot(&schema, &data, now) };
    let (params, types, names) = (HashMap::new(), HashMap::new(), BTreeSet::new());
    let env =
        Env { access: &access, params: &params, param_types: &types, names: &names, tables: Rc::default() };
    eval(&env, &Frame::new(&[], &[], None), expr)
}

/// The columns of a table under an alias.
pub(crate) fn columns_of(table: &Table, alias: &str) -> Vec<ColumnRef> {
    let alias = alias.to_ascii_lowercase();
    let column = |column: &crate::schema::Column| ColumnRef {
        table: alias.clone(),
        name: column.name.clone(),
        of: Some(column.of.clone()),
        hidden: false,
    };
    table.columns.iter().map(column).collect()
}

/// The value of an expression.
pub(crate) fn eval(env: &Env<'_>, frame: &Frame<'_>, expr: &Expr) -> Result<Value, Halt> {
    match expr {
        Expr::Identifier(ident) => name(env, frame, ident),
        Expr::CompoundIdentifier(parts) => compound(frame, parts),
        Expr::Value(value) => Ok(literal(&value.value)?),
        Expr::Nested(inner) => eval(env, frame, inner),
        Expr::TypedString(typed) => {
            let text = typed.value.value.clone().into_string().unwrap_or_default();
            cast(&Value::string(&text), &typed.data_type.to_string())
        }
        Expr::UnaryOp { op, expr } => unary(op, &eval(env, frame, expr)?),
        Expr::BinaryOp { left, op, right } => binary(env, frame, left, op, right),
        Expr::IsNull(inner) => Ok(Value::Bool(eval(env, frame, inner)?.is_null())),
        Expr::IsNotNull(inner) => Ok(Value::Bool(!eval(env, frame, inner)?.is_null())),
        Expr::IsTrue(inner) => Ok(Value::Bool(is_true(&eval(env, frame, inner)?))),
        Expr::IsNotTrue(inner) => Ok(Value::Bool(!is_true(&eval(env, frame, inner)?))),
        Expr::IsFalse(inner) => Ok(Value::Bool(matches!(eval(env, frame, inner)?, Value::Bool(false)))),
        Expr::IsNotFalse(inner) => Ok(Value::Bool(!matches!(eval(env, frame, inner)?, Value::Bool(false)))),
        Expr::Between { expr, negated, low, high } => between(env, frame, (expr, low, high), *negated),
        Expr::In { expr, target, negated, .. } => within(env, frame, (expr, target), *negated),
        Expr::Like { negated, expr, pattern, .. } => like(env, frame, (expr, pattern), *negated),
        Expr::Exists { subquery, negated } => {
            Ok(Value::Bool(run(env, subquery, Some(frame))?.rows.is_empty() == *negated))
        }
        Expr::Subquery(query) => scalar(env, frame, query),
        Expr::Case { operand, conditions, else_result, .. } => {
            case(env, frame, operand.as_deref(), conditions, else_result.as_deref())
        }
        Expr::Cast { expr, data_type, .. } => cast(&eval(env, frame, expr)?, &data_type.to_string()),
        Expr::Function(call) => function(env, frame, call),
        Expr::Array(array) => {
            let values =
                array.elem.iter().map(|element| eval(env, frame, element)).collect::<Result<_, _>>()?;
            Ok(Value::Array(Arc::new(values)))
        }
        other => Err(unsupported(&other.to_string())),
    }
}

/// The error of SQL that the model does not know.
pub(crate) fn unsupported(what: &str) -> Halt {
    Halt::Status(Status::unimplemented(format!("The model does not support this SQL: {what}")))
}

/// Whether a condition is true, not false or NULL.
pub(crate) fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true))
}

fn name(env: &Env<'_>, frame: &Frame<'_>, ident: &Ident) -> Result<Value, Halt> {
    if let Some(param) = ident.value.strip_prefix('@') {
        let value = env.params.get(param).cloned();
        let missing = || Status::invalid_argument(format!("No parameter found for binding: {param}"));
        return Ok(value.ok_or_else(missing)?);
    }
    Ok(frame.lookup(None, &ident.value)?)
}

fn compound(frame: &Frame<'_>, parts: &[Ident]) -> Result<Value, Halt> {
    match parts {
        [table, column] => Ok(frame.lookup(Some(&table.value), &column.value)?),
        _ => Err(unsupported("a path with more than two names")),
    }
}

/// The value of a literal.
pub(crate) fn literal(literal: &Literal) -> Result<Value, Status> {
    Ok(match literal {
        Literal::Null => Value::Null,
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::Number(text, _) => match text.parse() {
            Ok(value) => Value::Int64(value),
            Err(_) => Value::Float64(
                text.parse().map_err(|_| Status::invalid_argument(format!("Invalid number: {text}")))?,
            ),
        },
        Literal::SingleQuotedByteStringLiteral(text) | Literal::DoubleQuotedByteStringLiteral(text) => {
            Value::Bytes(text.as_bytes().into())
        }
        other => match other.clone().into_string() {
            Some(text) => Value::string(&text),
            None => return Err(Status::invalid_argument(format!("Invalid literal: {other}"))),
        },
    })
}

fn unary(op: &UnaryOperator, value: &Value) -> Result<Value, Halt> {
    Ok(match (op, value) {
        (_, Value::Null) => Value::Null,
        (UnaryOperator::Not, Value::Bool(value)) => Value::Bool(!value),
        (UnaryOperator::Minus, Value::Int64(value)) => {
            Value::Int64(value.checked_neg().ok_or_else(overflow)?)
        }
        (UnaryOperator::Minus, Value::Float64(value)) => Value::Float64(-value),
        (UnaryOperator::Plus, value) => value.clone(),
        _ => return Err(no_signature(&op.to_string(), &[value])),
    })
}

fn binary(
    env: &Env<'_>,
    frame: &Frame<'_>,
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
) -> Result<Value, Halt> {
    let first = eval(env, frame, left)?;
    match (op, &first) {
        (BinaryOperator::And, Value::Bool(false)) => return Ok(Value::Bool(false)),
        (BinaryOperator::Or, Value::Bool(true)) => return Ok(Value::Bool(true)),
        _ => {}
    }
    let second = eval(env, frame, right)?;
    operate(op, &first, &second)
}

/// Applies a binary operator to values.
pub(crate) fn operate(op: &BinaryOperator, first: &Value, second: &Value) -> Result<Value, Halt> {
    use BinaryOperator as Op;
    if let (Op::And | Op::Or, Value::Bool(_) | Value::Null, Value::Bool(_) | Value::Null) =
        (op, first, second)
    {
        return Ok(match (op, first, second) {
            (Op::And, Value::Bool(a), Value::Bool(b)) => Value::Bool(*a && *b),
            (Op::Or, Value::Bool(a), Value::Bool(b)) => Value::Bool(*a || *b),
            (Op::And, Value::Bool(false), _) | (Op::And, _, Value::Bool(false)) => Value::Bool(false),
            (Op::Or, Value::Bool(true), _) | (Op::Or, _, Value::Bool(true)) => Value::Bool(true),
            _ => Value::Null,
        });
    }
    if first.is_null() || second.is_null() {
        return Ok(Value::Null);
    }
    let order = || compare(op, first, second);
    Ok(match op {
        Op::Eq => Value::Bool(order()? == Ordering::Equal),
        Op::NotEq => Value::Bool(order()? != Ordering::Equal),
        Op::Lt => Value::Bool(order()? == Ordering::Less),
        Op::LtEq => Value::Bool(order()? != Ordering::Greater),
        Op::Gt => Value::Bool(order()? == Ordering::Greater),
        Op::GtEq => Value::Bool(order()? != Ordering::Less),
        Op::StringConcat => Value::string(&format!("{}{}", first.text(), second.text())),
        _ => arithmetic(op, first, second)?,
    })
}

fn compare(op: &BinaryOperator, first: &Value, second: &Value) -> Result<Ordering, Halt> {
    if let Some(order) = first.compare(second) {
        return Ok(order);
    }
    // An untyped parameter takes the type of the other side.
    let coerced = match (first, second) {
        (Value::String(_), other) => other.type_of().and_then(|of| first.coerce(&of)?.compare(other)),
        (other, Value::String(_)) => other.type_of().and_then(|of| other.compare(&second.coerce(&of)?)),
        _ => None,
    };
    coerced.ok_or_else(|| no_signature(&op.to_string(), &[first, second]))
}

fn arithmetic(op: &BinaryOperator, first: &Value, second: &Value) -> Result<Value, Halt> {
    use BinaryOperator as Op;
    let coerced = |value: &Value| match value {
        Value::String(text) => text.parse().map_or_else(|_| value.clone(), Value::Int64),
        other => other.clone(),
    };
    match (coerced(first), coerced(second)) {
        (Value::Int64(a), Value::Int64(b)) if *op != Op::Divide => {
            let result = match op {
                Op::Plus => a.checked_add(b),
                Op::Minus => a.checked_sub(b),
                Op::Multiply => a.checked_mul(b),
                _ => return Err(no_signature(&op.to_string(), &[first, second])),
            };
            Ok(Value::Int64(result.ok_or_else(overflow)?))
        }
        (a @ (Value::Int64(_) | Value::Float64(_)), b @ (Value::Int64(_) | Value::Float64(_))) => {
            let (a, b) = (as_float(&a), as_float(&b));
            Ok(Value::Float64(match op {
                Op::Plus => a + b,
                Op::Minus => a - b,
                Op::Multiply => a * b,
                Op::Divide if b == 0.0 => {
                    return Err(Status::out_of_range(format!("division by zero: {a} / {b}")).into());
                }
                Op::Divide => a / b,
                _ => return Err(no_signature(&op.to_string(), &[first, second])),
            }))
        }
        _ => Err(no_signature(&op.to_string(), &[first, second])),
    }
}

fn as_float(value: &Value) -> f64 {
    match value {
        Value::Int64(value) => *value as f64,
        Value::Float64(value) => *value,
        _ => f64::NAN,
    }
}

/// The error of an INT64 that gets too big.
pub(crate) fn overflow() -> Halt {
    Halt::Status(Status::out_of_range("int64 overflow"))
}

/// The error of types that an operator or function does not take.
pub(crate) fn no_signature(what: &str, arguments: &[&Value]) -> Halt {
    let types: Vec<String> =
        arguments.iter().map(|value| value.type_of().map_or("INT64".into(), |of| of.name())).collect();
    let text = format!("No matching signature for {what} for argument types: {}", types.join(", "));
    Halt::Status(Status::invalid_argument(text))
}

fn between(
    env: &Env<'_>,
    frame: &Frame<'_>,
    (expr, low, high): (&Expr, &Expr, &Expr),
    negated: bool,
) -> Result<Value, Halt> {
    let value = eval(env, frame, expr)?;
    let above = operate(&BinaryOperator::GtEq, &value, &eval(env, frame, low)?)?;
    let below = operate(&BinaryOperator::LtEq, &value, &eval(env, frame, high)?)?;
    let inside = operate(&BinaryOperator::And, &above, &below)?;
    if negated { unary(&UnaryOperator::Not, &inside) } else { Ok(inside) }
}

fn within(
    env: &Env<'_>,
    frame: &Frame<'_>,
    (expr, target): (&Expr, &InTarget),
    negated: bool,
) -> Result<Value, Halt> {
    let value = eval(env, frame, expr)?;
    let candidates = match target {
        InTarget::List(list) => list.iter().map(|item| eval(env, frame, item)).collect::<Result<_, _>>()?,
        InTarget::Subquery(query) => {
            run(env, query, Some(frame))?.rows.into_iter().filter_map(|row| row.into_iter().next()).collect()
        }
        InTarget::Unnest(array) => elements(&eval(env, frame, array)?)?,
        InTarget::Table { .. } => return Err(unsupported("IN with a table")),
    };
    let mut result = Value::Bool(false);
    for candidate in candidates {
        match operate(&BinaryOperator::Eq, &value, &candidate)? {
            Value::Bool(true) => return Ok(Value::Bool(!negated)),
            Value::Null => result = Value::Null,
            _ => {}
        }
    }
    if negated { unary(&UnaryOperator::Not, &result) } else { Ok(result) }
}

/// The elements of an array; NULL has none.
pub(crate) fn elements(value: &Value) -> Result<Vec<Value>, Halt> {
    match value {
        Value::Array(values) => Ok(values.to_vec()),
        Value::Null => Ok(Vec::new()),
        other => Err(no_signature("UNNEST", &[other])),
    }
}

fn like(
    env: &Env<'_>,
    frame: &Frame<'_>,
    (expr, pattern): (&Expr, &Expr),
    negated: bool,
) -> Result<Value, Halt> {
    let (text, pattern) = (eval(env, frame, expr)?, eval(env, frame, pattern)?);
    match (&text, &pattern) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::String(text), Value::String(pattern)) => {
            let text: Vec<char> = text.chars().collect();
            let pattern: Vec<char> = pattern.chars().collect();
            Ok(Value::Bool(is_like(&text, &pattern) != negated))
        }
        _ => Err(no_signature("LIKE", &[&text, &pattern])),
    }
}

fn is_like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skipped| is_like(&text[skipped..], rest)),
        Some(('_', rest)) => !text.is_empty() && is_like(&text[1..], rest),
        Some((first, rest)) => text.first() == Some(first) && is_like(&text[1..], rest),
    }
}

fn scalar(env: &Env<'_>, frame: &Frame<'_>, query: &Query) -> Result<Value, Halt> {
    let mut rows = run(env, query, Some(frame))?.rows;
    if rows.len() > 1 {
        return Err(Status::invalid_argument("A scalar subquery returned more than one row.").into());
    }
    Ok(rows.pop().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
}

fn case(
    env: &Env<'_>,
    frame: &Frame<'_>,
    operand: Option<&Expr>,
    conditions: &[CaseWhen],
    otherwise: Option<&Expr>,
) -> Result<Value, Halt> {
    let operand = operand.map(|operand| eval(env, frame, operand)).transpose()?;
    for when in conditions {
        let condition = eval(env, frame, &when.condition)?;
        let chosen = match &operand {
            Some(operand) => operate(&BinaryOperator::Eq, operand, &condition)?,
            None => condition,
        };
        if is_true(&chosen) {
            return eval(env, frame, &when.result);
        }
    }
    otherwise.map_or(Ok(Value::Null), |otherwise| eval(env, frame, otherwise))
}

/// A timestamp out of a text, or INVALID_ARGUMENT.
pub(crate) fn timestamp(text: &str) -> Result<Value, Status> {
    let nanos = parse_timestamp(text);
    nanos
        .map(Value::Timestamp)
        .ok_or_else(|| Status::invalid_argument(format!("Invalid timestamp: '{text}'")))
}

/// The type that a name of SQL means in CAST.
pub(crate) fn named_type(name: &str) -> Option<Type> {
    Some(match name.to_ascii_uppercase().split('(').next()?.trim() {
        "INT64" => Type::Int64,
        "FLOAT64" => Type::Float64,
        "STRING" => Type::String,
        "BOOL" => Type::Bool,
        "TIMESTAMP" => Type::Timestamp,
        "DATE" => Type::Date,
        "BYTES" => Type::Bytes,
        _ => return None,
    })
}
