//! Multi-version storage: the newest version of every row for strong reads, and all versions by commit
//! timestamp for stale ones (cloud.google.com/spanner/docs/timestamp-bounds).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::key::{Key, Range};
use crate::schema::Row;

/// Which version a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The newest.
    Latest,
    /// The one at a timestamp in nanoseconds.
    Timestamp(i64),
}

/// The versions of a key, oldest first.
type Versions<T> = Vec<(i64, Option<T>)>;

/// The entries of a table or of an index.
#[derive(Debug)]
pub(crate) struct Store<T> {
    live: BTreeMap<Key, T>,
    history: BTreeMap<Key, Versions<T>>,
    changed: i64,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { live: BTreeMap::new(), history: BTreeMap::new(), changed: i64::MIN }
    }
}

impl<T: Clone> Store<T> {
    /// The entry of a key.
    pub(crate) fn get(&self, key: &Key, at: At) -> Option<&T> {
        match at {
            At::Timestamp(timestamp) if timestamp < self.changed => {
                visible(self.history.get(key)?, timestamp)
            }
            _ => self.live.get(key),
        }
    }

    /// The entries in a range in the order of their keys.
    pub(crate) fn range<'a>(
        &'a self,
        range: &Range,
        at: At,
    ) -> Box<dyn Iterator<Item = (&'a Key, &'a T)> + 'a> {
        let Some(bounds) = range.bounds() else { return Box::new(std::iter::empty()) };
        match at {
            At::Timestamp(timestamp) if timestamp < self.changed => {
                let entries = self.history.range::<Key, _>(bounds);
                Box::new(
                    entries.filter_map(move |(key, versions)| Some((key, visible(versions, timestamp)?))),
                )
            }
            _ => Box::new(self.live.range::<Key, _>(bounds)),
        }
    }

    /// Writes a version; None deletes the entry.
    pub(crate) fn put(&mut self, key: Key, timestamp: i64, entry: Option<T>) {
        self.changed = self.changed.max(timestamp);
        self.history.entry(key.clone()).or_default().push((timestamp, entry.clone()));
        match entry {
            Some(entry) => self.live.insert(key, entry),
            None => self.live.remove(&key),
        };
    }

    /// Forgets versions that no read at or after `horizon` can see.
    pub(crate) fn forget(&mut self, horizon: i64) {
        self.history.retain(|_, versions| {
            let seen = versions.partition_point(|(timestamp, _)| *timestamp <= horizon);
            versions.drain(..seen.saturating_sub(1));
            versions.len() > 1 || versions.last().is_some_and(|(_, entry)| entry.is_some())
        });
    }

    /// How many entries the newest version has.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }
}

fn visible<T>(versions: &Versions<T>, timestamp: i64) -> Option<&T> {
    let seen = versions.partition_point(|(written, _)| *written <= timestamp);
    versions.get(seen.checked_sub(1)?)?.1.as_ref()
}

/// The contents of a database.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) tables: HashMap<u32, Store<Arc<Row>>>,
    /// Entries of indexes: the primary key of the row.
    pub(crate) indexes: HashMap<u32, Store<Key>>,
}

/// The writes of a transaction that are not committed yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    pub(crate) tables: HashMap<u32, BTreeMap<Key, Option<Arc<Row>>>>,
    pub(crate) indexes: HashMap<u32, BTreeMap<Key, Option<Key>>>,
}

/// One entry out of a store with a transaction's own writes before it.
pub(crate) fn get<T: Clone>(
    store: Option<&Store<T>>,
    own: Option<&BTreeMap<Key, Option<T>>>,
    key: &Key,
    at: At,
) -> Option<T> {
    match own.and_then(|own| own.get(key)) {
        Some(written) => written.clone(),
        None => store?.get(key, at).cloned(),
    }
}

/// The entries of a range with a transaction's own writes in them; at most `limit` if it is given.
pub(crate) fn scan<T: Clone>(
    store: Option<&Store<T>>,
    own: Option<&BTreeMap<Key, Option<T>>>,
    range: &Range,
    at: At,
    limit: Option<usize>,
) -> Vec<(Key, T)> {
    let limit = limit.unwrap_or(usize::MAX);
    let stored = store.into_iter().flat_map(|store| store.range(range, at));
    let Some(own) = own.filter(|own| !own.is_empty()) else {
        return stored.take(limit).map(|(key, entry)| (key.clone(), entry.clone())).collect();
    };
    let mut merged: BTreeMap<Key, T> = stored.map(|(key, entry)| (key.clone(), entry.clone())).collect();
    if let Some(bounds) = range.bounds() {
        for (key, entry) in own.range::<Key, _>(bounds) {
            match entry {
                Some(entry) => merged.insert(key.clone(), entry.clone()),
                None => merged.remove(key),
            };
        }
    }
    merged.into_iter().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_seen_at_their_time() {
        let mut store = Store::default();
        store.put(vec![1], 10, Some('a'));
        store.put(vec![1], 20, Some('b'));
        store.put(vec![1], 30, None);
        let seen: Vec<_> =
            [5, 10, 19, 20, 29, 30].map(|at| store.get(&vec![1], At::Timestamp(at)).copied()).into();
        assert_eq!(seen, [None, Some('a'), Some('a'), Some('b'), Some('b'), None]);
        assert_eq!(store.get(&vec![1], At::Latest), None);
        store.forget(25);
        assert_eq!(store.get(&vec![1], At::Timestamp(25)), Some(&'b'));
        store.forget(30);
        assert!(store.history.is_empty());
    }

    #[test]
    fn own_writes_cover_the_store() {
        let mut store = Store::default();
        store.put(vec![1], 1, Some('a'));
        store.put(vec![2], 1, Some('b'));
        let own = BTreeMap::from([(vec![1], None), (vec![3], Some('c'))]);
        let seen = scan(Some(&store), Some(&own), &Range::all(), At::Latest, None);
        assert_eq!(seen, [(vec![2], 'b'), (vec![3], 'c')]);
    }
}
