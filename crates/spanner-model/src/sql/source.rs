//! FROM: scans of tables, joins, subqueries and UNNEST.

use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, ObjectName, OrderByExpr, TableAlias, TableFactor,
    TableWithJoins,
};
use tonic::Status;

use super::expressions::{columns_of, elements, eval, is_true, unsupported};
use super::plan::{Plan, Target, plan};
use super::query::run;
use super::scope::{ColumnRef, Env, Frame, Relation};
use crate::access::cells_of;
use crate::key::Range;
use crate::locks::Cells;
use crate::schema::Row;
use crate::status::Halt;
use crate::value::{Type, Value};

/// Something in FROM.
enum Source<'a> {
    Table(Target<'a>),
    Fixed(Rc<Relation>),
    Unnest(Box<Expr>, bool),
}

/// What the rest of the query says about FROM.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'q> {
    /// The parts of WHERE that must all be true.
    pub(crate) conditions: &'q [&'q Expr],
    pub(crate) order: &'q [OrderByExpr],
    /// How many rows are enough, if the order is that of the scan.
    pub(crate) limit: Option<usize>,
}

/// The rows of FROM for which WHERE is true.
pub(crate) fn from(
    env: &Env<'_>,
    tables: &[TableWithJoins],
    wanted: Wanted<'_>,
    outer: Option<&Frame<'_>>,
) -> Result<Relation, Halt> {
    let mut joined = Relation { columns: Vec::new(), rows: vec![Vec::new()] };
    let mut pending: Vec<&Expr> = wanted.conditions.to_vec();
    let single = tables.len() == 1 && tables.iter().all(|table| table.joins.is_empty());
    let limit = wanted.limit.filter(|_| single);
    for table in tables {
        let step = Step { left_join: false, on: Vec::new(), using: Vec::new(), order: wanted.order, limit };
        joined = step.run(env, joined, &table.relation, &mut pending, outer)?;
        for join in &table.joins {
            joined = join_step(join)?.run(env, joined, &join.relation, &mut pending, outer)?;
        }
    }
    // What could not be resolved before fails here with its error.
    for condition in pending {
        let mut kept = Vec::with_capacity(joined.rows.len());
        for row in joined.rows {
            if is_true(&eval(env, &Frame::new(&joined.columns, &row, outer), condition)?) {
                kept.push(row);
            }
        }
        joined.rows = kept;
    }
    Ok(joined)
}

fn join_step(join: &Join) -> Result<Step<'_>, Halt> {
    let (left_join, constraint) = match &join.join_operator {
        JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => (false, on),
        JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (true, on),
        _ => return Err(unsupported("this kind of JOIN")),
    };
    let mut step = Step { left_join, on: Vec::new(), using: Vec::new(), order: &[], limit: None };
    match constraint {
        JoinConstraint::On(on) => step.on = conjuncts(on),
        JoinConstraint::Using(names) => step.using = names.iter().map(last_name).collect(),
        JoinConstraint::None => {}
        _ => return Err(unsupported("this JOIN condition")),
    }
    Ok(step)
}

/// The parts of a condition that AND joins.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) => conjuncts(inner),
        Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::And, right } => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        other => vec![other],
    }
}

/// The last part of a name.
pub(crate) fn last_name(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}

/// One table or join of FROM.
struct Step<'q> {
    left_join: bool,
    on: Vec<&'q Expr>,
    using: Vec<String>,
    order: &'q [OrderByExpr],
    limit: Option<usize>,
}

