//! The generator's configuration document.
//!
//! [`GeneratorConfig`] can only be had from a document that `validate` found free of mistakes, so the
//! rest of the generator draws from it without checking again. Maps are ordered by name: the order of
//! keys in the file changes nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::validate::mistakes;

/// A valid configuration of the generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct GeneratorConfig(Document);

impl GeneratorConfig {
    /// The document that [`GeneratorConfig::default`] is made of; a sample to start from.
    pub const DEFAULT_JSON: &str = include_str!("config.json");

    /// Reads a JSON document.
    ///
    /// # Errors
    /// Every mistake that the document has, each a short sentence that begins with its path. Only a text
    /// that is no such document at all gives one sentence, with line and column.
    pub fn parse(json: &str) -> Result<Self, Vec<String>> {
        let document: Document = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        Self::of(document)
    }

    /// The same configuration with events spread over `days` days (1 to 36,500) from the start.
    ///
    /// # Errors
    /// One sentence when `days` is out of bounds.
    pub fn with_event_date_range(mut self, days: u32) -> Result<Self, String> {
        self.0.event_date_range = days;
        Self::of(self.0).map_err(|mistakes| mistakes.join("; "))
    }

    /// The same configuration with sales that began a day before the start (`true`), or that begin
    /// between the start and 60 days before the event (`false`).
    #[must_use]
    pub fn with_all_for_sale_now(mut self, all_for_sale_now: bool) -> Self {
        self.0.all_for_sale_now = all_for_sale_now;
        self
    }

    pub(super) fn document(&self) -> &Document {
        &self.0
    }

    fn of(document: Document) -> Result<Self, Vec<String>> {
        let mistakes = mistakes(&document);
        if mistakes.is_empty() { Ok(Self(document)) } else { Err(mistakes) }
    }
}

static DEFAULT: LazyLock<GeneratorConfig> = LazyLock::new(embedded);

#[expect(clippy::expect_used, reason = "the text is compiled in, and a test parses it")]
fn embedded() -> GeneratorConfig {
    GeneratorConfig::parse(GeneratorConfig::DEFAULT_JSON).expect("the embedded config.json is valid")
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl TryFrom<Document> for GeneratorConfig {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        Self::of(document).map_err(|mistakes| mistakes.join("; "))
    }
}

impl From<GeneratorConfig> for Document {
    fn from(config: GeneratorConfig) -> Self {
        config.0
    }
}

/// The document as it is written, valid or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    /// Whether sales of every event began before the start.
    pub(super) all_for_sale_now: bool,
    /// Over how many days from the start events are spread.
    pub(super) event_date_range: u32,
    /// Most seats of one seating category; larger tiers are split.
    pub(super) max_category_seats: u32,
    /// Words for the middle of a venue's name.
    pub(super) venue_words: Vec<String>,
    /// By the name of the type.
    pub(super) venue_types: BTreeMap<String, VenueType>,
    /// By the name of the type.
    pub(super) multi_event_types: BTreeMap<String, MultiEventType>,
}

/// Venues of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VenueType {
    /// How often it is drawn, compared with the others.
    pub(super) weight: u32,
    /// How many seats it has before the factor of a configuration.
    pub(super) seats: Span,
    /// The configurations it can be set up in, by name.
    pub(super) configs: BTreeMap<String, SeatingConfig>,
}

/// One way to set up a venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SeatingConfig {
    /// The seats of the venue are multiplied by this.
    pub(super) seats_factor: u32,
    /// The weight of each tier, by its name.
    pub(super) tiers: BTreeMap<String, u32>,
}

/// Multi-events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MultiEventType {
    /// How often it is drawn, compared with the others.
    pub(super) weight: u32,
    /// How many events it has.
    pub(super) events: Span,
    /// Where it takes place: `type:configuration`, see [`split_place`].
    pub(super) venues: Vec<String>,
    /// Price range in whole units, by venue type and tier.
    pub(super) prices: BTreeMap<String, BTreeMap<String, Span>>,
    /// What it is called.
    pub(super) names: NameParts,
}

