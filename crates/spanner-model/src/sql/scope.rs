//! What names mean while an expression is evaluated.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use tonic::Status;

use crate::access::Access;
use crate::value::{Type, Value};

/// A column of an intermediate result.
#[derive(Clone, Debug)]
pub(crate) struct ColumnRef {
    /// The alias of its table in lower case.
    pub(crate) table: String,
    /// The name as it is shown.
    pub(crate) name: String,
    pub(crate) of: Option<Type>,
    /// The right one of two columns that USING joins: only a qualified name means it.
    pub(crate) hidden: bool,
}

/// An intermediate result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relation {
    pub(crate) columns: Vec<ColumnRef>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// What is the same for a whole statement.
#[derive(Clone, Debug)]
pub(crate) struct Env<'a> {
    pub(crate) access: &'a Access<'a>,
    pub(crate) params: &'a HashMap<String, Value>,
    pub(crate) param_types: &'a HashMap<String, Type>,
    /// Names in the statement, which decide about the columns that are locked.
    pub(crate) names: &'a BTreeSet<String>,
    /// The tables of WITH.
    pub(crate) tables: Rc<HashMap<String, Rc<Relation>>>,
}

/// The row that names refer to, and the rows around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'f> {
    pub(crate) columns: &'f [ColumnRef],
    pub(crate) row: &'f [Value],
    /// The rows of the group, where aggregates are allowed.
    pub(crate) group: Option<&'f [Vec<Value>]>,
    pub(crate) outer: Option<&'f Frame<'f>>,
}

impl<'f> Frame<'f> {
    /// A row inside of an outer one.
    pub(crate) fn new(columns: &'f [ColumnRef], row: &'f [Value], outer: Option<&'f Frame<'f>>) -> Self {
        Self { columns, row, group: None, outer }
    }

    /// The value of a name.
    pub(crate) fn lookup(&self, table: Option<&str>, name: &str) -> Result<Value, Status> {
        if let Some(at) = position(self.columns, table, name)? {
            return Ok(self.row.get(at).cloned().unwrap_or(Value::Null));
        }
        match self.outer {
            Some(outer) => outer.lookup(table, name),
            None => Err(unknown(table, name)),
        }
    }

    /// Whether a name means something.
    pub(crate) fn knows(&self, table: Option<&str>, name: &str) -> bool {
        position(self.columns, table, name).is_ok_and(|at| at.is_some())
            || self.outer.is_some_and(|outer| outer.knows(table, name))
    }

    /// The type of a name.
    pub(crate) fn type_of(&self, table: Option<&str>, name: &str) -> Option<Type> {
        match position(self.columns, table, name) {
            Ok(Some(at)) => self.columns[at].of.clone(),
            _ => self.outer?.type_of(table, name),
        }
    }
}

/// The error of a name that means nothing.
pub(crate) fn unknown(table: Option<&str>, name: &str) -> Status {
    Status::invalid_argument(format!("Unrecognized name: {}", table.unwrap_or(name)))
}

/// Where a name is in a row.
pub(crate) fn position(
    columns: &[ColumnRef],
    table: Option<&str>,
    name: &str,
) -> Result<Option<usize>, Status> {
    let matches = |column: &ColumnRef| {
        column.name.eq_ignore_ascii_case(name)
            && table.map_or(!column.hidden, |table| column.table.eq_ignore_ascii_case(table))
    };
    let mut found = columns.iter().enumerate().filter(|(_, column)| matches(column));
    let first = found.next();
    if found.next().is_some() {
        return Err(Status::invalid_argument(format!("Column name {name} is ambiguous")));
    }
    Ok(first.map(|(at, _)| at))
}
