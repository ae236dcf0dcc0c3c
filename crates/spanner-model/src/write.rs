//! Inserts, updates and deletes of rows with all constraints, for mutations and for DML
//! (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, `Mutation`;
//! cloud.google.com/spanner/docs/schema-and-data-model for interleaving).

use std::sync::Arc;

use tonic::Status;

use crate::access::{Access, cells_of};
use crate::key::{Key, Range};
use crate::locks::{EXISTENCE, Object, WHOLE_ROW};
use crate::schema::{Column, Row, Table, cell};
use crate::sql::expressions::holds;
use crate::status::Halt;
use crate::value::Value;

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Insert,
    Update,
    InsertOrUpdate,
    Replace,
}

/// Writes a row of which some columns are given.
pub(crate) fn write_row(
    access: &Access<'_>,
    table: &Table,
    how: Write,
    given: &[(usize, Value)],
) -> Result<(), Halt> {
    check_values(table, given)?;
    let mut row: Row = vec![Value::Null; table.columns.len()];
    given.iter().for_each(|(column, value)| row[*column] = value.clone());
    for part in &table.key {
        if !given.iter().any(|(column, _)| *column == part.column) {
            let name = &table.columns[part.column].name;
            let text = format!("{name} must not be left out: it is a key column of table {}.", table.name);
            return Err(Status::failed_precondition(text).into());
        }
    }
    let key = table.key_of(&row);
    let written = cells_of(given.iter().map(|(column, _)| *column).filter(|at| !table.is_key_column(*at)));
    // The first lock is on what an update of an existing row would write; an insert locks the whole row.
    let cells = if how == Write::Insert || how == Write::Replace { WHOLE_ROW } else { written };
    access.lock_exclusive(Object::Table(table.id), &Range::point(key.clone()), cells)?;
    access.count(given.len() as u64);
    match (access.row(table, &key), how) {
        (Some(_), Write::Insert) => Err(Status::already_exists(format!(
            "Row {} in table {} already exists",
            table.key_text(&row),
            table.name
        ))
        .into()),
        (None, Write::Update) => Err(Status::not_found(format!(
            "Row {} in table {} is missing. Row cannot be updated.",
            table.key_text(&row),
            table.name
        ))
        .into()),
        (Some(old), Write::Update | Write::InsertOrUpdate) => {
            update(access, table, (&key, &old), given, written)
        }
        (old, _) => {
            if old.is_some() && access.schema.children_of(table).next().is_some() {
                delete_row(access, table, &key)?;
            }
            fill_defaults(access, table, given, &mut row)?;
            let old = access.row(table, &key);
            insert(access, table, (&key, old.as_ref()), row)
        }
    }
}

fn fill_defaults(
    access: &Access<'_>,
    table: &Table,
    given: &[(usize, Value)],
    row: &mut Row,
) -> Result<(), Halt> {
    for (at, column) in table.columns.iter().enumerate() {
        let left_out = !given.iter().any(|(column, _)| *column == at);
        if let Some(default) = column.default.as_ref().filter(|_| left_out) {
            let value = crate::sql::expressions::constant(default, access.now)?;
            row[at] = value.coerce(&column.of).unwrap_or(value);
        }
    }
    Ok(())
}

fn insert(
    access: &Access<'_>,
    table: &Table,
    (key, old): (&Key, Option<&Arc<Row>>),
    row: Row,
) -> Result<(), Halt> {
    if let Some(column) =
        table.columns.iter().enumerate().find(|(at, column)| column.not_null && cell(&row, *at).is_null())
    {
        return Err(Status::failed_precondition(format!(
            "A new row in table {} does not specify a non-null value for NOT NULL column: {}",
            table.name, column.1.name
        ))
        .into());
    }
    check_constraints(access, table, &row)?;
    require_parent(access, table, &row)?;
    access.put(table, key, old, Some(Arc::new(row)), WHOLE_ROW)
}