/// Words for the names of multi-events and events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NameParts {
    /// A name is one word of each list, with spaces between.
    pub(super) parts: Vec<Vec<String>>,
    /// What tells events in the same city apart: `night` gives `night 2`.
    pub(super) repeat: String,
}

/// A range of whole numbers, written `[from, below]`; the upper bound is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u32; 2]", into = "[u32; 2]")]
pub(super) struct Span {
    /// The smallest number.
    pub(super) from: u32,
    /// The first number that is too large.
    pub(super) below: u32,
}

impl From<[u32; 2]> for Span {
    fn from([from, below]: [u32; 2]) -> Self {
        Self { from, below }
    }
}

impl From<Span> for [u32; 2] {
    fn from(span: Span) -> Self {
        [span.from, span.below]
    }
}

/// `club:standard` as venue type and configuration, or `None` where the text has no such form.
pub(super) fn split_place(place: &str) -> Option<(&str, &str)> {
    place.split_once(':')
}

/// The entry whose tier `category` belongs to: its name begins with the tier's (`VIP 003` is `VIP`).
/// Where several do, the longest wins.
pub(super) fn tier_of<'a, T>(tiers: &'a BTreeMap<String, T>, category: &str) -> Option<&'a T> {
    tiers
        .iter()
        .filter(|(tier, _)| category.starts_with(tier.as_str()))
        .max_by_key(|(tier, _)| tier.len())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_embedded_document_is_valid_and_survives_its_text() {
        let config = GeneratorConfig::parse(GeneratorConfig::DEFAULT_JSON).unwrap();
        assert_eq!(config, GeneratorConfig::default());
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(GeneratorConfig::parse(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<GeneratorConfig>(&text).unwrap(), config);
    }

    #[test]
    fn the_longest_tier_that_begins_the_name_wins() {
        let tiers = BTreeMap::from([("VIP".to_owned(), 1), ("VIP Gold".to_owned(), 2)]);
        for (category, tier) in
            [("VIP", Some(&1)), ("VIP 003", Some(&1)), ("VIP Gold 1", Some(&2)), ("General", None)]
        {
            assert_eq!(tier_of(&tiers, category), tier, "{category}");
        }
    }

    #[test]
    fn one_setting_can_be_changed() {
        let config = GeneratorConfig::default();
        let changed = config.clone().with_event_date_range(7).unwrap().with_all_for_sale_now(false);
        assert_eq!(changed.document().event_date_range, 7);
        assert!(!changed.document().all_for_sale_now);
        assert_eq!(config.with_event_date_range(0).unwrap_err(), "eventDateRange: must be 1 to 36500 days");
    }

    /// Any JSON, with the document's own keys among the keys.
    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "club:standard|.{0,8}".prop_map(Into::into),
        ];
        let key = "venueTypes|multiEventTypes|club|seats|weight|prices|venues|.{0,6}";
        leaf.prop_recursive(4, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(key, inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Where a value is in the document: the keys or positions from the root.
    fn pointers(value: &serde_json::Value, at: String, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    pointers(value, format!("{at}/{key}"), into);
                }
            }
            serde_json::Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    pointers(value, format!("{at}/{index}"), into);
                }
            }
            _ => {}
        }
        into.push(at);
    }

    proptest! {
        #[test]
        fn parsing_any_text_never_panics(text in ".*") {
            let _ = GeneratorConfig::parse(&text);
        }

        #[test]
        fn parsing_any_json_never_panics(value in any_json()) {
            let _ = GeneratorConfig::parse(&value.to_string());
        }

        #[test]
        fn parsing_the_document_with_anything_replaced_never_panics(
            place in any::<prop::sample::Index>(),
            value in prop_oneof![any_json(), any::<u32>().prop_map(Into::into)],
        ) {
            let mut document: serde_json::Value = serde_json::from_str(GeneratorConfig::DEFAULT_JSON).unwrap();
            let mut places = Vec::new();
            pointers(&document, String::new(), &mut places);
            let pointer: &String = place.get(&places);
            *document.pointer_mut(pointer).unwrap() = value;
            let _ = GeneratorConfig::parse(&document.to_string());
        }
    }
}
