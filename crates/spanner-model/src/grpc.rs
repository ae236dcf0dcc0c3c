//! The gRPC service over the messages of `google.spanner.v1`: routes a path to its RPC, records the call,
//! injects faults, and executes the call in a task of its own, so that a client that goes away does not
//! stop it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use hyper::body::Incoming;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::calls::RequestRecord;
use crate::core::Core;
use crate::database::Phase;
use crate::faults::Fault;
use crate::record::Recorded;
use crate::server::Connection;
use crate::service::transactions::parse_id;
use crate::service::{commit, reads, sessions, sql};

/// The service on one connection.
#[derive(Clone, Debug)]
pub(crate) struct SpannerService {
    pub(crate) core: Arc<Core>,
    pub(crate) connection: Arc<Connection>,
}

impl NamedService for SpannerService {
    const NAME: &'static str = "google.spanner.v1.Spanner";
}

type Answer = http::Response<tonic::body::Body>;

impl tower::Service<http::Request<Incoming>> for SpannerService {
    type Response = Answer;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.route(request).await) })
    }
}

impl SpannerService {
    async fn route(self, request: http::Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let method = path.strip_prefix(&format!("/{}/", Self::NAME)).unwrap_or_default();
        match method {
            "CreateSession" => self.unary("CreateSession", request, sessions::create).await,
            "BatchCreateSessions" => self.unary("BatchCreateSessions", request, sessions::create_batch).await,
            "GetSession" => self.unary("GetSession", request, sessions::get).await,
            "ListSessions" => self.unary("ListSessions", request, sessions::list).await,
            "DeleteSession" => self.unary("DeleteSession", request, sessions::delete).await,
            "BeginTransaction" => self.unary("BeginTransaction", request, sessions::begin_transaction).await,
            "Rollback" => self.unary("Rollback", request, sessions::rollback).await,
            "Commit" => self.unary("Commit", request, commit::commit).await,
            "Read" => self.unary("Read", request, reads::read).await,
            "StreamingRead" => self.streaming("StreamingRead", request, reads::stream).await,
            "ExecuteSql" => self.unary("ExecuteSql", request, sql::execute_sql).await,
            "ExecuteBatchDml" => self.unary("ExecuteBatchDml", request, sql::execute_batch).await,
            "ExecuteStreamingSql" => self.streaming("ExecuteStreamingSql", request, sql::stream).await,
            _ => Status::unimplemented(format!("The model does not implement {path}")).into_http(),
        }
    }

    async fn unary<M1, M2, F, Fut>(
        self,
        name: &'static str,
        request: http::Request<Incoming>,
        rpc: F,
    ) -> Answer
    where
        M1: prost::Message + Default + Recorded + 'static,
        M2: prost::Message + Default + 'static,
        F: Fn(Arc<Core>, M1) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<M2, Status>> + Send + 'static,
    {
        let handler = service_fn(move |request: Request<M1>| {
            let service = self.clone();
            async move { service.execute(name, request, rpc).await.map(Response::new) }
        });
        let codec = ProstCodec::<M2, M1>::default();
        tonic::server::Grpc::new(codec).unary(handler, request).await
    }

    async fn streaming<M1, F, Fut>(
        self,
        name: &'static str,
        request: http::Request<Incoming>,
        rpc: F,
    ) -> Answer
    where
        M1: prost::Message + Default + Recorded + 'static,
        F: Fn(Arc<Core>, M1) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<Vec<v1::PartialResultSet>, Status>> + Send + 'static,
    {
        let handler = service_fn(move |request: Request<M1>| {
            let service = self.clone();
            async move {
                let parts = service.execute(name, request, rpc).await?;
                Ok::<_, Status>(Response::new(stream::iter(parts.into_iter().map(Ok))))
            }
        });
        let codec = ProstCodec::<v1::PartialResultSet, M1>::default();
        tonic::server::Grpc::new(codec).server_streaming(handler, request).await
    }

    /// Records a call and executes it, with a fault if one is planned.
    async fn execute<M1, M2, F, Fut>(
        &self,
        name: &'static str,
        request: Request<M1>,
        rpc: F,
    ) -> Result<M2, Status>
    where
        M1: Recorded + Send + 'static,
        M2: Send + 'static,
        F: Fn(Arc<Core>, M1) -> Fut,
        Fut: Future<Output = Result<M2, Status>> + Send + 'static,
    {
        let record = recorded(name, &request);
        self.core.calls.record(&record);
        if let Some((_, code)) = self.core.options.denied.iter().find(|(method, _)| method == name) {
            return Err(Status::new(*code, format!("The model denies {name}.")));
        }
        let fault = self.core.faults.decide(&record);
        if let Some(fault) = &fault {
            self.before(fault, &record).await?;
        }
        if !self.core.options.latency.is_zero() && name != "CreateSession" {
            tokio::time::sleep(self.core.options.latency).await;
        }
        let work = tokio::spawn(rpc(Arc::clone(&self.core), request.into_inner()));
        let result = work.await.unwrap_or_else(|error| Err(Status::internal(error.to_string())));
        match fault {
            Some(Fault::UnavailableAfter) => Err(Status::unavailable("Injected after the call.")),
            Some(Fault::DropAfter) => Err(self.drop_connection().await),
            Some(Fault::HangAfter(span)) => {
                tokio::time::sleep(span).await;
                result
            }
            _ => result,
        }
    }

    async fn before(&self, fault: &Fault, record: &RequestRecord) -> Result<(), Status> {
        match fault {
            Fault::Delay(span) => tokio::time::sleep(*span).await,
            Fault::Aborted if self.abort(record) => return Err(self.core.aborted()),
            Fault::Aborted => {}
            Fault::UnavailableBefore => return Err(Status::unavailable("Injected before the call.")),
            Fault::DropBefore => return Err(self.drop_connection().await),
            Fault::Status(code, message) => return Err(Status::new(*code, message.clone())),
            Fault::UnavailableAfter | Fault::DropAfter | Fault::HangAfter(_) => {}
        }
        Ok(())
    }

    /// Rolls back the transaction of a call that is to be aborted. A transaction that is committed stays so,
    /// and a repeated Commit of it is answered as Spanner does: with its response.
    fn abort(&self, record: &RequestRecord) -> bool {
        let (Ok(session), Ok(id)) = (self.core.session(&record.session), parse_id(&record.transaction_id))
        else {
            return true;
        };
        let mut state = session.database.state();
        match state.transactions.get(&id).map(|found| &found.phase) {
            Some(Phase::Committed(_)) => return false,
            Some(Phase::Active) => state.end(id, Phase::Aborted),
            _ => {}
        }
        true
    }

    async fn drop_connection(&self) -> Status {
        self.connection.close();
        // The connection's task ends this call.
        tokio::time::sleep(Duration::from_secs(60)).await;
        Status::unavailable("The connection was closed.")
    }
}

fn recorded<M: Recorded>(name: &str, request: &Request<M>) -> RequestRecord {
    let mut record = request.get_ref().record();
    record.method = name.to_owned();
    let headers = request.metadata().as_ref().iter();
    let headers = headers.filter(|(header, _)| header.as_str().starts_with("x-goog"));
    record.headers = headers
        .filter_map(|(header, value)| Some((header.to_string(), value.to_str().ok()?.to_owned())))
        .collect::<BTreeMap<_, _>>();
    record
}
