//! SELECT: projection, grouping, DISTINCT and ORDER BY.

use std::cmp::Ordering;
use std::collections::HashMap;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, OrderBySort, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Value as Literal,
};
use tonic::Status;

use super::aggregates::has_aggregate;
use super::expressions::{eval, is_true, unsupported};
use super::query::distinct;
use super::scope::{ColumnRef, Env, Frame, Relation};
use super::source::{Wanted, conjuncts, from, last_name};
use super::types::type_of;
use crate::key;
use crate::status::Halt;
use crate::value::Value;

/// A row with the values it is sorted by.
#[derive(Debug)]
pub(crate) struct Sorted {
    pub(crate) keys: Vec<Value>,
    pub(crate) row: Vec<Value>,
}

/// A column of the result.
enum Item<'q> {
    Expr(&'q Expr, String),
    /// A column of FROM, by its position.
    Column(usize),
}

/// Runs a SELECT.
pub(crate) fn run_select(
    env: &Env<'_>,
    select: &Select,
    order: &[OrderByExpr],
    enough: Option<usize>,
    outer: Option<&Frame<'_>>,
) -> Result<Relation, Halt> {
    let conditions = select.selection.as_ref().map(conjuncts).unwrap_or_default();
    let grouping = grouping(select, order)?;
    let plain = grouping.is_none() && select.distinct.is_none() && select.having.is_none();
    let wanted = Wanted { conditions: &conditions, order, limit: enough.filter(|_| plain) };
    let source = from(env, &select.from, wanted, outer)?;
    let items = items(select, &source.columns)?;
    let shape = Frame::new(&source.columns, &[], outer);
    let columns: Vec<ColumnRef> = items.iter().map(|item| output(env, &shape, item)).collect();
    let mut rows = match &grouping {
        None => {
            let mut rows = Vec::with_capacity(source.rows.len());
            for row in &source.rows {
                let frame = Frame::new(&source.columns, row, outer);
                rows.push(project(env, &frame, &items, &columns, order)?);
            }
            rows
        }
        Some(by) => grouped(env, select, (&source, by), (&items, &columns, order), outer)?,
    };
    if !order.is_empty() {
        let descending = sort_descending(order);
        rows.sort_by(|a, b| compare_keys(&a.keys, &b.keys, &descending));
    }
    let mut rows = rows.into_iter().map(|sorted| sorted.row).collect();
    if matches!(select.distinct, Some(Distinct::Distinct)) {
        distinct(&mut rows);
    }
    Ok(Relation { columns, rows })
}

/// The expressions of GROUP BY; an empty list makes one group; None does not group.
fn grouping<'q>(select: &'q Select, order: &[OrderByExpr]) -> Result<Option<Vec<&'q Expr>>, Halt> {
    let GroupByExpr::Expressions(by, _) = &select.group_by else { return Err(unsupported("GROUP BY ALL")) };
    let projected = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => has_aggregate(expr),
        _ => false,
    };
    let aggregates = select.projection.iter().any(projected)
        || select.having.as_ref().is_some_and(has_aggregate)
        || order.iter().any(|by| has_aggregate(&by.expr));
    Ok((aggregates || !by.is_empty()).then(|| by.iter().map(|expr| selected(select, expr)).collect()))
}

/// What an expression of GROUP BY means: a position or an alias of the select list, or itself.
fn selected<'q>(select: &'q Select, expr: &'q Expr) -> &'q Expr {
    if let Some(at) = ordinal(expr) {
        return match select.projection.get(at - 1) {
            Some(SelectItem::UnnamedExpr(found) | SelectItem::ExprWithAlias { expr: found, .. }) => found,
            _ => expr,
        };
    }
    let Expr::Identifier(name) = expr else { return expr };
    let named = select.projection.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if alias.value.eq_ignore_ascii_case(&name.value) => {
            Some(expr)
        }
        _ => None,
    });
    named.unwrap_or(expr)
}

/// The position that a literal in ORDER BY or GROUP BY is.
pub(crate) fn ordinal(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Literal::Number(text, _) => text.parse().ok().filter(|at| *at > 0),
            _ => None,
        },
        _ => None,
    }
}

