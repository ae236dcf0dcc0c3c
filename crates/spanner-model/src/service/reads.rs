//! Read and StreamingRead (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, `ReadRequest`).

use std::sync::Arc;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;
use v1::read_request::LockHint;

use super::stream::{Resume, Rows};
use super::transactions::{Opened, open};
use crate::access::{Access, cells_of};
use crate::core::Core;
use crate::keyset::ranges;
use crate::locks::Mode;
use crate::schema::{Index, Row, Table, cell};
use crate::status::Halt;

/// Read.
pub(crate) async fn read(core: Arc<Core>, request: v1::ReadRequest) -> Result<v1::ResultSet, Status> {
    let (opened, rows) = run(&core, &request, None).await?;
    Ok(rows.whole(&opened))
}

/// StreamingRead.
pub(crate) async fn stream(
    core: Arc<Core>,
    request: v1::ReadRequest,
) -> Result<Vec<v1::PartialResultSet>, Status> {
    let resume = Resume::decode(&request.resume_token)?;
    let (opened, rows) = run(&core, &request, resume).await?;
    Ok(rows.parts(&opened, resume))
}

async fn run(
    core: &Core,
    request: &v1::ReadRequest,
    resume: Option<Resume>,
) -> Result<(Opened, Rows), Status> {
    let session = core.session(&request.session)?;
    let mut opened = open(core, &session, request.transaction.as_ref()).await?;
    if let Some(resume) = resume {
        resume.apply(&mut opened);
    }
    let exclusive = request.lock_hint() == LockHint::Exclusive;
    let reads = if exclusive { Mode::Exclusive } else { Mode::Shared };
    let rows = opened.read(core, reads, |access| rows(access, request)).await?;
    Ok((opened, rows))
}

fn rows(access: &Access<'_>, request: &v1::ReadRequest) -> Result<Rows, Halt> {
    let table = access.require_table(&request.table)?;
    let columns = request.columns.iter().map(|name| table.require_column(name));
    let columns: Vec<usize> = columns.collect::<Result<_, _>>()?;
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0);
    let index = index(access, table, &request.index, &columns)?;
    let set = request.key_set.clone().unwrap_or_default();
    let ranges = match index {
        None => ranges(&set, table, &table.key, table.key.len())?,
        Some(index) => ranges(&set, table, &index.key, index.declared)?,
    };
    let cells = cells_of(columns.iter().copied());
    let mut found: Vec<Arc<Row>> = Vec::new();
    for range in ranges {
        let left = limit.map(|limit| limit - found.len());
        if left == Some(0) {
            break;
        }
        found.extend(match index {
            None => access.read_rows(table, &range, cells, left)?,
            Some(index) => access.read_index((table, index), &range, (cells, true), left)?,
        });
    }
    let field = |column: &usize| {
        let column = &table.columns[*column];
        (column.name.clone(), column.of.clone())
    };
    Ok(Rows {
        fields: columns.iter().map(field).collect(),
        rows: found
            .iter()
            .map(|row| columns.iter().map(|column| cell(row, *column).clone()).collect())
            .collect(),
        stats: None,
    })
}

/// The index of a read, which must have all columns that are asked for
/// (cloud.google.com/spanner/docs/secondary-indexes, "STORING clause").
fn index<'a>(
    access: &Access<'a>,
    table: &Table,
    name: &str,
    columns: &[usize],
) -> Result<Option<&'a Arc<Index>>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    let missing = || Status::not_found(format!("Index not found on table {}: {name}", table.name));
    let index = access.index(table, name).ok_or_else(missing)?;
    match columns.iter().find(|column| !index.covers(**column)) {
        None => Ok(Some(index)),
        Some(column) => Err(Status::not_found(format!(
            "Index {name} of table {} has no column {}: a read by an index answers only columns that are in it.",
            table.name, table.columns[*column].name
        ))),
    }
}
