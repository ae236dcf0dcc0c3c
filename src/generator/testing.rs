//! What the generator's tests share.

use std::sync::LazyLock;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{GeneratorConfig, venues};
use crate::model::{NewMultiEvent, Venue};

/// 200 venues, drawn once for all tests: most of a test's time would go there.
pub(super) static VENUES: LazyLock<Vec<Venue>> =
    LazyLock::new(|| venues(&GeneratorConfig::default(), 1).take(200).collect());

/// The default document, to be changed.
pub(super) fn document() -> Value {
    serde_json::from_str(GeneratorConfig::DEFAULT_JSON).unwrap()
}

/// The first 16 hexadecimal digits of a SHA-256 over the lines.
pub(super) fn fingerprint(lines: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    lines.for_each(|line| hash.update(format!("{line}\n")));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// All of a venue as text.
pub(super) fn venue_line(venue: &Venue) -> String {
    let mut line = format!("{} {} {} {}", venue.id, venue.name, venue.kind, venue.country);
    for category in &venue.categories {
        line += &format!("|{} {} {} {}", category.id, category.config, category.name, category.seats);
    }
    line
}

/// All of a multi-event as text; dates in seconds after `start`.
pub(super) fn multi_event_line(item: &NewMultiEvent, start: i64) -> String {
    let mut line = format!("{} {}", item.multi_event.id, item.multi_event.name);
    for event in &item.events {
        let (when, sale) = (event.event_date.as_second() - start, event.sale_date.as_second() - start);
        line += &format!("\n{} {} {} {when} {sale}", event.id, event.venue, event.name);
        for category in &event.categories {
            line += &format!("|{} {} {}", category.category, category.seats, category.price);
        }
    }
    line
}
