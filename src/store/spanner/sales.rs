//! The ledger: a row for each sale, under its account.

use google_cloud_spanner::key;

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
        .text("first_account", accounts.start())
        .text("last_account", accounts.end())
        .text("sale", id);
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
    let statement =
        connection.statement(SALES, "sales", Work::Sale).text("account", account).number("limit", limit);
    connection.query(Freshness::Strong, statement, rows::sale).await
}
