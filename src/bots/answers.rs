//! What the API's answers hold, as far as bots read it.

use std::fmt::Display;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{
    AccountId, CategoryId, CountryCode, DatesRange, EventId, Money, MultiEventId, SaleId, SeatRange,
    SeatRanges,
};

/// `GET /eventsdatesrange`.
#[derive(Deserialize)]
pub(super) struct Dates {
    from: Date,
    to: Date,
}

/// `POST /account`.
#[derive(Serialize)]
pub(super) struct NewAccount<'a> {
    pub(super) name: &'a str,
    pub(super) email: &'a str,
    pub(super) country: CountryCode,
}

/// An account that was made.
#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: AccountId,
}

/// One of `GET /multievents`.
#[derive(Deserialize)]
pub(super) struct MultiEvent {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: MultiEventId,
}

/// One of `GET /multievents/{id}/events`.
#[derive(Deserialize)]
pub(super) struct EventInList {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: EventId,
}

/// `GET /events/{id}`.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: EventId,
    pub(super) name: String,
    pub(super) venue: String,
    pub(super) categories: Vec<Category>,
}

/// What an event sells.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Category {
    #[serde(deserialize_with = "parsed")]
    pub(super) id: CategoryId,
    pub(super) name: String,
    pub(super) seats_available: u32,
}

/// The body of `POST /tickets/purchase`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    pub(super) account_id: AccountId,
    pub(super) event_id: EventId,
    pub(super) category_id: CategoryId,
    pub(super) quantity: u32,
}

/// One of the tickets that were bought.
#[derive(Deserialize)]
pub(super) struct Ticket {
    pub(super) seat: u32,
    #[serde(deserialize_with = "money")]
    pub(super) price: Money,
}

/// The answer to a purchase that was made.
pub(super) struct Bought {
    pub(super) sale: Option<SaleId>,
    /// Whether an earlier attempt had made it and its answer was lost.
    pub(super) replayed: bool,
    pub(super) tickets: Vec<Ticket>,
}

impl From<Dates> for DatesRange {
    fn from(dates: Dates) -> Self {
        Self { from: dates.from, to: dates.to }
    }
}

impl Bought {
    pub(super) fn seats(&self) -> SeatRanges {
        // No shop has such a seat; a server that says so must not make the sum below overflow.
        let seat = |ticket: &Ticket| ticket.seat.min(u32::MAX - 1);
        let range = |ticket| SeatRange { first: seat(ticket), last: seat(ticket) };
        SeatRanges::of(self.tickets.iter().map(range).collect())
    }

    pub(super) fn total(&self) -> Money {
        Money::from_minor(self.tickets.iter().map(|ticket| ticket.price.minor()).sum())
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A number with two decimals. Prices are far below where a binary float would lose a cent.
fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    Ok(Money::from_minor((f64::deserialize(deserializer)? * 100.0).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_to_the_cent() {
        for (text, minor) in [("49.95", 4_995), ("50.00", 5_000), ("0.29", 29), ("1234567.89", 123_456_789)] {
            let ticket: Ticket = serde_json::from_str(&format!(r#"{{"seat":3,"price":{text}}}"#)).unwrap();
            assert_eq!((ticket.seat, ticket.price.minor()), (3, minor));
        }
    }

    #[test]
    fn an_event_that_is_null_or_without_its_parts_is_no_event() {
        for text in ["null", "{}", r#"{"id":"x","name":"","venue":"","categories":[]}"#] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
    }
}
