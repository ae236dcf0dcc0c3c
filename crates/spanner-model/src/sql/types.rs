//! Types of expressions before they are evaluated, for the metadata of a result.

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr, Value as Literal};

use super::expressions::{columns_of, literal, named_type};
use super::functions::{arguments, name_of};
use super::scope::{ColumnRef, Env, Frame};
use crate::value::Type;

/// The type of an expression, if it can be told without its value.
pub(crate) fn type_of(env: &Env<'_>, frame: &Frame<'_>, expr: &Expr) -> Option<Type> {
    match expr {
        Expr::Identifier(ident) => match ident.value.strip_prefix('@') {
            Some(param) => env.param_types.get(param).cloned().or_else(|| env.params.get(param)?.type_of()),
            None => frame.type_of(None, &ident.value),
        },
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] => frame.type_of(Some(&table.value), &column.value),
            _ => None,
        },
        Expr::Value(value) if matches!(value.value, Literal::Null) => None,
        Expr::Value(value) => literal(&value.value).ok()?.type_of(),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => type_of(env, frame, inner),
        Expr::TypedString(typed) => named_type(&typed.data_type.to_string()),
        Expr::Cast { data_type, .. } => named_type(&data_type.to_string()),
        Expr::BinaryOp { left, op, right } => {
            binary(op, type_of(env, frame, left), type_of(env, frame, right))
        }
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            results.into_iter().find_map(|result| type_of(env, frame, result))
        }
        Expr::Array(array) => {
            let element = array.elem.first().and_then(|first| type_of(env, frame, first));
            element.map(|of| Type::Array(Box::new(of)))
        }
        Expr::Subquery(query) => subquery(env, frame, query),
        Expr::Function(call) => {
            let first =
                |at: usize| arguments(call).get(at).and_then(|argument| type_of(env, frame, argument));
            call_type(&name_of(call), first)
        }
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Between { .. } | Expr::In { .. } | Expr::Like { .. } => {
            Some(Type::Bool)
        }
        Expr::Exists { .. } | Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) => Some(Type::Bool),
        _ => None,
    }
}

fn binary(op: &BinaryOperator, left: Option<Type>, right: Option<Type>) -> Option<Type> {
    match op {
        BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply => match (left, right) {
            (Some(Type::Float64), _) | (_, Some(Type::Float64)) => Some(Type::Float64),
            (left, right) => left.or(right),
        },
        BinaryOperator::Divide => Some(Type::Float64),
        BinaryOperator::StringConcat => Some(Type::String),
        _ => Some(Type::Bool),
    }
}

fn call_type(name: &str, argument: impl Fn(usize) -> Option<Type>) -> Option<Type> {
    Some(match name {
        "COUNT" | "COUNTIF" | "DIV" | "MOD" | "ARRAY_LENGTH" | "LENGTH" | "CHAR_LENGTH" | "BYTE_LENGTH" => {
            Type::Int64
        }
        "STRPOS" | "UNIX_MICROS" | "UNIX_MILLIS" | "UNIX_SECONDS" => Type::Int64,
        "CONCAT" | "LOWER" | "UPPER" | "SUBSTR" | "TRIM" => Type::String,
        "STARTS_WITH" | "ENDS_WITH" | "LOGICAL_OR" | "LOGICAL_AND" => Type::Bool,
        "CURRENT_TIMESTAMP"
        | "PENDING_COMMIT_TIMESTAMP"
        | "TIMESTAMP"
        | "TIMESTAMP_ADD"
        | "TIMESTAMP_SUB" => Type::Timestamp,
        "AVG" => Type::Float64,
        "ARRAY_AGG" => Type::Array(Box::new(argument(0)?)),
        "IF" => return argument(1).or_else(|| argument(2)),
        "IFNULL" | "COALESCE" | "GREATEST" | "LEAST" => return (0..8).find_map(argument),
        "SUM" | "MIN" | "MAX" | "ABS" | "ANY_VALUE" | "NULLIF" => return argument(0),
        _ => return None,
    })
}

/// The type of the only column of a scalar subquery.
fn subquery(env: &Env<'_>, frame: &Frame<'_>, query: &Query) -> Option<Type> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) =
        select.projection.first()?
    else {
        return None;
    };
    let mut columns: Vec<ColumnRef> = Vec::new();
    for table in &select.from {
        let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
        for factor in factors {
            let (target, _) = super::source::target(env, factor).ok()?;
            columns.extend(columns_of(target.table, &target.alias));
        }
    }
    type_of(env, &Frame::new(&columns, &[], Some(frame)), expr)
}
