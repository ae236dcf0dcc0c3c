//! The errors of Spanner with their details, and the reasons why work under the state's lock stops.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::sync::watch;
use tonic::{Code, Status};

/// Why work on the state stopped before its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The request failed.
    Status(Status),
    /// An older transaction holds a lock that is needed; the channel closes when that one ends.
    Wait(watch::Receiver<()>),
    /// The transaction was aborted for the sake of another one.
    Wounded,
}

impl From<Status> for Halt {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// `google.rpc.Status`, as far as it is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResourceInfo {
    #[prost(string, tag = "1")]
    resource_type: String,
    #[prost(string, tag = "2")]
    resource_name: String,
    #[prost(string, tag = "3")]
    owner: String,
    #[prost(string, tag = "4")]
    description: String,
}

fn detailed(code: Code, message: String, kind: &str, detail: Vec<u8>) -> Status {
    let type_url = format!("type.googleapis.com/google.rpc.{kind}");
    let details = vec![prost_types::Any { type_url, value: detail }];
    let encoded = RpcStatus { code: code as i32, message: message.clone(), details }.encode_to_vec();
    Status::with_details(code, message, Bytes::from(encoded))
}

/// ABORTED with google.rpc.RetryInfo, which tells how long to wait before the next attempt
/// (cloud.google.com/spanner/docs/reference/rpc/google.spanner.v1, "Retrying aborted transactions").
pub(crate) fn aborted(delay: Duration) -> Status {
    let retry_delay = prost_types::Duration::try_from(delay).ok();
    let info = RetryInfo { retry_delay }.encode_to_vec();
    detailed(Code::Aborted, "Transaction was aborted.".into(), "RetryInfo", info)
}

/// NOT_FOUND of a database, an instance or a session.
pub(crate) fn resource_not_found(kind: &str, name: &str) -> Status {
    let info = ResourceInfo {
        resource_type: format!("type.googleapis.com/google.spanner.{kind}"),
        resource_name: name.into(),
        owner: String::new(),
        description: format!("{} does not exist.", kind.rsplit('.').next().unwrap_or(kind)),
    };
    let noun = kind.rsplit('.').next().unwrap_or(kind);
    let message = format!("{noun} not found: {name}");
    detailed(Code::NotFound, message, "ResourceInfo", info.encode_to_vec())
}

/// The error of a table that is not there.
pub(crate) fn table_not_found(name: &str) -> Status {
    Status::not_found(format!("Table not found: {name}"))
}
