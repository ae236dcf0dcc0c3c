//! `POST /tickets/purchase` and `GET /sales/{id}`.

use std::time::Instant;

use bytes::Buf;
use futures_util::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{Instrument, debug_span};
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::body::Fields;
use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{Api, GET, POST, Received, answer, api_v1, method, parameter, received, reply, with};
use crate::model::{AccountId, CategoryId, EventId, IdempotencyKey, Invalid, Money, Quantity, SaleId};
use crate::shop::{Receipt, SaleDetails, Ticket, Wish};

/// A sale as `GET /sales/{id}` shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SaleReply<'a> {
    id: SaleId,
    account_id: AccountId,
    event_id: EventId,
    category_id: CategoryId,
    quantity: u32,
    total: Money,
    #[schema(value_type = String, format = DateTime, example = "2026-11-25T05:30:00.123456Z")]
    purchase_date: Timestamp,
    tickets: Vec<Ticket<'a>>,
}

impl<'a> From<&'a SaleDetails> for SaleReply<'a> {
    fn from(details: &'a SaleDetails) -> Self {
        let sale = &details.sale;
        Self {
            id: sale.id,
            account_id: sale.account,
            event_id: sale.event,
            category_id: sale.category,
            quantity: sale.seats.count(),
            total: sale.total(),
            purchase_date: sale.purchase_date,
            tickets: details.tickets().collect(),
        }
    }
}

pub(super) fn purchase_tickets_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("tickets" / "purchase"))
        .and(method(POST))
        .and(with(api))
        .and(received())
        .then(|allowed, api, request| {
            answer("/api/v1/tickets/purchase", purchase_tickets(allowed, api, request))
        })
        .boxed()
}

async fn purchase_tickets(
    allowed: Result<(), Problem>,
    api: Api,
    request: Received<impl Stream<Item = Result<impl Buf, warp::Error>>>,
) -> Answer {
    allowed?;
    let deadline = Instant::now() + api.request_timeout;
    let parse = async {
        let (headers, body) = request.json(api.body).await?;
        parse_wish(&headers, &body)
    };
    let wish = parse.instrument(debug_span!("parse")).await?;
    let receipt = api.shop.purchase_tickets(wish, deadline).await?;
    Ok(debug_span!("reply").in_scope(|| purchase_reply(&receipt)))
}

/// The reply to a purchase that was made.
#[must_use]
pub fn purchase_reply(receipt: &Receipt) -> Response {
    let tickets: Vec<Ticket<'_>> = receipt.sale.tickets().collect();
    let response = reply::json(StatusCode::CREATED, &tickets);
    let id = receipt.sale.sale.id;
    let response = reply::with_header(response, "sale-id", &id.to_string());
    let response = reply::with_header(response, "location", &format!("/api/v1/sales/{id}"));
    if receipt.replayed { reply::with_header(response, "idempotent-replayed", "true") } else { response }
}

/// What the headers and the body of a purchase ask for.
///
/// # Errors
/// The reply that says what is wrong with them.
pub fn purchase_request(headers: &HeaderMap, body: &[u8]) -> Result<Wish, Box<Response>> {
    parse_wish(headers, body).map_err(|problem| Box::new(problem.into_response()))
}

/// The body as nearly everyone sends it; whatever is not quite so is read again field by field, which says
/// what is wrong with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UsualBody<'a> {
    account_id: &'a str,
    event_id: &'a str,
    category_id: &'a str,
    quantity: i64,
}

impl UsualBody<'_> {
    fn wish(&self, key: Option<IdempotencyKey>) -> Result<Wish, Invalid> {
        Ok(Wish {
            account: AccountId::parse(self.account_id)?,
            event: EventId::parse(self.event_id)?,
            category: CategoryId::parse(self.category_id)?,
            quantity: Quantity::new(self.quantity)?,
            key,
        })
    }
}

fn parse_wish(headers: &HeaderMap, body: &[u8]) -> Result<Wish, Problem> {
    let key = idempotency_key(headers)?;
    if let Ok(usual) = serde_json::from_slice::<UsualBody<'_>>(body)
        && let Ok(wish) = usual.wish(key.clone())
    {
        return Ok(wish);
    }
    let mut fields = Fields::parse(body)?;
    let account = fields.text("accountId", AccountId::parse);
    let event = fields.text("eventId", EventId::parse);
    let category = fields.text("categoryId", CategoryId::parse);
    let quantity = fields.integer("quantity", Quantity::new);
    match (account, event, category, quantity, fields.is_clean()) {
        (Some(account), Some(event), Some(category), Some(quantity), true) => {
            Ok(Wish { account, event, category, quantity, key })
        }
        _ => Err(fields.finish()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let invalid =
        |detail: &str| Problem::new(ProblemKind::InvalidIdempotencyKey, format!("Idempotency-Key {detail}"));
    let text = value.to_str().map_err(|_| invalid("must be visible ASCII characters"))?;
    IdempotencyKey::parse(text).map(Some).map_err(|error| invalid(&error.to_string()))
}

pub(super) fn sale_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("sales" / String))
        .and(method(GET))
        .and(with(api))
        .then(|id: String, allowed, api| answer("/api/v1/sales/{id}", sale(id, allowed, api)))
        .boxed()
}

async fn sale(id: String, allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    let sale = api.shop.sale(parameter("id", &id, SaleId::parse)?).await?;
    Ok(reply::json(StatusCode::OK, &SaleReply::from(&sale)))
}
