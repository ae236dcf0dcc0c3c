//! `GET /metrics`, for Prometheus.

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::problem::{Answer, Problem};
use super::{Api, GET, answer, method, reply, with};
use crate::metrics::CONTENT_TYPE;

pub(super) fn metrics_route(api: Api) -> BoxedFilter<(Response,)> {
    warp::path!("metrics")
        .and(method(GET))
        .and(with(api))
        .then(|allowed, api| answer("/metrics", metrics(allowed, api)))
        .boxed()
}

async fn metrics(allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    Ok(reply::text(CONTENT_TYPE, api.shop.metrics_text().await))
}
