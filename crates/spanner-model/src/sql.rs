//! SQL over the rows in memory: parsed by `sqlparser`, evaluated by a small interpreter
//! (cloud.google.com/spanner/docs/reference/standard-sql/query-syntax).

mod aggregates;
pub(crate) mod dml;
pub(crate) mod expressions;
mod functions;
pub(crate) mod parse;
mod plan;
pub(crate) mod query;
mod scope;
mod select;
mod source;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use scope::{ColumnRef, Env};
