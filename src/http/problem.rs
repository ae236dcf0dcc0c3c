//! Every error that a client can meet, as `application/problem+json` (RFC 9457).
//!
//! The one place where errors of the shop become statuses. A problem has a stable `code` for programs
//! and says by `effect` whether anything was done. What went wrong inside is logged with the id of the
//! request, once, and never sent.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::problem_kind::ProblemKind;
use super::reply;
use crate::shop::ShopError;
use crate::store::Cause;

/// Seconds after which a client may try again, where the shop is not able to answer now.
const RETRY_AFTER_SECONDS: u32 = 1;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where in the body, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What it must be.
    pub detail: String,
}

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    kind: ProblemKind,
    detail: String,
    more: Box<More>,
    allow: Option<&'static str>,
    failure: Option<Failure>,
}

/// What went wrong inside, on its way to the log: kept among the response's extensions until someone knows
/// which request it was.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// What failed.
    pub(super) what: &'static str,
    /// Why.
    pub(super) cause: Cause,
}

impl Failure {
    fn of(error: &ShopError) -> Option<Self> {
        let (what, cause) = match error {
            ShopError::Unavailable(cause) => ("the store is unavailable", cause),
            ShopError::OutcomeUnknown(cause) => ("the outcome of a request is unknown", cause),
            ShopError::Damaged(cause) => ("the stored data contradict themselves: run tsctl audit", cause),
            _ => return None,
        };
        Some(Self { what, cause: Cause::clone(cause) })
    }
}

/// Members that only some problems have.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = ProblemMembers)]
#[serde(rename_all = "camelCase")]
pub(super) struct More {
    /// Of `sold-out`: tickets that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    left: Option<u32>,
    /// Of `not-on-sale`: when the sale begins or began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    from: Option<Timestamp>,
    /// Of `not-on-sale`: when the event begins, which ends the sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    until: Option<Timestamp>,
    /// Of `invalid-fields`: each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// An error, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    /// `urn:ticketshop:problem:` and the code.
    r#type: String,
    /// The same for all problems with this code.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time.
    detail: &'a str,
    /// For programs; stable.
    code: &'a str,
    /// `none`: nothing was done. `unknown`: it may have been; the same request with the same key settles it.
    effect: &'a str,
    #[serde(flatten)]
    more: &'a More,
}

/// What a route's handler answers.
pub(super) type Answer = Result<Response, Problem>;

impl Problem {
    /// A problem with an explanation for people.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), more: Box::default(), allow: None, failure: None }
    }

    /// Fields that are wrong, each of them.
    pub(super) fn of_fields(errors: Vec<FieldError>) -> Self {
        let names: Vec<String> =
            errors.iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect();
        let problem = Self::new(ProblemKind::InvalidFields, names.join("; "));
        Self { more: Box::new(More { errors, ..More::default() }), ..problem }
    }

    /// A method that the route does not have; it has `allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let problem = Self::new(ProblemKind::MethodNotAllowed, format!("use {allow}"));
        Self { allow: Some(allow), ..problem }
    }

    /// What is told of it.
    fn body(&self) -> Body<'_> {
        let (status, code, title) = self.kind.parts();
        Body {
            r#type: format!("urn:ticketshop:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code,
            effect: if self.kind == ProblemKind::OutcomeUnknown { "unknown" } else { "none" },
            more: &self.more,
        }
    }

    /// A problem of this kind as a client may meet it, for the documentation.
    pub(super) fn example(kind: ProblemKind) -> serde_json::Value {
        let mut problem = Self::new(kind, kind.example());
        let at = |text: &str| text.parse().ok();
        match kind {
            ProblemKind::SoldOut => problem.more.left = Some(1),
            ProblemKind::NotOnSale => {
                problem.more.from = at("2027-01-01T09:00:00Z");
                problem.more.until = at("2027-01-31T19:00:00Z");
            }
            ProblemKind::InvalidFields => {
                let detail = "must be from 1 to 10".to_owned();
                problem.more.errors = vec![FieldError { pointer: "/quantity".to_owned(), detail }];
            }
            _ => {}
        }
        serde_json::to_value(problem.body()).unwrap_or_default()
    }

    /// The response that tells it.
    pub(super) fn into_response(self) -> Response {
        let status = self.kind.parts().0;
        let body = self.body();
        let mut response = reply::json(status, &body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

impl From<ShopError> for Problem {
    fn from(error: ShopError) -> Self {
        let (detail, failure) = (error.to_string(), Failure::of(&error));
        let (kind, more) = match error {
            ShopError::NotFound(entity) => (entity.into(), More::default()),
            ShopError::NotOnSale { from, until } => {
                (ProblemKind::NotOnSale, More { from: Some(from), until: Some(until), ..More::default() })
            }
            ShopError::SoldOut { left } => {
                (ProblemKind::SoldOut, More { left: Some(left), ..More::default() })
            }
            ShopError::KeyReused => (ProblemKind::IdempotencyKeyReused, More::default()),
            ShopError::EmailTaken => (ProblemKind::EmailTaken, More::default()),
            ShopError::Overloaded => (ProblemKind::Overloaded, More::default()),
            ShopError::Unavailable(_) => (ProblemKind::Unavailable, More::default()),
            ShopError::OutcomeUnknown(_) => (ProblemKind::OutcomeUnknown, More::default()),
            ShopError::Damaged(_) => (ProblemKind::Internal, More::default()),
        };
        Self { kind, detail, more: Box::new(more), allow: None, failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_not_shown() {
        for error in [
            ShopError::Unavailable(std::sync::Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
                "canary",
            ))),
            ShopError::Damaged(std::sync::Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
                "canary",
            ))),
        ] {
            assert!(!format!("{:?}", Problem::from(error).into_response()).contains("canary"));
        }
    }
}
