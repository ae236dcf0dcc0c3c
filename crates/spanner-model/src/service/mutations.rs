//! Applies mutations of a commit (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, `Mutation`).

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;
use v1::mutation::Operation;

use crate::access::Access;
use crate::key::Range;
use crate::keyset::ranges;
use crate::status::Halt;
use crate::value::Value;
use crate::write::{Write, delete_range, delete_row, write_row};

/// Applies a mutation; `timestamp` takes the place of `spanner.commit_timestamp()`.
pub(crate) fn apply(access: &Access<'_>, mutation: &v1::Mutation, timestamp: i64) -> Result<(), Halt> {
    match &mutation.operation {
        Some(Operation::Insert(write)) => rows(access, Write::Insert, write, timestamp),
        Some(Operation::Update(write)) => rows(access, Write::Update, write, timestamp),
        Some(Operation::InsertOrUpdate(write)) => rows(access, Write::InsertOrUpdate, write, timestamp),
        Some(Operation::Replace(write)) => rows(access, Write::Replace, write, timestamp),
        Some(Operation::Delete(delete)) => deletion(access, delete),
        Some(Operation::Send(_) | Operation::Ack(_)) => {
            Err(Status::unimplemented("The model has no queues.").into())
        }
        None => Err(Status::invalid_argument("Mutation has no operation.").into()),
    }
}

fn rows(access: &Access<'_>, how: Write, write: &v1::mutation::Write, timestamp: i64) -> Result<(), Halt> {
    let table = access.require_table(&write.table)?;
    let columns = write.columns.iter().map(|name| table.require_column(name));
    let columns: Vec<usize> = columns.collect::<Result<_, _>>()?;
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            let text = format!("Multiple values for column {}.", table.columns[*column].name);
            return Err(Status::invalid_argument(text).into());
        }
    }
    for list in &write.values {
        if list.values.len() != columns.len() {
            let text = format!("Mutation has {} values for {} columns.", list.values.len(), columns.len());
            return Err(Status::invalid_argument(text).into());
        }
        let mut given = Vec::with_capacity(columns.len());
        for (column, message) in columns.iter().zip(&list.values) {
            let definition = &table.columns[*column];
            let value = Value::from_proto(message, &definition.of).map_err(|_| {
                Status::failed_precondition(format!(
                    "Invalid value for column {} in table {}: Expected {}.",
                    definition.name,
                    table.name,
                    definition.of.name()
                ))
            })?;
            let allowed = definition.commit_timestamp;
            given.push((
                *column,
                match value {
                    Value::CommitTimestamp if allowed => Value::Timestamp(i128::from(timestamp)),
                    other => other,
                },
            ));
        }
        write_row(access, table, how, &given)?;
    }
    Ok(())
}

/// A delete counts as one mutation for each key or range, whatever it finds
/// (cloud.google.com/spanner/quotas, "Mutations per commit").
fn deletion(access: &Access<'_>, delete: &v1::mutation::Delete) -> Result<(), Halt> {
    let table = access.require_table(&delete.table)?;
    let set = delete.key_set.clone().unwrap_or_default();
    for range in ranges(&set, table, &table.key, table.key.len())? {
        access.count(1);
        if Range::point(range.start.clone()) == range {
            delete_row(access, table, &range.start)?;
        } else {
            delete_range(access, table, &range)?;
        }
    }
    Ok(())
}
