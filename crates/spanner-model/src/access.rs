//! Reads and writes of one call: at a timestamp without locks, or of the newest versions under locks and
//! with the transaction's own writes (cloud.google.com/spanner/docs/transactions).

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tonic::Status;

use crate::key::{Key, Range};
use crate::locks::{Cells, EXISTENCE, LockTable, Mode, Object, Refusal, WHOLE_ROW, cell_bit};
use crate::schema::{Index, Row, Schema, Table};
use crate::status::{Halt, table_not_found};
use crate::storage::{At, Data, Overlay, get, scan};

/// The locks of a call, which has the whole lock table while it works.
#[derive(Debug)]
pub(crate) struct Locking {
    pub(crate) table: LockTable,
    pub(crate) transaction: u64,
    pub(crate) idle_after: Duration,
    /// How reads lock.
    pub(crate) reads: Mode,
}

/// What a call works on.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) data: &'a Data,
    pub(crate) overlay: RefCell<Overlay>,
    pub(crate) locking: Option<RefCell<Locking>>,
    pub(crate) at: At,
    /// The time of CURRENT_TIMESTAMP().
    pub(crate) now: i64,
    /// Mutations so far, as the limit of a commit counts them.
    pub(crate) mutations: Cell<u64>,
}

impl<'a> Access<'a> {
    /// Reads at a timestamp.
    pub(crate) fn snapshot(schema: &'a Schema, data: &'a Data, timestamp: i64) -> Self {
        Self {
            schema,
            data,
            overlay: RefCell::default(),
            locking: None,
            at: At::Timestamp(timestamp),
            now: timestamp,
            mutations: Cell::new(0),
        }
    }

    /// Reads the newest versions, and writes, under locks.
    pub(crate) fn locked(
        schema: &'a Schema,
        data: &'a Data,
        overlay: Overlay,
        locking: Locking,
        now: i64,
    ) -> Self {
        let locking = Some(RefCell::new(locking));
        let overlay = RefCell::new(overlay);
        Self { schema, data, overlay, locking, at: At::Latest, now, mutations: Cell::new(0) }
    }

    /// Gives the lock table back.
    pub(crate) fn into_locks(self) -> LockTable {
        self.locking.map(|locking| locking.into_inner().table).unwrap_or_default()
    }

    fn existed(&self, created: i64) -> bool {
        match self.at {
            At::Latest => true,
            At::Timestamp(timestamp) => created <= timestamp,
        }
    }

