//! How the model's own types look in JSON, for the API's documentation. A test of the API holds every answer
//! against it.

use serde_json::json;
use utoipa::openapi::schema::{Schema, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    AccountId, AccountName, CategoryId, CountryCode, Email, EventId, Money, MultiEventId, SaleId, TicketId,
};

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

macro_rules! schema {
    ($($name:ident: $object:expr;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $object.into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

schema! {
    AccountId: uuid().description(Some("Id of an account"));
    CategoryId: uuid().description(Some("Id of a seating category"));
    EventId: uuid().description(Some("Id of an event"));
    MultiEventId: uuid().description(Some("Id of a multi-event"));
    SaleId: uuid().description(Some("Id of a sale"));
    TicketId: uuid().description(Some("Id of a ticket"));
    AccountName: text()
        .min_length(Some(1))
        .max_length(Some(AccountName::MAX_CHARS))
        .description(Some("The buyer's name"));
    Email: text()
        .max_length(Some(Email::MAX_CHARS))
        .description(Some("E-mail address, in lower case; one account each"));
    CountryCode: text()
        .pattern(Some("^[A-Z]{2}$"))
        .description(Some("ISO 3166-1 alpha-2 code; requests may have it in any case"));
    Money: ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some("An amount with two decimals"))
        .examples([json!(49.95)]);
}
