//! Every error that a client can meet, as `application/problem+json` (RFC 9457).
//!
//! The one place where errors of the shop become statuses. A problem has a stable `code` for programs
//! and says by `effect` whether anything was done. What went wrong inside is logged here, once, and
//! never sent.

use jiff::Timestamp;
use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::reply;
use crate::shop::ShopError;
use crate::store::Entity;

/// Seconds after which a client may try again, where the shop is not able to answer now.
const RETRY_AFTER_SECONDS: u32 = 1;

/// What is wrong, as documented in `docs/api.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: the body is no JSON.
    MalformedRequest,
    /// 400: a parameter of the path or query has not the form it must have.
    InvalidParameter,
    /// 400: the `Idempotency-Key` is empty, too long, or has other than visible ASCII characters.
    InvalidIdempotencyKey,
    /// 404: there is no such route.
    NotFound,
    /// 404: there is no such account.
    AccountNotFound,
    /// 404: there is no such multi-event.
    MultiEventNotFound,
    /// 404: there is no such event.
    EventNotFound,
    /// 404: the event has no such category.
    CategoryNotFound,
    /// 404: there is no such sale.
    SaleNotFound,
    /// 405: the route has other methods, named in `Allow`.
    MethodNotAllowed,
    /// 408: the body did not arrive in time.
    RequestTimeout,
    /// 409: the e-mail address belongs to an account with another name or country.
    EmailTaken,
    /// 409: fewer tickets are left than asked for; `left` says how many.
    SoldOut,
    /// 409: the event is on sale `from` until `until`.
    NotOnSale,
    /// 411: the body has no `Content-Length`.
    LengthRequired,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 415: the body is not declared as JSON.
    UnsupportedMediaType,
    /// 422: fields are missing, unknown or have wrong values; `errors` names each.
    InvalidFields,
    /// 422: the `Idempotency-Key` was used for another purchase of this account.
    IdempotencyKeyReused,
    /// 431: there are too many headers.
    TooManyHeaders,
    /// 500: a mistake of ours.
    Internal,
    /// 503: too many requests are waiting; try again after `Retry-After`.
    Overloaded,
    /// 503: the store cannot be used; try again after `Retry-After`.
    Unavailable,
    /// 503: the daemon is ending.
    Draining,
    /// 503: the purchase was made or not; the same request with the same key settles it.
    OutcomeUnknown,
}

impl ProblemKind {
    /// Every kind, for the documentation and its test.
    pub const ALL: [Self; 25] = [
        Self::MalformedRequest,
        Self::InvalidParameter,
        Self::InvalidIdempotencyKey,
        Self::NotFound,
        Self::AccountNotFound,
        Self::MultiEventNotFound,
        Self::EventNotFound,
        Self::CategoryNotFound,
        Self::SaleNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::EmailTaken,
        Self::SoldOut,
        Self::NotOnSale,
        Self::LengthRequired,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidFields,
        Self::IdempotencyKeyReused,
        Self::TooManyHeaders,
        Self::Internal,
        Self::Overloaded,
        Self::Unavailable,
        Self::Draining,
        Self::OutcomeUnknown,
    ];

    /// Status, stable code, and title.
    #[must_use]
    pub const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => (S::BAD_REQUEST, "malformed-request", "The body is no JSON"),
            Self::InvalidParameter => (
                S::BAD_REQUEST,
                "invalid-parameter",
                "A parameter has a wrong form",
            ),
            Self::InvalidIdempotencyKey => (
                S::BAD_REQUEST,
                "invalid-idempotency-key",
                "The idempotency key has a wrong form",
            ),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such route"),
            Self::AccountNotFound => (S::NOT_FOUND, "account-not-found", "There is no such account"),
            Self::MultiEventNotFound => (
                S::NOT_FOUND,
                "multi-event-not-found",
                "There is no such multi-event",
            ),
            Self::EventNotFound => (S::NOT_FOUND, "event-not-found", "There is no such event"),
            Self::CategoryNotFound => (
                S::NOT_FOUND,
                "category-not-found",
                "The event has no such category",
            ),
            Self::SaleNotFound => (S::NOT_FOUND, "sale-not-found", "There is no such sale"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The route has other methods",
            ),
            Self::RequestTimeout => (
                S::REQUEST_TIMEOUT,
                "request-timeout",
                "The body did not arrive in time",
            ),
            Self::EmailTaken => (S::CONFLICT, "email-taken", "The e-mail address is taken"),
            Self::SoldOut => (S::CONFLICT, "sold-out", "Not enough tickets are left"),
            Self::NotOnSale => (S::CONFLICT, "not-on-sale", "The event is not on sale now"),
            Self::LengthRequired => (
                S::LENGTH_REQUIRED,
                "length-required",
                "The body needs a Content-Length",
            ),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be application/json",
            ),
            Self::InvalidFields => (S::UNPROCESSABLE_ENTITY, "invalid-fields", "Fields are wrong"),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key belongs to another purchase",
            ),
            Self::TooManyHeaders => (
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too-many-headers",
                "There are too many headers",
            ),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side",
            ),
            Self::Overloaded => (
                S::SERVICE_UNAVAILABLE,
                "overloaded",
                "Too many requests are waiting",
            ),
            Self::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "The shop cannot answer now",
            ),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "draining", "The shop is closing"),
            Self::OutcomeUnknown => (
                S::SERVICE_UNAVAILABLE,
                "outcome-unknown",
                "It is unknown whether this was done",
            ),
        }
    }
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    more: More,
    allow: Option<&'static str>,
}

