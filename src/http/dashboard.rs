//! `GET /dashboard`, the page, and `GET /dashboard/events`, what it shows.

use std::convert::Infallible;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::sse::Event;
use warp::{Filter, Reply};

use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{Api, GET, answer, method, reply, with};
use crate::board::{Shown, WATCHERS_MAX};

const PAGE: &str = include_str!("dashboard.html");
/// The page is whole: nothing but its own figures is fetched, from where it came from.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(super) fn dashboard_route() -> BoxedFilter<(Response,)> {
    warp::path!("dashboard").and(method(GET)).then(|allowed| answer("/dashboard", dashboard(allowed))).boxed()
}

async fn dashboard(allowed: Result<(), Problem>) -> Answer {
    allowed?;
    Ok(reply::with_header(reply::html(PAGE), "content-security-policy", POLICY))
}

pub(super) fn dashboard_events_route(api: Api) -> BoxedFilter<(Response,)> {
    warp::path!("dashboard" / "events")
        .and(method(GET))
        .and(with(api))
        .then(|allowed, api| answer("/dashboard/events", dashboard_events(allowed, api)))
        .boxed()
}

/// Server-sent events, one `board` a second, until the client goes away or the daemon ends.
async fn dashboard_events(allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    let watcher = api.board.watch().ok_or_else(|| {
        Problem::new(ProblemKind::Overloaded, format!("{WATCHERS_MAX} dashboards are open already"))
    })?;
    let mut draining = api.draining.subscribe();
    let ended = async move {
        let _ = draining.wait_for(|draining| *draining).await;
    };
    let boards = stream::unfold(watcher, next_board).take_until(Box::pin(ended));
    Ok(warp::sse::reply(boards).into_response())
}

type NextBoard = Option<(Result<Event, Infallible>, watch::Receiver<Shown>)>;

async fn next_board(mut watcher: watch::Receiver<Shown>) -> NextBoard {
    loop {
        watcher.changed().await.ok()?;
        let board = Shown::clone(&watcher.borrow_and_update());
        if !board.is_empty() {
            return Some((Ok(Event::default().event("board").data(&*board)), watcher));
        }
    }
}
