//! Chooses the index and the key ranges that a table is scanned by, out of the conditions on it.

use std::collections::HashMap;
use std::sync::Arc;

use sqlparser::ast::{BinaryOperator, Expr, InTarget, OrderByExpr, OrderBySort};
use tonic::Status;

use super::expressions::{elements, eval};
use super::scope::{Env, Frame};
use crate::key::{self, Key, Range};
use crate::schema::{Index, KeyPart, Table};
use crate::status::Halt;
use crate::value::Value;

/// More keys than this are not looked up one by one.
const MOST_PREFIXES: usize = 20_000;

/// The hint that forbids an index.
const BASE_TABLE: &str = "_BASE_TABLE";

/// How a table is scanned.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) index: Option<&'a Arc<Index>>,
    pub(crate) ranges: Vec<Range>,
    parts: Vec<KeyPart>,
    /// How many leading parts of the key have one value only.
    fixed: usize,
}

/// What the conditions say about a column.
#[derive(Debug, Default)]
struct Bound {
    values: Option<Vec<Value>>,
    low: Option<(Value, bool)>,
    high: Option<(Value, bool)>,
}

/// A table in FROM.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) table: &'a Arc<Table>,
    pub(crate) alias: String,
    pub(crate) forced: Option<String>,
}

type Bounds = HashMap<usize, Bound>;

/// Plans a scan; names of other tables get their values from the frame.
pub(crate) fn plan<'a>(
    env: &Env<'a>,
    frame: &Frame<'_>,
    target: &Target<'a>,
    conditions: &[&Expr],
) -> Result<Plan<'a>, Halt> {
    let mut bounds = Bounds::new();
    for condition in conditions {
        note(env, frame, target, condition, &mut bounds)?;
    }
    let table = target.table;
    match &target.forced {
        Some(forced) if !forced.eq_ignore_ascii_case(BASE_TABLE) => {
            let index = env.access.index(table, forced).ok_or_else(|| {
                let text =
                    format!("The table {} does not have a secondary index called {forced}", table.name);
                Status::invalid_argument(text)
            })?;
            Ok(with_key(Some(index), &index.key, &bounds).1)
        }
        Some(_) => Ok(with_key(None, &table.key, &bounds).1),
        None => {
            let (mut best, mut chosen) = with_key(None, &table.key, &bounds);
            let indexes = env.access.schema.indexes_of(table).filter(|index| !index.null_filtered);
            for index in indexes.filter(|index| env.access.index(table, &index.name).is_some()) {
                let (score, candidate) = with_key(Some(index), &index.key, &bounds);
                if score > best {
                    (best, chosen) = (score, candidate);
                }
            }
            Ok(chosen)
        }
    }
}

impl Plan<'_> {
    /// Whether the scan answers rows in the order of ORDER BY.
    pub(crate) fn serves(&self, order: &[OrderByExpr], target: &Target<'_>) -> bool {
        let mut parts = self.parts.iter().enumerate();
        order.iter().all(|by| {
            let Some(column) = own_column(target, &by.expr) else { return false };
            if by.options.nulls_first.is_some() {
                return false;
            }
            let descending = matches!(by.options.sort, Some(OrderBySort::Desc));
            loop {
                match parts.next() {
                    Some((_, part)) if part.column == column => return part.descending == descending,
                    Some((at, _)) if at < self.fixed => {}
                    _ => return false,
                }
            }
        })
    }
}

/// Ranges of a key, and how good they are: two for each part with values, one for a range.
fn with_key<'a>(index: Option<&'a Arc<Index>>, parts: &[KeyPart], bounds: &Bounds) -> (usize, Plan<'a>) {
    let mut prefixes = vec![Key::new()];
    let (mut score, mut fixed) = (0, 0);
    let mut ranges = None;
    for (at, part) in parts.iter().enumerate() {
        let Some(bound) = bounds.get(&part.column) else { break };
        match &bound.values {
            Some(values) if prefixes.len().saturating_mul(values.len()) <= MOST_PREFIXES => {
                if values.len() == 1 && fixed == at {
                    fixed += 1;
                }
                prefixes = extended(&prefixes, values, part.descending);
                score += 2;
            }
            _ if bound.low.is_some() || bound.high.is_some() => {
                ranges =
                    Some(prefixes.iter().map(|prefix| between(prefix, bound, part.descending)).collect());
                score += 1;
                break;
            }
            _ => break,
        }
    }
    let whole = score == 2 * parts.len();
    let mut ranges: Vec<Range> = ranges.unwrap_or_else(|| {
        let range = |prefix| if whole { Range::point(prefix) } else { Range::prefix(&prefix) };
        prefixes.into_iter().map(range).collect()
    });
    ranges.sort_by(|a, b| a.start.cmp(&b.start));
    ranges.dedup();
    (score, Plan { index, ranges, parts: parts.to_vec(), fixed })
}

fn extended(prefixes: &[Key], values: &[Value], descending: bool) -> Vec<Key> {
    let mut longer = Vec::with_capacity(prefixes.len() * values.len());
    for prefix in prefixes {
        for value in values {
            let mut next = prefix.clone();
            key::push(&mut next, value, descending);
            longer.push(next);
        }
    }
    longer
}

