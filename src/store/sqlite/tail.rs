//! The tail of the ledger: sales that index and counters do not have yet, in memory.
//!
//! The ledger is the one truth. What is derived from it, the index `SaleById` and the rows of
//! `SoldTicketsCounter`, runs behind in batches (`settle`), and `Meta.SettledUpTo` says how far all of
//! it is. Whoever asks puts together what is stored and what the tail has; a process that has no
//! tail yet, or finds sales of another one, reads the ledger behind what it knows.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;
use rusqlite::{Connection, params};

use super::sales;
use crate::model::SaleId;
use crate::store::Result;

const MARKS: &str = "SELECT (SELECT Value FROM Meta WHERE Name = 'Generation'), \
     (SELECT Value FROM Meta WHERE Name = 'SettledUpTo')";
const FIND_IN: &str = "SELECT SaleNo FROM SaleById WHERE SaleId BETWEEN ?1 AND ?2";

/// A sale as the tail keeps it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TailSale {
    pub(super) no: i64,
    pub(super) id: SaleId,
    pub(super) category_no: i64,
    pub(super) tickets: u32,
}

/// What a snapshot of the store says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// Changes when sales are deleted.
    pub(super) generation: i64,
    /// Sales up to this one are in the index and in the counters.
    pub(super) settled_up_to: i64,
}

impl Marks {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(MARKS)?
            .query_row([], |row| Ok(Self { generation: row.get(0)?, settled_up_to: row.get(1)? }))
    }
}

/// Some sales in a row, found by id and summed by category.
#[derive(Default)]
pub(super) struct Part {
    by_id: BTreeMap<SaleId, i64>,
    /// For each ticket category its sales: number, and tickets up to and with it.
    by_category: HashMap<i64, Vec<(i64, u32)>>,
}

impl Part {
    fn add(&mut self, sale: TailSale) {
        self.by_id.insert(sale.id, sale.no);
        let sums = self.by_category.entry(sale.category_no).or_default();
        let before = sums.last().map_or(0, |&(_, sum)| sum);
        sums.push((sale.no, before + sale.tickets));
    }

    /// Tickets of a category in sales later than `no`.
    fn tickets_after(&self, category_no: i64, no: i64) -> u32 {
        let Some(sums) = self.by_category.get(&category_no) else {
            return 0;
        };
        let known = sums.partition_point(|&(other, _)| other <= no);
        let sum_of =
            |count: usize| count.checked_sub(1).and_then(|at| sums.get(at)).map_or(0, |&(_, sum)| sum);
        sum_of(sums.len()) - sum_of(known)
    }

    /// Its sales in the order of their ids.
    pub(super) fn by_id(&self) -> &BTreeMap<SaleId, i64> {
        &self.by_id
    }
}

/// The tail.
#[derive(Default)]
pub(super) struct Tail {
    marks: Marks,
    /// The batch that is being settled; it stays until all of it is committed.
    batch: Arc<Part>,
    /// Later sales.
    recent: Part,
    /// The last sale that is settled, in `batch` or in `recent`.
    known_up_to: i64,
}

impl Tail {
    /// A tail that begins behind what is settled.
    pub(super) fn behind(marks: Marks) -> Self {
        Self { marks, known_up_to: marks.settled_up_to, ..Self::default() }
    }

    /// Adds a sale; sales come in ascending order, and one that is known already is left out.
    pub(super) fn add(&mut self, sale: TailSale) {
        if sale.no > self.known_up_to {
            self.known_up_to = sale.no;
            self.recent.add(sale);
        }
    }
}

/// The tail as the writer and all readers of a process share it.
#[derive(Clone, Default)]
pub(super) struct SharedTail(Arc<RwLock<Tail>>);

impl SharedTail {
    fn read<T>(&self, read: impl FnOnce(&Tail) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tail) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds sales that are committed, in ascending order; those that are known already are left out.
    pub(super) fn add(&self, sales: impl IntoIterator<Item = TailSale>) {
        self.change(|tail| sales.into_iter().for_each(|sale| tail.add(sale)));
    }

    /// Starts anew, by the writer, whose transaction sees all there is.
    pub(super) fn replace(&self, new: Tail) {
        let _outdated = self.change(|tail| std::mem::replace(tail, new));
    }

