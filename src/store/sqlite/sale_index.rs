//! Finding a sale by its id: the index `SaleById`, which runs behind the ledger, and the sales that
//! are not in it yet, which are kept in memory.
//!
//! Sale ids are random, so entering each at once would change a page of the index for every sale.
//! Instead they gather in memory; when [`BATCH`] have, the batch is entered in the order of the ids, a
//! slice with each group of purchases. `Meta.IndexedUpTo` says which sales are in the index for good;
//! a start reads the ledger behind it. The ledger stays the one truth.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::SaleId;

/// Sales that gather before they are entered: so many that several fall on each page of the index of
/// millions of sales, so few that a start reads them in a fraction of a second.
const BATCH: usize = 262_144;
/// Entries with one group: twice its sales, so that a batch is done before the next has gathered, and
/// a few more; never so many that one group takes long.
const SLICE_MIN: usize = 16;
const SLICE_MAX: usize = 1_024;

const INDEXED_UP_TO: &str = "SELECT Value FROM Meta WHERE Name = 'IndexedUpTo'";
const SET_INDEXED_UP_TO: &str = "UPDATE Meta SET Value = max(Value, ?1) WHERE Name = 'IndexedUpTo'";
const LATER_SALES: &str = "SELECT SaleId, SaleNo FROM Sale WHERE SaleNo > ?1 ORDER BY SaleNo";
const LATER_SALES_IN: &str = "SELECT SaleNo FROM Sale WHERE SaleNo > ?1 AND SaleId BETWEEN ?2 AND ?3";
const ENTER: &str = "INSERT OR IGNORE INTO SaleById (SaleId, SaleNo) VALUES (?1, ?2)";
const FIND: &str = "SELECT SaleNo FROM SaleById WHERE SaleId = ?1";
const FIND_IN: &str = "SELECT SaleNo FROM SaleById WHERE SaleId BETWEEN ?1 AND ?2";

type Entries = BTreeMap<SaleId, i64>;

/// The committed sales that may be missing from the index.
#[derive(Default)]
struct Tail {
    /// The batch that is being entered; entries stay until all are committed.
    batch: Arc<Entries>,
    /// Later sales.
    recent: Entries,
    /// The last sale that is in the index, in `batch` or in `recent`.
    known_up_to: i64,
}

/// The tail as readers see it.
#[derive(Clone, Default)]
pub(super) struct SharedTail(Arc<RwLock<Tail>>);

