//! The kinds of problems that the API tells, each with its status, its stable code and its title.

use warp::http::StatusCode;

use crate::store::Entity;

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

/// Status, stable code and title of each kind, in the order of the kinds.
const KINDS: [(ProblemKind, StatusCode, &str, &str); 25] = {
    use ProblemKind as K;
    use StatusCode as S;
    [
        (K::MalformedRequest, S::BAD_REQUEST, "malformed-request", "The body is no JSON"),
        (K::InvalidParameter, S::BAD_REQUEST, "invalid-parameter", "A parameter has a wrong form"),
        (
            K::InvalidIdempotencyKey,
            S::BAD_REQUEST,
            "invalid-idempotency-key",
            "The idempotency key has a wrong form",
        ),
        (K::NotFound, S::NOT_FOUND, "not-found", "There is no such route"),
        (K::AccountNotFound, S::NOT_FOUND, "account-not-found", "There is no such account"),
        (K::MultiEventNotFound, S::NOT_FOUND, "multi-event-not-found", "There is no such multi-event"),
        (K::EventNotFound, S::NOT_FOUND, "event-not-found", "There is no such event"),
        (K::CategoryNotFound, S::NOT_FOUND, "category-not-found", "The event has no such category"),
        (K::SaleNotFound, S::NOT_FOUND, "sale-not-found", "There is no such sale"),
        (K::MethodNotAllowed, S::METHOD_NOT_ALLOWED, "method-not-allowed", "The route has other methods"),
        (K::RequestTimeout, S::REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time"),
        (K::EmailTaken, S::CONFLICT, "email-taken", "The e-mail address is taken"),
        (K::SoldOut, S::CONFLICT, "sold-out", "Not enough tickets are left"),
        (K::NotOnSale, S::CONFLICT, "not-on-sale", "The event is not on sale now"),
        (K::LengthRequired, S::LENGTH_REQUIRED, "length-required", "The body needs a Content-Length"),
        (K::BodyTooLarge, S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
        (
            K::UnsupportedMediaType,
            S::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body must be application/json",
        ),
        (K::InvalidFields, S::UNPROCESSABLE_ENTITY, "invalid-fields", "Fields are wrong"),
        (
            K::IdempotencyKeyReused,
            S::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "The idempotency key belongs to another purchase",
        ),
        (
            K::TooManyHeaders,
            S::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too-many-headers",
            "There are too many headers",
        ),
        (K::Internal, S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side"),
        (K::Overloaded, S::SERVICE_UNAVAILABLE, "overloaded", "Too many requests are waiting"),
        (K::Unavailable, S::SERVICE_UNAVAILABLE, "unavailable", "The shop cannot answer now"),
        (K::Draining, S::SERVICE_UNAVAILABLE, "draining", "The shop is closing"),
        (K::OutcomeUnknown, S::SERVICE_UNAVAILABLE, "outcome-unknown", "It is unknown whether this was done"),
    ]
};

impl ProblemKind {
    /// Every kind, for the documentation and its test.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|kind| kind.0)
    }

    /// Status, stable code, and title.
    #[must_use]
    pub const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        let (_, status, code, title) = KINDS[self as usize];
        (status, code, title)
    }

    /// What a problem of this kind may say.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::MalformedRequest => "the body is no JSON: expected value at line 1 column 1",
            Self::InvalidParameter => "id must be a UUID, such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427",
            Self::InvalidIdempotencyKey => "Idempotency-Key must be visible ASCII characters",
            Self::NotFound => "see /api/v1 for the routes",
            Self::AccountNotFound => "there is no such account",
            Self::MultiEventNotFound => "there is no such multi-event",
            Self::EventNotFound => "there is no such event",
            Self::CategoryNotFound => "there is no such category",
            Self::SaleNotFound => "there is no such sale",
            Self::MethodNotAllowed => "use GET, HEAD",
            Self::RequestTimeout => "the body took over 5s",
            Self::EmailTaken => "this e-mail address belongs to an account with another name or country",
            Self::SoldOut => "1 tickets are left in this category",
            Self::NotOnSale => {
                "tickets of this event are on sale from 2027-01-01T09:00:00Z until 2027-01-31T19:00:00Z"
            }
            Self::LengthRequired => "send a body with Content-Length; chunked bodies are not read",
            Self::BodyTooLarge => "the body has 70000 bytes, at most 65536 are read",
            Self::UnsupportedMediaType => "send Content-Type: application/json",
            Self::InvalidFields => "/quantity must be from 1 to 10",
            Self::IdempotencyKeyReused => "this idempotency key belongs to another purchase of this account",
            Self::TooManyHeaders => "send at most 100 headers",
            Self::Internal => "something went wrong",
            Self::Overloaded => "too many requests are waiting",
            Self::Unavailable => "the shop cannot answer now",
            Self::Draining => "the daemon is ending",
            Self::OutcomeUnknown => {
                "it is not known whether this was done; send the same request again, with the same Idempotency-Key"
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        assert!(ProblemKind::all().enumerate().all(|(at, kind)| kind as usize == at));
        let mut codes: Vec<&str> = ProblemKind::all().map(|kind| kind.parts().1).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemKind::all().count());
    }
}
