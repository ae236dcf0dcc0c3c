//! The catalogue that a shop to try begins with, and how to buy from it.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;

use crate::generator::GeneratorConfig;
use crate::loader::{LoadError, LoadRequest, Loaded, load_tickets, load_venues};
use crate::model::{AccountId, AccountName, CountryCode, Email, NewAccount, Quantity};
use crate::shop::Shop;
use crate::store::{Store, StoreError};

/// Venues of the demo.
pub const VENUES: u64 = 60;
/// Tickets of the demo, about.
pub const TICKETS: u64 = 100_000;

/// A seed that draws small venues, and so many events.
const SEED: u64 = 4;
const EMAIL: &str = "demo@example.com";

/// Loads the demo's catalogue where the store has no events or only part of them, and makes the demo's
/// account. `None` where the store has events of its own.
///
/// # Errors
/// [`LoadError`].
pub async fn prepare(store: &Arc<dyn Store>) -> Result<Option<Loaded>, LoadError> {
    let loads = store.loads().await?;
    let has_events = match store.events_dates_range().await {
        Ok(_) => true,
        Err(StoreError::NotFound(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if has_events && loads.iter().all(|mark| mark.finished) {
        return Ok(None);
    }
    let request = |count| LoadRequest { count, seed: SEED, config: GeneratorConfig::default() };
    let bar = progress_bar("venues");
    if store.venues().await?.is_empty() || loads.iter().any(|mark| mark.kind == "venues" && !mark.finished) {
        load_venues(store, &request(VENUES), &mut |done, total| show(&bar, done, total)).await?;
    }
    bar.finish_and_clear();
    // Before the tickets, which end a demo: an interrupted one is made whole by the next.
    make_account(store).await?;
    let bar = progress_bar("tickets");
    let tickets = &mut |done, total| show(&bar, done, total);
    let loaded = load_tickets(store, &request(TICKETS), Timestamp::now(), tickets).await?;
    bar.finish_and_clear();
    Ok(Some(loaded))
}

async fn make_account(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    if let (Ok(name), Ok(email), Ok(country)) =
        (AccountName::parse("Demo Buyer"), Email::parse(EMAIL), CountryCode::parse("DE"))
    {
        let id = AccountId::random(&mut rand::rng());
        store.create_account(&NewAccount { id, name, email, country }).await?;
    }
    Ok(())
}

/// A bar on standard error with rate and time left; nothing where that is no terminal.
#[must_use]
pub fn progress_bar(unit: &str) -> ProgressBar {
    let template =
        format!("{{spinner}} {unit:<8} {{bar:30}} {{human_pos}} of {{human_len}}, {{rate}}, {{eta}} left");
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template(&template) {
        // The bar's own key shows fractions of a ticket.
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Moves a bar of [`progress_bar`].
pub fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total.max(done));
    bar.set_position(done);
}

/// What to open, and one `curl` that buys two tickets for the demo's account; `None` where there is no
/// such account or nothing to buy.
pub async fn hint(shop: &Shop, url: &str) -> Option<String> {
    let account = shop.store().account(&Email::parse(EMAIL).ok()?).await.ok()?;
    let offer = shop.find_offer(None, None, Quantity::new(2).ok()?).await.ok()??;
    let (event, category) = (&offer.event.facts.summary, &offer.category);
    let body = format!(
        r#"{{"accountId":"{}","eventId":"{}","categoryId":"{}","quantity":2}}"#,
        account.id, event.id, category.id
    );
    Some(format!(
        "
Open {url}/ for the API. Buy two tickets for {} at {} ({}, {} each, {} left):

curl -s {url}/api/v1/tickets/purchase -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: try-{:08x}' -d '{body}'
",
        event.name,
        event.venue,
        category.name,
        category.price,
        category.seats_available,
        rand::random::<u32>()
    ))
}
