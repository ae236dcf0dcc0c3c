//! Buying, and sales with the names that people want to see.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use tracing::{Instrument, debug_span};
use utoipa::ToSchema;

use super::Shop;
use super::finish::finished;
use crate::metrics::Sold;
use crate::model::{
    AccountId, CategoryId, EventFacts, EventId, IdempotencyKey, Money, Purchase, Quantity, Sale, SaleId,
    TicketId,
};
use crate::store::{Effort, Entity, Purchased, Result, StoreError};

/// What a buyer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who buys.
    pub account: AccountId,
    /// For which event.
    pub event: EventId,
    /// From which category.
    pub category: CategoryId,
    /// How many.
    pub quantity: Quantity,
    /// The buyer's name for this purchase, if one was given.
    pub key: Option<IdempotencyKey>,
}

/// The answer to a wish.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The sale, made now or before.
    pub sale: SaleDetails,
    /// Whether it had been made before, under the same key.
    pub replayed: bool,
    /// What it took the store.
    pub effort: Effort,
}

/// A sale with the event it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleDetails {
    /// The entry of the ledger.
    pub sale: Sale,
    /// The event.
    pub event: Arc<EventFacts>,
}

/// One seat that was bought, as people want to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket<'a> {
    /// The ticket.
    pub id: TicketId,
    /// Name of the event.
    pub event: &'a str,
    /// Name of the venue.
    pub venue: &'a str,
    /// Name of the category.
    pub category: &'a str,
    /// Seat number, from 1.
    pub seat: u32,
    /// What it cost.
    pub price: Money,
    /// When it was bought.
    #[schema(value_type = String, format = DateTime, example = "2026-11-25T05:30:00.123456Z")]
    pub purchase_date: Timestamp,
}

impl SaleDetails {
    /// Name of the category; empty where the catalogue no longer has it.
    #[must_use]
    pub fn category_name(&self) -> &str {
        self.event.category(self.sale.category).map_or("", |category| category.name.as_str())
    }

    /// The tickets.
    pub fn tickets(&self) -> impl Iterator<Item = Ticket<'_>> {
        let category = self.category_name();
        self.sale.tickets().map(move |(id, seat)| Ticket {
            id,
            event: &self.event.summary.name,
            venue: &self.event.summary.venue,
            category,
            seat,
            price: self.sale.price,
            purchase_date: self.sale.purchase_date,
        })
    }
}

impl Shop {
    /// Buys tickets: all that are wished for or none. The same wish under the same key again answers
    /// with the first sale. After `deadline` it is not begun any more.
    ///
    /// # Errors
    /// Those of [`crate::store::Store::purchase_tickets`].
    pub async fn purchase_tickets(&self, wish: Wish, deadline: Instant) -> Result<Receipt> {
        let event = self.event_facts(wish.event).instrument(debug_span!("cache")).await?;
        if event.category(wish.category).is_none() {
            return Err(StoreError::NotFound(Entity::Category));
        }
        let Wish { account, event: event_id, category, quantity, key } = wish;
        let purchase = Purchase::new(account, event_id, category, quantity, key, &mut rand::rng());
        let purchased = finished(self.clone().sell(purchase, deadline).in_current_span()).await?;
        let sale = SaleDetails { sale: purchased.sale, event };
        Ok(Receipt { sale, replayed: purchased.replayed, effort: purchased.effort })
    }

    /// Sells, and counts what came of it.
    async fn sell(self, purchase: Purchase, deadline: Instant) -> Result<Purchased> {
        let begun = Instant::now();
        let answer = self.store().purchase_tickets(&purchase, deadline).await;
        let took = begun.elapsed();
        match &answer {
            Ok(purchased) => {
                self.metrics().purchase(Ok((&purchased.effort, purchased.replayed)), took);
                if !purchased.replayed {
                    let tickets = purchased.sale.seats.count();
                    self.note_sold(purchase.account, purchased.country, Sold { tickets, took });
                }
            }
            Err(error) => self.metrics().purchase(Err(error.clone()), took),
        }
        answer
    }

    /// One sale.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn sale(&self, id: SaleId) -> Result<SaleDetails> {
        let sale = self.store().sale(id).await?;
        let event = self.event_facts(sale.event).await?;
        Ok(SaleDetails { sale, event })
    }
}