impl SharedTail {
    /// The numbers of the sales with ids in `range`, in no order, as of the snapshot of `connection`.
    ///
    /// The tail is asked before the index: what leaves it meanwhile is in the index already. Sales
    /// behind the tail (made by another process) are looked for in the ledger itself.
    pub(super) fn find(
        &self,
        connection: &Connection,
        range: &RangeInclusive<SaleId>,
    ) -> rusqlite::Result<Vec<i64>> {
        let (mut found, known_up_to) = {
            let tail = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let in_memory = tail.batch.range(range.clone()).chain(tail.recent.range(range.clone()));
            (in_memory.map(|(_, &no)| no).collect::<Vec<_>>(), tail.known_up_to)
        };
        let mut index = connection.prepare_cached(FIND_IN)?;
        let mut ledger = connection.prepare_cached(LATER_SALES_IN)?;
        for no in index.query_map(params![range.start(), range.end()], |row| row.get(0))? {
            found.push(no?);
        }
        for no in ledger.query_map(params![known_up_to, range.start(), range.end()], |row| row.get(0))? {
            found.push(no?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tail) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The writer's side of the index.
pub(super) struct SaleIndex {
    tail: SharedTail,
    /// Where in the batch the next slice begins, and the last sale of the batch.
    entering: Option<(Bound<SaleId>, i64)>,
    /// Sales of the group at work, which nobody else may see yet.
    group: Entries,
    batch_size: usize,
}

impl SaleIndex {
    pub(super) fn new(tail: SharedTail) -> Self {
        Self { tail, entering: None, group: Entries::new(), batch_size: BATCH }
    }

    /// An index that gathers fewer sales, so that a test sees many batches.
    #[cfg(test)]
    pub(super) fn with_batch(tail: SharedTail, batch_size: usize) -> Self {
        Self { batch_size, ..Self::new(tail) }
    }

    /// Makes a tail for readers of a process that never sells: empty, with the ledger read on demand.
    pub(super) fn attach_tail(tail: &SharedTail, connection: &Connection) -> rusqlite::Result<()> {
        let indexed: i64 = connection.query_row(INDEXED_UP_TO, [], |row| row.get(0))?;
        tail.change(|tail| *tail = Tail { known_up_to: indexed, ..Tail::default() });
        Ok(())
    }

    /// Reads the tail anew and returns the number of the last sale.
    pub(super) fn reload(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        Self::attach_tail(&self.tail, connection)?;
        self.entering = None;
        self.group.clear();
        self.catch_up(connection)
    }

    /// Adds the sales that another process has made and returns the number of the last sale.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        let known_up_to = self.tail.change(|tail| tail.known_up_to);
        let mut statement = connection.prepare_cached(LATER_SALES)?;
        let later = statement.query_map([known_up_to], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let later = later.collect::<rusqlite::Result<Vec<(SaleId, i64)>>>()?;
        Ok(self.tail.change(|tail| {
            tail.known_up_to = later.last().map_or(known_up_to, |&(_, no)| no);
            tail.recent.extend(later);
            tail.known_up_to
        }))
    }

    /// The number of this sale, from the group at work, the tail or the index.
    pub(super) fn find(&self, connection: &Connection, id: SaleId) -> rusqlite::Result<Option<i64>> {
        if let Some(&no) = self.group.get(&id) {
            return Ok(Some(no));
        }
        let in_tail = {
            let tail = self.tail.0.read().unwrap_or_else(PoisonError::into_inner);
            tail.recent.get(&id).or_else(|| tail.batch.get(&id)).copied()
        };
        match in_tail {
            Some(no) => Ok(Some(no)),
            None => connection.prepare_cached(FIND)?.query_row([id], |row| row.get(0)).optional(),
        }
    }

    /// Notes a sale of the group at work.
    pub(super) fn add(&mut self, id: SaleId, no: i64) {
        self.group.insert(id, no);
    }

    /// Enters the next slice of the batch, inside the group's transaction.
    pub(super) fn enter_some(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sales = self.group.len();
        let Some((from, last_no)) = self.entering.filter(|_| sales > 0) else {
            return Ok(());
        };
        let batch = self.tail.change(|tail| Arc::clone(&tail.batch));
        let slice = (2 * sales).clamp(SLICE_MIN, SLICE_MAX);
        let mut statement = connection.prepare_cached(ENTER)?;
        let mut entered = 0;
        for (id, no) in batch.range((from, Bound::Unbounded)).take(slice) {
            statement.execute(params![id, no])?;
            self.entering = Some((Bound::Excluded(*id), last_no));
            entered += 1;
        }
        if entered < slice {
            connection.prepare_cached(SET_INDEXED_UP_TO)?.execute([last_no])?;
            self.entering = None;
        }
        Ok(())
    }

    /// Shows the group's sales to readers once they are committed, and begins the next batch when
    /// enough have gathered.
    pub(super) fn committed(&mut self) {
        let group = std::mem::take(&mut self.group);
        let at_rest = self.entering.is_none();
        let batch_size = self.batch_size;
        let (begins, _outdated) = self.tail.change(|tail| {
            tail.known_up_to = group.values().copied().max().unwrap_or(0).max(tail.known_up_to);
            tail.recent.extend(group);
            let outdated = if at_rest { std::mem::take(&mut tail.batch) } else { Arc::default() };
            let begins = at_rest && tail.recent.len() >= batch_size;
            if begins {
                tail.batch = Arc::new(std::mem::take(&mut tail.recent));
            }
            (begins.then_some(tail.known_up_to), outdated)
        });
        if let Some(last_no) = begins {
            self.entering = Some((Bound::Unbounded, last_no));
        }
    }
}
