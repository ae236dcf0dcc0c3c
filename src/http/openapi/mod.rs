//! The API's description in OpenAPI 3.1, made of the types of requests and replies and of one entry for each
//! operation.

mod build;
mod operations;
mod requests;

use utoipa::openapi::schema::Components;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
};

use self::operations::OPERATIONS;
use self::requests::{AnyCountry, NewAccount, Purchase};
use super::accounts::AccountReply;
use super::health::Health;
use super::problem::{Body, FieldError, More};
use super::tickets::SaleReply;
use crate::model::{
    Account, AccountId, AccountName, CategoryId, CountryCode, DatesRange, Email, EventId, EventSummary,
    Money, MultiEvent, MultiEventId, SaleId, TicketId,
};
use crate::shop::{CategoryDetails, EventReply, Ticket};
use crate::version::VERSION;

const ABOUT: &str = "Sells tickets for events, each seat once.

- Ids are UUIDs, times RFC 3339 in UTC, prices numbers with two decimals.
- Every error is a *problem* (RFC 9457): `code` is stable and for programs, `effect` says whether anything was done:
  `none`, or `unknown`, which the same request with the same `Idempotency-Key` settles.
- A 503 comes with `Retry-After`. Every answer has `X-Request-Id`, the request's own where it sent one.
- Bodies are JSON with a `Content-Length`; field names are matched in any case.
- There is no log-in: put a gateway before it.";

/// Groups of operations, with what they are for.
const TAGS: [(&str, &str); 4] = [
    ("Accounts", "Buyers"),
    ("Events", "What is on sale"),
    ("Tickets", "Buying, and what was bought"),
    ("Operations", "For those who run the shop, and these pages"),
];

/// The document as text, the same for the same version; ends with a line break.
#[must_use]
pub fn openapi_json() -> String {
    // Maps with text keys can always be written.
    document().to_pretty_json().unwrap_or_default() + "\n"
}

fn document() -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Ticketshop")
        .version(VERSION)
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let paths = OPERATIONS.iter().fold(PathsBuilder::new(), |paths, operation| {
        paths.path(operation.path, build::path_item(operation))
    });
    OpenApiBuilder::new()
        .info(info)
        // The daemon that serves the document.
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(tags))
        .paths(paths.build())
        .components(Some(components()))
        .build()
}

/// Every type that requests and replies name.
fn components() -> Components {
    ComponentsBuilder::new()
        .schema_from::<AccountId>()
        .schema_from::<AccountName>()
        .schema_from::<CategoryId>()
        .schema_from::<CountryCode>()
        .schema_from::<Email>()
        .schema_from::<EventId>()
        .schema_from::<Money>()
        .schema_from::<MultiEventId>()
        .schema_from::<SaleId>()
        .schema_from::<TicketId>()
        .schema_from::<CategoryDetails>()
        .schema_from::<FieldError>()
        .schema_from::<More>()
        .schema_from::<AnyCountry>()
        .schema_from::<Account>()
        .schema_from::<AccountReply<'_>>()
        .schema_from::<DatesRange>()
        .schema_from::<MultiEvent>()
        .schema_from::<EventSummary>()
        .schema_from::<EventReply<'_>>()
        .schema_from::<Ticket<'_>>()
        .schema_from::<SaleReply<'_>>()
        .schema_from::<Health>()
        .schema_from::<Body<'_>>()
        .schema_from::<NewAccount>()
        .schema_from::<Purchase>()
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::ProblemKind;

    fn json() -> Value {
        serde_json::from_str(&openapi_json()).unwrap()
    }

    #[test]
    fn every_problem_is_documented_somewhere_and_every_reference_leads_somewhere() {
        let (text, document) = (openapi_json(), json());
        assert_eq!(document["openapi"], "3.1.0");
        for kind in ProblemKind::all().filter(|kind| *kind != ProblemKind::NotFound) {
            let (_, code, _) = kind.parts();
            assert!(text.contains(&format!("urn:ticketshop:problem:{code}")), "{code}");
        }
        for reference in text.split("\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn operations_are_named_once_and_say_what_they_do() {
        let mut ids = BTreeSet::new();
        for operation in OPERATIONS {
            assert!(ids.insert(operation.id), "{} twice", operation.id);
            assert!(!operation.summary.is_empty() && !operation.replies.is_empty(), "{}", operation.id);
            for parameter in operation.parameters.iter().filter(|one| one.place == operations::Place::Path) {
                assert!(operation.path.contains(&format!("{{{}}}", parameter.name)), "{}", operation.id);
            }
        }
    }
}
