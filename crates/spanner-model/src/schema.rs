//! The schema of a database: tables, indexes and the statements they came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlparser::ast::Expr;
use tonic::Status;

use crate::key::{self, Key};
use crate::value::{Type, Value};

/// A row: one value for each column, in the order of the table's columns.
pub(crate) type Row = Vec<Value>;

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) of: Type,
    /// The n of STRING(n) and BYTES(n), also inside of ARRAY.
    pub(crate) length: Option<usize>,
    pub(crate) not_null: bool,
    pub(crate) commit_timestamp: bool,
    pub(crate) default: Option<Expr>,
}

/// A part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyPart {
    pub(crate) column: usize,
    pub(crate) descending: bool,
}

/// INTERLEAVE IN PARENT.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) table: String,
    pub(crate) cascade: bool,
}

/// FOREIGN KEY, which is accepted but not enforced.
#[derive(Clone, Debug)]
pub(crate) struct ForeignKey {
    pub(crate) table: String,
    pub(crate) referenced: Vec<String>,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) key: Vec<KeyPart>,
    pub(crate) parent: Option<Parent>,
    pub(crate) checks: Vec<(String, Expr)>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// When the table came to be, in nanoseconds.
    pub(crate) created: i64,
}

/// A secondary index; `key` is the declared key followed by the rest of the table's primary key.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) key: Vec<KeyPart>,
    /// How many parts of `key` were declared.
    pub(crate) declared: usize,
    pub(crate) storing: Vec<usize>,
    pub(crate) unique: bool,
    pub(crate) null_filtered: bool,
    pub(crate) created: i64,
}

/// All that DDL statements made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    pub(crate) indexes: BTreeMap<String, Arc<Index>>,
    pub(crate) statements: Vec<String>,
    pub(crate) next_id: u32,
}

impl Schema {
    /// A table by its name, which is not case-sensitive.
    pub(crate) fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(&name.to_ascii_lowercase())
    }

    /// An index by its name.
    pub(crate) fn index(&self, name: &str) -> Option<&Arc<Index>> {
        self.indexes.get(&name.to_ascii_lowercase())
    }

    /// The indexes of a table.
    pub(crate) fn indexes_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Arc<Index>> + 'a {
        self.indexes.values().filter(|index| index.table.eq_ignore_ascii_case(&table.name))
    }

    /// The tables that are interleaved in a parent.
    pub(crate) fn children_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Arc<Table>> + 'a {
        self.tables.values().filter(|child| {
            child.parent.as_ref().is_some_and(|parent| parent.table.eq_ignore_ascii_case(&table.name))
        })
    }
}

impl Table {
    /// Position of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Position of a column, or the error of Spanner.
    pub(crate) fn require_column(&self, name: &str) -> Result<usize, Status> {
        self.column(name)
            .ok_or_else(|| Status::not_found(format!("Column not found in table {}: {name}", self.name)))
    }

    /// The primary key of a row.
    pub(crate) fn key_of(&self, row: &Row) -> Key {
        encode_parts(&self.key, row)
    }

    /// The primary key of a row as text, for messages: `[a,1]`.
    pub(crate) fn key_text(&self, row: &Row) -> String {
        parts_text(&self.key, row)
    }

    /// Whether a column is a part of the primary key.
    pub(crate) fn is_key_column(&self, column: usize) -> bool {
        self.key.iter().any(|part| part.column == column)
    }
}

impl Index {
    /// The key of a row's entry; None if a NULL keeps the row out of the index.
    pub(crate) fn key_of(&self, row: &Row) -> Option<Key> {
        let declared = &self.key[..self.declared];
        if self.null_filtered && declared.iter().any(|part| cell(row, part.column).is_null()) {
            return None;
        }
        Some(encode_parts(&self.key, row))
    }

    /// The declared part of a row's key, which a unique index holds once.
    pub(crate) fn declared_key_of(&self, row: &Row) -> Key {
        encode_parts(&self.key[..self.declared], row)
    }

    /// The declared part as text.
    pub(crate) fn key_text(&self, row: &Row) -> String {
        parts_text(&self.key[..self.declared], row)
    }

    /// Whether a read of the index can answer with the column.
    pub(crate) fn covers(&self, column: usize) -> bool {
        self.key.iter().any(|part| part.column == column) || self.storing.contains(&column)
    }
}

/// The value of a column; a column that was added after the row was written is NULL.
pub(crate) fn cell(row: &Row, column: usize) -> &Value {
    row.get(column).unwrap_or(&Value::Null)
}

fn encode_parts(parts: &[KeyPart], row: &Row) -> Key {
    let mut encoded = Vec::new();
    for part in parts {
        key::push(&mut encoded, cell(row, part.column), part.descending);
    }
    encoded
}

fn parts_text(parts: &[KeyPart], row: &Row) -> String {
    let texts: Vec<String> = parts.iter().map(|part| cell(row, part.column).text()).collect();
    format!("[{}]", texts.join(","))
}
