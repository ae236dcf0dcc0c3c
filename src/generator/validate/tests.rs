//! Broken documents and the sentences that they cause.

use super::super::GeneratorConfig;
use serde_json::{Value, json};

/// The mistakes of the default document with the value at `pointer` replaced.
fn mistakes_with(changes: &[(&str, Value)]) -> Vec<String> {
    let mut document: Value = serde_json::from_str(GeneratorConfig::DEFAULT_JSON).unwrap();
    for (pointer, value) in changes {
        *document.pointer_mut(pointer).expect(pointer) = value.clone();
    }
    GeneratorConfig::parse(&document.to_string()).unwrap_err()
}

/// A place in the default document, the value put there, and a mistake that it must cause.
const BROKEN: &str = r#"
/eventDateRange | 0 | eventDateRange: must be 1 to 36500 days
/eventDateRange | 36501 | eventDateRange: must be 1 to 36500 days
/maxCategorySeats | 0 | maxCategorySeats: must be 1 to 16777215
/maxCategorySeats | 16777216 | maxCategorySeats: must be 1 to 16777215
/venueWords | [] | venueWords: must not be empty
/venueWords/1 | " " | venueWords[1]: must be text of 1 to 50 characters on one line
/venueWords/0 | "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" | venueWords[0]: must be text of 1 to 50 characters on one line
/venueTypes/club/seats | [50, 50] | venueTypes.club.seats: the lower bound 50 must be below the upper bound 50
/venueTypes/club/seats | [0, 9] | venueTypes.club.seats: must begin at 1 or more
/venueTypes/stadium/seats | [1, 5000002] | venueTypes.stadium.seats: must end at 5000000 or less
/venueTypes/club/configs | {} | venueTypes.club.configs: must not be empty
/venueTypes/arena/configs/concert/seatsFactor | 0 | venueTypes.arena.configs.concert.seatsFactor: must be at least 1
/venueTypes/club/configs/standard/tiers | {"General": 0} | venueTypes.club.configs.standard.tiers: one weight must be above 0
/venueTypes/club/configs/standard/tiers | {"": 1} | venueTypes.club.configs.standard.tiers.: must be text of 1 to 50 characters on one line
/multiEventTypes/tour/events | [100, 10] | multiEventTypes.tour.events: the lower bound 100 must be below the upper bound 10
/multiEventTypes/tour/events | [1, 10002] | multiEventTypes.tour.events: must end at 10000 or less
/multiEventTypes/tour/venues | [] | multiEventTypes.tour.venues: must not be empty
/multiEventTypes/festival/venues/0 | "fairgrounds" | multiEventTypes.festival.venues[0]: must be type:configuration, such as club:standard
/multiEventTypes/tour/venues/0 | "attic:standard" | multiEventTypes.tour.venues[0]: there is no venue type attic
/multiEventTypes/smallShow/venues/1 | "club:standard" | multiEventTypes.smallShow.venues[1]: is there twice
/multiEventTypes/largeShow/prices/arena | {"General": [50, 100], "VIP": [5, 6]} | multiEventTypes.largeShow.prices.arena.Premium: arena:concert needs a price here
/multiEventTypes/festival/prices | {} | multiEventTypes.festival.prices.fairgrounds.VIP: fairgrounds:standard needs a price here
/multiEventTypes/smallShow/prices/club/General | [50, 10] | multiEventTypes.smallShow.prices.club.General: the lower bound 50 must be below the upper bound 10
/multiEventTypes/smallShow/prices/club/General | [1, 1000002] | multiEventTypes.smallShow.prices.club.General: must end at 1000000 or less
/multiEventTypes/smallShow/prices/club | {"General": [10, 50], "VIP": [1, 2]} | multiEventTypes.smallShow.prices.club.VIP: no venue of this type has such a tier
/multiEventTypes/tour/names/parts | [] | multiEventTypes.tour.names.parts: must not be empty
/multiEventTypes/tour/names/parts/2 | [] | multiEventTypes.tour.names.parts[2]: must not be empty
/multiEventTypes/tour/names/repeat | "a\nb" | multiEventTypes.tour.names.repeat: must be text of 1 to 50 characters on one line
"#;

#[test]
fn each_mistake_has_its_sentence() {
    for row in BROKEN.lines().skip(1) {
        let [place, value, expected] = row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let mistakes = mistakes_with(&[(place, serde_json::from_str(value).unwrap())]);
        assert!(mistakes.iter().any(|mistake| mistake == expected), "{row}: {mistakes:?}");
    }
}

#[test]
fn types_without_weight_or_entries_are_refused() {
    let mistakes = mistakes_with(&[("/venueTypes", json!({})), ("/multiEventTypes", json!({}))]);
    assert_eq!(
        mistakes,
        ["venueTypes: one weight must be above 0", "multiEventTypes: one weight must be above 0"]
    );
}

#[test]
fn a_missing_configuration_and_an_unused_price_are_two_mistakes() {
    let mistakes = mistakes_with(&[("/multiEventTypes/festival/venues/0", json!("fairgrounds:concert"))]);
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    assert_eq!(
        mistakes[0],
        "multiEventTypes.festival.venues[0]: venue type fairgrounds has no configuration concert"
    );
    assert_eq!(
        mistakes[1],
        "multiEventTypes.festival.prices.fairgrounds.General: no venue of this type has such a tier"
    );
}

#[test]
fn names_with_a_colon_are_refused() {
    let club =
        json!({"weight": 1, "seats": [1, 2], "configs": {"a:b": {"seatsFactor": 1, "tiers": {"X": 1}}}});
    let mistakes = mistakes_with(&[("/venueTypes", json!({ "club": club }))]);
    assert_eq!(mistakes[0], "venueTypes.club.configs.a:b: must not contain a colon");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let mistakes = mistakes_with(&[
        ("/eventDateRange", json!(0)),
        ("/venueWords", json!([])),
        ("/multiEventTypes/games/events", json!([0, 0])),
    ]);
    assert_eq!(mistakes.len(), 4, "{mistakes:?}");
}

#[test]
fn what_is_no_such_document_is_one_mistake_with_its_place() {
    for (json, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (r#"{"colour": 1}"#, "unknown field `colour`"),
        ("{}", "missing field `allForSaleNow`"),
        (r#"{"eventDateRange": -1}"#, "invalid value: integer `-1`, expected u32 at line 1"),
    ] {
        let mistakes = GeneratorConfig::parse(json).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{json}");
        assert!(mistakes[0].starts_with(expected), "{json}: {mistakes:?}");
    }
}