impl Step<'_> {
    fn run<'q>(
        &self,
        env: &Env<'_>,
        left: Relation,
        factor: &TableFactor,
        pending: &mut Vec<&'q Expr>,
        outer: Option<&Frame<'_>>,
    ) -> Result<Relation, Halt> {
        let (source, mut right) = source(env, factor, &left, outer)?;
        let equal: Vec<Expr> = self.using.iter().map(|name| using(&left, &right, name)).collect();
        for column in right.iter_mut().filter(|column| self.using.contains(&column.name)) {
            column.hidden = true;
        }
        let width = right.len();
        let columns: Vec<ColumnRef> = left.columns.iter().cloned().chain(right).collect();
        let probe: Vec<Value> = Vec::new();
        let known = Frame::new(&columns, &probe, outer);
        let ready: Vec<&'q Expr> = pending.extract_if(.., |part| resolvable(&known, part)).collect();
        let on = self.on.iter().copied().chain(&equal);
        let (checks, after): (Vec<&Expr>, Vec<&Expr>) =
            if self.left_join { (on.collect(), ready) } else { (on.chain(ready).collect(), Vec::new()) };
        // A condition that is checked later may drop rows: the scan must not stop before.
        let limit = self.limit.filter(|_| pending.is_empty());
        let mut rows = Vec::new();
        for row in left.rows {
            let frame = Frame::new(&left.columns, &row, outer);
            let before = rows.len();
            self.matches(env, (&frame, &columns, limit), &source, &checks, &mut rows)?;
            if self.left_join && rows.len() == before {
                let mut padded = row.clone();
                padded.resize(row.len() + width, Value::Null);
                rows.push(padded);
            }
        }
        let mut joined = Relation { columns, rows };
        for condition in after {
            let mut kept = Vec::new();
            for row in joined.rows {
                if is_true(&eval(env, &Frame::new(&joined.columns, &row, outer), condition)?) {
                    kept.push(row);
                }
            }
            joined.rows = kept;
        }
        Ok(joined)
    }

    /// Appends the joined rows of one row on the left.
    fn matches(
        &self,
        env: &Env<'_>,
        (left, columns, limit): (&Frame<'_>, &[ColumnRef], Option<usize>),
        source: &Source<'_>,
        checks: &[&Expr],
        rows: &mut Vec<Vec<Value>>,
    ) -> Result<(), Halt> {
        let mut each = |right: &[Value]| -> Result<bool, Halt> {
            let mut row = Vec::with_capacity(columns.len());
            row.extend_from_slice(left.row);
            row.extend_from_slice(right);
            row.resize(columns.len(), Value::Null);
            let frame = Frame::new(columns, &row, left.outer);
            for check in checks {
                if !is_true(&eval(env, &frame, check)?) {
                    return Ok(true);
                }
            }
            rows.push(row);
            Ok(limit.is_none_or(|limit| rows.len() < limit))
        };
        match source {
            Source::Fixed(relation) => {
                for row in &relation.rows {
                    each(row)?;
                }
            }
            Source::Unnest(array, offset) => {
                for (at, value) in (0_i64..).zip(elements(&eval(env, left, array)?)?) {
                    let row = [value, Value::Int64(at)];
                    each(&row[..if *offset { 2 } else { 1 }])?;
                }
            }
            Source::Table(target) => {
                let plan = plan(env, left, target, checks)?;
                let limit = limit.filter(|_| plan.serves(self.order, target));
                let mut unlimited = |row: &Arc<Row>| each(row).map(|more| more || limit.is_none());
                scan(env, target, &plan, limit, &mut unlimited)?;
            }
        }
        Ok(())
    }
}

/// Scans a table by a plan; with a limit, no further than the caller goes on.
pub(crate) fn scan(
    env: &Env<'_>,
    target: &Target<'_>,
    plan: &Plan<'_>,
    limit: Option<usize>,
    each: &mut dyn FnMut(&Arc<Row>) -> Result<bool, Halt>,
) -> Result<(), Halt> {
    let (table, access) = (target.table, env.access);
    let used = used_columns(env, target);
    let cells: Cells = cells_of(used.iter().copied());
    for range in &plan.ranges {
        let mut range: Range = range.clone();
        let mut size = limit;
        loop {
            let (rows, last) = match plan.index {
                None => {
                    let rows = access.read_rows(table, &range, cells, size)?;
                    let last = rows.last().map(|row| table.key_of(row));
                    (rows, last)
                }
                Some(index) => {
                    let covered = used.iter().all(|column| index.covers(*column));
                    let rows = access.read_index((table, index), &range, (cells, covered), size)?;
                    let last = rows.last().and_then(|row| index.key_of(row));
                    (rows, last)
                }
            };
            for row in &rows {
                if !each(row)? {
                    return Ok(());
                }
            }
            match (size, last.and_then(|last| Range::point(last).end)) {
                (Some(chunk), Some(next)) if rows.len() >= chunk => {
                    range.start = next;
                    size = Some(chunk.saturating_mul(2).max(16));
                }
                _ => break,
            }
        }
    }
    Ok(())
}

/// The columns of a table that the statement names anywhere.
fn used_columns(env: &Env<'_>, target: &Target<'_>) -> Vec<usize> {
    let all = env.names.contains("*");
    let used = |name: &str| all || env.names.contains(&name.to_ascii_lowercase());
    let columns = target.table.columns.iter().enumerate();
    columns.filter(|(_, column)| used(&column.name)).map(|(at, _)| at).collect()
}

