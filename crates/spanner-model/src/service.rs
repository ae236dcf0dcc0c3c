//! The RPCs of `google.spanner.v1.Spanner`.

pub(crate) mod commit;
pub(crate) mod mutations;
pub(crate) mod reads;
pub(crate) mod sessions;
pub(crate) mod sql;
pub(crate) mod stream;
pub(crate) mod transactions;
