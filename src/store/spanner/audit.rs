//! What the recount reads: every counter, every sold ticket, every sale, in one snapshot.

use std::collections::BTreeMap;

use google_cloud_spanner::result::ResultSet;
use google_cloud_spanner::transaction::MultiUseReadOnlyTransaction;

use super::connection::{Connection, Query, Work, next, only};
use super::rows::{self, Columns};
use super::shard::Shard;
use crate::model::seats::SeatMap;
use crate::model::{AccountId, CategoryId, EventId, Invalid, Sale, SaleId, TicketId};
use crate::store::audit::Auditor;
use crate::store::{AuditProgress, AuditReport, Result};

const TOTAL: &str = include_str!("queries/audit_total.sql");
const CATEGORIES: &str = include_str!("queries/audit_categories.sql");
const COUNTERS: &str = include_str!("queries/audit_counters.sql");
const TICKETS: &str = include_str!("queries/audit_tickets.sql");
const SALES: &str = include_str!("queries/audit_sales.sql");

/// Rows between two reports of progress.
const STEP: u64 = 10_000;

type Key = (EventId, CategoryId);

/// The recount at work.
struct Recount<'a> {
    connection: &'a Connection,
    snapshot: MultiUseReadOnlyTransaction,
    auditor: Auditor,
    /// Who holds each sold ticket, as the ticket says.
    holders: BTreeMap<Key, BTreeMap<u32, Option<AccountId>>>,
    progress: &'a AuditProgress,
    seen: u64,
    total: u64,
}

/// Recounts the store as of one point in time.
pub(super) async fn audit(connection: &Connection, progress: &AuditProgress) -> Result<AuditReport> {
    let snapshot = connection.database.read_only_transaction().build().await?;
    let auditor = Auditor::default();
    let holders = BTreeMap::new();
    let mut recount = Recount { connection, snapshot, auditor, holders, progress, seen: 0, total: 0 };
    let accounts = recount.totals().await?;
    recount.tickets().await?;
    recount.categories().await?;
    recount.sales().await?;
    recount.auditor.accounts(accounts);
    progress(recount.total, recount.total);
    Ok(recount.auditor.finish())
}

