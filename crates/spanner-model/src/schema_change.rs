//! Changes the schema of a database that may have rows
//! (cloud.google.com/spanner/docs/schema-updates).

use std::sync::Arc;

use tonic::Status;

use crate::core::Core;
use crate::database::{Database, State};
use crate::ddl;
use crate::key::Range;
use crate::schema::Schema;
use crate::storage::At;

/// Applies statements, all or none, and answers when.
pub(crate) fn update(core: &Core, database: &Database, statements: &[String]) -> Result<i64, Status> {
    let mut state = database.state();
    let timestamp = core.commit_timestamp();
    let next = ddl::apply_all(&state.schema, statements, timestamp)?;
    let entries = backfilled(&state, &next)?;
    for (index, entry, key) in entries {
        state.data.indexes.entry(index).or_default().put(entry, timestamp, Some(key));
    }
    let gone = |id: &u32| next.tables.values().all(|table| table.id != *id);
    state.data.tables.retain(|id, _| !gone(id));
    let gone = |id: &u32| next.indexes.values().all(|index| index.id != *id);
    state.data.indexes.retain(|id, _| !gone(id));
    state.schema = Arc::new(next);
    Ok(timestamp)
}

type Entry = (u32, crate::key::Key, crate::key::Key);

/// The entries of indexes that are new to the schema.
fn backfilled(state: &State, next: &Schema) -> Result<Vec<Entry>, Status> {
    let mut entries = Vec::new();
    for index in next.indexes.values() {
        let known = state.schema.indexes.values().any(|old| old.id == index.id);
        let Some(table) = next.table(&index.table).filter(|_| !known) else { continue };
        let Some(store) = state.data.tables.get(&table.id) else { continue };
        let mut seen = std::collections::HashSet::new();
        for (key, row) in store.range(&Range::all(), At::Latest) {
            let Some(entry) = index.key_of(row) else { continue };
            if index.unique && !seen.insert(index.declared_key_of(row)) {
                return Err(Status::failed_precondition(format!(
                    "Found uniqueness violation on index {} with key {}.",
                    index.name,
                    index.key_text(row)
                )));
            }
            entries.push((index.id, entry, key.clone()));
        }
    }
    Ok(entries)
}
