//! CREATE TABLE, ALTER TABLE and CREATE INDEX.

use std::sync::Arc;

use tonic::Status;

use super::words::Words;
use crate::schema::{Column, ForeignKey, Index, KeyPart, Parent, Schema, Table};
use crate::sql::parse::expression;
use crate::value::Type;

/// Reads CREATE TABLE after these words.
pub(super) fn create_table(words: &mut Words<'_>, schema: &Schema, created: i64) -> Result<Table, Status> {
    let name = words.name()?;
    if schema.table(&name).is_some() {
        return Err(Status::failed_precondition(format!("Duplicate name in schema: {name}.")));
    }
    let mut table = Table {
        id: 0,
        name,
        columns: Vec::new(),
        key: Vec::new(),
        parent: None,
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        created,
    };
    words.expect("(")?;
    while !words.accept(")") {
        table_element(words, &mut table)?;
        if !words.accept(",") {
            words.expect(")")?;
            break;
        }
    }
    words.expect("PRIMARY KEY (")?;
    table.key = key_parts(words, &table)?;
    while words.accept(",") {
        interleave(words, schema, &mut table)?;
    }
    foreign_keys_exist(schema, &table)?;
    Ok(table)
}

fn table_element(words: &mut Words<'_>, table: &mut Table) -> Result<(), Status> {
    let named = if words.accept("CONSTRAINT") { Some(words.name()?) } else { None };
    if words.accept("CHECK (") {
        let text = words.parenthesis()?;
        let name = named.unwrap_or_else(|| format!("CK_{}_{}", table.name, table.checks.len() + 1));
        table.checks.push((name, expression(text)?));
        return Ok(());
    }
    if words.accept("FOREIGN KEY (") {
        for name in names(words)? {
            table.require_column(&name)?;
        }
        words.expect("REFERENCES")?;
        let referenced_table = words.name()?;
        words.expect("(")?;
        let referenced = names(words)?;
        table.foreign_keys.push(ForeignKey { table: referenced_table, referenced });
        return Ok(());
    }
    let column = column(words)?;
    if table.column(&column.name).is_some() {
        return Err(Status::invalid_argument(format!(
            "Duplicate column name {}.{}.",
            table.name, column.name
        )));
    }
    table.columns.push(column);
    Ok(())
}

/// Reads a column's definition.
pub(super) fn column(words: &mut Words<'_>) -> Result<Column, Status> {
    let name = words.name()?;
    let (of, length) = column_type(words)?;
    let mut column = Column { name, of, length, not_null: false, commit_timestamp: false, default: None };
    loop {
        if words.accept("NOT NULL") {
            column.not_null = true;
        } else if words.accept("OPTIONS (") {
            words.expect("allow_commit_timestamp")?;
            words.expect("=")?;
            column.commit_timestamp = words.accept("true");
            if !column.commit_timestamp && !words.accept("null") {
                words.expect("false")?;
            }
            words.expect(")")?;
        } else if words.accept("DEFAULT (") {
            column.default = Some(expression(words.parenthesis()?)?);
        } else {
            return Ok(column);
        }
    }
}

fn column_type(words: &mut Words<'_>) -> Result<(Type, Option<usize>), Status> {
    let name = words.name()?.to_ascii_uppercase();
    Ok(match name.as_str() {
        "BOOL" => (Type::Bool, None),
        "INT64" => (Type::Int64, None),
        "FLOAT64" => (Type::Float64, None),
        "TIMESTAMP" => (Type::Timestamp, None),
        "DATE" => (Type::Date, None),
        "STRING" => (Type::String, length(words, 2_621_440)?),
        "BYTES" => (Type::Bytes, length(words, 10_485_760)?),
        "ARRAY" => {
            words.expect("<")?;
            let (of, length) = column_type(words)?;
            words.expect(">")?;
            (Type::Array(Box::new(of)), length)
        }
        _ => return Err(words.error(&format!("unknown type {name}"))),
    })
}

fn length(words: &mut Words<'_>, longest: usize) -> Result<Option<usize>, Status> {
    words.expect("(")?;
    let text = words.word()?.text;
    words.expect(")")?;
    if text.eq_ignore_ascii_case("MAX") {
        return Ok(Some(longest));
    }
    let length = text.parse().map_err(|_| words.error("a length is expected"))?;
    if !(1..=longest).contains(&length) {
        return Err(words.error(&format!("a length between 1 and {longest} is expected")));
    }
    Ok(Some(length))
}

