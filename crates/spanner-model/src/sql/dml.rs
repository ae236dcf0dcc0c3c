//! INSERT, UPDATE and DELETE (cloud.google.com/spanner/docs/dml-syntax).

use std::sync::Arc;

use sqlparser::ast::{
    AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, SetExpr, Statement, TableFactor,
    TableObject, TableWithJoins, Update,
};
use tonic::Status;

use super::expressions::{eval, is_true, unsupported};
use super::plan::{Target, plan};
use super::query::run;
use super::scope::{ColumnRef, Env, Frame};
use super::source::{conjuncts, last_name, scan, target};
use crate::schema::{Row, cell};
use crate::status::Halt;
use crate::value::Value;
use crate::write::{Write, delete_row, write_row};

/// Whether a statement writes.
pub(crate) fn is_dml(statement: &Statement) -> bool {
    matches!(statement, Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_))
}

/// Executes a statement and answers how many rows it wrote.
pub(crate) fn execute(env: &Env<'_>, statement: &Statement) -> Result<u64, Halt> {
    match statement {
        Statement::Insert(insert) => run_insert(env, insert),
        Statement::Update(update) => run_update(env, update),
        Statement::Delete(delete) => run_delete(env, delete),
        _ => Err(unsupported("this kind of statement")),
    }
}

fn rows_of(
    env: &Env<'_>,
    target: &Target<'_>,
    columns: &[ColumnRef],
    selection: Option<&Expr>,
) -> Result<Vec<Arc<Row>>, Halt> {
    let Some(selection) = selection else {
        return Err(Status::invalid_argument("Syntax error: DML statements must have a WHERE clause").into());
    };
    let conditions = conjuncts(selection);
    let nothing = Frame::new(&[], &[], None);
    let plan = plan(env, &nothing, target, &conditions)?;
    let mut found = Vec::new();
    scan(env, target, &plan, None, &mut |row: &Arc<Row>| {
        if is_true(&eval(env, &Frame::new(columns, row, None), selection)?) {
            found.push(Arc::clone(row));
        }
        Ok(true)
    })?;
    Ok(found)
}

fn run_update(env: &Env<'_>, update: &Update) -> Result<u64, Halt> {
    let (target, columns) = target(env, &update.table.relation)?;
    let rows = rows_of(env, &target, &columns, update.selection.as_ref())?;
    for row in &rows {
        let frame = Frame::new(&columns, row, None);
        let mut given: Vec<(usize, Value)> =
            target.table.key.iter().map(|part| (part.column, cell(row, part.column).clone())).collect();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(unsupported("an assignment to several columns"));
            };
            let column = column(&target, &last_name(name))?;
            if target.table.is_key_column(column) {
                let text = format!("Cannot UPDATE value on key column {}", last_name(name));
                return Err(Status::invalid_argument(text).into());
            }
            given.push((column, assigned(env, &frame, &target, column, &assignment.value)?));
        }
        write_row(env.access, target.table, Write::Update, &given)?;
    }
    Ok(rows.len() as u64)
}

fn column(target: &Target<'_>, name: &str) -> Result<usize, Status> {
    let missing =
        || Status::invalid_argument(format!("Column {name} is not present in table {}", target.table.name));
    target.table.column(name).ok_or_else(missing)
}

fn assigned(
    env: &Env<'_>,
    frame: &Frame<'_>,
    target: &Target<'_>,
    column: usize,
    value: &Expr,
) -> Result<Value, Halt> {
    let column = &target.table.columns[column];
    if matches!(value, Expr::Identifier(name) if name.value.eq_ignore_ascii_case("DEFAULT")) {
        let default = column.default.as_ref();
        return default.map_or(Ok(Value::Null), |default| eval(env, frame, default));
    }
    typed(column, eval(env, frame, value)?)
}

fn typed(column: &crate::schema::Column, value: Value) -> Result<Value, Halt> {
    let coerced = value.coerce(&column.of);
    coerced.ok_or_else(|| {
        Halt::Status(Status::invalid_argument(format!(
            "Value of type {} cannot be assigned to {}, which has type {}",
            value.type_of().map_or("INT64".into(), |of| of.name()),
            column.name,
            column.of.name()
        )))
    })
}

fn run_delete(env: &Env<'_>, delete: &Delete) -> Result<u64, Halt> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    let [TableWithJoins { relation, .. }] = tables.as_slice() else {
        return Err(unsupported("DELETE from several tables"));
    };
    let (target, columns) = target(env, relation)?;
    let rows = rows_of(env, &target, &columns, delete.selection.as_ref())?;
    for row in &rows {
        env.access.count(1);
        delete_row(env.access, target.table, &target.table.key_of(row))?;
    }
    Ok(rows.len() as u64)
}

fn run_insert(env: &Env<'_>, insert: &Insert) -> Result<u64, Halt> {
    let TableObject::TableName(name) = &insert.table else { return Err(unsupported("INSERT into this")) };
    let (target, _) = target(env, &factor(name))?;
    let columns: Vec<usize> =
        insert.columns.iter().map(|name| column(&target, &last_name(name))).collect::<Result<_, _>>()?;
    let source = insert.source.as_ref().ok_or_else(|| unsupported("INSERT without rows"))?;
    let rows = match &*source.body {
        SetExpr::Values(values) => {
            let nothing = Frame::new(&[], &[], None);
            let mut rows = Vec::with_capacity(values.rows.len());
            for row in &values.rows {
                let cells = row.content.iter().zip(&columns);
                let cells = cells.map(|(value, column)| assigned(env, &nothing, &target, *column, value));
                rows.push(cells.collect::<Result<Vec<_>, _>>()?);
            }
            rows
        }
        _ => run(env, source, None)?.rows,
    };
    for row in &rows {
        if row.len() != columns.len() {
            let text = "Inserted row has wrong column count";
            return Err(Status::invalid_argument(text).into());
        }
        let given: Vec<(usize, Value)> = columns
            .iter()
            .zip(row)
            .map(|(at, value)| Ok((*at, typed(&target.table.columns[*at], value.clone())?)))
            .collect::<Result<_, Halt>>()?;
        write_row(env.access, target.table, Write::Insert, &given)?;
    }
    Ok(rows.len() as u64)
}

fn factor(name: &ObjectName) -> TableFactor {
    TableFactor::Table {
        name: name.clone(),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_directives: Vec::new(),
        inheritance: None,
    }
}
