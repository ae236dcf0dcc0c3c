//! Queries: WITH, set operations, ORDER BY, LIMIT.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast::{
    Expr, LimitClause, OrderByExpr, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Statement,
};
use tonic::Status;

use super::expressions::{eval, unsupported};
use super::scope::{ColumnRef, Env, Frame, Relation};
use super::select::{Sorted, compare_keys, run_select, sort_descending};
use crate::key;
use crate::status::Halt;
use crate::value::{Type, Value};

/// The result of a query statement: names and types of the columns, and the rows.
pub(crate) fn answer(env: &Env<'_>, statement: &Statement) -> Result<Relation, Halt> {
    let Statement::Query(query) = statement else {
        return Err(Status::invalid_argument("The statement is not a query").into());
    };
    let mut relation = run(env, query, None)?;
    for at in 0..relation.columns.len() {
        let from_rows = || relation.rows.iter().find_map(|row| row[at].type_of());
        let of = relation.columns[at].of.clone().or_else(from_rows).unwrap_or(Type::Int64);
        relation.columns[at].of = Some(of);
    }
    Ok(relation)
}

/// Runs a query inside of a row.
pub(crate) fn run(env: &Env<'_>, query: &Query, outer: Option<&Frame<'_>>) -> Result<Relation, Halt> {
    let env = &with_tables(env, query, outer)?;
    let order: &[OrderByExpr] = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(order)) => order,
        Some(OrderByKind::All(_)) => return Err(unsupported("ORDER BY ALL")),
        None => &[],
    };
    let (limit, offset) = limits(env, query, outer)?;
    let enough = limit.map(|limit| limit.saturating_add(offset));
    let mut relation = body(env, &query.body, order, enough, outer)?;
    relation.rows.drain(..offset.min(relation.rows.len()));
    relation.rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(relation)
}

fn with_tables<'a>(env: &Env<'a>, query: &Query, outer: Option<&Frame<'_>>) -> Result<Env<'a>, Halt> {
    let mut env = env.clone();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let relation = run(&env, &table.query, outer)?;
        let mut tables: HashMap<String, Rc<Relation>> = HashMap::clone(&env.tables);
        tables.insert(table.alias.name.value.to_ascii_lowercase(), Rc::new(relation));
        env.tables = Rc::new(tables);
    }
    Ok(env)
}

fn limits(env: &Env<'_>, query: &Query, outer: Option<&Frame<'_>>) -> Result<(Option<usize>, usize), Halt> {
    let number = |expr: &Expr| -> Result<usize, Halt> {
        let empty = Frame::new(&[], &[], outer);
        let value = eval(env, &empty, expr)?;
        match value.coerce(&Type::Int64) {
            Some(Value::Int64(number)) if number >= 0 => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
            _ => Err(Status::invalid_argument("LIMIT and OFFSET must be non-negative INT64 values").into()),
        }
    };
    match &query.limit_clause {
        None => Ok((None, 0)),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            let limit = limit.as_ref().map(number).transpose()?;
            let offset = offset.as_ref().map(|offset| number(&offset.value)).transpose()?;
            Ok((limit, offset.unwrap_or(0)))
        }
        Some(other) => Err(unsupported(&other.to_string())),
    }
}

fn body(
    env: &Env<'_>,
    body: &SetExpr,
    order: &[OrderByExpr],
    enough: Option<usize>,
    outer: Option<&Frame<'_>>,
) -> Result<Relation, Halt> {
    match body {
        SetExpr::Select(select) => run_select(env, select, order, enough, outer),
        SetExpr::Query(query) => ordered(env, run(env, query, outer)?, order, outer),
        SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
            let mut joined = self::body(env, left, &[], None, outer)?;
            let other = self::body(env, right, &[], None, outer)?;
            if joined.columns.len() != other.columns.len() {
                let text = "Queries in UNION ALL have mismatched column count";
                return Err(Status::invalid_argument(text).into());
            }
            for (column, second) in joined.columns.iter_mut().zip(other.columns) {
                column.of = column.of.take().or(second.of);
            }
            joined.rows.extend(other.rows);
            if *set_quantifier == SetQuantifier::Distinct {
                distinct(&mut joined.rows);
            }
            ordered(env, joined, order, outer)
        }
        other => Err(unsupported(&other.to_string())),
    }
}

/// Leaves each row once.
pub(crate) fn distinct(rows: &mut Vec<Vec<Value>>) {
    let mut seen = HashSet::new();
    rows.retain(|row| {
        let mut encoded = Vec::new();
        row.iter().for_each(|value| key::push(&mut encoded, value, false));
        seen.insert(encoded)
    });
}

/// Sorts a result by its own columns.
fn ordered(
    env: &Env<'_>,
    mut relation: Relation,
    order: &[OrderByExpr],
    outer: Option<&Frame<'_>>,
) -> Result<Relation, Halt> {
    if order.is_empty() {
        return Ok(relation);
    }
    let columns: Vec<ColumnRef> = relation.columns.clone();
    let mut rows: Vec<Sorted> = Vec::with_capacity(relation.rows.len());
    for row in relation.rows {
        let frame = Frame::new(&columns, &row, outer);
        let keys = order.iter().map(|by| by_output(env, &frame, &by.expr)).collect::<Result<_, _>>()?;
        rows.push(Sorted { keys, row });
    }
    let descending = sort_descending(order);
    rows.sort_by(|a, b| compare_keys(&a.keys, &b.keys, &descending));
    relation.rows = rows.into_iter().map(|sorted| sorted.row).collect();
    Ok(relation)
}

fn by_output(env: &Env<'_>, frame: &Frame<'_>, expr: &Expr) -> Result<Value, Halt> {
    match super::select::ordinal(expr) {
        Some(at) => Ok(frame.row.get(at - 1).cloned().unwrap_or(Value::Null)),
        None => eval(env, frame, expr),
    }
}
