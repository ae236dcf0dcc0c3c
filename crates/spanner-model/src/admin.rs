//! The REST API of the database and instance admins
//! (cloud.google.com/spanner/docs/reference/rest).

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::calls::RequestRecord;
use crate::core::{Core, Operation, locked};
use crate::ddl;
use crate::faults::Fault;
use crate::status::resource_not_found;
use crate::value::format_timestamp;

/// Answers a request.
pub(crate) async fn answer(core: &Arc<Core>, request: http::Request<Incoming>) -> http::Response<Bytes> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let bytes = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let result = match path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v1beta1/")) {
        Some(resource) => route(core, &method, resource, &body).await,
        None => Err(Status::not_found(format!("No such path: {path}"))),
    };
    let (code, body) = match result {
        Ok(body) => (http::StatusCode::OK, body),
        Err(status) => (http_code(status.code()), error(&status)),
    };
    let mut response = http::Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = code;
    let json = http::HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

async fn route(core: &Core, method: &Method, resource: &str, body: &Value) -> Result<Value, Status> {
    let parts: Vec<&str> = resource.split('/').collect();
    let name = rpc_name(method, &parts);
    let database = parts.get(..6).map(|parts| parts.join("/")).unwrap_or_default();
    check(core, name, resource).await?;
    match name {
        "GetOperation" => poll(core, resource),
        "CreateDatabase" => create_database(core, &parts[..4].join("/"), body),
        "ListDatabases" => list(core, &parts[..4].join("/")),
        "GetDatabase" => Ok(describe(core.database(resource)?.name.as_str())),
        "DropDatabase" => drop_database(core, resource),
        "GetDatabaseDdl" => {
            Ok(json!({ "statements": core.database(&database)?.state().schema.statements.clone() }))
        }
        "UpdateDatabaseDdl" => update_ddl(core, &database, body),
        "AddSplitPoints" => {
            let database = core.database(resource.trim_end_matches(":addSplitPoints"))?;
            let points = body["splitPoints"].as_array().cloned().unwrap_or_default();
            database.state().split_points.extend(points);
            Ok(json!({}))
        }
        "CreateInstance" => create_instance(core, &parts[..2].join("/"), body),
        "GetInstance" => instance(core, resource),
        "ListInstances" => {
            let instances: Vec<Value> = locked(&core.instances).iter().map(|name| describe(name)).collect();
            Ok(json!({ "instances": instances }))
        }
        _ => Err(Status::unimplemented(format!("The model does not implement {method} {resource}"))),
    }
}

fn rpc_name(method: &Method, parts: &[&str]) -> &'static str {
    let last = parts.last().copied().unwrap_or_default();
    match (method.as_str(), parts.len()) {
        ("GET", _) if parts.contains(&"operations") => "GetOperation",
        ("POST", 5) if last == "databases" => "CreateDatabase",
        ("GET", 5) if last == "databases" => "ListDatabases",
        ("GET", 6) => "GetDatabase",
        ("DELETE", 6) => "DropDatabase",
        ("GET", 7) if last == "ddl" => "GetDatabaseDdl",
        ("PATCH", 7) if last == "ddl" => "UpdateDatabaseDdl",
        ("POST", 6) if last.ends_with(":addSplitPoints") => "AddSplitPoints",
        ("POST", 3) if last == "instances" => "CreateInstance",
        ("GET", 4) => "GetInstance",
        ("GET", 3) if last == "instances" => "ListInstances",
        _ => "",
    }
}

/// Counts the call, and fails it if that is asked for. Connections are not closed here.
async fn check(core: &Core, name: &str, resource: &str) -> Result<(), Status> {
    let record = RequestRecord { method: name.into(), session: resource.into(), ..RequestRecord::default() };
    core.calls.record(&record);
    if let Some((_, code)) = core.options.denied.iter().find(|(method, _)| method == name) {
        return Err(Status::new(*code, format!("The model denies {name}.")));
    }
    match core.faults.decide(&record) {
        Some(Fault::Delay(span) | Fault::HangAfter(span)) => {
            tokio::time::sleep(span).await;
            Ok(())
        }
        Some(Fault::Status(code, message)) => Err(Status::new(code, message)),
        Some(_) => Err(Status::unavailable("Injected.")),
        None => Ok(()),
    }
}

fn describe(name: &str) -> Value {
    json!({ "name": name, "state": "READY" })
}

fn instance(core: &Core, name: &str) -> Result<Value, Status> {
    if core.has_instance(name) {
        return Ok(describe(name));
    }
    Err(resource_not_found("admin.instance.v1.Instance", name))
}

fn list(core: &Core, instance: &str) -> Result<Value, Status> {
    self::instance(core, instance)?;
    let databases = locked(&core.databases);
    let of_instance = databases.keys().filter(|name| name.starts_with(&format!("{instance}/")));
    Ok(json!({ "databases": of_instance.map(|name| describe(name)).collect::<Vec<_>>() }))
}

