//! Names that read like names. They are not unique; ids are.

use std::collections::BTreeMap;

use rand::Rng;

use super::config::NameParts;
use super::draw::one_of;
use crate::model::CountryCode;

/// `<city> <word> <Type>`, such as `Berlin Harbour Arena`.
pub(super) fn venue_name(rng: &mut impl Rng, city: &str, words: &[String], kind: &str) -> String {
    let word = one_of(rng, words).map_or("", String::as_str);
    format!("{city} {word} {}", capitalised(kind))
}

/// One word of each list, such as `Silver Lanterns Tour`.
pub(super) fn multi_event_name(rng: &mut impl Rng, names: &NameParts) -> String {
    let words: Vec<&str> =
        names.parts.iter().filter_map(|words| one_of(rng, words).map(String::as_str)).collect();
    words.join(" ")
}

/// The names of a multi-event's events, which take place in `countries`, first event first:
/// `Silver Lanterns Tour, Berlin` and, the next time there, `Silver Lanterns Tour, Berlin, night 2`.
pub(super) fn event_names(
    multi_event: &str,
    repeat: &str,
    countries: impl Iterator<Item = CountryCode>,
) -> Vec<String> {
    let mut times = BTreeMap::new();
    countries
        .map(|country| {
            let time = times.entry(country).and_modify(|time| *time += 1).or_insert(1);
            let city = city(country);
            match time {
                1 => format!("{multi_event}, {city}"),
                time => format!("{multi_event}, {city}, {repeat} {time}"),
            }
        })
        .collect()
}

/// The capital, or the country's name where it has none.
pub(super) fn city(code: CountryCode) -> &'static str {
    match code.country() {
        Some(country) if country.capital.is_empty() => &country.name,
        Some(country) => &country.capital,
        None => "",
    }
}

fn capitalised(kind: &str) -> String {
    let mut letters = kind.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::draw::Key;
    use super::*;

    fn country(code: &str) -> CountryCode {
        CountryCode::parse(code).unwrap()
    }

    #[test]
    fn a_venue_is_named_after_its_city_and_kind() {
        let mut rng = Key::new("test", 1, b"").stream(0);
        let words = ["Harbour".to_owned()];
        assert_eq!(venue_name(&mut rng, "Berlin", &words, "arena"), "Berlin Harbour Arena");
    }

    #[test]
    fn a_country_without_a_capital_lends_its_name() {
        assert_eq!((city(country("TK")), city(country("DE"))), ("Tokelau", "Berlin"));
    }

    #[test]
    fn later_events_in_a_city_are_counted() {
        let countries = ["DE", "FR", "DE", "DE"].map(country);
        assert_eq!(
            event_names("Tour", "night", countries.into_iter()),
            ["Tour, Berlin", "Tour, Paris", "Tour, Berlin, night 2", "Tour, Berlin, night 3"]
        );
    }
}