fn items<'q>(select: &'q Select, columns: &[ColumnRef]) -> Result<Vec<Item<'q>>, Halt> {
    let mut found = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => found.push(Item::Expr(expr, expression_name(expr))),
            SelectItem::ExprWithAlias { expr, alias } => found.push(Item::Expr(expr, alias.value.clone())),
            SelectItem::Wildcard(_) => {
                let shown = columns.iter().enumerate().filter(|(_, column)| !column.hidden);
                found.extend(shown.map(|(at, _)| Item::Column(at)));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let table = last_name(name);
                let of_table = |column: &ColumnRef| column.table.eq_ignore_ascii_case(&table);
                let shown = columns.iter().enumerate().filter(|(_, column)| of_table(column));
                found.extend(shown.map(|(at, _)| Item::Column(at)));
            }
            other => return Err(unsupported(&other.to_string())),
        }
    }
    Ok(found)
}

fn expression_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) if !ident.value.starts_with('@') => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()).unwrap_or_default(),
        _ => String::new(),
    }
}

fn output(env: &Env<'_>, shape: &Frame<'_>, item: &Item<'_>) -> ColumnRef {
    match item {
        Item::Column(at) => ColumnRef { table: String::new(), hidden: false, ..shape.columns[*at].clone() },
        Item::Expr(expr, name) => {
            let of = type_of(env, shape, expr);
            ColumnRef { table: String::new(), name: name.clone(), of, hidden: false }
        }
    }
}

fn project(
    env: &Env<'_>,
    frame: &Frame<'_>,
    items: &[Item<'_>],
    columns: &[ColumnRef],
    order: &[OrderByExpr],
) -> Result<Sorted, Halt> {
    let mut row = Vec::with_capacity(items.len());
    for item in items {
        row.push(match item {
            Item::Expr(expr, _) => eval(env, frame, expr)?,
            Item::Column(at) => frame.row.get(*at).cloned().unwrap_or(Value::Null),
        });
    }
    let mut keys = Vec::with_capacity(order.len());
    for by in order {
        keys.push(sort_key(env, frame, (columns, &row), &by.expr)?);
    }
    Ok(Sorted { keys, row })
}

/// ORDER BY means a position, an alias of the select list, or an expression of the rows.
fn sort_key(
    env: &Env<'_>,
    frame: &Frame<'_>,
    (columns, row): (&[ColumnRef], &[Value]),
    expr: &Expr,
) -> Result<Value, Halt> {
    if let Some(at) = ordinal(expr) {
        let text = format!("ORDER BY column number item is out of range: {at}");
        return Ok(row.get(at - 1).cloned().ok_or_else(|| Status::invalid_argument(text))?);
    }
    if let Expr::Identifier(name) = expr {
        let named = columns.iter().position(|column| column.name.eq_ignore_ascii_case(&name.value));
        if let Some(at) = named {
            return Ok(row[at].clone());
        }
    }
    eval(env, frame, expr)
}

type Output<'s, 'q> = (&'s [Item<'q>], &'s [ColumnRef], &'s [OrderByExpr]);

fn grouped(
    env: &Env<'_>,
    select: &Select,
    (source, by): (&Relation, &[&Expr]),
    (items, columns, order): Output<'_, '_>,
    outer: Option<&Frame<'_>>,
) -> Result<Vec<Sorted>, Halt> {
    let mut positions: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Vec<Vec<Value>>> = if by.is_empty() { vec![Vec::new()] } else { Vec::new() };
    for row in &source.rows {
        let frame = Frame::new(&source.columns, row, outer);
        let mut encoded = Vec::new();
        for expr in by {
            key::push(&mut encoded, &eval(env, &frame, expr)?, false);
        }
        let at = if by.is_empty() { 0 } else { *positions.entry(encoded).or_insert(groups.len()) };
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(row.clone());
    }
    let none = vec![Value::Null; source.columns.len()];
    let mut rows = Vec::with_capacity(groups.len());
    for group in &groups {
        let first = group.first().unwrap_or(&none);
        let frame = Frame { group: Some(group), ..Frame::new(&source.columns, first, outer) };
        if let Some(having) = &select.having
            && !is_true(&eval(env, &frame, having)?)
        {
            continue;
        }
        rows.push(project(env, &frame, items, columns, order)?);
    }
    Ok(rows)
}

/// Which parts of ORDER BY are DESC.
pub(crate) fn sort_descending(order: &[OrderByExpr]) -> Vec<bool> {
    order.iter().map(|by| matches!(by.options.sort, Some(OrderBySort::Desc))).collect()
}

/// Compares the values that rows are sorted by.
pub(crate) fn compare_keys(first: &[Value], second: &[Value], descending: &[bool]) -> Ordering {
    for ((a, b), descending) in first.iter().zip(second).zip(descending) {
        let order = a.total_order(b);
        let order = if *descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
