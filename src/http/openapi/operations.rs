//! Every operation of the API: what it is for, what it takes and what it answers. The document is made of these,
//! and a test holds each answer that any test gets against it.

use super::super::problem_kind::ProblemKind as K;

/// An operation as the document shows it.
pub(super) struct Operation {
    /// The name of its use case, the same in every layer.
    pub(super) id: &'static str,
    /// The group it is shown in.
    pub(super) tag: &'static str,
    /// `GET`, which `HEAD` is answered as, or `POST`.
    pub(super) method: &'static str,
    /// The template of its path.
    pub(super) path: &'static str,
    /// One line.
    pub(super) summary: &'static str,
    /// What else there is to know; may be empty.
    pub(super) description: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The name of the body's schema, and an example of it.
    pub(super) body: Option<(&'static str, &'static str)>,
    pub(super) replies: &'static [Reply],
    /// Problems beyond those that every operation may answer.
    pub(super) problems: &'static [K],
}

/// A parameter.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) schema: ParameterSchema,
    pub(super) description: &'static str,
    pub(super) example: &'static str,
}

/// Where a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// What a parameter may be.
#[derive(Clone, Copy)]
pub(super) enum ParameterSchema {
    /// A type of the model or of the requests, by name.
    Named(&'static str),
    /// A day.
    Date,
    /// A whole number within bounds.
    Number(f64, f64),
    /// A text that matches a pattern.
    Pattern(&'static str),
}

/// An answer that is no problem.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Content,
    /// Names of headers; `build.rs` describes each.
    pub(super) headers: &'static [&'static str],
    /// An example of the content, as JSON; empty where there is none.
    pub(super) example: &'static str,
}

/// What an answer holds.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// JSON of this schema.
    Json(&'static str),
    /// A JSON array of this schema.
    List(&'static str),
    /// Any JSON.
    AnyJson,
    /// Text of this media type.
    Text(&'static str),
}

const fn reply(
    status: u16,
    description: &'static str,
    content: Content,
    headers: &'static [&'static str],
    example: &'static str,
) -> Reply {
    Reply { status, description, content, headers, example }
}

const fn id(schema: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter { name: "id", place: Place::Path, schema: ParameterSchema::Named(schema), description, example }
}

/// What goes without saying of an operation that takes nothing and answers with one thing.
const PLAIN: Operation = Operation {
    id: "",
    tag: "Operations",
    method: "GET",
    path: "",
    summary: "",
    description: "",
    parameters: &[],
    body: None,
    replies: &[],
    problems: &[],
};

const TICKET: &str = r#"{"id":"7c3f1c9e-5e0b-8d52-9a6e-3f1c9e000011","event":"Silver Lanterns, night 1","venue":"Tokyo Dome","category":"General","seat":17,"price":49.95,"purchaseDate":"2026-11-25T05:30:00.123456Z"}"#;

const EMAIL: Parameter = Parameter {
    name: "email",
    place: Place::Path,
    schema: ParameterSchema::Pattern("^[!-?A-~]{1,120}@[!-?A-~]{1,120}$"),
    description: "The account's e-mail address, percent-encoded",
    example: "ada@example.com",
};

const DATE: Parameter = Parameter {
    name: "date",
    place: Place::Query,
    schema: ParameterSchema::Date,
    description: "A day in UTC; today where it is left out",
    example: "2027-01-31",
};

const LIMIT: Parameter = Parameter {
    name: "limit",
    place: Place::Query,
    schema: ParameterSchema::Number(1.0, 200.0),
    description: "Most multi-events in the answer; 200 where it is left out",
    example: "50",
};

const CURSOR: Parameter = Parameter {
    name: "cursor",
    place: Place::Query,
    schema: ParameterSchema::Pattern("^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$"),
    description: "Empty for the first page; the next one is in the header `Link`. Without it the answer is a random \
                  window of all there are, which spreads the load",
    example: "",
};

const KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: Place::Header,
    schema: ParameterSchema::Pattern("^[!-~]{1,128}$"),
    description: "The buyer's name for this purchase, 1 to 128 visible ASCII characters. The same purchase under \
                  the same key, however often it is sent, is made once; keys never expire",
    example: "order-4711",
};