    /// Starts anew, by a reader, unless another one or the writer has been faster: the writer looks here
    /// for repeated purchases, so nothing that it has added may go.
    fn replace_outdated(&self, new: Tail) {
        let _outdated = self.change(|tail| {
            let is_newer = tail.marks.generation < new.marks.generation;
            if is_newer { std::mem::replace(tail, new) } else { new }
        });
    }

    /// The number of this sale, where the tail has it.
    pub(super) fn get(&self, id: SaleId) -> Option<i64> {
        self.read(|tail| tail.recent.by_id.get(&id).or_else(|| tail.batch.by_id.get(&id)).copied())
    }

    /// Shows the id of each sale, in no order.
    pub(super) fn each_id(&self, visit: impl FnMut(SaleId)) {
        self.read(|tail| tail.batch.by_id.keys().chain(tail.recent.by_id.keys()).copied().for_each(visit));
    }

    /// Makes the recent sales the batch to be settled, where there are at least `size` of them and the
    /// last one is `last_no`: a reader may have added one of another process that the writer has not seen.
    pub(super) fn begin_batch(&self, size: usize, last_no: i64) -> Option<Arc<Part>> {
        self.change(|tail| {
            (tail.recent.by_id.len() >= size && tail.known_up_to == last_no).then(|| {
                tail.batch = Arc::new(std::mem::take(&mut tail.recent));
                Arc::clone(&tail.batch)
            })
        })
    }

    /// The batch is settled, for good, and ended with sale `no`.
    pub(super) fn settled(&self, no: i64) {
        let _outdated = self.change(|tail| {
            tail.marks.settled_up_to = no.max(tail.marks.settled_up_to);
            std::mem::take(&mut tail.batch)
        });
    }

    /// The tail beside the snapshot of `connection`, with what that has and the tail had not.
    pub(super) fn beside<'c>(&self, connection: &'c Connection) -> Result<Beside<'c>> {
        let marks = Marks::read(connection)?;
        let (known, known_up_to) = self.read(|tail| (tail.marks, tail.known_up_to));
        if known.generation < marks.generation {
            let mut new = Tail::behind(marks);
            sales::later(connection, marks.settled_up_to, |sale| {
                new.add(sale.into());
                Ok(())
            })?;
            self.replace_outdated(new);
        } else if known.generation == marks.generation {
            let mut later = Vec::new();
            sales::later(connection, known_up_to.max(marks.settled_up_to), |sale| {
                later.push(sale.into());
                Ok(())
            })?;
            if !later.is_empty() {
                self.add(later);
            }
        }
        Ok(Beside { tail: self.clone(), connection, marks })
    }
}

/// A snapshot and the tail, to be asked together. Answers are `None` where the tail has moved on so far
/// that they no longer fit: then a new snapshot is needed.
pub(super) struct Beside<'c> {
    tail: SharedTail,
    connection: &'c Connection,
    marks: Marks,
}

impl Beside<'_> {
    fn ask<T>(&self, ask: impl FnOnce(&Tail) -> T) -> Option<T> {
        self.tail.read(|tail| {
            let same = tail.marks.generation == self.marks.generation;
            (same && tail.marks.settled_up_to <= self.marks.settled_up_to).then(|| ask(tail))
        })
    }

    /// The numbers of the sales with ids in `range`, ascending.
    pub(super) fn find(&self, range: &RangeInclusive<SaleId>) -> rusqlite::Result<Option<Vec<i64>>> {
        let in_memory = self.ask(|tail| {
            let sales = tail.batch.by_id.range(range.clone()).chain(tail.recent.by_id.range(range.clone()));
            sales.map(|(_, &no)| no).collect::<Vec<_>>()
        });
        let Some(mut found) = in_memory else {
            return Ok(None);
        };
        let mut index = self.connection.prepare_cached(FIND_IN)?;
        for no in index.query_map(params![range.start(), range.end()], |row| row.get(0))? {
            found.push(no?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(Some(found))
    }

    /// Tickets of a category in sales later than `no`, up to which its counter has counted.
    pub(super) fn tickets_after(&self, category_no: i64, no: i64) -> Option<u32> {
        self.ask(|tail| {
            tail.batch.tickets_after(category_no, no) + tail.recent.tickets_after(category_no, no)
        })
    }
}
