//! The lock table: shared and exclusive locks on key ranges of tables and indexes, for sets of columns.
//! Conflicts are settled by wound-wait: an older transaction aborts a younger holder, a younger one waits
//! (cloud.google.com/spanner/docs/transactions, "Deadlock detection" and "Locking").

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::key::{Key, Range};

/// Which columns a lock is for, a bit each; the highest bit is the existence of the row.
pub(crate) type Cells = u64;

/// The bit of the row's existence; columns beyond the 62nd share a bit with others.
pub(crate) const EXISTENCE: Cells = 1 << 63;

/// Every column and the existence.
pub(crate) const WHOLE_ROW: Cells = u64::MAX;

/// The bit of a column.
pub(crate) fn cell_bit(column: usize) -> Cells {
    1 << (column % 63)
}

/// A table or an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Object {
    Table(u32),
    Index(u32),
}

/// Shared for readers, exclusive for writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// Why a lock was not granted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The requester itself was wounded (or has ended).
    Wounded,
    /// An older transaction holds it; the channel closes when that one ends.
    Wait(watch::Receiver<()>),
}

#[derive(Clone, Debug)]
struct Hold {
    transaction: u64,
    mode: Mode,
    cells: Cells,
}

#[derive(Debug, Default)]
struct ObjectLocks {
    points: BTreeMap<Key, Vec<Hold>>,
    ranges: Vec<(Range, Hold)>,
}

#[derive(Debug)]
struct Participant {
    age: u64,
    ended: watch::Sender<()>,
    used: Instant,
    calls: usize,
    objects: HashSet<Object>,
    points: Vec<(Object, Key)>,
}

/// All locks of a database.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    objects: HashMap<Object, ObjectLocks>,
    participants: HashMap<u64, Participant>,
    wounded: u64,
}

impl LockTable {
    /// Lets a transaction take locks; a smaller age is an older transaction.
    pub(crate) fn register(&mut self, transaction: u64, age: u64) {
        self.participants.entry(transaction).or_insert_with(|| Participant {
            age,
            ended: watch::Sender::new(()),
            used: Instant::now(),
            calls: 0,
            objects: HashSet::new(),
            points: Vec::new(),
        });
    }

    /// Whether the transaction is registered and was not wounded.
    pub(crate) fn is_live(&self, transaction: u64) -> bool {
        self.participants.contains_key(&transaction)
    }

    /// How many transactions could hold locks.
    pub(crate) fn len(&self) -> usize {
        self.participants.len()
    }

    /// How many transactions were wounded.
    #[cfg(test)]
    pub(crate) fn wounded(&self) -> u64 {
        self.wounded
    }

    /// A channel that closes when the transaction ends or is wounded.
    pub(crate) fn ended(&self, transaction: u64) -> Option<watch::Receiver<()>> {
        self.participants.get(&transaction).map(|participant| participant.ended.subscribe())
    }

    /// Notes that a call of the transaction begins; it is not idle until `leave`.
    pub(crate) fn enter(&mut self, transaction: u64) {
        if let Some(participant) = self.participants.get_mut(&transaction) {
            participant.calls += 1;
            participant.used = Instant::now();
        }
    }

    /// Notes that a call of the transaction ended.
    pub(crate) fn leave(&mut self, transaction: u64) {
        if let Some(participant) = self.participants.get_mut(&transaction) {
            participant.calls = participant.calls.saturating_sub(1);
            participant.used = Instant::now();
        }
    }

    /// Gives all locks of a transaction back and wakes those who wait for it.
    pub(crate) fn release(&mut self, transaction: u64) {
        let Some(participant) = self.participants.remove(&transaction) else { return };
        for (object, key) in participant.points {
            let Some(locks) = self.objects.get_mut(&object) else { continue };
            if let Some(holds) = locks.points.get_mut(&key) {
                holds.retain(|hold| hold.transaction != transaction);
                if holds.is_empty() {
                    locks.points.remove(&key);
                }
            }
        }
        for object in participant.objects {
            if let Some(locks) = self.objects.get_mut(&object) {
                locks.ranges.retain(|(_, hold)| hold.transaction != transaction);
            }
        }
    }

    /// Takes a lock, wounding younger holders and those that were idle for longer than `idle_after`.
    pub(crate) fn acquire(
        &mut self,
        transaction: u64,
        target: (Object, &Range),
        mode: Mode,
        cells: Cells,
        idle_after: Duration,
    ) -> Result<(), Refusal> {
        let age = self.participants.get(&transaction).ok_or(Refusal::Wounded)?.age;
        let (object, range) = target;
        if range.is_empty() || self.holds(transaction, target, mode, cells) {
            return Ok(());
        }
        for holder in self.conflicts(transaction, target, mode, cells) {
            let Some(other) = self.participants.get(&holder) else { continue };
            let idle = other.calls == 0 && other.used.elapsed() >= idle_after;
            if other.age < age && !idle {
                return Err(Refusal::Wait(other.ended.subscribe()));
            }
            self.wounded += 1;
            self.release(holder);
        }
        self.grant(object, range, Hold { transaction, mode, cells });
        Ok(())
    }

    fn grant(&mut self, object: Object, range: &Range, hold: Hold) {
        let Some(participant) = self.participants.get_mut(&hold.transaction) else { return };
        let locks = self.objects.entry(object).or_default();
        if is_point(range) {
            participant.points.push((object, range.start.clone()));
            locks.points.entry(range.start.clone()).or_default().push(hold);
        } else {
            participant.objects.insert(object);
            locks.ranges.push((range.clone(), hold));
        }
    }