/// Reads `a, b DESC)`.
fn key_parts(words: &mut Words<'_>, table: &Table) -> Result<Vec<KeyPart>, Status> {
    let mut parts = Vec::new();
    while !words.accept(")") {
        let column = table.require_column(&words.name()?)?;
        if matches!(table.columns[column].of, Type::Array(_)) {
            return Err(words.error("an ARRAY column cannot be a part of a key"));
        }
        let descending = words.accept("DESC");
        if !descending {
            words.accept("ASC");
        }
        parts.push(KeyPart { column, descending });
        if !words.accept(",") {
            words.expect(")")?;
            break;
        }
    }
    Ok(parts)
}

fn names(words: &mut Words<'_>) -> Result<Vec<String>, Status> {
    let mut found = vec![words.name()?];
    while words.accept(",") {
        found.push(words.name()?);
    }
    words.expect(")")?;
    Ok(found)
}

fn interleave(words: &mut Words<'_>, schema: &Schema, table: &mut Table) -> Result<(), Status> {
    words.expect("INTERLEAVE IN")?;
    let enforced = words.accept("PARENT");
    let name = words.name()?;
    let parent = schema.table(&name).ok_or_else(|| Status::not_found(format!("Table not found: {name}")))?;
    let same = |(own, of): (&KeyPart, &KeyPart)| {
        let (own_column, parent_column) = (&table.columns[own.column], &parent.columns[of.column]);
        own_column.name.eq_ignore_ascii_case(&parent_column.name)
            && own_column.of == parent_column.of
            && own.descending == of.descending
    };
    if parent.key.len() > table.key.len() || !table.key.iter().zip(&parent.key).all(same) {
        return Err(Status::invalid_argument(format!(
            "Interleaving table {} within {name}: the primary key of the parent must begin that of the child.",
            table.name
        )));
    }
    let cascade = words.accept("ON DELETE CASCADE");
    if !cascade {
        words.accept("ON DELETE NO ACTION");
    }
    if enforced {
        table.parent = Some(Parent { table: parent.name.clone(), cascade });
    }
    Ok(())
}

fn foreign_keys_exist(schema: &Schema, table: &Table) -> Result<(), Status> {
    for foreign in &table.foreign_keys {
        if foreign.table.eq_ignore_ascii_case(&table.name) {
            continue;
        }
        let referenced = schema
            .table(&foreign.table)
            .ok_or_else(|| Status::not_found(format!("Table not found: {}", foreign.table)))?;
        for name in &foreign.referenced {
            referenced.require_column(name)?;
        }
    }
    Ok(())
}

/// Reads CREATE INDEX after the words `[UNIQUE] [NULL_FILTERED] INDEX`.
pub(super) fn create_index(
    words: &mut Words<'_>,
    schema: &Schema,
    (unique, null_filtered): (bool, bool),
    created: i64,
) -> Result<Index, Status> {
    words.accept("IF NOT EXISTS");
    let name = words.name()?;
    words.expect("ON")?;
    let table_name = words.name()?;
    let table = schema
        .table(&table_name)
        .ok_or_else(|| Status::not_found(format!("Table not found: {table_name}")))?;
    if schema.index(&name).is_some() || schema.table(&name).is_some() {
        return Err(Status::failed_precondition(format!("Duplicate name in schema: {name}.")));
    }
    words.expect("(")?;
    let mut key = key_parts(words, table)?;
    let declared = key.len();
    let rest = table.key.iter().filter(|part| key.iter().all(|own| own.column != part.column));
    let rest: Vec<KeyPart> = rest.copied().collect();
    key.extend(rest);
    let storing = storing(words, table)?;
    if words.accept(", INTERLEAVE IN") {
        let parent = words.name()?;
        schema.table(&parent).ok_or_else(|| Status::not_found(format!("Table not found: {parent}")))?;
    }
    let table = table.name.clone();
    Ok(Index { id: 0, name, table, key, declared, storing, unique, null_filtered, created })
}

fn storing(words: &mut Words<'_>, table: &Arc<Table>) -> Result<Vec<usize>, Status> {
    if !words.accept("STORING (") {
        return Ok(Vec::new());
    }
    names(words)?.iter().map(|name| table.require_column(name)).collect()
}
