//! Shards: neighbouring seats of a category that share one counter row.

use google_cloud_spanner::key;
use google_cloud_spanner::key::Key;
use google_cloud_spanner::mutation::WriteBuilder;

use crate::model::{CategoryId, EventId};

/// Seats of a shard, numbered from 1. The counter and its tickets are stored together, and a purchase locks
/// whole shards, so this is also the grain of contention: of buyers at once in a category of 10,000 seats,
/// two meet in one of 157 shards.
pub(super) const SHARD_SEATS: u32 = 64;

/// A shard of a category, numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shard {
    pub(super) event: EventId,
    pub(super) category: CategoryId,
    pub(super) no: u32,
}

impl Shard {
    /// The number of the shard that has this seat.
    pub(super) const fn of_seat(seat: u32) -> u32 {
        seat.saturating_sub(1) / SHARD_SEATS
    }

    /// How many shards a category with this many seats has.
    pub(super) const fn count(seats: u32) -> u32 {
        seats.div_ceil(SHARD_SEATS)
    }

    /// The seats of the shard with this number, were its category large enough.
    pub(super) const fn seats(no: u32) -> std::ops::RangeInclusive<u32> {
        no * SHARD_SEATS + 1..=(no + 1) * SHARD_SEATS
    }

    /// The key of its counter, and what the keys of its tickets begin with.
    pub(super) fn key(&self) -> Key {
        key![self.event.to_string(), self.category.to_string(), i64::from(self.no)]
    }

    /// The key's columns in a row that is written.
    pub(super) fn columns(&self, row: WriteBuilder) -> WriteBuilder {
        row.set("EventId")
            .to(self.event.to_string())
            .set("CategoryId")
            .to(self.category.to_string())
            .set("Shard")
            .to(i64::from(self.no))
    }
}
