//! The parser of DDL statements (cloud.google.com/spanner/docs/reference/standard-sql/data-definition-language):
//! tables with their keys, checks and interleaving, indexes, and a few ALTER statements.

mod apply;
mod tables;
mod words;

pub(crate) use apply::{apply_all, statements};
