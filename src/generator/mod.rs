//! The demo catalogue: venues and multi-events drawn from a seed.
//!
//! Pure: no store, no clock, no files. The caller passes the seed and the start date, and gets
//! iterators that draw one item at a time, so that a catalogue may be larger than memory.
//! Equal arguments give equal items on every machine, because all draws go through `draw`.
//! `config.json` holds the distributions, `docs/catalogue.md` explains them.

mod config;
mod dates;
mod draw;
mod multi_events;
mod names;
mod seating;
mod stages;
mod statistics;
#[cfg(test)]
mod testing;
mod validate;
mod venues;

pub use config::GeneratorConfig;
pub use multi_events::MultiEvents;
pub use statistics::{KindStatistics, Statistics};
pub use venues::{Venues, venues};
