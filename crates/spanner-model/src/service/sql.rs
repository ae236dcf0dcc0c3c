//! ExecuteSql, ExecuteStreamingSql and ExecuteBatchDml
//! (cloud.google.com/spanner/docs/dml-partitioned for partitioned DML).

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use googleapis_tonic_google_spanner_v1::google::rpc;
use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use tonic::Status;
use v1::execute_sql_request::QueryMode;
use v1::result_set_stats::RowCount;

use super::commit::store;
use super::stream::{Resume, Rows};
use super::transactions::{Opened, open};
use crate::access::{Access, Locking};
use crate::core::Core;
use crate::database::{Kind, State};
use crate::locks::Mode;
use crate::sql::Env;
use crate::sql::dml::{execute, is_dml};
use crate::sql::parse::{Parsed, statement};
use crate::sql::query::answer;
use crate::status::Halt;
use crate::storage::Overlay;
use crate::value::{Type, Value};

/// A statement with its parameters.
#[derive(Debug)]
struct Call {
    parsed: Parsed,
    params: HashMap<String, Value>,
    types: HashMap<String, Type>,
}

impl Call {
    fn new(
        sql: &str,
        params: Option<&prost_types::Struct>,
        types: &HashMap<String, v1::Type>,
    ) -> Result<Self, Status> {
        let parsed = statement(sql)?;
        let lower = |name: &String| name.to_ascii_lowercase();
        let types: HashMap<String, Type> =
            types.iter().filter_map(|(name, of)| Some((lower(name), Type::from_proto(of)?))).collect();
        let mut values = HashMap::new();
        for (name, message) in params.iter().flat_map(|params| &params.fields) {
            let value = match types.get(&lower(name)) {
                Some(of) => Value::from_proto(message, of)?,
                None => Value::from_untyped(message),
            };
            values.insert(lower(name), value);
        }
        Ok(Self { parsed, params: values, types })
    }

    fn env<'a>(&'a self, access: &'a Access<'a>) -> Env<'a> {
        Env {
            access,
            params: &self.params,
            param_types: &self.types,
            names: &self.parsed.names,
            tables: Rc::default(),
        }
    }
}

/// ExecuteSql.
pub(crate) async fn execute_sql(
    core: Arc<Core>,
    request: v1::ExecuteSqlRequest,
) -> Result<v1::ResultSet, Status> {
    let (opened, rows) = run(&core, &request, None).await?;
    Ok(rows.whole(&opened))
}

/// ExecuteStreamingSql.
pub(crate) async fn stream(
    core: Arc<Core>,
    request: v1::ExecuteSqlRequest,
) -> Result<Vec<v1::PartialResultSet>, Status> {
    let resume = Resume::decode(&request.resume_token)?;
    let (opened, rows) = run(&core, &request, resume).await?;
    Ok(rows.parts(&opened, resume))
}

async fn run(
    core: &Core,
    request: &v1::ExecuteSqlRequest,
    resume: Option<Resume>,
) -> Result<(Opened, Rows), Status> {
    let session = core.session(&request.session)?;
    let call = Call::new(&request.sql, request.params.as_ref(), &request.param_types)?;
    let mut opened = open(core, &session, request.transaction.as_ref()).await?;
    if let Some(resume) = resume {
        resume.apply(&mut opened);
    }
    if is_dml(&call.parsed.statement) {
        let written = write(core, &opened, &call, request.seqno).await;
        let count = RowCount::RowCountExact(opened.fail_inline(written)?);
        let count = match (opened.kind, count) {
            (Kind::Partitioned, RowCount::RowCountExact(count)) => RowCount::RowCountLowerBound(count),
            (_, count) => count,
        };
        let stats = Some(v1::ResultSetStats { row_count: Some(count), ..v1::ResultSetStats::default() });
        return Ok((opened, Rows { stats, ..Rows::default() }));
    }
    let mut rows = opened.read(core, Mode::Shared, |access| query(access, &call)).await?;
    match request.query_mode() {
        QueryMode::Plan => rows.rows.clear(),
        QueryMode::Normal => {}
        _ => rows.stats = Some(v1::ResultSetStats::default()),
    }
    Ok((opened, rows))
}

