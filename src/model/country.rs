//! Countries of ISO 3166-1 and the region (continent) each lies in.

use std::fmt;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};

use super::Invalid;

/// An ISO 3166-1 alpha-2 code that is assigned, upper-case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

/// A continent: the demo's seven codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Region {
    /// Europe.
    Eu,
    /// Asia.
    As,
    /// Africa.
    Af,
    /// Oceania.
    Oc,
    /// South America.
    Sa,
    /// Antarctica.
    An,
    /// North America, with Central America and the Caribbean.
    Na,
}

/// What is known of a country. Source: GeoNames `countryInfo` (CC BY 4.0), see `countries.csv`.
#[derive(Debug, Clone)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: CountryCode,
    /// English short name.
    pub name: String,
    /// English name of the capital, empty where there is none.
    pub capital: String,
    /// The continent.
    pub region: Region,
    /// Inhabitants; 0 where nobody lives.
    pub population: u32,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(include_str!("countries.csv").as_bytes());
    reader.records().filter_map(|row| country_of_row(&row.ok()?)).collect()
});

/// Every country, ordered by code.
#[must_use]
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

fn country_of_row(row: &csv::StringRecord) -> Option<Country> {
    Some(Country {
        code: CountryCode(row.get(0)?.as_bytes().try_into().ok()?),
        name: row.get(1)?.to_owned(),
        capital: row.get(2)?.to_owned(),
        region: Region::parse(row.get(3)?)?,
        population: row.get(4)?.parse().ok()?,
    })
}

impl Region {
    /// The two-letter code of the continent.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eu => "EU",
            Self::As => "AS",
            Self::Af => "AF",
            Self::Oc => "OC",
            Self::Sa => "SA",
            Self::An => "AN",
            Self::Na => "NA",
        }
    }

    /// All of them.
    pub const ALL: [Self; 7] = [Self::Eu, Self::As, Self::Af, Self::Oc, Self::Sa, Self::An, Self::Na];

    /// The English name of the continent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eu => "Europe",
            Self::As => "Asia",
            Self::Af => "Africa",
            Self::Oc => "Oceania",
            Self::Sa => "South America",
            Self::An => "Antarctica",
            Self::Na => "North America",
        }
    }

    fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.code() == code)
    }
}

impl CountryCode {
    /// Reads an assigned alpha-2 code in any case.
    ///
    /// # Errors
    /// When the text is no such code.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid::because("must be an ISO 3166-1 alpha-2 country code, such as DE");
        let bytes: [u8; 2] = text.trim().as_bytes().try_into().map_err(|_| invalid.clone())?;
        let code = Self(bytes.map(|byte| byte.to_ascii_uppercase()));
        match COUNTRIES.binary_search_by_key(&code, |country| country.code) {
            Ok(_) => Ok(code),
            Err(_) => Err(invalid),
        }
    }

    /// The country's facts.
    #[must_use]
    pub fn country(self) -> Option<&'static Country> {
        let at = COUNTRIES.binary_search_by_key(&self, |country| country.code).ok()?;
        COUNTRIES.get(at)
    }

    /// The continent that the country lies in.
    #[must_use]
    pub fn region(self) -> Region {
        // Every code that gets past `parse` is in the table.
        self.country().map_or(Region::An, |country| country.region)
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters get past `parse` and the table.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CountryCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        assert_eq!(countries().len(), 249, "ISO 3166-1 assigns 249 codes");
        assert!(countries().is_sorted_by_key(|country| country.code));
    }

    #[test]
    fn codes_are_read_in_any_case_and_alpha_3_is_refused() {
        assert_eq!(CountryCode::parse(" de ").unwrap().as_str(), "DE");
        for text in ["DEU", "XX", "", "d", "ß", "D\0"] {
            assert!(CountryCode::parse(text).is_err(), "{text:?}");
        }
        let japan = CountryCode::parse("jp").unwrap().country().unwrap();
        assert_eq!((japan.capital.as_str(), japan.region), ("Tokyo", Region::As));
    }

    proptest! {
        #[test]
        fn parsing_any_text_never_panics(text in ".*") {
            let _ = CountryCode::parse(&text);
        }
    }
}