fn using(left: &Relation, right: &[ColumnRef], name: &str) -> Expr {
    let qualified = |columns: &[ColumnRef]| {
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name) && !column.hidden);
        let table = found.map(|column| column.table.clone()).unwrap_or_default();
        Box::new(Expr::CompoundIdentifier(vec![table.as_str().into(), name.into()]))
    };
    Expr::BinaryOp {
        left: qualified(&left.columns),
        op: sqlparser::ast::BinaryOperator::Eq,
        right: qualified(right),
    }
}

/// Whether all names of a condition are known; subqueries only at the end.
fn resolvable(frame: &Frame<'_>, expr: &Expr) -> bool {
    let mut known = true;
    let _ = sqlparser::ast::visit_expressions(expr, |part: &Expr| {
        known &= match part {
            Expr::Identifier(ident) => ident.value.starts_with('@') || frame.knows(None, &ident.value),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] => frame.knows(Some(&table.value), &column.value),
                _ => false,
            },
            Expr::Subquery(_) | Expr::Exists { .. } => false,
            Expr::In { target: sqlparser::ast::InTarget::Subquery(_), .. } => false,
            _ => true,
        };
        std::ops::ControlFlow::<()>::Continue(())
    });
    known
}

fn alias_of(alias: Option<&TableAlias>, otherwise: &str) -> String {
    alias.map_or(otherwise, |alias| &alias.name.value).to_owned()
}

fn renamed(relation: Rc<Relation>, alias: &str) -> (Rc<Relation>, Vec<ColumnRef>) {
    let alias = alias.to_ascii_lowercase();
    let rename = |column: &ColumnRef| ColumnRef { table: alias.clone(), hidden: false, ..column.clone() };
    let columns = relation.columns.iter().map(rename).collect();
    (relation, columns)
}

fn source<'a>(
    env: &Env<'a>,
    factor: &TableFactor,
    left: &Relation,
    outer: Option<&Frame<'_>>,
) -> Result<(Source<'a>, Vec<ColumnRef>), Halt> {
    match factor {
        TableFactor::Table { name, alias, .. } => table(env, name, alias.as_ref()),
        TableFactor::Derived { subquery, alias, .. } => {
            let relation = Rc::new(run(env, subquery, outer)?);
            let (relation, columns) = renamed(relation, &alias_of(alias.as_ref(), ""));
            Ok((Source::Fixed(relation), columns))
        }
        TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, .. } => {
            let Some(array) = array_exprs.first() else { return Err(unsupported("UNNEST without an array")) };
            let name = alias_of(alias.as_ref(), "");
            let frame = Frame::new(&left.columns, &[], outer);
            let of = match super::types::type_of(env, &frame, array) {
                Some(Type::Array(of)) => Some(*of),
                _ => None,
            };
            let mut columns = vec![ColumnRef { table: name.to_ascii_lowercase(), name, of, hidden: false }];
            if *with_offset {
                let name = with_offset_alias.as_ref().map_or("offset", |alias| &alias.value).to_owned();
                columns.push(ColumnRef { table: String::new(), name, of: Some(Type::Int64), hidden: false });
            }
            Ok((Source::Unnest(Box::new(array.clone()), *with_offset), columns))
        }
        other => Err(unsupported(&other.to_string())),
    }
}

fn table<'a>(
    env: &Env<'a>,
    name: &ObjectName,
    alias: Option<&TableAlias>,
) -> Result<(Source<'a>, Vec<ColumnRef>), Halt> {
    let full: Vec<String> =
        name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect();
    let full = full.join(".");
    let (plain, forced) = match full.split_once("@{") {
        Some((plain, hint)) => (plain.to_owned(), Some(hint.trim_end_matches('}').to_owned())),
        None => (full, None),
    };
    let alias = alias_of(alias, &plain);
    if let Some(relation) = env.tables.get(&plain.to_ascii_lowercase()) {
        let (relation, columns) = renamed(Rc::clone(relation), &alias);
        return Ok((Source::Fixed(relation), columns));
    }
    let table = env.access.table(&plain);
    let table = table.ok_or_else(|| Status::invalid_argument(format!("Table not found: {plain}")))?;
    let columns = columns_of(table, &alias);
    Ok((Source::Table(Target { table, alias, forced }), columns))
}

/// The table of a DML statement.
pub(crate) fn target<'a>(env: &Env<'a>, factor: &TableFactor) -> Result<(Target<'a>, Vec<ColumnRef>), Halt> {
    let empty = Relation::default();
    match source(env, factor, &empty, None)? {
        (Source::Table(target), columns) => Ok((target, columns)),
        _ => Err(unsupported("DML on something that is not a table")),
    }
}
