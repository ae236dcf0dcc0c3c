//! Accounts: who buys.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::parse::line_of_text;
use super::{AccountId, CountryCode, Invalid};

/// A buyer's name: 1 to 200 characters on one line, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AccountName(String);

impl AccountName {
    /// Most characters that a name may have.
    pub const MAX_CHARS: usize = 200;

    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        line_of_text(text, Self::MAX_CHARS).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address, trimmed and in lower case: the same mailbox is the same account.
///
/// `Debug` shows no part of it, so that it does not slip into a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Most characters that an address may have (RFC 5321, 4.5.3.1.3: a path of 256 with its brackets).
    pub const MAX_CHARS: usize = 254;

    /// Reads an address: something, one `@`, a domain. Whether mail arrives there only mail can tell.
    ///
    /// # Errors
    /// When it has no such form, is too long, or has spaces or control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = line_of_text(text, Self::MAX_CHARS)?.to_lowercase();
        let invalid = Invalid::because("must be an e-mail address, such as ada@example.com");
        if text.chars().any(char::is_whitespace) || text.len() > Self::MAX_CHARS {
            return Err(invalid);
        }
        match text.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self(text))
            }
            _ => Err(invalid),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// What a new account is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The id it gets if the address is new.
    pub id: AccountId,
    /// The buyer's name.
    pub name: AccountName,
    /// The address, unique among accounts.
    pub email: Email,
    /// Where the buyer lives.
    pub country: CountryCode,
}

/// An account that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// Random, made by the shop.
    pub id: AccountId,
    /// The buyer's name.
    pub name: AccountName,
    /// The address, unique among accounts.
    pub email: Email,
    /// Where the buyer lives.
    pub country: CountryCode,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_normalised() {
        assert_eq!(Email::parse("  Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c", "a\0@b", long.as_str()] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_of_an_address_hides_it() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com").unwrap()), "Email(..)");
    }

    #[test]
    fn names_have_bounds() {
        assert!(AccountName::parse(&"é".repeat(200)).is_ok());
        for text in ["", "   ", "a\nb", "a\0b", "é".repeat(201).as_str()] {
            assert!(AccountName::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_parses_to_itself(text in ".{0,300}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }

        #[test]
        fn a_name_parses_to_itself(text in ".{0,300}") {
            if let Ok(name) = AccountName::parse(&text) {
                prop_assert_eq!(AccountName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