    /// Whether the transaction has the lock already (on the same point or range).
    fn holds(&self, transaction: u64, (object, range): (Object, &Range), mode: Mode, cells: Cells) -> bool {
        let enough = |hold: &Hold| {
            hold.transaction == transaction
                && hold.cells & cells == cells
                && (hold.mode == mode || hold.mode == Mode::Exclusive)
        };
        let Some(locks) = self.objects.get(&object) else { return false };
        if is_point(range) {
            return locks.points.get(&range.start).is_some_and(|holds| holds.iter().any(enough));
        }
        locks.ranges.iter().any(|(held, hold)| held == range && enough(hold))
    }

    /// Other transactions with conflicting locks; the oldest first, so that nobody is wounded in vain.
    fn conflicts(&self, own: u64, (object, range): (Object, &Range), mode: Mode, cells: Cells) -> Vec<u64> {
        let Some(locks) = self.objects.get(&object) else { return Vec::new() };
        let clashes = |hold: &Hold| {
            hold.transaction != own
                && hold.cells & cells != 0
                && (mode == Mode::Exclusive || hold.mode == Mode::Exclusive)
        };
        let Some(bounds) = range.bounds() else { return Vec::new() };
        let points = locks.points.range::<Key, _>(bounds).flat_map(|(_, holds)| holds);
        let ranges = locks.ranges.iter().filter(|(held, _)| held.overlaps(range)).map(|(_, hold)| hold);
        let mut found: Vec<u64> =
            points.chain(ranges).filter(|hold| clashes(hold)).map(|hold| hold.transaction).collect();
        found.sort_unstable_by_key(|id| (self.participants.get(id).map(|participant| participant.age), *id));
        found.dedup();
        found
    }
}

fn is_point(range: &Range) -> bool {
    range.end.as_ref().is_some_and(|end| end.strip_prefix(range.start.as_slice()) == Some(&[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const TABLE: Object = Object::Table(1);

    fn table() -> LockTable {
        let mut locks = LockTable::default();
        locks.register(1, 1);
        locks.register(2, 2);
        locks
    }

    fn take(locks: &mut LockTable, by: u64, range: &Range, mode: Mode) -> Result<(), Refusal> {
        locks.acquire(by, (TABLE, range), mode, WHOLE_ROW, LONG)
    }

    #[test]
    fn readers_share() {
        let mut locks = table();
        let point = Range::point(vec![7]);
        take(&mut locks, 1, &point, Mode::Shared).unwrap();
        take(&mut locks, 2, &point, Mode::Shared).unwrap();
        assert!(locks.is_live(1) && locks.is_live(2));
    }

    #[test]
    fn the_older_wounds_the_younger() {
        let mut locks = table();
        let point = Range::point(vec![7]);
        take(&mut locks, 2, &point, Mode::Exclusive).unwrap();
        take(&mut locks, 1, &point, Mode::Shared).unwrap();
        assert!(!locks.is_live(2));
        assert_eq!(locks.wounded(), 1);
        assert!(matches!(take(&mut locks, 2, &point, Mode::Shared), Err(Refusal::Wounded)));
    }

    #[tokio::test]
    async fn the_younger_waits_for_the_older() {
        let mut locks = table();
        let point = Range::point(vec![7]);
        take(&mut locks, 1, &point, Mode::Shared).unwrap();
        let Err(Refusal::Wait(mut ended)) = take(&mut locks, 2, &point, Mode::Exclusive) else {
            panic!("not refused")
        };
        locks.release(1);
        assert!(ended.changed().await.is_err(), "the channel closed");
        take(&mut locks, 2, &point, Mode::Exclusive).unwrap();
        assert_eq!(locks.wounded(), 0);
    }

    #[test]
    fn a_range_meets_the_points_in_it() {
        let mut locks = table();
        take(&mut locks, 1, &Range::prefix(&[7]), Mode::Shared).unwrap();
        assert!(take(&mut locks, 2, &Range::point(vec![7, 1]), Mode::Exclusive).is_err());
        take(&mut locks, 2, &Range::point(vec![8, 1]), Mode::Exclusive).unwrap();
        take(&mut locks, 1, &Range::all(), Mode::Exclusive).unwrap();
        assert!(!locks.is_live(2));
    }

    #[test]
    fn different_cells_do_not_conflict() {
        let mut locks = table();
        let point = Range::point(vec![7]);
        locks.acquire(1, (TABLE, &point), Mode::Exclusive, cell_bit(1), LONG).unwrap();
        locks.acquire(2, (TABLE, &point), Mode::Shared, cell_bit(2) | EXISTENCE, LONG).unwrap();
        assert!(locks.acquire(2, (TABLE, &point), Mode::Shared, cell_bit(1), LONG).is_err());
    }

    #[test]
    fn an_idle_older_holder_is_aborted() {
        let mut locks = table();
        let point = Range::point(vec![7]);
        take(&mut locks, 1, &point, Mode::Exclusive).unwrap();
        locks.acquire(2, (TABLE, &point), Mode::Shared, WHOLE_ROW, Duration::ZERO).unwrap();
        assert!(!locks.is_live(1));
    }

    #[test]
    fn released_locks_leave_nothing() {
        let mut locks = table();
        take(&mut locks, 1, &Range::point(vec![7]), Mode::Exclusive).unwrap();
        take(&mut locks, 1, &Range::all(), Mode::Shared).unwrap();
        locks.release(1);
        let left = &locks.objects[&TABLE];
        assert!(left.points.is_empty() && left.ranges.is_empty());
    }
}
