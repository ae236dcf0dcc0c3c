//! What the recount reads: every counter, every sale, in one snapshot.

use std::collections::HashMap;

use rusqlite::Connection;

use super::catalogue;
use super::rows::{self, SALE_COLUMNS, count};
use crate::model::seats::SeatMap;
use crate::model::{CategoryId, EventId, Sale, SaleId, SeatRanges};
use crate::store::audit::Auditor;
use crate::store::{AuditProgress, AuditReport, Result};

const CATEGORIES: &str = include_str!("queries/audit_categories.sql");
const STRAY_COUNTERS: &str = "SELECT TicketCategoryNo, Sold FROM SoldTicketsCounter \
     WHERE TicketCategoryNo NOT IN (SELECT TicketCategoryNo FROM TicketCategory)";
const STRAY_SALES: &str = "SELECT SaleId, TicketCategoryNo FROM Sale \
     WHERE TicketCategoryNo NOT IN (SELECT TicketCategoryNo FROM TicketCategory)";
const NO_ACCOUNT: &str =
    "SELECT SaleId FROM Sale s WHERE NOT EXISTS (SELECT 1 FROM Account a WHERE a.AccountId = s.AccountId)";
const NOT_INDEXED: &str = include_str!("queries/audit_not_indexed.sql");
const TOTAL: &str = "SELECT (SELECT count(*) FROM TicketCategory) + (SELECT count(*) FROM Sale)";

/// Rows between two reports of progress.
const STEP: u64 = 10_000;

/// Recounts the store as of the snapshot of `connection`.
pub(super) fn audit(connection: &Connection, progress: &AuditProgress) -> Result<AuditReport> {
    let total: u64 = connection.query_row(TOTAL, [], |row| count(row, 0))?;
    let mut auditor = Auditor::default();
    let mut seen = 0;
    let mut step = || {
        seen += 1;
        if seen % STEP == 0 {
            progress(seen, total);
        }
    };
    categories(connection, &mut auditor, &mut step)?;
    each_sale(connection, &mut |sale| {
        step();
        match sale {
            Ok(sale) => auditor.sale(&sale),
            Err((id, why)) => auditor.add("unreadable-row", None, id.into_iter().collect(), why),
        }
    })?;
    if auditor.wants_sales_again() {
        each_sale(connection, &mut |sale| {
            if let Ok(sale) = sale {
                auditor.sale_again(&sale);
            }
        })?;
    }
    strays(connection, &mut auditor)?;
    auditor.accounts(connection.query_row("SELECT count(*) FROM Account", [], |row| count(row, 0))?);
    progress(total, total);
    Ok(auditor.finish())
}

/// Feeds each category as it is stored, with the sales that its counter has not counted yet.
fn categories(connection: &Connection, auditor: &mut Auditor, step: &mut impl FnMut()) -> Result<()> {
    let mut uncounted: HashMap<i64, Vec<SeatRanges>> = HashMap::new();
    catalogue::uncounted(connection, |no, seats| uncounted.entry(no).or_default().extend(seats))?;
    let mut statement = connection.prepare_cached(CATEGORIES)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        step();
        let (event, category): (EventId, CategoryId) = (row.get(0)?, row.get(1)?);
        let seats: u32 = count(row, 2)?;
        let mut sold = u64::from(row.get::<_, Option<u32>>(3)?.unwrap_or(0));
        let mut tickets = match row.get::<_, Option<Vec<u8>>>(4)? {
            None => SeatMap::new(seats),
            Some(bytes) => SeatMap::from_bytes(seats, &bytes).unwrap_or_else(|| {
                let detail = format!("{} bytes of seats do not fit a category of {seats}", bytes.len());
                auditor.add("unreadable-row", Some((event, category)), vec![], detail);
                SeatMap::new(seats)
            }),
        };
        for seat in uncounted.remove(&row.get(5)?).iter().flatten().flat_map(SeatRanges::seats) {
            sold += u64::from(tickets.take(seat));
        }
        auditor.category(event, category, tickets, sold);
    }
    Ok(())
}

/// A sale, or the id of one that cannot be read and why.
type Read = std::result::Result<Sale, (Option<SaleId>, String)>;

fn each_sale(connection: &Connection, visit: &mut impl FnMut(Read)) -> Result<()> {
    let sql = format!("SELECT {SALE_COLUMNS} FROM Sale s JOIN TicketCategory t USING (TicketCategoryNo)");
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        visit(rows::sale(row).map_err(|error| (row.get(0).ok(), error.to_string())));
    }
    Ok(())
}

/// What can only be told by looking for rows that are missing.
fn strays(connection: &Connection, auditor: &mut Auditor) -> Result<()> {
    let visit = |sql: &str, add: &mut dyn FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>| -> Result<()> {
        let mut statement = connection.prepare(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            add(row)?;
        }
        Ok(())
    };
    visit(STRAY_COUNTERS, &mut |row| {
        let detail = format!("a counter for ticket category {}, which does not exist", row.get::<_, i64>(0)?);
        auditor.add("wrong-counter", None, vec![], detail);
        Ok(())
    })?;
    visit(STRAY_SALES, &mut |row| {
        let detail =
            format!("the sale is of ticket category {}, which does not exist", row.get::<_, i64>(1)?);
        auditor.add("unknown-category", None, vec![row.get(0)?], detail);
        Ok(())
    })?;
    visit(NO_ACCOUNT, &mut |row| {
        let detail = "the account of the sale does not exist".to_owned();
        auditor.add("unknown-account", None, vec![row.get(0)?], detail);
        Ok(())
    })?;
    visit(NOT_INDEXED, &mut |row| {
        let (id, in_ledger): (SaleId, bool) = (row.get(0)?, row.get(1)?);
        let detail = if in_ledger {
            "the index by id leads to no or another sale"
        } else {
            "the index has a sale that the ledger has not"
        };
        auditor.add("sale-not-found-by-id", None, vec![id], detail.to_owned());
        Ok(())
    })
}
