//! Whether the process lives, and whether it can sell.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{Api, GET, answer, method, reply, with};

/// What the health routes answer.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `ready`.
    status: &'static str,
}

/// `GET /healthz`: the process answers. It never touches the store, so that a store that is away does
/// not get the process restarted.
pub(super) fn healthz_route() -> BoxedFilter<(Response,)> {
    warp::path!("healthz").and(method(GET)).then(|allowed| answer("/healthz", healthz(allowed))).boxed()
}

async fn healthz(allowed: Result<(), Problem>) -> Answer {
    allowed?;
    Ok(reply::json(StatusCode::OK, &Health { status: "ok" }))
}

/// `GET /readyz`: the store can be used, the queue has room, and the daemon is not ending.
pub(super) fn readyz_route(api: Api) -> BoxedFilter<(Response,)> {
    warp::path!("readyz")
        .and(method(GET))
        .and(with(api))
        .then(|allowed, api| answer("/readyz", readyz(allowed, api)))
        .boxed()
}

async fn readyz(allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    if *api.draining.borrow() {
        return Err(Problem::new(ProblemKind::Draining, "the daemon is ending"));
    }
    api.shop.store().ready().await?;
    Ok(reply::json(StatusCode::OK, &Health { status: "ready" }))
}
