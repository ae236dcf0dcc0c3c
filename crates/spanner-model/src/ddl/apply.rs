//! Applies DDL statements to a schema: all of them or none.

use std::sync::Arc;

use tonic::Status;

use super::tables::{column, create_index, create_table};
use super::words::Words;
use crate::schema::{Schema, Table};

pub(crate) use super::words::statements;

/// The schema after the statements. Splits texts that hold several statements.
pub(crate) fn apply_all(schema: &Schema, ddl: &[String], created: i64) -> Result<Schema, Status> {
    let mut next = schema.clone();
    for statement in ddl.iter().flat_map(|text| statements(text)) {
        apply(&mut next, &statement, created)?;
    }
    Ok(next)
}

fn apply(schema: &mut Schema, statement: &str, created: i64) -> Result<(), Status> {
    let words = &mut Words::new(statement)?;
    if words.accept("CREATE TABLE") {
        let exists = words.accept("IF NOT EXISTS");
        if exists && words.peek().is_some_and(|name| schema.table(&name.text).is_some()) {
            return Ok(());
        }
        let mut table = create_table(words, schema, created)?;
        schema.next_id += 1;
        table.id = schema.next_id;
        schema.tables.insert(table.name.to_ascii_lowercase(), Arc::new(table));
    } else if words.accept("ALTER TABLE") {
        alter_table(words, schema)?;
    } else if words.accept("DROP TABLE") {
        drop_table(words, schema)?;
    } else if words.accept("DROP INDEX") {
        let name = words.name()?;
        let found = schema.indexes.remove(&name.to_ascii_lowercase());
        found.ok_or_else(|| Status::not_found(format!("Index not found: {name}")))?;
        forget(schema, "INDEX", &name);
        return words.finish();
    } else {
        add_index(words, schema, created)?;
    }
    words.finish()?;
    if !statement.trim_start().to_ascii_uppercase().starts_with("DROP") {
        schema.statements.push(statement.trim().to_owned());
    }
    Ok(())
}

fn add_index(words: &mut Words<'_>, schema: &mut Schema, created: i64) -> Result<(), Status> {
    words.expect("CREATE")?;
    let unique = words.accept("UNIQUE");
    let null_filtered = words.accept("NULL_FILTERED");
    words.expect("INDEX")?;
    let mut index = create_index(words, schema, (unique, null_filtered), created)?;
    schema.next_id += 1;
    index.id = schema.next_id;
    schema.indexes.insert(index.name.to_ascii_lowercase(), Arc::new(index));
    Ok(())
}

fn drop_table(words: &mut Words<'_>, schema: &mut Schema) -> Result<(), Status> {
    let name = words.name()?;
    let table = schema.table(&name).cloned();
    let table = table.ok_or_else(|| Status::not_found(format!("Table not found: {name}")))?;
    if let Some(child) = schema.children_of(&table).next() {
        return Err(Status::failed_precondition(format!(
            "Cannot drop table {name} with interleaved tables: {}.",
            child.name
        )));
    }
    if let Some(index) = schema.indexes_of(&table).next() {
        return Err(Status::failed_precondition(format!(
            "Cannot drop table {name} with indices: {}.",
            index.name
        )));
    }
    schema.tables.remove(&name.to_ascii_lowercase());
    forget(schema, "TABLE", &name);
    Ok(())
}

fn alter_table(words: &mut Words<'_>, schema: &mut Schema) -> Result<(), Status> {
    let name = words.name()?;
    let table = schema.table(&name).ok_or_else(|| Status::not_found(format!("Table not found: {name}")))?;
    let mut table = Table::clone(table);
    words.expect("ADD COLUMN")?;
    let exists = words.accept("IF NOT EXISTS");
    let column = column(words)?;
    if table.column(&column.name).is_some() {
        if exists {
            return Ok(());
        }
        let text = format!("Duplicate column name {}.{}.", table.name, column.name);
        return Err(Status::failed_precondition(text));
    }
    if column.not_null && column.default.is_none() {
        let text = format!("Cannot add NOT NULL column {}.{} to existing table {name}.", name, column.name);
        return Err(Status::failed_precondition(text));
    }
    table.columns.push(column);
    schema.tables.insert(name.to_ascii_lowercase(), Arc::new(table));
    Ok(())
}

/// Takes the CREATE statement of a dropped table or index (and its ALTERs) out of the list.
fn forget(schema: &mut Schema, kind: &str, name: &str) {
    schema.statements.retain(|statement| {
        let Ok(mut words) = Words::new(statement) else { return true };
        let created = words.accept("CREATE") | words.accept("ALTER");
        let _ = words.accept("UNIQUE");
        let _ = words.accept("NULL_FILTERED");
        !(created
            && words.accept(kind)
            && words.peek().is_some_and(|word| word.text.trim_matches('`').eq_ignore_ascii_case(name)))
    });
}