    /// A table that existed at the time of the read.
    pub(crate) fn table(&self, name: &str) -> Option<&'a Arc<Table>> {
        self.schema.table(name).filter(|table| self.existed(table.created))
    }

    /// A table, or NOT_FOUND.
    pub(crate) fn require_table(&self, name: &str) -> Result<&'a Arc<Table>, Status> {
        self.table(name).ok_or_else(|| table_not_found(name))
    }

    /// An index of a table that existed at the time of the read.
    pub(crate) fn index(&self, table: &Table, name: &str) -> Option<&'a Arc<Index>> {
        let of_table = |index: &&Arc<Index>| index.table.eq_ignore_ascii_case(&table.name);
        self.schema.index(name).filter(of_table).filter(|index| self.existed(index.created))
    }

    /// Locks a range for writing.
    pub(crate) fn lock_exclusive(&self, object: Object, range: &Range, cells: Cells) -> Result<(), Halt> {
        self.lock(object, range, Some(Mode::Exclusive), cells)
    }

    /// Locks a range for reading, if the call reads under locks.
    pub(crate) fn lock_read(&self, object: Object, range: &Range, cells: Cells) -> Result<(), Halt> {
        self.lock(object, range, None, cells | EXISTENCE)
    }

    fn lock(&self, object: Object, range: &Range, mode: Option<Mode>, cells: Cells) -> Result<(), Halt> {
        let Some(locking) = &self.locking else { return Ok(()) };
        let locking = &mut *locking.borrow_mut();
        let mode = mode.unwrap_or(locking.reads);
        let target = (object, range);
        let granted = locking.table.acquire(locking.transaction, target, mode, cells, locking.idle_after);
        granted.map_err(|refusal| match refusal {
            Refusal::Wounded => Halt::Wounded,
            Refusal::Wait(holder) => Halt::Wait(holder),
        })
    }

    /// The row of a key. Does not lock.
    pub(crate) fn row(&self, table: &Table, key: &Key) -> Option<Arc<Row>> {
        let overlay = self.overlay.borrow();
        get(self.data.tables.get(&table.id), overlay.tables.get(&table.id), key, self.at)
    }

    /// Locks a row for reading and answers it.
    pub(crate) fn read_row(&self, table: &Table, key: &Key, cells: Cells) -> Result<Option<Arc<Row>>, Halt> {
        self.lock_read(Object::Table(table.id), &Range::point(key.clone()), cells)?;
        Ok(self.row(table, key))
    }

    /// The rows of a range, without locks.
    pub(crate) fn rows(&self, table: &Table, range: &Range, limit: Option<usize>) -> Vec<(Key, Arc<Row>)> {
        let overlay = self.overlay.borrow();
        scan(self.data.tables.get(&table.id), overlay.tables.get(&table.id), range, self.at, limit)
    }

    /// The entries of a range of an index, without locks: index key and primary key.
    pub(crate) fn entries(&self, index: &Index, range: &Range, limit: Option<usize>) -> Vec<(Key, Key)> {
        let overlay = self.overlay.borrow();
        scan(self.data.indexes.get(&index.id), overlay.indexes.get(&index.id), range, self.at, limit)
    }

    /// Reads the rows of a range in key order and locks what was scanned.
    pub(crate) fn read_rows(
        &self,
        table: &Table,
        range: &Range,
        cells: Cells,
        limit: Option<usize>,
    ) -> Result<Vec<Arc<Row>>, Halt> {
        let rows = self.rows(table, range, limit);
        let scanned = scanned(range, limit, rows.len(), rows.last().map(|(key, _)| key));
        self.lock_read(Object::Table(table.id), &scanned, cells)?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Reads rows by a range of an index in the index's order and locks what was scanned. The base row is
    /// locked as well if the index does not cover what is read.
    pub(crate) fn read_index(
        &self,
        (table, index): (&Table, &Index),
        range: &Range,
        (cells, covered): (Cells, bool),
        limit: Option<usize>,
    ) -> Result<Vec<Arc<Row>>, Halt> {
        let entries = self.entries(index, range, limit);
        let scanned = scanned(range, limit, entries.len(), entries.last().map(|(key, _)| key));
        self.lock_read(Object::Index(index.id), &scanned, cells)?;
        let mut rows = Vec::with_capacity(entries.len());
        for (_, key) in entries {
            let row = if covered { self.row(table, &key) } else { self.read_row(table, &key, cells)? };
            rows.extend(row);
        }
        Ok(rows)
    }

    /// Counts mutations of the commit.
    pub(crate) fn count(&self, mutations: u64) {
        self.mutations.set(self.mutations.get() + mutations);
    }

    /// Writes or deletes a row and the entries of its indexes. All locks are taken here:
    /// on the cells of the row, and on the index entries that come, go or change.
    pub(crate) fn put(
        &self,
        table: &Table,
        key: &Key,
        old: Option<&Arc<Row>>,
        new: Option<Arc<Row>>,
        cells: Cells,
    ) -> Result<(), Halt> {
        self.lock_exclusive(Object::Table(table.id), &Range::point(key.clone()), cells)?;
        for index in self.schema.indexes_of(table) {
            self.put_entry((table, index), key, old, new.as_ref(), cells)?;
        }
        let mut overlay = self.overlay.borrow_mut();
        overlay.tables.entry(table.id).or_default().insert(key.clone(), new);
        Ok(())
    }

    fn put_entry(
        &self,
        (table, index): (&Table, &Index),
        key: &Key,
        old: Option<&Arc<Row>>,
        new: Option<&Arc<Row>>,
        cells: Cells,
    ) -> Result<(), Halt> {
        let object = Object::Index(index.id);
        let (before, after) = (old.and_then(|row| index.key_of(row)), new.and_then(|row| index.key_of(row)));
        if before == after {
            let stored = index.storing.iter().fold(0, |bits, column| bits | cell_bit(*column)) & cells;
            if let Some(entry) = after.filter(|_| stored != 0) {
                self.lock_exclusive(object, &Range::point(entry), stored)?;
                self.count(1);
            }
            return Ok(());
        }
        if let Some(entry) = before {
            self.lock_exclusive(object, &Range::point(entry.clone()), WHOLE_ROW)?;
            self.write_entry(index, entry, None);
        }
        if let (Some(entry), Some(row)) = (after, new) {
            self.lock_exclusive(object, &Range::point(entry.clone()), WHOLE_ROW)?;
            self.require_unique((table, index), row)?;
            self.write_entry(index, entry, Some(key.clone()));
        }
        Ok(())
    }

    fn write_entry(&self, index: &Index, entry: Key, key: Option<Key>) {
        self.count(1);
        let mut overlay = self.overlay.borrow_mut();
        overlay.indexes.entry(index.id).or_default().insert(entry, key);
    }

    /// A unique index holds a key once (cloud.google.com/spanner/docs/secondary-indexes, "Unique indexes").
    fn require_unique(&self, (table, index): (&Table, &Index), row: &Row) -> Result<(), Halt> {
        if !index.unique {
            return Ok(());
        }
        let range = Range::prefix(&index.declared_key_of(row));
        self.lock_exclusive(Object::Index(index.id), &range, WHOLE_ROW)?;
        if self.entries(index, &range, Some(1)).is_empty() {
            return Ok(());
        }
        let (name, key) = (&index.name, index.key_text(row));
        Err(Halt::Status(Status::already_exists(format!(
            "Unique index violation on index {name} at index key {key}. It conflicts with row {} in table {}.",
            table.key_text(row),
            table.name
        ))))
    }
}

/// The part of a range that a scan saw: up to the last entry if the limit ended it.
fn scanned(range: &Range, limit: Option<usize>, found: usize, last: Option<&Key>) -> Range {
    match last {
        Some(last) if limit.is_some_and(|limit| found >= limit) => {
            Range { start: range.start.clone(), end: Range::point(last.clone()).end }
        }
        _ => range.clone(),
    }
}

/// The bits of columns.
pub(crate) fn cells_of(columns: impl IntoIterator<Item = usize>) -> Cells {
    columns.into_iter().fold(0, |bits, column| bits | cell_bit(column))
}