/// All of them, in the order of the document.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "create_account",
        tag: "Accounts",
        method: "POST",
        path: "/api/v1/account",
        summary: "Make an account",
        description: "The same body again finds the account that is there: 200.",
        body: Some(("NewAccount", r#"{"name":"Ada Lovelace","email":"ada@example.com","country":"GB"}"#)),
        replies: &[
            reply(201, "The account was made", Content::Json("Account"), &["Location"], ACCOUNT),
            reply(200, "It was there already", Content::Json("Account"), &["Location"], ACCOUNT),
        ],
        problems: &[K::EmailTaken, K::Overloaded],
        ..PLAIN
    },
    Operation {
        id: "account",
        tag: "Accounts",
        path: "/api/v1/account/{email}",
        summary: "Find an account and its tickets",
        description: "The tickets of its newest 1,000 sales, the newest first.",
        parameters: &[EMAIL],
        replies: &[reply(200, "The account", Content::Json("AccountReply"), &[], "")],
        problems: &[K::InvalidParameter, K::AccountNotFound],
        ..PLAIN
    },
    Operation {
        id: "events_dates_range",
        tag: "Events",
        path: "/api/v1/eventsdatesrange",
        summary: "The days of the first and the last event",
        replies: &[reply(
            200,
            "The days",
            Content::Json("DatesRange"),
            &[],
            r#"{"from":"2026-11-25","to":"2027-07-31"}"#,
        )],
        problems: &[K::EventNotFound],
        ..PLAIN
    },
    Operation {
        id: "multi_events",
        tag: "Events",
        path: "/api/v1/multievents",
        summary: "Multi-events with an event on sale that day",
        description: "Each once: without `cursor` a random window of at most `limit`, with it pages.",
        parameters: &[DATE, LIMIT, CURSOR],
        replies: &[reply(
            200,
            "The multi-events",
            Content::List("MultiEvent"),
            &["Link"],
            r#"[{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","name":"Silver Lanterns"}]"#,
        )],
        problems: &[K::InvalidParameter],
        ..PLAIN
    },
    Operation {
        id: "events",
        tag: "Events",
        path: "/api/v1/multievents/{id}/events",
        summary: "The events of a multi-event that are on sale",
        parameters: &[id("MultiEventId", "A multi-event", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")],
        replies: &[reply(
            200,
            "The events, ordered by date",
            Content::List("EventSummary"),
            &[],
            r#"[{"id":"6927d80e-2fa1-41d2-883f-0016d3cca427","name":"Silver Lanterns, night 1","venue":"Tokyo Dome","country":"JP","when":"2027-01-31T19:00:00Z"}]"#,
        )],
        problems: &[K::InvalidParameter, K::MultiEventNotFound],
        ..PLAIN
    },
    Operation {
        id: "event",
        tag: "Events",
        path: "/api/v1/events/{id}",
        summary: "An event, and what is left of it now",
        description: "Also of an event that is not on sale.",
        parameters: &[id("EventId", "An event", "6927d80e-2fa1-41d2-883f-0016d3cca427")],
        replies: &[reply(
            200,
            "The event",
            Content::Json("EventReply"),
            &[],
            r#"{"id":"6927d80e-2fa1-41d2-883f-0016d3cca427","name":"Silver Lanterns, night 1","venue":"Tokyo Dome","country":"JP","when":"2027-01-31T19:00:00Z","categories":[{"id":"bf5b0b1d-2fa1-41d2-883f-0016d3cca427","name":"General","seatsAvailable":446,"price":49.95}]}"#,
        )],
        problems: &[K::InvalidParameter, K::EventNotFound],
        ..PLAIN
    },
    Operation {
        id: "purchase_tickets",
        tag: "Tickets",
        method: "POST",
        path: "/api/v1/tickets/purchase",
        summary: "Buy tickets",
        description: "All that are asked for or none; neighbouring seats where there are any. The sale is on disk \
                      before it is answered. After `outcome-unknown`, or no answer at all, send the same request \
                      with the same key again: it answers with the first sale, or makes it.",
        parameters: &[KEY],
        body: Some((
            "Purchase",
            r#"{"accountId":"c1432ca1-2fa1-41d2-883f-0016d3cca427","eventId":"6927d80e-2fa1-41d2-883f-0016d3cca427","categoryId":"bf5b0b1d-2fa1-41d2-883f-0016d3cca427","quantity":2}"#,
        )),
        replies: &[reply(
            201,
            "The tickets; also where the same purchase had been made before",
            Content::List("Ticket"),
            &["Sale-Id", "Location", "Idempotent-Replayed"],
            "",
        )],
        problems: &[
            K::InvalidIdempotencyKey,
            K::AccountNotFound,
            K::EventNotFound,
            K::CategoryNotFound,
            K::SoldOut,
            K::NotOnSale,
            K::IdempotencyKeyReused,
            K::Overloaded,
        ],
    },
    Operation {
        id: "sale",
        tag: "Tickets",
        path: "/api/v1/sales/{id}",
        summary: "One sale and its tickets",
        parameters: &[id(
            "SaleId",
            "A sale: the header `Sale-Id` of a purchase",
            "c1432ca1-5e0b-8d52-9a6e-3f1c9e2b7a01",
        )],
        replies: &[reply(200, "The sale", Content::Json("SaleReply"), &[], "")],
        problems: &[K::InvalidParameter, K::SaleNotFound],
        ..PLAIN
    },
    Operation {
        id: "healthz",
        path: "/healthz",
        summary: "Whether the process lives",
        replies: &[reply(200, "It does", Content::Json("Health"), &[], r#"{"status":"ok"}"#)],
        ..PLAIN
    },
    Operation {
        id: "readyz",
        path: "/readyz",
        summary: "Whether it can sell",
        replies: &[reply(200, "It can", Content::Json("Health"), &[], r#"{"status":"ready"}"#)],
        problems: &[K::Overloaded, K::Draining],
        ..PLAIN
    },
    Operation {
        id: "metrics",
        path: "/metrics",
        summary: "Metrics, for Prometheus",
        replies: &[reply(200, "The metrics", Content::Text("text/plain"), &[], "")],
        ..PLAIN
    },
    Operation {
        id: "dashboard",
        path: "/dashboard",
        summary: "The live dashboard",
        replies: &[reply(200, "The page", Content::Text("text/html"), &[], "")],
        ..PLAIN
    },
    Operation {
        id: "dashboard_events",
        path: "/dashboard/events",
        summary: "What the dashboard shows",
        description: "Server-sent events: one `board` a second, a JSON object, until one side ends it.",
        replies: &[reply(200, "The stream", Content::Text("text/event-stream"), &[], "")],
        problems: &[K::Overloaded],
        ..PLAIN
    },
    Operation {
        id: "openapi",
        path: "/openapi.json",
        summary: "This document",
        replies: &[reply(200, "The document", Content::AnyJson, &[], "")],
        ..PLAIN
    },
    Operation {
        id: "docs",
        path: "/docs/",
        summary: "A page to read this document and to try the API",
        description: "`/`, `/api/v1` and `/docs` lead here.",
        replies: &[reply(200, "The page", Content::Text("text/html"), &[], "")],
        ..PLAIN
    },
];

const ACCOUNT: &str = r#"{"id":"c1432ca1-2fa1-41d2-883f-0016d3cca427","name":"Ada Lovelace","email":"ada@example.com","country":"GB"}"#;

/// The example of a reply that lists tickets, which are the same everywhere.
pub(super) fn with_tickets(id: &str) -> Option<String> {
    match id {
        "purchase_tickets" => Some(format!("[{TICKET}]")),
        "account" => Some(format!("{},\"tickets\":[{TICKET}]}}", ACCOUNT.trim_end_matches('}'))),
        "sale" => Some(format!(
            r#"{{"id":"c1432ca1-5e0b-8d52-9a6e-3f1c9e2b7a01","accountId":"c1432ca1-2fa1-41d2-883f-0016d3cca427","eventId":"6927d80e-2fa1-41d2-883f-0016d3cca427","categoryId":"bf5b0b1d-2fa1-41d2-883f-0016d3cca427","quantity":1,"total":49.95,"purchaseDate":"2026-11-25T05:30:00.123456Z","tickets":[{TICKET}]}}"#
        )),
        _ => None,
    }
}
