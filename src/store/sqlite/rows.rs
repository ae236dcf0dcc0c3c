//! Between columns and the types of the model.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use crate::model::{
    Account, AccountId, AccountName, CategoryId, CountryCode, Email, EventId, IdempotencyKey, Invalid,
    MultiEventId, Sale, SaleId, SeatRanges, VenueId,
};
use crate::model::{EventSummary, Money};

macro_rules! id_column {
    ($($id:ident),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.as_bytes().as_slice()))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?.try_into().map_err(FromSqlError::other)?;
                Ok(Self::from_bytes(bytes))
            }
        }
    )*};
}
id_column!(AccountId, CategoryId, EventId, MultiEventId, SaleId, VenueId);

macro_rules! text_column {
    ($($text:ident),*) => {$(
        impl ToSql for $text {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.as_str()))
            }
        }

        impl FromSql for $text {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::parse(value.as_str()?).map_err(FromSqlError::other)
            }
        }
    )*};
}
text_column!(AccountName, CountryCode, Email, IdempotencyKey);

impl ToSql for Money {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.minor()))
    }
}

impl FromSql for Money {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self::from_minor(value.as_i64()?))
    }
}

impl FromSql for SeatRanges {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).map_err(FromSqlError::other)
    }
}

/// A point in time as its column has it: microseconds since 1970.
pub(super) struct Micros(pub(super) Timestamp);

impl ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_microsecond()))
    }
}

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_microsecond(value.as_i64()?).map(Self).map_err(FromSqlError::other)
    }
}

/// Now, cut to the microseconds that a column keeps.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Reads `AccountId, Name, Email, CountryCode`.
pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account { id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, country: row.get(3)? })
}

/// Reads `EventId, EventName, VenueName, CountryCode, EventDate`.
pub(super) fn event_summary(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    Ok(EventSummary {
        id: row.get(0)?,
        name: row.get(1)?,
        venue: row.get(2)?,
        country: row.get(3)?,
        when: row.get::<_, Micros>(4)?.0,
    })
}

/// The columns of [`sale`], from `Sale s JOIN TicketCategory t USING (TicketCategoryNo)`.
pub(super) const SALE_COLUMNS: &str = "s.SaleId, s.AccountId, t.EventId, t.CategoryId, s.Seats, s.Price, \
                                       s.PurchaseDate, s.IdempotencyKey";

/// Reads [`SALE_COLUMNS`].
pub(super) fn sale(row: &Row<'_>) -> rusqlite::Result<Sale> {
    Ok(Sale {
        id: row.get(0)?,
        account: row.get(1)?,
        event: row.get(2)?,
        category: row.get(3)?,
        seats: row.get(4)?,
        price: row.get(5)?,
        purchase_date: row.get::<_, Micros>(6)?.0,
        key: row.get(7)?,
    })
}

/// A number of seats or rows, which the schema keeps from being negative or large.
pub(super) fn count<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let number: i64 = row.get(column)?;
    number.try_into().map_err(|_| {
        let error = Invalid::because("a count is out of range");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Integer, error.into())
    })
}
