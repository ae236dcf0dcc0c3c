//! Between columns and the types of the model.

use google_cloud_spanner::result::Row;
use google_cloud_spanner::value::Value;
use jiff::Timestamp;

use crate::model::{
    Account, AccountId, AccountName, CategoryId, CountryCode, Email, EventId, EventSummary, IdempotencyKey,
    Invalid, Money, Sale, SaleId, SeatRange, SeatRanges, TicketId,
};

/// What a commit timestamp column is set to, so that the server fills in the time of the commit.
pub(super) const COMMIT_TIMESTAMP: &str = "spanner.commit_timestamp()";

type Read<T> = Result<T, Invalid>;

/// The columns of a row, from the first on.
pub(super) struct Columns<'a> {
    values: std::slice::Iter<'a, Value>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { values: row.raw_values().iter() }
    }

    fn next(&mut self) -> Read<&'a Value> {
        self.values.next().ok_or(Invalid::because("a column is missing"))
    }

    /// A column that may be null.
    pub(super) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        let mut ahead = Self { values: self.values.clone() };
        if ahead.next()?.is_null() {
            *self = ahead;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// A STRING column, or one that travels as a string.
    pub(super) fn text(&mut self) -> Read<&'a str> {
        self.next()?.as_str().ok_or(Invalid::because("a text column holds no text"))
    }

    /// A STRING column with a type of the model in it.
    pub(super) fn parse<T>(&mut self, parse: impl FnOnce(&str) -> Read<T>) -> Read<T> {
        parse(self.text()?)
    }

    /// An INT64 column, in the range of `T`.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Read<T> {
        let number: i64 = self.text()?.parse().map_err(|_| Invalid::because("a number column holds none"))?;
        number.try_into().map_err(|_| Invalid::because("a count is out of range"))
    }

    /// A FLOAT64 column.
    pub(super) fn real(&mut self) -> Read<f64> {
        self.next()?.as_f64().ok_or(Invalid::because("a number column holds none"))
    }

    /// A BOOL column.
    pub(super) fn boolean(&mut self) -> Read<bool> {
        self.next()?.as_bool().ok_or(Invalid::because("a truth column holds none"))
    }

    /// A TIMESTAMP column, cut to microseconds, which is what commit timestamps have.
    pub(super) fn time(&mut self) -> Read<Timestamp> {
        let time: Timestamp =
            self.text()?.parse().map_err(|_| Invalid::because("a time column holds none"))?;
        micros(time.as_microsecond())
    }

    /// A column of prices in minor units.
    pub(super) fn money(&mut self) -> Read<Money> {
        self.number().map(Money::from_minor)
    }

    /// A column of an array of strings.
    pub(super) fn texts(&mut self) -> Read<Vec<&'a str>> {
        let list = self.next()?.as_list().ok_or(Invalid::because("an array column holds none"))?;
        list.iter().map(|value| value.as_str().ok_or(Invalid::because("an array holds no text"))).collect()
    }
}

/// A time as microseconds since 1970.
pub(super) fn micros(time: i64) -> Read<Timestamp> {
    Timestamp::from_microsecond(time).map_err(|_| Invalid::because("a time is out of range"))
}

/// A time as a parameter or a column's value.
pub(super) fn time(time: Timestamp) -> String {
    time.to_string()
}

/// Now, cut to the microseconds that a column keeps.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Columns of [`account`].
pub(super) const ACCOUNT_COLUMNS: [&str; 4] = ["AccountId", "Name", "EMail", "CountryCode"];

/// Reads [`ACCOUNT_COLUMNS`].
pub(super) fn account(mut row: Columns<'_>) -> Read<Account> {
    Ok(Account {
        id: row.parse(AccountId::parse)?,
        name: row.parse(AccountName::parse)?,
        email: row.parse(Email::parse)?,
        country: row.parse(CountryCode::parse)?,
    })
}

/// Reads `EventId, EventName, VenueName, CountryCode, EventDate`.
pub(super) fn event_summary(row: &mut Columns<'_>) -> Read<EventSummary> {
    Ok(EventSummary {
        id: row.parse(EventId::parse)?,
        name: row.text()?.to_owned(),
        venue: row.text()?.to_owned(),
        country: row.parse(CountryCode::parse)?,
        when: row.time()?,
    })
}

/// Columns of [`sale`], in the order of the statements that select them.
pub(super) const SALE_COLUMNS: [&str; 8] =
    ["SaleId", "AccountId", "EventId", "CategoryId", "TicketIds", "Price", "PurchaseDate", "IdempotencyKey"];

/// Reads [`SALE_COLUMNS`].
pub(super) fn sale(mut row: Columns<'_>) -> Read<Sale> {
    let (id, account) = (row.parse(SaleId::parse)?, row.parse(AccountId::parse)?);
    let (event, category) = (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?);
    Ok(Sale {
        id,
        account,
        event,
        category,
        seats: seats(event, category, &row.texts()?)?,
        price: row.money()?,
        purchase_date: row.time()?,
        key: row.optional(|row| row.parse(IdempotencyKey::parse))?,
    })
}

/// The seats of tickets, each of which must be one of this event and category.
fn seats(event: EventId, category: CategoryId, tickets: &[&str]) -> Read<SeatRanges> {
    let base = TicketId::base(event, category);
    let range = |ticket: &&str| {
        let ticket = TicketId::parse(ticket)?;
        let seat = ticket.seat();
        if base.with_seat(seat) != ticket {
            return Err(Invalid::because("a sale holds a ticket of another category"));
        }
        Ok(SeatRange { first: seat, last: seat })
    };
    Ok(SeatRanges::of(tickets.iter().map(range).collect::<Read<_>>()?))
}
