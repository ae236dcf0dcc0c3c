//! The nouns of the shop as plain types that hold what their names promise.
//!
//! A value of these types is valid: each has one `parse`, and nobody below the edge checks a string
//! again. No SQL, no HTTP, no async here, and no import from another layer.

mod account;
mod catalogue;
mod country;
mod ids;
mod money;
mod parse;
mod sale;
mod schema;
pub mod seats;

pub use account::{Account, AccountName, Email, NewAccount};
pub use catalogue::{
    CategoryFacts, CategorySold, DatesRange, EventFacts, EventSummary, MultiEvent, NewEvent, NewMultiEvent,
    NewTicketCategory, SeatingCategory, Venue, is_on_sale,
};
pub use country::{Country, CountryCode, Region, countries};
pub use ids::{AccountId, CategoryId, EventId, MultiEventId, SaleId, TicketId, VenueId};
pub use money::Money;
pub use parse::Invalid;
pub use sale::{IdempotencyKey, Purchase, Quantity, Sale, SeatRange, SeatRanges};