fn create_instance(core: &Core, project: &str, body: &Value) -> Result<Value, Status> {
    let id = body["instanceId"].as_str().unwrap_or_default();
    let name = format!("{project}/instances/{id}");
    if core.has_instance(&name) {
        return Err(Status::already_exists(format!("Instance already exists: {name}")));
    }
    locked(&core.instances).push(name.clone());
    let kind = "type.googleapis.com/google.spanner.admin.instance.v1";
    let metadata = json!({ "@type": format!("{kind}.CreateInstanceMetadata"), "instance": describe(&name) });
    let mut response = describe(&name);
    response["@type"] = json!(format!("{kind}.Instance"));
    Ok(start(core, &name, metadata, response))
}

fn create_database(core: &Core, instance: &str, body: &Value) -> Result<Value, Status> {
    let statement = body["createStatement"].as_str().unwrap_or_default();
    let id = database_id(statement)
        .ok_or_else(|| Status::invalid_argument(format!("Invalid CREATE DATABASE statement: {statement}")))?;
    let name = format!("{instance}/databases/{id}");
    core.create_database(&name, &texts(&body["extraStatements"]))?;
    let kind = "type.googleapis.com/google.spanner.admin.database.v1";
    let metadata = json!({ "@type": format!("{kind}.CreateDatabaseMetadata"), "database": name });
    let mut response = describe(&name);
    response["@type"] = json!(format!("{kind}.Database"));
    Ok(start(core, &name, metadata, response))
}

fn database_id(statement: &str) -> Option<String> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words.as_slice() {
        [create, database, id]
            if create.eq_ignore_ascii_case("CREATE") && database.eq_ignore_ascii_case("DATABASE") =>
        {
            let id = id.trim_matches([';', '`', '"']);
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            ((2..=30).contains(&id.len()) && id.chars().all(good)).then(|| id.to_owned())
        }
        _ => None,
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn drop_database(core: &Core, name: &str) -> Result<Value, Status> {
    core.database(name)?;
    if let Some(database) = locked(&core.databases).remove(name) {
        database.state().dropped = true;
    }
    Ok(json!({}))
}

/// All statements are checked before any is applied.
fn update_ddl(core: &Core, name: &str, body: &Value) -> Result<Value, Status> {
    let database = core.database(name)?;
    let statements = texts(&body["statements"]);
    if statements.is_empty() {
        return Err(Status::invalid_argument("UpdateDatabaseDdl has no statements."));
    }
    let timestamp = crate::schema_change::update(core, &database, &statements)?;
    let kind = "type.googleapis.com/google.spanner.admin.database.v1.UpdateDatabaseDdlMetadata";
    let time = format_timestamp(i128::from(timestamp));
    let progress = json!({ "progressPercent": 100, "startTime": time, "endTime": time });
    let metadata = json!({
        "@type": kind,
        "database": name,
        "statements": statements,
        "commitTimestamps": statements.iter().map(|_| time.clone()).collect::<Vec<_>>(),
        "progress": statements.iter().map(|_| progress.clone()).collect::<Vec<_>>(),
    });
    let response = json!({ "@type": "type.googleapis.com/google.protobuf.Empty" });
    Ok(start(core, name, metadata, response))
}

/// An operation that is done after some polls.
fn start(core: &Core, resource: &str, metadata: Value, response: Value) -> Value {
    let name = format!("{resource}/operations/model_{}", core.number());
    let running = json!({ "name": name, "metadata": metadata, "done": false });
    let done = json!({ "name": name, "metadata": metadata, "done": true, "response": response });
    let operation = Operation { polls_left: core.options.operation_polls, running, done };
    let answer = if operation.polls_left == 0 { operation.done.clone() } else { operation.running.clone() };
    locked(&core.operations).insert(name, operation);
    answer
}

fn poll(core: &Core, name: &str) -> Result<Value, Status> {
    let mut operations = locked(&core.operations);
    let missing = || Status::not_found(format!("Operation not found: {name}"));
    let operation = operations.get_mut(name).ok_or_else(missing)?;
    if operation.polls_left > 0 {
        operation.polls_left -= 1;
    }
    Ok(if operation.polls_left == 0 { operation.done.clone() } else { operation.running.clone() })
}

fn error(status: &Status) -> Value {
    let code = http_code(status.code()).as_u16();
    let name = code_name(status.code());
    json!({ "error": { "code": code, "message": status.message(), "status": name } })
}

fn http_code(code: Code) -> http::StatusCode {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => http::StatusCode::BAD_REQUEST,
        Code::Unauthenticated => http::StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => http::StatusCode::FORBIDDEN,
        Code::NotFound => http::StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => http::StatusCode::CONFLICT,
        Code::ResourceExhausted => http::StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => http::StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => http::StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => http::StatusCode::GATEWAY_TIMEOUT,
        _ => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::Aborted => "ABORTED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// Reads a text with several DDL statements into a list.
pub(crate) fn split(text: &str) -> Vec<String> {
    ddl::statements(text)
}