fn query(access: &Access<'_>, call: &Call) -> Result<Rows, Halt> {
    let relation = answer(&call.env(access), &call.parsed.statement)?;
    let field = |column: crate::sql::ColumnRef| (column.name, column.of.unwrap_or(Type::Int64));
    Ok(Rows { fields: relation.columns.into_iter().map(field).collect(), rows: relation.rows, stats: None })
}

/// Executes DML; a repeated sequence number answers what the first request answered.
async fn write(core: &Core, opened: &Opened, call: &Call, seqno: i64) -> Result<i64, Status> {
    let count = match opened.kind {
        Kind::ReadOnly(_) => {
            let text = "DML statements can only be performed in a read-write or partitioned-dml transaction.";
            return Err(Status::failed_precondition(text));
        }
        Kind::Partitioned => partitioned(core, opened, call).await?,
        Kind::ReadWrite => {
            let work = |state: &mut State| buffered(core, state, opened, call, seqno);
            opened.database.locked(core, opened.id, work).await?
        }
    };
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

fn buffered(core: &Core, state: &mut State, opened: &Opened, call: &Call, seqno: i64) -> Result<u64, Halt> {
    let id = opened.id.unwrap_or_default();
    if let Some(count) = state.active(core, id)?.statements.get(&seqno).filter(|_| seqno != 0) {
        return Ok(*count);
    }
    let (count, overlay, mutations) = opened
        .write(core, state, Mode::Shared, |access| execute(&call.env(access), &call.parsed.statement))?;
    let transaction = state.active(core, id)?;
    transaction.overlay = overlay;
    transaction.mutations += mutations;
    transaction.statements.insert(seqno, count);
    Ok(count)
}

/// Partitioned DML has no limit of mutations and commits at once; the model does it as one partition.
async fn partitioned(core: &Core, opened: &Opened, call: &Call) -> Result<u64, Status> {
    if matches!(call.parsed.statement, sqlparser::ast::Statement::Insert(_)) {
        return Err(Status::invalid_argument("INSERT is not supported for Partitioned DML."));
    }
    let id = core.number();
    opened.database.state().locks.register(id, id);
    let work = |state: &mut State| {
        let timestamp = core.commit_timestamp();
        let State { schema, data, locks, .. } = state;
        let idle_after = core.options.idle_after;
        let table = std::mem::take(locks);
        let locking = Locking { table, transaction: id, idle_after, reads: Mode::Shared };
        let access = Access::locked(schema, data, Overlay::default(), locking, timestamp);
        let count = execute(&call.env(&access), &call.parsed.statement);
        let overlay = access.overlay.take();
        *locks = access.into_locks();
        let count = count?;
        store(state, overlay, timestamp);
        Ok(count)
    };
    let result = opened.database.locked(core, Some(id), work).await;
    opened.database.state().locks.release(id);
    result
}

/// ExecuteBatchDml: the statements in their order, up to the first that fails.
pub(crate) async fn execute_batch(
    core: Arc<Core>,
    request: v1::ExecuteBatchDmlRequest,
) -> Result<v1::ExecuteBatchDmlResponse, Status> {
    let session = core.session(&request.session)?;
    let mut opened = open(&core, &session, request.transaction.as_ref()).await?;
    let mut response =
        v1::ExecuteBatchDmlResponse { status: Some(rpc::Status::default()), ..Default::default() };
    for (at, statement) in (0_i64..).zip(&request.statements) {
        let seqno = request.seqno.saturating_mul(1_000_000).saturating_add(at);
        let written = match Call::new(&statement.sql, statement.params.as_ref(), &statement.param_types) {
            Ok(call) => write(&core, &opened, &call, seqno).await,
            Err(error) => Err(error),
        };
        match written {
            Err(error) if error.code() == tonic::Code::Aborted => return opened.fail_inline(Err(error)),
            Err(error) => {
                if at == 0 {
                    let _ = opened.fail_inline::<()>(Err(error.clone()));
                }
                let code = error.code() as i32;
                let message = error.message().to_owned();
                response.status = Some(rpc::Status { code, message, ..Default::default() });
                break;
            }
            Ok(count) => {
                let row_count = Some(RowCount::RowCountExact(count));
                let stats = Some(v1::ResultSetStats { row_count, ..Default::default() });
                let mut result = Rows { stats, ..Rows::default() }.whole(&opened);
                result.precommit_token = None;
                opened.message = None;
                response.result_sets.push(result);
            }
        }
    }
    response.precommit_token = opened.token();
    Ok(response)
}
