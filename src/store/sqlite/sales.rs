//! The ledger: appending to it and reading it.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::rows::{self, Micros, SALE_COLUMNS};
use super::tail::{SharedTail, TailSale};
use crate::model::{AccountId, Sale, SaleId, SeatRanges};
use crate::store::{Entity, Result, StoreError};

const INSERT: &str = "INSERT INTO Sale \
    (SaleNo, SaleId, AccountId, TicketCategoryNo, Seats, Price, PurchaseDate, IdempotencyKey) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const INDEXED: &str = "SELECT SaleNo FROM SaleById WHERE SaleId = ?1";
const LATER: &str =
    "SELECT SaleNo, SaleId, TicketCategoryNo, Seats FROM Sale WHERE SaleNo > ?1 ORDER BY SaleNo";

/// The ledger, open for appending: the statement is kept for a whole group of sales.
pub(super) struct Append<'c>(CachedStatement<'c>);

impl<'c> Append<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached(INSERT).map(Self)
    }

    /// Appends a sale under its number.
    pub(super) fn sale(&mut self, no: i64, ticket_category_no: i64, sale: &Sale) -> rusqlite::Result<()> {
        self.0.execute(params![
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
}

/// A sale as far as those need it who read the ledger behind what they know.
pub(super) struct LaterSale {
    pub(super) no: i64,
    pub(super) id: SaleId,
    pub(super) category_no: i64,
    /// `None` where they cannot be read, which the audit reports.
    pub(super) seats: Option<SeatRanges>,
}

impl From<LaterSale> for TailSale {
    fn from(sale: LaterSale) -> Self {
        let LaterSale { no, id, category_no, seats } = sale;
        Self { no, id, category_no, tickets: seats.map_or(0, |seats| seats.count()) }
    }
}

/// Shows the sales later than `no`, in order.
pub(super) fn later(
    connection: &Connection,
    no: i64,
    mut visit: impl FnMut(LaterSale) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(LATER)?;
    let mut found = statement.query([no])?;
    while let Some(row) = found.next()? {
        let (no, id, category_no) = (row.get(0)?, row.get(1)?, row.get(2)?);
        visit(LaterSale { no, id, category_no, seats: row.get(3).ok() })?;
    }
    Ok(())
}

/// The number of this sale, where the index has it.
pub(super) fn indexed(connection: &Connection, id: SaleId) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(INDEXED)?.query_row([id], |row| row.get(0)).optional()
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

/// One sale; `None` where snapshot and tail do not fit.
pub(super) fn sale(connection: &Connection, tail: &SharedTail, id: SaleId) -> Result<Option<Sale>> {
    let Some(found) = tail.beside(connection)?.find(&(id..=id))? else {
        return Ok(None);
    };
    for no in found {
        if let Some(sale) = by_no(connection, no)?.filter(|sale| sale.id == id) {
            return Ok(Some(sale));
        }
    }
    Err(StoreError::NotFound(Entity::Sale))
}

/// The newest sales of an account; `None` where snapshot and tail do not fit. Ids of its sales form a
/// range, which may hold a few of others.
pub(super) fn sales(
    connection: &Connection,
    tail: &SharedTail,
    account: AccountId,
    limit: usize,
) -> Result<Option<Vec<Sale>>> {
    let Some(found) = tail.beside(connection)?.find(&SaleId::range_of(account))? else {
        return Ok(None);
    };
    let mut sales = Vec::new();
    for no in found.into_iter().rev() {
        if sales.len() == limit {
            break;
        }
        sales.extend(by_no(connection, no)?.filter(|sale| sale.account == account));
    }
    Ok(Some(sales))
}