fn between(prefix: &Key, bound: &Bound, descending: bool) -> Range {
    let (first, last) = if descending { (&bound.high, &bound.low) } else { (&bound.low, &bound.high) };
    let encoded = |value: &Value| {
        let mut key = prefix.clone();
        key::push(&mut key, value, descending);
        key
    };
    let empty = || Range { start: Key::new(), end: Some(Key::new()) };
    let start = match first {
        Some((value, true)) => Some(encoded(value)),
        Some((value, false)) => key::successor(&encoded(value)),
        None if descending => Some(prefix.clone()),
        // NULL is not less than anything.
        None => key::successor(&encoded(&Value::Null)),
    };
    let Some(start) = start else { return empty() };
    let end = match last {
        Some((value, true)) => key::successor(&encoded(value)),
        Some((value, false)) => Some(encoded(value)),
        None => key::successor(prefix),
    };
    Range { start, end }
}

/// Notes what a condition says about columns of the table.
fn note(
    env: &Env<'_>,
    frame: &Frame<'_>,
    target: &Target<'_>,
    condition: &Expr,
    bounds: &mut Bounds,
) -> Result<(), Halt> {
    match condition {
        Expr::Nested(inner) => note(env, frame, target, inner, bounds),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            note(env, frame, target, left, bounds)?;
            note(env, frame, target, right, bounds)
        }
        Expr::BinaryOp { left, op, right } => {
            compared(env, frame, target, (left, op, right), bounds)?;
            let Some(turned) = turned(op) else { return Ok(()) };
            compared(env, frame, target, (right, &turned, left), bounds)
        }
        Expr::Between { expr, negated: false, low, high } => {
            compared(env, frame, target, (expr, &BinaryOperator::GtEq, low), bounds)?;
            compared(env, frame, target, (expr, &BinaryOperator::LtEq, high), bounds)
        }
        Expr::IsNull(inner) => {
            if let Some(column) = own_column(target, inner) {
                bounds.entry(column).or_default().values = Some(vec![Value::Null]);
            }
            Ok(())
        }
        Expr::In { expr, target: candidates, negated: false, .. } => {
            listed(env, frame, target, (expr, candidates), bounds)
        }
        _ => Ok(()),
    }
}

fn turned(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Eq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        _ => return None,
    })
}

fn compared(
    env: &Env<'_>,
    frame: &Frame<'_>,
    target: &Target<'_>,
    (left, op, right): (&Expr, &BinaryOperator, &Expr),
    bounds: &mut Bounds,
) -> Result<(), Halt> {
    let Some(column) = own_column(target, left) else { return Ok(()) };
    if turned(op).is_none() || !is_foreign(frame, target, right) {
        return Ok(());
    }
    let value = eval(env, frame, right)?;
    let Some(value) = value.coerce(&target.table.columns[column].of) else { return Ok(()) };
    let bound = bounds.entry(column).or_default();
    match op {
        _ if value.is_null() => bound.values = Some(Vec::new()),
        BinaryOperator::Eq if bound.values.is_none() => bound.values = Some(vec![value]),
        BinaryOperator::Gt => bound.low = Some((value, false)),
        BinaryOperator::GtEq => bound.low = Some((value, true)),
        BinaryOperator::Lt => bound.high = Some((value, false)),
        BinaryOperator::LtEq => bound.high = Some((value, true)),
        _ => {}
    }
    Ok(())
}

fn listed(
    env: &Env<'_>,
    frame: &Frame<'_>,
    target: &Target<'_>,
    (expr, candidates): (&Expr, &InTarget),
    bounds: &mut Bounds,
) -> Result<(), Halt> {
    let Some(column) = own_column(target, expr) else { return Ok(()) };
    let values = match candidates {
        InTarget::List(list) if list.iter().all(|item| is_foreign(frame, target, item)) => {
            list.iter().map(|item| eval(env, frame, item)).collect::<Result<Vec<_>, _>>()?
        }
        InTarget::Unnest(array) if is_foreign(frame, target, array) => elements(&eval(env, frame, array)?)?,
        _ => return Ok(()),
    };
    let of = &target.table.columns[column].of;
    let coerced: Option<Vec<Value>> = values.iter().map(|value| value.coerce(of)).collect();
    let bound = bounds.entry(column).or_default();
    if let (Some(mut values), None) = (coerced, &bound.values) {
        values.retain(|value| !value.is_null());
        bound.values = Some(values);
    }
    Ok(())
}

/// The column of the table that an expression is.
fn own_column(target: &Target<'_>, expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => own_column(target, inner),
        Expr::Identifier(ident) => target.table.column(&ident.value),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if table.value.eq_ignore_ascii_case(&target.alias) => {
                target.table.column(&column.value)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression can be evaluated without the table.
fn is_foreign(frame: &Frame<'_>, target: &Target<'_>, expr: &Expr) -> bool {
    let all = |list: &[&Expr]| list.iter().all(|expr| is_foreign(frame, target, expr));
    match expr {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => true,
        Expr::Identifier(ident) => {
            ident.value.starts_with('@')
                || (target.table.column(&ident.value).is_none() && frame.knows(None, &ident.value))
        }
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] => {
                !table.value.eq_ignore_ascii_case(&target.alias)
                    && frame.knows(Some(&table.value), &column.value)
            }
            _ => false,
        },
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::Cast { expr: inner, .. } => {
            is_foreign(frame, target, inner)
        }
        Expr::BinaryOp { left, right, .. } => all(&[left, right]),
        Expr::Array(array) => array.elem.iter().all(|element| is_foreign(frame, target, element)),
        Expr::Function(call) => {
            !super::aggregates::is_aggregate(&super::functions::name_of(call))
                && !matches!(call.args, sqlparser::ast::FunctionArguments::Subquery(_))
                && all(&super::functions::arguments(call))
        }
        _ => false,
    }
}
