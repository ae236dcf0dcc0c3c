//! The API: routes, requests and replies. `routes` is the whole map on one screen.
//!
//! A route is a filter (path, then method, then what it reads) and a plain function with the logic.
//! Once the path has matched, a route answers and never rejects, so that no later route can turn its
//! error into a wrong 404 or 405.

mod access_log;
mod accounts;
mod body;
mod dashboard;
mod docs;
mod events;
mod health;
mod metrics;
mod openapi;
mod problem;
mod problem_kind;
mod reply;
mod server;
mod tickets;
mod trace;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use tokio::sync::watch;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;
use warp::{Filter, Rejection};

use self::body::BodyLimits;
use self::problem::{Answer, Problem};
use crate::board::Board;
use crate::config::Config;
use crate::model::Invalid;
use crate::shop::Shop;

pub use self::openapi::openapi_json;
pub use self::problem::FieldError;
pub use self::problem_kind::ProblemKind;
pub use self::server::Server;
pub use self::tickets::{purchase_reply, purchase_request};

/// The methods of a route, as `Allow` shows them.
const GET: &str = "GET, HEAD";
const POST: &str = "POST";

/// What every route needs; one pointer, since each request takes a copy.
#[derive(Clone)]
struct Api(Arc<Parts>);

struct Parts {
    shop: Shop,
    body: BodyLimits,
    /// How long a purchase may wait before it is begun.
    request_timeout: Duration,
    /// Set when the daemon is ending.
    draining: watch::Sender<bool>,
    board: Board,
}

impl Api {
    fn new(shop: Shop, config: &Config) -> Self {
        let board = Board::new(shop.clone(), config.store.to_string());
        Self(Arc::new(Parts {
            shop,
            body: BodyLimits { bytes: config.body_limit, time: config.request_timeout },
            request_timeout: config.request_timeout,
            draining: watch::Sender::default(),
            board,
        }))
    }
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Every route, the busiest first.
fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let routes = [
        tickets::purchase_tickets_route(api.clone()),
        events::event_route(api.clone()),
        events::events_route(api.clone()),
        events::multi_events_route(api.clone()),
        events::events_dates_range_route(api.clone()),
        accounts::create_account_route(api.clone()),
        accounts::account_route(api.clone()),
        tickets::sale_route(api.clone()),
        health::healthz_route(),
        health::readyz_route(api.clone()),
        metrics::metrics_route(api.clone()),
        dashboard::dashboard_route(),
        dashboard::dashboard_events_route(api),
        docs::openapi_route(),
        docs::docs_route(),
        docs::home_route(),
    ];
    // Nested so that a request meets only the routes before its own: warp clones what stands behind an `or`.
    routes.into_iter().rfold(nowhere(), |later, route| route.or(later).unify().boxed())
}

fn nowhere() -> BoxedFilter<(Response,)> {
    let answer =
        || answer("none", async { Err(Problem::new(ProblemKind::NotFound, "see /api/v1 for the routes")) });
    warp::any().then(answer).boxed()
}

fn api_v1() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::path!("api" / "v1" / ..)
}

fn with(api: Api) -> impl Filter<Extract = (Api,), Error = Infallible> + Clone {
    warp::any().map(move || api.clone())
}

/// Whether the request has a method of `allow`; the handler answers where it has not.
fn method(allow: &'static str) -> impl Filter<Extract = (Result<(), Problem>,), Error = Infallible> + Copy {
    warp::method().map(move |method: Method| {
        let mut allowed = allow.split(", ");
        if allowed.any(|name| name == method.as_str()) {
            Ok(())
        } else {
            Err(Problem::method_not_allowed(allow))
        }
    })
}

/// The headers, and the body that follows them.
struct Received<S> {
    headers: HeaderMap,
    body: S,
}

impl<S: Stream<Item = Result<B, warp::Error>>, B: Buf> Received<S> {
    /// Reads the body, of JSON: not before the handler knows that the method is right.
    async fn json(self, limits: BodyLimits) -> Result<(HeaderMap, Bytes), Problem> {
        let body = body::read(&self.headers, self.body, limits).await?;
        Ok((self.headers, body))
    }
}

/// A request with a body, not read yet.
fn received()
-> impl Filter<Extract = (Received<impl Stream<Item = Result<impl Buf, warp::Error>>>,), Error = Rejection> + Copy
{
    warp::header::headers_cloned().and(warp::body::stream()).map(|headers, body| Received { headers, body })
}

/// The parameters of the query; none where it is missing or cannot be read.
fn query() -> impl Filter<Extract = (BTreeMap<String, String>,), Error = Infallible> + Clone {
    warp::query::<BTreeMap<String, String>>().or(warp::any().map(BTreeMap::new)).unify()
}

/// A parameter of the path.
fn parameter<T>(
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<T, Problem> {
    parse(text).map_err(|error| Problem::new(ProblemKind::InvalidParameter, format!("{name} {error}")))
}

/// The response of a handler, marked with its route for the access log.
async fn answer(route: &'static str, handler: impl Future<Output = Answer>) -> Response {
    let mut response = handler.await.unwrap_or_else(Problem::into_response);
    response.extensions_mut().insert(reply::Route(route));
    response
}
