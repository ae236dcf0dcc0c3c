//! Identifiers: one type a noun, all of them UUIDs, shown lower-case with dashes.
//!
//! Random ids keep inserts of a distributed store spread over its key space. Two ids are derived
//! instead: [`TicketId`] from the seat it stands for, [`SaleId`] from what makes a purchase the same.

use std::fmt;

use rand::Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{IdempotencyKey, Invalid};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads a UUID with or without dashes, in any case.
            ///
            /// # Errors
            /// When the text is no UUID.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| Invalid::because("must be a UUID, such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427"))
            }

            /// The id with these 16 bytes, as a store keeps them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }
    };
}

macro_rules! random_id {
    ($name:ident) => {
        impl $name {
            /// A new random (version 4) id, drawn from `rng` so that a seed repeats it.
            pub fn random(rng: &mut impl Rng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }
    };
}

id!(
    /// A buyer's account. Random.
    AccountId
);
id!(
    /// A group of events: a tour, a league. Random.
    MultiEventId
);
id!(
    /// One date at one venue. Random.
    EventId
);
id!(
    /// A place with seats. Random.
    VenueId
);
id!(
    /// A block of seats of a venue, on sale for its events under the same id. Random.
    CategoryId
);
id!(
    /// One seat of one category of one event; see [`TicketId::of_seat`].
    TicketId
);
id!(
    /// One purchase; see [`SaleId::of_key`].
    SaleId
);
random_id!(AccountId);
random_id!(MultiEventId);
random_id!(EventId);
random_id!(VenueId);
random_id!(CategoryId);

impl TicketId {
    /// The id of the ticket for `seat` (counted from 1): the last three bytes are the seat number,
    /// the others a SHA-256 of event and category. A ticket so needs no row before it is sold.
    #[must_use]
    pub fn of_seat(event: EventId, category: CategoryId, seat: u32) -> Self {
        Self::base(event, category).with_seat(seat)
    }

    /// The id of seat 0, which no ticket has: the start for [`TicketId::with_seat`].
    #[must_use]
    pub fn base(event: EventId, category: CategoryId) -> Self {
        let mut hash = Sha256::new();
        hash.update(event.as_bytes());
        hash.update(category.as_bytes());
        let mut bytes = [0; 16];
        bytes[..13].copy_from_slice(&hash.finalize()[..13]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The ticket of another seat of the same event and category.
    #[must_use]
    pub fn with_seat(self, seat: u32) -> Self {
        let mut bytes = *self.as_bytes();
        bytes[13..].copy_from_slice(&seat.to_be_bytes()[1..]);
        Self(Uuid::from_bytes(bytes))
    }

    /// The seat number that the id ends with.
    #[must_use]
    pub const fn seat(self) -> u32 {
        let bytes = self.as_bytes();
        u32::from_be_bytes([0, bytes[13], bytes[14], bytes[15]])
    }
}

impl SaleId {
    /// The id that every purchase of this account under this key has. A repeat therefore meets the
    /// first sale under its own id, whatever happened in between.
    #[must_use]
    pub fn of_key(account: AccountId, key: &IdempotencyKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(account.as_bytes());
        hash.update(key.as_str().as_bytes());
        let mut tail = [0; 8];
        tail.copy_from_slice(&hash.finalize()[..8]);
        Self::compose(account, tail)
    }

    /// The id of a purchase without a key, which nothing can repeat.
    pub fn random(account: AccountId, rng: &mut impl Rng) -> Self {
        Self::compose(account, rng.next_u64().to_be_bytes())
    }

    /// Whether a sale of `account` can have this id: both start with the same 60 bits.
    #[must_use]
    pub fn can_be_of(self, account: AccountId) -> bool {
        self.account_prefix() == Self::compose(account, [0; 8]).account_prefix()
    }

    /// The smallest and the largest id that the account of this sale can have: those that start with
    /// the same 60 bits.
    #[must_use]
    pub fn accounts(self) -> std::ops::RangeInclusive<AccountId> {
        let mut first = [0; 16];
        first[..8].copy_from_slice(self.account_prefix());
        let mut last = [0xff; 16];
        last[..8].copy_from_slice(self.account_prefix());
        // The version digit of the account's id is not in the sale's.
        first[6] &= 0x0f;
        last[6] |= 0xf0;
        AccountId::from_bytes(first)..=AccountId::from_bytes(last)
    }

    /// The smallest and the largest id that a sale of `account` can have, so that one ordered index
    /// by sale answers both "this sale" and "the sales of this account".
    #[must_use]
    pub fn range_of(account: AccountId) -> std::ops::RangeInclusive<Self> {
        Self::compose(account, [0; 8])..=Self::compose(account, [0xff; 8])
    }

    fn account_prefix(&self) -> &[u8] {
        &self.as_bytes()[..8]
    }

    /// A version-8 UUID: 60 bits of the account, then 62 bits of `tail`.
    fn compose(account: AccountId, tail: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&account.as_bytes()[..8]);
        bytes[8..].copy_from_slice(&tail);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn account(seed: u64) -> AccountId {
        AccountId::random(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn ids_are_read_in_every_form_and_shown_in_one() {
        for text in [
            "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
            "1B4E28BA-2FA1-41D2-883F-0016D3CCA427",
            "1b4e28ba2fa141d2883f0016d3cca427",
        ] {
            let id = EventId::parse(text).unwrap();
            assert_eq!(id.to_string(), "1b4e28ba-2fa1-41d2-883f-0016d3cca427");
        }
        assert!(EventId::parse("1b4e28ba").is_err());
    }

    proptest! {
        #[test]
        fn an_id_survives_its_text(bytes: [u8; 16]) {
            let id = AccountId::from_bytes(bytes);
            prop_assert_eq!(AccountId::parse(&id.to_string()), Ok(id));
        }

        #[test]
        fn parsing_any_text_never_panics(text in ".*") {
            let _ = SaleId::parse(&text);
        }

        #[test]
        fn a_sale_id_lies_in_the_range_of_its_account_only(a: u64, b: u64, key in "[#-~]{1,128}") {
            prop_assume!(a != b);
            let sale = SaleId::of_key(account(a), &IdempotencyKey::parse(&key).unwrap());
            prop_assert!(SaleId::range_of(account(a)).contains(&sale));
            prop_assert!(sale.can_be_of(account(a)));
            prop_assert!(!SaleId::range_of(account(b)).contains(&sale));
        }

        #[test]
        fn tickets_of_one_category_differ_in_their_seat_alone(seats in prop::collection::hash_set(1u32..0x00ff_ffff, 2..50)) {
            let (event, category) = (EventId::from_bytes([1; 16]), CategoryId::from_bytes([2; 16]));
            let ids: std::collections::HashSet<_> =
                seats.iter().map(|&seat| TicketId::of_seat(event, category, seat)).collect();
            prop_assert_eq!(ids.len(), seats.len());
        }
    }

    #[test]
    fn the_same_key_of_another_account_is_another_sale() {
        let key = IdempotencyKey::parse("k").unwrap();
        assert_ne!(SaleId::of_key(account(1), &key), SaleId::of_key(account(2), &key));
    }
}
