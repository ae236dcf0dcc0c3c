//! Browsing: dates, multi-events, events.

use std::collections::BTreeMap;

use jiff::civil::Date;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{Api, GET, answer, api_v1, method, parameter, query, reply, with};
use crate::model::{EventId, MultiEventId};
use crate::shop::{EventReply, MultiEventsPage, Paging};

pub(super) fn events_dates_range_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("eventsdatesrange"))
        .and(method(GET))
        .and(with(api))
        .then(|allowed, api| answer("/api/v1/eventsdatesrange", events_dates_range(allowed, api)))
        .boxed()
}

async fn events_dates_range(allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    Ok(reply::json(StatusCode::OK, &api.shop.events_dates_range().await?))
}

pub(super) fn multi_events_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("multievents"))
        .and(method(GET))
        .and(with(api))
        .and(query())
        .then(|allowed, api, query| answer("/api/v1/multievents", multi_events(allowed, api, query)))
        .boxed()
}

async fn multi_events(allowed: Result<(), Problem>, api: Api, query: BTreeMap<String, String>) -> Answer {
    allowed?;
    let invalid = |detail: &str| Problem::new(ProblemKind::InvalidParameter, detail);
    let day = match query.get("date") {
        Some(text) => Some(
            text.parse::<Date>()
                .ok()
                .filter(|day| day.to_string() == *text)
                .ok_or_else(|| invalid("date must be a day, such as 2027-01-31"))?,
        ),
        None => None,
    };
    let limit = match query.get("limit").map(|text| text.parse()) {
        None => MultiEventsPage::LIMIT_MAX,
        Some(Ok(limit @ 1..=MultiEventsPage::LIMIT_MAX)) => limit,
        Some(_) => return Err(invalid("limit must be a whole number from 1 to 200")),
    };
    let paging = match query.get("cursor").map(String::as_str) {
        None => Paging::RandomWindow,
        Some("") => Paging::FromStart,
        Some(text) => Paging::After(
            MultiEventId::parse(text).map_err(|_| invalid("cursor must be one that a reply has given"))?,
        ),
    };
    let page = api.shop.multi_events(day, paging, limit).await?;
    let response = reply::json(StatusCode::OK, &page.multi_events);
    let Some(next) = page.next else {
        return Ok(response);
    };
    let date = day.map(|day| format!("date={day}&")).unwrap_or_default();
    let link = format!("</api/v1/multievents?{date}limit={limit}&cursor={next}>; rel=\"next\"");
    Ok(reply::with_header(response, "link", &link))
}

pub(super) fn events_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("multievents" / String / "events"))
        .and(method(GET))
        .and(with(api))
        .then(|id: String, allowed, api| answer("/api/v1/multievents/{id}/events", events(id, allowed, api)))
        .boxed()
}

async fn events(id: String, allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    let events = api.shop.events(parameter("id", &id, MultiEventId::parse)?).await?;
    Ok(reply::json(StatusCode::OK, &*events))
}

pub(super) fn event_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("events" / String))
        .and(method(GET))
        .and(with(api))
        .then(|id: String, allowed, api| answer("/api/v1/events/{id}", event(id, allowed, api)))
        .boxed()
}

async fn event(id: String, allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    let event = api.shop.event(parameter("id", &id, EventId::parse)?).await?;
    Ok(reply::json(StatusCode::OK, &EventReply::from(&event)))
}
