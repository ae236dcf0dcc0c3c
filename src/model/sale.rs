//! Purchases and the sales they become.

use std::fmt;

use jiff::Timestamp;
use rand::Rng;

use super::{AccountId, CategoryId, EventId, Invalid, Money, SaleId, TicketId};

/// How many tickets one purchase takes: 1 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u8);

impl Quantity {
    /// Most tickets in one purchase.
    pub const MAX: u8 = 10;

    /// Checks a number of tickets.
    ///
    /// # Errors
    /// When it is not from 1 to 10.
    pub fn new(tickets: i64) -> Result<Self, Invalid> {
        match u8::try_from(tickets) {
            Ok(tickets @ 1..=Self::MAX) => Ok(Self(tickets)),
            _ => Err(Invalid::because("must be a whole number from 1 to 10")),
        }
    }

    /// The number of tickets.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0 as u32
    }
}

/// A buyer's name for one purchase, 1 to 128 visible ASCII characters: however often the purchase is
/// sent under it, it is made once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Most characters that a key may have.
    pub const MAX_CHARS: usize = 128;

    /// Reads a key, bare or as the quoted string of the IETF draft `Idempotency-Key`.
    ///
    /// # Errors
    /// When it is empty, too long or has other than visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let visible = bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if !visible || bare.is_empty() || bare.len() > Self::MAX_CHARS {
            return Err(Invalid::because("must be 1 to 128 visible ASCII characters without quotes"));
        }
        Ok(Self(bare.to_owned()))
    }

    /// The key, unquoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The wish to buy: made once, before the first attempt, and then repeated as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The id that its sale has or will have.
    pub sale: SaleId,
    /// Who buys.
    pub account: AccountId,
    /// For which event.
    pub event: EventId,
    /// From which category.
    pub category: CategoryId,
    /// How many.
    pub quantity: Quantity,
    /// The buyer's name for this purchase, if one was given.
    pub key: Option<IdempotencyKey>,
}

impl Purchase {
    /// A purchase under `key`, or one that nothing can repeat, with an id drawn from `rng`.
    pub fn new(
        account: AccountId,
        event: EventId,
        category: CategoryId,
        quantity: Quantity,
        key: Option<IdempotencyKey>,
        rng: &mut impl Rng,
    ) -> Self {
        let sale = match &key {
            Some(key) => SaleId::of_key(account, key),
            None => SaleId::random(account, rng),
        };
        Self { sale, account, event, category, quantity, key }
    }

    /// Whether `sale` is what this purchase asks for, rather than another one under the same key.
    #[must_use]
    pub fn asks_for(&self, sale: &Sale) -> bool {
        self.sale == sale.id
            && self.account == sale.account
            && self.event == sale.event
            && self.category == sale.category
            && self.quantity.get() == sale.seats.count()
            && self.key == sale.key
    }
}

/// A purchase that was made: an entry of the ledger, never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The id of the purchase.
    pub id: SaleId,
    /// Who bought.
    pub account: AccountId,
    /// For which event.
    pub event: EventId,
    /// From which category.
    pub category: CategoryId,
    /// The seats that were sold, in ascending order.
    pub seats: SeatRanges,
    /// Price of one ticket when it was sold.
    pub price: Money,
    /// When it was sold, in microseconds.
    pub purchase_date: Timestamp,
    /// The buyer's name for the purchase, if one was given.
    pub key: Option<IdempotencyKey>,
}

impl Sale {
    /// The tickets: each with its id and its seat.
    pub fn tickets(&self) -> impl Iterator<Item = (TicketId, u32)> + '_ {
        let base = TicketId::base(self.event, self.category);
        self.seats.seats().map(move |seat| (base.with_seat(seat), seat))
    }

    /// What all its tickets cost.
    #[must_use]
    pub fn total(&self) -> Money {
        self.price.times(self.seats.count())
    }
}

/// Neighbouring seats, both ends included, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeatRange {
    /// The lowest seat number.
    pub first: u32,
    /// The highest seat number.
    pub last: u32,
}

/// Seats of one category in ascending order, written `17-19,40`. One range means: all together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeatRanges(Vec<SeatRange>);

impl SeatRanges {
    /// One run of neighbours.
    #[must_use]
    pub fn together(first: u32, count: u32) -> Self {
        Self(vec![SeatRange { first, last: first + count - 1 }])
    }

    /// These ranges, sorted, with those that touch made one.
    #[must_use]
    pub fn of(mut ranges: Vec<SeatRange>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<SeatRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before) if before.last + 1 == range.first => before.last = range.last,
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The runs of neighbours.
    #[must_use]
    pub fn ranges(&self) -> &[SeatRange] {
        &self.0
    }

    /// Each seat number.
    pub fn seats(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|range| range.first..=range.last)
    }

    /// How many seats there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|range| range.last - range.first + 1).sum()
    }

    /// Reads `17-19,40`.
    ///
    /// # Errors
    /// When it is not of this form, has seat 0, or a range that ends before it begins or does not
    /// lie above the one before.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::because("must be ascending seat numbers, such as 17-19,40");
        let mut ranges: Vec<SeatRange> = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let seat = |digits: &str| digits.parse::<u32>().ok().filter(|&seat| seat > 0 && seat < u32::MAX);
            let range =
                SeatRange { first: seat(first).ok_or_else(invalid)?, last: seat(last).ok_or_else(invalid)? };
            let after_the_last = ranges.last().is_none_or(|before| before.last < range.first);
            if range.last < range.first || !after_the_last {
                return Err(invalid());
            }
            ranges.push(range);
        }
        Ok(Self(ranges))
    }
}

impl fmt::Display for SeatRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if range.first == range.last {
                write!(f, "{}", range.first)?;
            } else {
                write!(f, "{}-{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantity_is_one_to_ten() {
        for tickets in [1, 10] {
            assert!(Quantity::new(tickets).is_ok());
        }
        for tickets in [0, 11, -1, 256, 257, i64::MAX, i64::MIN] {
            assert!(Quantity::new(tickets).is_err(), "{tickets}");
        }
    }

    #[test]
    fn keys_are_read_bare_and_quoted() {
        assert_eq!(IdempotencyKey::parse("\"a-1\""), IdempotencyKey::parse("a-1"));
        for text in ["", "\"\"", "a b", "a\"b", "ü", "a\0", "x".repeat(129).as_str()] {
            assert!(IdempotencyKey::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_seats_is_refused() {
        for text in ["", "0", "3-1", "1,1", "5,4", "1-3,3", "a", "1-", "-1", "1-2-3", "4294967295"] {
            assert!(SeatRanges::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn seats_survive_their_text(seats in prop::collection::btree_set(1u32..100_000, 1..20)) {
            let ranges = SeatRanges::of(seats.iter().map(|&seat| SeatRange { first: seat, last: seat }).collect());
            prop_assert_eq!(ranges.count() as usize, seats.len());
            prop_assert!(ranges.seats().eq(seats.iter().copied()));
            prop_assert_eq!(SeatRanges::parse(&ranges.to_string()), Ok(ranges));
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".*") {
            let _ = SeatRanges::parse(&text);
            let _ = IdempotencyKey::parse(&text);
        }
    }
}