fn update(
    access: &Access<'_>,
    table: &Table,
    (key, old): (&Key, &Arc<Row>),
    given: &[(usize, Value)],
    written: u64,
) -> Result<(), Halt> {
    let mut row = Row::clone(old);
    row.resize(table.columns.len(), Value::Null);
    given.iter().for_each(|(column, value)| row[*column] = value.clone());
    check_constraints(access, table, &row)?;
    access.put(table, key, Some(old), Some(Arc::new(row)), written)
}

fn check_values(table: &Table, given: &[(usize, Value)]) -> Result<(), Status> {
    for (at, value) in given {
        let column = &table.columns[*at];
        if column.not_null && value.is_null() {
            return Err(Status::failed_precondition(format!(
                "Cannot specify a null value for column: {} in table: {}",
                column.name, table.name
            )));
        }
        if matches!(value, Value::CommitTimestamp) && !column.commit_timestamp {
            return Err(Status::failed_precondition(format!(
                "Cannot write commit timestamp because the allow_commit_timestamp column option is not set to true for column {} in table {}.",
                column.name, table.name
            )));
        }
        if let Some(longest) = column.length {
            check_length(table, column, value, longest)?;
        }
    }
    Ok(())
}

fn check_length(table: &Table, column: &Column, value: &Value, longest: usize) -> Result<(), Status> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => {
            return values.iter().try_for_each(|value| check_length(table, column, value, longest));
        }
        _ => 0,
    };
    if size <= longest {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "New value exceeds the maximum size limit for this column: {}.{}, size: {size}, limit: {longest}.",
        table.name, column.name
    )))
}

/// A check constraint that is false (not NULL) refuses the row with OUT_OF_RANGE
/// (cloud.google.com/spanner/docs/check-constraint/how-to).
fn check_constraints(access: &Access<'_>, table: &Table, row: &Row) -> Result<(), Halt> {
    for (name, check) in &table.checks {
        if !holds(access, table, row, check)? {
            return Err(Status::out_of_range(format!(
                "Check constraint `{}`.`{name}` is violated for key {}",
                table.name,
                table.key_text(row).replace('[', "(").replace(']', ")")
            ))
            .into());
        }
    }
    Ok(())
}

fn require_parent(access: &Access<'_>, table: &Table, row: &Row) -> Result<(), Halt> {
    let Some(parent) = &table.parent else { return Ok(()) };
    let parent = access.require_table(&parent.table)?;
    let mut key = Vec::new();
    for part in &table.key[..parent.key.len()] {
        crate::key::push(&mut key, cell(row, part.column), part.descending);
    }
    if access.read_row(parent, &key, EXISTENCE)?.is_some() {
        return Ok(());
    }
    Err(Status::not_found(format!(
        "Parent row for row {} in table {} is missing. Row cannot be written.",
        table.key_text(row),
        table.name
    ))
    .into())
}

/// Deletes a row if it is there, with the interleaved rows below it.
pub(crate) fn delete_row(access: &Access<'_>, table: &Table, key: &Key) -> Result<(), Halt> {
    access.lock_exclusive(Object::Table(table.id), &Range::point(key.clone()), WHOLE_ROW)?;
    let Some(old) = access.row(table, key) else { return Ok(()) };
    for child in access.schema.children_of(table) {
        let cascade = child.parent.as_ref().is_some_and(|parent| parent.cascade);
        let range = Range::prefix(key);
        access.lock_exclusive(Object::Table(child.id), &range, WHOLE_ROW)?;
        for (child_key, row) in access.rows(child, &range, if cascade { None } else { Some(1) }) {
            if !cascade {
                return Err(Status::failed_precondition(format!(
                    "Integrity constraint violation during DELETE/REPLACE. Found child row {} in table {}.",
                    child.key_text(&row),
                    child.name
                ))
                .into());
            }
            delete_row(access, child, &child_key)?;
        }
    }
    access.put(table, key, Some(&old), None, WHOLE_ROW)
}

/// Deletes the rows of a range.
pub(crate) fn delete_range(access: &Access<'_>, table: &Table, range: &Range) -> Result<(), Halt> {
    access.lock_exclusive(Object::Table(table.id), range, WHOLE_ROW)?;
    for (key, _) in access.rows(table, range, None) {
        delete_row(access, table, &key)?;
    }
    Ok(())
}