impl Recount<'_> {
    fn statement(&self, sql: &'static str) -> Query {
        self.connection.statement(sql, "audit", Work::Bulk)
    }

    async fn rows(&self, sql: &'static str) -> Result<ResultSet> {
        Ok(Box::pin(self.snapshot.execute_query(self.statement(sql).build())).await?)
    }

    fn step(&mut self) {
        self.seen += 1;
        if self.seen.is_multiple_of(STEP) {
            (self.progress)(self.seen, self.total.max(self.seen));
        }
    }

    /// How much there is to look at; returns how many accounts.
    async fn totals(&mut self) -> Result<u64> {
        let found = self.rows(TOTAL).await?;
        let read = |mut row: Columns<'_>| {
            let parts: [u64; 3] = [row.number()?, row.number()?, row.number()?];
            Ok((parts.iter().sum(), row.number()?))
        };
        let (total, accounts) = only(super::connection::collect(found, read).await?)?;
        self.total = total;
        Ok(accounts)
    }

    /// Reads who holds which ticket, and checks each ticket for itself.
    async fn tickets(&mut self) -> Result<()> {
        let mut found = self.rows(TICKETS).await?;
        while let Some(row) = next(&mut found).await {
            self.step();
            let ticket = sold_ticket(Columns::of(&row?))?;
            if let Some(why) = ticket.contradiction() {
                self.auditor.add("unreadable-row", Some(ticket.key), vec![], why);
            }
            self.holders.entry(ticket.key).or_default().insert(ticket.seat, ticket.account);
        }
        Ok(())
    }

    /// Compares the counters of each category with its tickets.
    async fn categories(&mut self) -> Result<()> {
        let mut seats: BTreeMap<Key, u32> = BTreeMap::new();
        let mut found = self.rows(CATEGORIES).await?;
        while let Some(row) = next(&mut found).await {
            let row = row?;
            let mut row = Columns::of(&row);
            let key = (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?);
            seats.insert(key, row.number()?);
        }
        let mut counters: BTreeMap<Key, u64> = BTreeMap::new();
        let mut found = self.rows(COUNTERS).await?;
        while let Some(row) = next(&mut found).await {
            self.step();
            let (key, shard, sold) = counter(Columns::of(&row?))?;
            self.counter(key, shard, sold);
            *counters.entry(key).or_default() += sold;
        }
        for (key, seats) in &seats {
            let taken = self.holders.get(key).map(|holders| holders.keys().copied()).into_iter().flatten();
            let mut map = SeatMap::new(*seats);
            taken.for_each(|seat| {
                map.take(seat);
            });
            self.auditor.category(key.0, key.1, map, counters.remove(key).unwrap_or(0));
        }
        for (key, sold) in counters.into_iter().filter(|(_, sold)| *sold > 0) {
            let detail = format!("counters say {sold} sold of a category that the event does not sell");
            self.auditor.add("wrong-counter", Some(key), vec![], detail);
        }
        Ok(())
    }

    /// One counter against the tickets of its shard: their sum alone would hide two errors.
    fn counter(&mut self, key: Key, shard: u32, sold: u64) {
        let seats = Shard::seats(shard);
        let tickets = self.holders.get(&key).map_or(0, |holders| holders.range(seats).count() as u64);
        if tickets != sold {
            let detail = format!("the counter of shard {shard} says {sold} sold, its tickets say {tickets}");
            self.auditor.add("wrong-counter", Some(key), vec![], detail);
        }
    }

    /// Shows every sale, and again where there is something to name.
    async fn sales(&mut self) -> Result<()> {
        let mut found = self.rows(SALES).await?;
        while let Some(row) = next(&mut found).await {
            self.step();
            let row = row?;
            match rows::sale(Columns::of(&row)) {
                Ok(sale) => {
                    self.holders_of(&sale);
                    self.auditor.sale(&sale);
                }
                Err(why) => {
                    let id = Columns::of(&row).parse(SaleId::parse).ok();
                    self.auditor.add("unreadable-row", None, id.into_iter().collect(), why.to_string());
                }
            }
        }
        if self.auditor.wants_sales_again() {
            let mut found = self.rows(SALES).await?;
            while let Some(row) = next(&mut found).await {
                if let Ok(sale) = rows::sale(Columns::of(&row?)) {
                    self.auditor.sale_again(&sale);
                }
            }
        }
        Ok(())
    }

    /// Every ticket of a sale must name the sale's account.
    fn holders_of(&mut self, sale: &Sale) {
        let key = (sale.event, sale.category);
        let Some(holders) = self.holders.get(&key) else { return };
        let other = |seat: &u32| holders.get(seat).is_some_and(|holder| *holder != Some(sale.account));
        if let Some(seat) = sale.seats.seats().find(other) {
            let detail = format!("the ticket of seat {seat} names another account than its sale");
            self.auditor.add("unknown-account", Some(key), vec![sale.id], detail);
        }
    }
}

/// A ticket that is sold by either sign of it.
struct SoldTicket {
    key: Key,
    shard: u32,
    seat: u32,
    id: TicketId,
    account: Option<AccountId>,
    available: Option<bool>,
}

impl SoldTicket {
    /// What about the row contradicts itself.
    fn contradiction(&self) -> Option<String> {
        let seat = self.seat;
        if self.account.is_none() || self.available.is_some() {
            return Some(format!("the ticket of seat {seat} is both sold and available"));
        }
        if self.id != TicketId::of_seat(self.key.0, self.key.1, seat) {
            return Some(format!("the ticket of seat {seat} has the id of another"));
        }
        let shard = Shard::of_seat(seat);
        (self.shard != shard)
            .then(|| format!("the ticket of seat {seat} is in shard {}, not {shard}", self.shard))
    }
}

fn sold_ticket(mut row: Columns<'_>) -> std::result::Result<SoldTicket, Invalid> {
    Ok(SoldTicket {
        key: (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?),
        shard: row.number()?,
        seat: row.number()?,
        id: row.parse(TicketId::parse)?,
        account: row.optional(|row| row.parse(AccountId::parse))?,
        available: row.optional(Columns::boolean)?,
    })
}

fn counter(mut row: Columns<'_>) -> std::result::Result<(Key, u32, u64), Invalid> {
    let key = (row.parse(EventId::parse)?, row.parse(CategoryId::parse)?);
    Ok((key, row.number()?, row.number()?))
}
