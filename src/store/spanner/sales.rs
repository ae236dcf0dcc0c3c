//! The ledger: a row for each sale, under its account.

use google_cloud_spanner::key;
use google_cloud_spanner::types;

use super::connection::{Connection, Freshness, Work, only};
use super::rows;
use crate::model::{AccountId, Sale, SaleId};
use crate::store::{Entity, Result, StoreError};

const SALE: &str = include_str!("queries/sale.sql");
const SALES: &str = include_str!("queries/sales.sql");

/// One sale by its id alone.
pub(super) async fn sale(connection: &Connection, id: SaleId) -> Result<Sale> {
    let accounts = id.accounts();
    let statement = connection
        .statement(SALE, "sale", Work::Sale)
        .add_typed_param("first_account", accounts.start().to_string(), types::string())
        .add_typed_param("last_account", accounts.end().to_string(), types::string())
        .add_typed_param("sale", id.to_string(), types::string());
    let found = connection.query(Freshness::Strong, statement, rows::sale).await?;
    only(found).map_err(|_| StoreError::NotFound(Entity::Sale))
}

/// One sale by its key, where it is there.
pub(super) async fn by_key(connection: &Connection, account: AccountId, id: SaleId) -> Result<Option<Sale>> {
    let keys = key![account.to_string(), id.to_string()];
    let read = connection.by_key("Sale", &rows::SALE_COLUMNS, keys, "sale_by_key");
    Ok(connection.read(read, rows::sale).await?.pop())
}

/// The newest sales of an account.
pub(super) async fn sales(connection: &Connection, account: AccountId, limit: usize) -> Result<Vec<Sale>> {
    let statement = connection
        .statement(SALES, "sales", Work::Sale)
        .add_typed_param("account", account.to_string(), types::string())
        .add_typed_param("limit", i64::try_from(limit).unwrap_or(i64::MAX), types::int64());
    connection.query(Freshness::Strong, statement, rows::sale).await
}
