//! Settling: index and counters follow the ledger in batches, a slice for every [`STEP`] sales.
//!
//! Sale ids are random and so are the categories that a rush buys from. Entered at once, each sale would
//! change a page of the index and a row of seats for itself; entered [`BATCH`] at a time and in the order
//! of their keys, many share a page, and a category is written once for all its sales of the batch.

use std::ops::Bound;
use std::sync::{Arc, LazyLock};

use rusqlite::{Connection, ToSql, params_from_iter};

use super::inventory::Inventory;
use super::tail::{Part, SharedTail};
use crate::model::SaleId;

/// Sales that gather before they are settled: so many that several fall on each page of the index of
/// millions of sales, so few that a start reads them in a fraction of a second.
pub(super) const BATCH: usize = 524_288;
/// Sales between two slices, so that small groups, whose members wait for their commit alone, rarely carry one.
const STEP: usize = 256;
/// Entries of each kind in one slice at most, so that no group takes long.
const SLICE_MAX: usize = 1_024;

/// Entries that one statement makes: their order lets SQLite go on where the one before was put.
const AT_ONCE: usize = 32;
const SET_SETTLED_UP_TO: &str = "UPDATE Meta SET Value = max(Value, ?1) WHERE Name = 'SettledUpTo'";

/// The writer's side of the tail.
pub(super) struct Settling {
    tail: SharedTail,
    batch_size: usize,
    batch: Option<Batch>,
    /// Sales since the last slice.
    sales: usize,
}

/// The batch at work.
struct Batch {
    sales: Arc<Part>,
    /// Its last sale.
    last_no: i64,
    /// Where in the order of ids the next slice begins.
    next: Bound<SaleId>,
    /// Whether all its sales are in the index.
    is_indexed: bool,
    /// Categories to be written, those at the end first.
    categories: Vec<usize>,
    /// How many there were.
    categories_in_all: usize,
}

impl Settling {
    /// Settles every `batch_size` sales.
    pub(super) fn new(tail: SharedTail, batch_size: usize) -> Self {
        Self { tail, batch_size, batch: None, sales: 0 }
    }

    pub(super) fn tail(&self) -> &SharedTail {
        &self.tail
    }

    /// Gives up the batch at work, for a tail that is read anew.
    pub(super) fn forget(&mut self) {
        self.batch = None;
    }

    /// Settles the next slice inside the transaction of a group of `sales`, which is in the inventory
    /// already and ends with sale `last_no`.
    pub(super) fn settle_some(
        &mut self,
        connection: &Connection,
        inventory: &mut Inventory,
        sales: usize,
        last_no: i64,
    ) -> rusqlite::Result<()> {
        self.sales += sales;
        let is_due = self.sales >= STEP.min(self.batch_size);
        let Some(batch) = self.batch.as_mut().filter(|_| is_due) else {
            return Ok(());
        };
        let sales = std::mem::take(&mut self.sales);
        // Twice as fast as sales gather, so that a batch is done before the next one is full.
        let share = |of: usize| (of * 2 * sales).div_ceil(self.batch_size).clamp(1, SLICE_MAX);
        batch.enter_in_index(connection, share(batch.sales.by_id().len()))?;
        let keep = batch.categories.len().saturating_sub(share(batch.categories_in_all));
        for place in batch.categories.drain(keep..).rev() {
            inventory.write(connection, place, last_no)?;
        }
        if batch.is_done() {
            connection.prepare_cached(SET_SETTLED_UP_TO)?.execute([batch.last_no])?;
        }
        Ok(())
    }

    /// After a commit: the batch that is done leaves the tail, and the next one begins when enough sales
    /// have gathered up to `last_no`.
    pub(super) fn committed(&mut self, inventory: &mut Inventory, last_no: i64) {
        if let Some(done) = self.batch.take_if(|batch| batch.is_done()) {
            self.tail.settled(done.last_no);
        }
        if self.batch.is_none()
            && let Some(sales) = self.tail.begin_batch(self.batch_size, last_no)
        {
            let categories = inventory.take_changed();
            self.batch = Some(Batch {
                sales,
                last_no,
                next: Bound::Unbounded,
                is_indexed: false,
                categories_in_all: categories.len(),
                categories,
            });
        }
    }
}

impl Batch {
    fn is_done(&self) -> bool {
        self.is_indexed && self.categories.is_empty()
    }

    fn enter_in_index(&mut self, connection: &Connection, slice: usize) -> rusqlite::Result<()> {
        if self.is_indexed {
            return Ok(());
        }
        let sales = self.sales.by_id().range((self.next, Bound::Unbounded)).take(slice);
        let sales: Vec<(SaleId, i64)> = sales.map(|(&id, &no)| (id, no)).collect();
        for chunk in sales.chunks(AT_ONCE) {
            let values = chunk.iter().flat_map(|(id, no)| [id as &dyn ToSql, no]);
            connection.prepare_cached(enter_of(chunk.len()))?.execute(params_from_iter(values))?;
        }
        if let Some(&(last, _)) = sales.last() {
            self.next = Bound::Excluded(last);
        }
        self.is_indexed = sales.len() < slice;
        Ok(())
    }
}

/// The statement that enters so many sales.
fn enter_of(count: usize) -> &'static str {
    static STATEMENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let of = |count| {
            let values = vec!["(?, ?)"; count].join(", ");
            format!("INSERT OR IGNORE INTO SaleById (SaleId, SaleNo) VALUES {values}")
        };
        (0..=AT_ONCE).map(of).collect()
    });
    STATEMENTS.get(count).map_or("", String::as_str)
}
