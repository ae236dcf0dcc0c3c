//! Bodies of requests as they are documented. They are read field by field, so that every mistake can be named
//! (`http/body.rs`); these types only describe them.

use utoipa::openapi::schema::{Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::model::{AccountId, CategoryId, EventId, countries};

/// A new account.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it only describes")]
pub(super) struct NewAccount {
    /// The buyer's name: one line, without control characters; spaces around it do not count.
    #[schema(max_length = 200, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]+( +[^\s\x00-\x1f\x7f-\x9f]+)*$")]
    name: String,
    /// Something, one `@`, a domain; spaces around it and capitals do not count.
    #[schema(max_length = 254, pattern = r"^[!-?A-~]+@[!-?A-~]+$")]
    email: String,
    country: AnyCountry,
}

/// A purchase.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "it only describes")]
pub(super) struct Purchase {
    account_id: AccountId,
    event_id: EventId,
    category_id: CategoryId,
    /// How many tickets.
    #[schema(minimum = 1, maximum = 10)]
    quantity: i64,
}

/// A country that is assigned.
pub(super) struct AnyCountry;

impl PartialSchema for AnyCountry {
    fn schema() -> RefOr<Schema> {
        let codes = countries().iter().map(|country| country.code.to_string());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(codes))
            .description(Some("ISO 3166-1 alpha-2 code of the buyer's country, in any case"))
            .into()
    }
}

impl ToSchema for AnyCountry {}
