//! Telling without a look-up that a sale is new, which nearly every purchase asks.
//!
//! A Bloom filter of the ids of all sales: it may take a new sale for a known one (about one in a hundred,
//! which then is looked up), never a known one for new. All bits of a sale lie in one line of the
//! processor's cache: with millions of sales, each line that is touched is a wait for memory. The ids that the index has are read in the
//! background; until they are all in, every purchase looks its sale up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::connection::Readers;
use crate::model::SaleId;
use crate::store::Result;

/// Sales for each line of 64 bytes when the filter is full: a byte and a half for each.
const SALES_OF_A_LINE: usize = 42;
/// Bits that a sale sets.
const BITS_OF_A_SALE: u32 = 6;
/// Sales it has room for at least.
const ROOM_MIN: usize = 2_000_000;
/// Look-ups after which it is worth while to read the index: `tsctl buy` needs no filter.
const LOOK_UPS: u32 = 1_000;
/// Ids that are read in one snapshot.
const CHUNK: i64 = 65_536;

const INDEXED_IDS: &str = "SELECT SaleId FROM SaleById WHERE SaleId > ?1 ORDER BY SaleId LIMIT ?2";

/// 512 bits that come into the cache together.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// The filter on its way to be complete.
pub(super) struct Filter {
    lines: Vec<Line>,
    is_complete: AtomicBool,
}

/// When a filter is made and filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilterSettings {
    pub(super) room_min: usize,
    pub(super) look_ups: u32,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self { room_min: ROOM_MIN, look_ups: LOOK_UPS }
    }
}

/// The writer's side of the filter.
pub(super) struct KnownSales {
    filter: Arc<Filter>,
    settings: FilterSettings,
    /// Sales it was made for, and sales that it may have by now.
    room: usize,
    sales: usize,
    look_ups: u32,
    to_fill: mpsc::UnboundedSender<Arc<Filter>>,
}

impl KnownSales {
    /// One for a store of which nothing is known yet, and the task that fills it from the index.
    pub(super) fn new(settings: FilterSettings, readers: Arc<Readers>) -> Self {
        let (to_fill, wanted) = mpsc::unbounded_channel();
        tokio::spawn(fill(wanted, readers));
        let filter = Arc::new(Filter::with_room(settings.room_min));
        Self { filter, settings, room: settings.room_min, sales: 0, look_ups: 0, to_fill }
    }

    /// Starts anew for an index of about `indexed` sales. All others have to be added.
    pub(super) fn renew(&mut self, indexed: usize) {
        self.room = (2 * indexed).max(self.settings.room_min);
        self.sales = indexed;
        self.look_ups = 0;
        self.filter = Arc::new(Filter::with_room(self.room));
        // Nothing has to be read of an index that is empty.
        self.filter.is_complete.store(indexed == 0, Ordering::Release);
    }

    pub(super) fn is_full(&self) -> bool {
        self.sales > self.room
    }

    pub(super) fn add(&mut self, id: SaleId) {
        self.filter.insert(id);
        self.sales += 1;
    }

    /// Whether this sale is new for certain; otherwise it has to be looked up.
    pub(super) fn is_new(&mut self, id: SaleId) -> bool {
        if self.filter.is_complete.load(Ordering::Acquire) {
            return !self.filter.contains(id);
        }
        self.look_ups += 1;
        if self.look_ups == self.settings.look_ups {
            // Without the task everything is looked up, which is slower and as right.
            let _ = self.to_fill.send(Arc::clone(&self.filter));
        }
        false
    }
}

impl Filter {
    fn with_room(sales: usize) -> Self {
        let mut lines = Vec::new();
        lines.resize_with(sales.div_ceil(SALES_OF_A_LINE).max(1), Line::default);
        Self { lines, is_complete: AtomicBool::new(false) }
    }

    /// The words of this sale and its bits in them. The second half of an id is random or a hash.
    fn bits(&self, id: SaleId) -> impl Iterator<Item = (&AtomicU64, u64)> {
        let mut half = [0; 8];
        half.copy_from_slice(&id.as_bytes()[8..]);
        let hash = u64::from_be_bytes(half).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The high bits choose the line, so all others are taken from the low ones.
        let at = (u128::from(hash) * self.lines.len() as u128) >> 64;
        let line = self.lines.get(at as usize);
        (0..BITS_OF_A_SALE).filter_map(move |bit| {
            let place = hash.rotate_left(32) >> (9 * bit);
            let word = line?.0.get((place >> 6 & 7) as usize)?;
            Some((word, 1 << (place & 63)))
        })
    }

    fn insert(&self, id: SaleId) {
        for (word, bit) in self.bits(id) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn contains(&self, id: SaleId) -> bool {
        self.bits(id).all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }
}

/// Fills filters with what the index has. Sales that enter the index meanwhile were added by the writer
/// before, so it does not matter which of them the snapshots show.
async fn fill(mut wanted: mpsc::UnboundedReceiver<Arc<Filter>>, readers: Arc<Readers>) {
    while let Some(filter) = wanted.recv().await {
        let mut last = Some(SaleId::from_bytes([0; 16]));
        while let Some(after) = last.filter(|_| Arc::strong_count(&filter) > 1) {
            let into = Arc::clone(&filter);
            match readers.read(move |connection| add_chunk(connection, &into, after)).await {
                Ok(next) => last = next,
                Err(error) => {
                    tracing::warn!(?error, "the index was not read: each purchase looks its sale up");
                    break;
                }
            }
        }
        if last.is_none() {
            filter.is_complete.store(true, Ordering::Release);
        }
    }
}

/// Adds the next ids of the index and returns the last one, or `None` where these were all.
fn add_chunk(connection: &Connection, filter: &Filter, after: SaleId) -> Result<Option<SaleId>> {
    let mut statement = connection.prepare_cached(INDEXED_IDS)?;
    let mut found = statement.query(rusqlite::params![after, CHUNK])?;
    let (mut last, mut count) = (None, 0);
    while let Some(row) = found.next()? {
        let id: SaleId = row.get(0)?;
        filter.insert(id);
        last = Some(id);
        count += 1;
    }
    Ok(last.filter(|_| count == CHUNK))
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn a_full_filter_knows_its_sales_and_takes_few_others_for_known() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut id = || {
            let mut bytes = [7; 16];
            rng.fill_bytes(&mut bytes[8..]);
            SaleId::from_bytes(bytes)
        };
        let filter = Filter::with_room(100_000);
        let sales: Vec<SaleId> = (0..100_000).map(|_| id()).collect();
        sales.iter().for_each(|&sale| filter.insert(sale));
        assert!(sales.iter().all(|&sale| filter.contains(sale)));
        let mistaken = (0..100_000).filter(|_| filter.contains(id())).count();
        assert!((100..3_000).contains(&mistaken), "{mistaken} of 100,000");
    }
}