/// Members that only some problems have.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    /// `none`: nothing was done. `unknown`: it may have been.
    effect: &'a str,
    #[serde(flatten)]
    more: &'a More,
}

/// What a route's handler answers.
pub(super) type Answer = Result<Response, Problem>;

impl Problem {
    /// A problem with an explanation for people.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            more: More::default(),
            allow: None,
        }
    }

    /// Fields that are wrong, each of them.
    pub(super) fn of_fields(errors: Vec<FieldError>) -> Self {
        let names: Vec<String> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.detail))
            .collect();
        let problem = Self::new(ProblemKind::InvalidFields, names.join("; "));
        Self {
            more: More {
                errors,
                ..More::default()
            },
            ..problem
        }
    }

    /// A method that the route does not have; it has `allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let problem = Self::new(ProblemKind::MethodNotAllowed, format!("use {allow}"));
        Self {
            allow: Some(allow),
            ..problem
        }
    }

    /// The response that tells it.
    pub(super) fn into_response(self) -> Response {
        let (status, code, title) = self.kind.parts();
        let body = Body {
            r#type: format!("urn:ticketshop:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code,
            effect: if self.kind == ProblemKind::OutcomeUnknown {
                "unknown"
            } else {
                "none"
            },
            more: &self.more,
        };
        let mut response = reply::json(status, &body);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl From<Entity> for ProblemKind {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Account => Self::AccountNotFound,
            Entity::MultiEvent => Self::MultiEventNotFound,
            Entity::Event => Self::EventNotFound,
            Entity::Category => Self::CategoryNotFound,
            Entity::Sale => Self::SaleNotFound,
        }
    }
}

impl From<ShopError> for Problem {
    fn from(error: ShopError) -> Self {
        let detail = error.to_string();
        let (kind, more) = match error {
            ShopError::NotFound(entity) => (entity.into(), More::default()),
            ShopError::NotOnSale { from, until } => (
                ProblemKind::NotOnSale,
                More {
                    from: Some(from),
                    until: Some(until),
                    ..More::default()
                },
            ),
            ShopError::SoldOut { left } => (
                ProblemKind::SoldOut,
                More {
                    left: Some(left),
                    ..More::default()
                },
            ),
            ShopError::KeyReused => (ProblemKind::IdempotencyKeyReused, More::default()),
            ShopError::EmailTaken => (ProblemKind::EmailTaken, More::default()),
            ShopError::Overloaded => (ProblemKind::Overloaded, More::default()),
            ShopError::Unavailable(cause) => {
                tracing::error!(%cause, "the store is unavailable");
                (ProblemKind::Unavailable, More::default())
            }
            ShopError::OutcomeUnknown(cause) => {
                tracing::error!(%cause, "the outcome of a request is unknown");
                (ProblemKind::OutcomeUnknown, More::default())
            }
            ShopError::Damaged(cause) => {
                tracing::error!(%cause, "the stored data contradict themselves: run tsctl audit");
                (ProblemKind::Internal, More::default())
            }
        };
        Self {
            kind,
            detail,
            more,
            allow: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut codes: Vec<&str> = ProblemKind::ALL.iter().map(|kind| kind.parts().1).collect();
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        );
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemKind::ALL.len());
    }

    #[test]
    fn causes_are_not_shown() {
        for error in [
            ShopError::Unavailable(std::sync::Arc::from(
                Box::<dyn std::error::Error + Send + Sync>::from("canary"),
            )),
            ShopError::Damaged(std::sync::Arc::from(
                Box::<dyn std::error::Error + Send + Sync>::from("canary"),
            )),
        ] {
            assert!(!format!("{:?}", Problem::from(error).into_response()).contains("canary"));
        }
    }
}
