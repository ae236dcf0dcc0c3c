//! Counting what is sold, for people who watch: whole tables, at low priority and as of some seconds ago.

use std::collections::HashMap;

use jiff::Timestamp;

use super::connection::{Connection, Freshness, Work};
use super::rows;
use crate::model::{CountryCode, EventId};
use crate::store::figures::second_of;
use crate::store::{CountMark, EventFill, OnSale, Result, SalesCount, SoldTo};

const COUNT_SALES: &str = include_str!("queries/count_sales.sql");
const COUNT_RECENT_SALES: &str = include_str!("queries/count_recent_sales.sql");
const ON_SALE: &str = include_str!("queries/on_sale.sql");
const SOLD_BY_EVENT: &str = include_str!("queries/sold_by_event.sql");

/// Counts all sales: nothing in their keys tells which are new.
pub(super) async fn count_sales(connection: &Connection, recent: Timestamp) -> Result<SalesCount> {
    let statement = connection.statement(COUNT_SALES, "count_sales", Work::Bulk).time("recent", recent);
    let mut sold = connection
        .query(Freshness::Stale, statement, |mut row| {
            Ok(SoldTo { country: row.parse(CountryCode::parse)?, second: None, tickets: row.number()? })
        })
        .await?;
    let statement =
        connection.statement(COUNT_RECENT_SALES, "count_recent_sales", Work::Bulk).time("recent", recent);
    let of_late = connection
        .query(Freshness::Stale, statement, |mut row| {
            let country = row.parse(CountryCode::parse)?;
            let second = second_of(row.time()?, recent);
            Ok(SoldTo { country, second, tickets: row.number()? })
        })
        .await?;
    sold.extend(of_late);
    Ok(SalesCount { from_start: true, sold, next: CountMark::default(), left: 0 })
}

/// What is on sale, and how much of it is sold.
pub(super) async fn on_sale(connection: &Connection, limit: usize) -> Result<OnSale> {
    let statement = connection.statement(SOLD_BY_EVENT, "sold_by_event", Work::Bulk);
    let sold = connection
        .query(Freshness::Stale, statement, |mut row| Ok((row.parse(EventId::parse)?, row.number()?)))
        .await?;
    let sold: HashMap<EventId, u64> = sold.into_iter().collect();
    let statement = connection.statement(ON_SALE, "on_sale", Work::Bulk).time("now", rows::now());
    let mut events: Vec<EventFill> = Vec::new();
    connection
        .query(Freshness::Stale, statement, |mut row| {
            let summary = rows::event_summary(&mut row)?;
            let seats: u64 = row.number()?;
            match events.last_mut() {
                Some(last) if last.summary.id == summary.id => last.seats += seats,
                _ => {
                    let sold = sold.get(&summary.id).copied().unwrap_or(0);
                    events.push(EventFill { summary, seats, sold });
                }
            }
            Ok(())
        })
        .await?;
    let mut all = OnSale::default();
    events.into_iter().for_each(|event| all.add(event, limit));
    Ok(all)
}
