//! `POST /account` and `GET /account/{email}`.

use bytes::Buf;
use futures_util::Stream;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::body::Fields;
use super::problem::{Answer, Problem};
use super::problem_kind::ProblemKind;
use super::{Api, GET, POST, Received, answer, api_v1, method, received, reply, with};
use crate::model::{Account, AccountName, CountryCode, Email};
use crate::shop::{AccountDetails, Ticket};

/// An account and what it has bought, as `GET /account/{email}` shows them.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountReply<'a> {
    #[serde(flatten)]
    account: &'a Account,
    tickets: Vec<Ticket<'a>>,
}

pub(super) fn create_account_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("account"))
        .and(method(POST))
        .and(with(api))
        .and(received())
        .then(|allowed, api, request| answer("/api/v1/account", create_account(allowed, api, request)))
        .boxed()
}

async fn create_account(
    allowed: Result<(), Problem>,
    api: Api,
    request: Received<impl Stream<Item = Result<impl Buf, warp::Error>>>,
) -> Answer {
    allowed?;
    let (_, body) = request.json(api.body).await?;
    let mut fields = Fields::parse(&body)?;
    let name = fields.text("name", AccountName::parse);
    let email = fields.text("email", Email::parse);
    let country = fields.text("country", CountryCode::parse);
    let (Some(name), Some(email), Some(country), true) = (name, email, country, fields.is_clean()) else {
        return Err(fields.finish());
    };
    let made = api.shop.create_account(name, email, country).await?;
    let status = if made.created { StatusCode::CREATED } else { StatusCode::OK };
    let place = utf8_percent_encode(made.account.email.as_str(), NON_ALPHANUMERIC);
    let response = reply::json(status, &made.account);
    Ok(reply::with_header(response, "location", &format!("/api/v1/account/{place}")))
}

pub(super) fn account_route(api: Api) -> BoxedFilter<(Response,)> {
    api_v1()
        .and(warp::path!("account" / String))
        .and(method(GET))
        .and(with(api))
        .then(|email: String, allowed, api| answer("/api/v1/account/{email}", account(email, allowed, api)))
        .boxed()
}

async fn account(email: String, allowed: Result<(), Problem>, api: Api) -> Answer {
    allowed?;
    let invalid = |detail: String| Problem::new(ProblemKind::InvalidParameter, format!("email {detail}"));
    let email = percent_decode_str(&email).decode_utf8().map_err(|_| invalid("must be UTF-8".to_owned()))?;
    let email = Email::parse(&email).map_err(|error| invalid(error.to_string()))?;
    let AccountDetails { account, sales } = api.shop.account(&email).await?;
    let tickets = sales.iter().flat_map(|sale| sale.tickets()).collect();
    Ok(reply::json(StatusCode::OK, &AccountReply { account: &account, tickets }))
}
