//! The ledger: appending to it and reading it.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, Micros, SALE_COLUMNS};
use super::sale_index::SharedTail;
use crate::model::{AccountId, Sale, SaleId};
use crate::store::{Entity, Result, StoreError};

const INSERT: &str = "INSERT INTO Sale \
    (SaleNo, SaleId, AccountId, TicketCategoryNo, Seats, Price, PurchaseDate, IdempotencyKey) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Appends a sale under its number.
pub(super) fn insert(
    connection: &Connection,
    no: i64,
    ticket_category_no: i64,
    sale: &Sale,
) -> rusqlite::Result<()> {
    connection.prepare_cached(INSERT)?.execute(params![
        no,
        sale.id,
        sale.account,
        ticket_category_no,
        sale.seats.to_string(),
        sale.price,
        Micros(sale.purchase_date),
        sale.key,
    ])?;
    Ok(())
}

/// The sale with this number.
pub(super) fn by_no(connection: &Connection, no: i64) -> rusqlite::Result<Option<Sale>> {
    let sql = const_format_by_no();
    connection.prepare_cached(sql)?.query_row([no], rows::sale).optional()
}

/// The statement of [`by_no`], made once.
fn const_format_by_no() -> &'static str {
    static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!(
            "SELECT {SALE_COLUMNS} FROM Sale s JOIN TicketCategory t USING (TicketCategoryNo) WHERE s.SaleNo = ?1"
        )
    });
    &SQL
}

pub(super) fn sale(connection: &Connection, tail: &SharedTail, id: SaleId) -> Result<Sale> {
    for no in tail.find(connection, &(id..=id))? {
        if let Some(sale) = by_no(connection, no)?.filter(|sale| sale.id == id) {
            return Ok(sale);
        }
    }
    Err(StoreError::NotFound(Entity::Sale))
}

/// The newest sales of an account. Ids of its sales form a range, which may hold a few of others.
pub(super) fn sales(
    connection: &Connection,
    tail: &SharedTail,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Sale>> {
    let mut sales = Vec::new();
    for no in tail.find(connection, &SaleId::range_of(account))?.into_iter().rev() {
        if sales.len() == limit {
            break;
        }
        sales.extend(by_no(connection, no)?.filter(|sale| sale.account == account));
    }
    Ok(sales)
}
