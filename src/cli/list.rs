//! `tsctl list`: multi-events, events, one event, an account, its sales.

use std::process::ExitCode;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::exit_code::CliError;
use super::output::Rows;
use super::{Context, account};
use crate::model::{AccountId, Email, EventId, EventSummary, Money, MultiEventId, SaleId, TicketId};
use crate::shop::{EventReply, MultiEventsPage, Paging, SaleDetails, Shop, Ticket};

pub(super) const EXAMPLES: &str = "Examples:
  tsctl list multievents --date 2027-01-31
  tsctl list events --multievent 1b4e28ba-2fa1-41d2-883f-0016d3cca427
  tsctl list event 6fa459ea-ee8a-4ca4-894e-db77e160355e
  tsctl list account ada@example.com
  tsctl list sales --account ada@example.com --output csv";

#[derive(Subcommand)]
pub(super) enum List {
    /// Multi-events with an event on sale on a day
    Multievents(MultiEvents),
    /// Events of a multi-event that are on sale
    Events(Events),
    /// One event with its categories and the seats that are left
    Event(Event),
    /// An account with its tickets
    Account(AccountOf),
    /// Sales of an account, the newest first
    Sales(Sales),
}

#[derive(Args)]
pub(super) struct MultiEvents {
    /// The day (UTC), such as 2027-01-31; without it, the first day with an event on sale from today on
    #[arg(long)]
    date: Option<Date>,
    /// Most multi-events to show
    #[arg(long, default_value_t = MultiEventsPage::LIMIT_MAX, value_parser = at_least_one())]
    limit: usize,
}

#[derive(Args)]
pub(super) struct Events {
    /// The multi-event
    #[arg(long, value_name = "ID")]
    multievent: MultiEventId,
}

#[derive(Args)]
pub(super) struct Event {
    /// The event
    id: EventId,
}

#[derive(Args)]
pub(super) struct AccountOf {
    /// The account's e-mail address
    email: String,
}

#[derive(Args)]
pub(super) struct Sales {
    /// The account: its id or its e-mail address
    #[arg(long, value_name = "ID|E-MAIL")]
    account: String,
    /// Most sales to show
    #[arg(long, default_value_t = crate::shop::SALES_MAX, value_parser = at_least_one())]
    limit: usize,
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

pub(super) async fn run(context: &Context, list: List) -> Result<ExitCode, CliError> {
    context
        .with_shop(async |shop| match list {
            List::Multievents(options) => multi_events(context, shop, &options).await,
            List::Events(options) => events(context, shop, options.multievent).await,
            List::Event(options) => event(context, shop, options.id).await,
            List::Account(options) => account_with_tickets(context, shop, &options.email).await,
            List::Sales(options) => sales(context, shop, &options).await,
        })
        .await
}

async fn multi_events(context: &Context, shop: &Shop, options: &MultiEvents) -> Result<ExitCode, CliError> {
    let day = match options.date {
        Some(day) => Some(day),
        None => first_day(shop).await?,
    };
    let page = shop.multi_events(day, Paging::FromStart, options.limit).await?;
    let rows = page.multi_events.iter().map(|found| [found.id.to_string(), found.name.clone()]);
    if let (true, Some(day)) = (context.output.is_table(), day) {
        super::output::say(&format!("multi-events with an event on sale on {day}:"));
    }
    context.output.data(&page.multi_events, &Rows::new(["id", "name"], rows))
}

/// The first day from today on that has an event on sale.
async fn first_day(shop: &Shop) -> Result<Option<Date>, CliError> {
    let range = shop.events_dates_range().await?;
    let today = Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let days = range.from.max(today).series(jiff::Span::new().days(1));
    for day in days.take_while(|&day| day <= range.to) {
        if !shop.multi_events(Some(day), Paging::FromStart, 1).await?.multi_events.is_empty() {
            return Ok(Some(day));
        }
    }
    Ok(None)
}

async fn events(context: &Context, shop: &Shop, id: MultiEventId) -> Result<ExitCode, CliError> {
    let events = shop.events(id).await?;
    let rows = events.iter().map(|event| {
        let (venue, country) = (event.venue.clone(), event.country.to_string());
        [event.id.to_string(), event.name.clone(), venue, country, event.when.to_string()]
    });
    context.output.data(&*events, &Rows::new(["id", "name", "venue", "country", "when"], rows))
}

async fn event(context: &Context, shop: &Shop, id: EventId) -> Result<ExitCode, CliError> {
    let event = shop.event(id).await?;
    if context.output.is_table() {
        let EventSummary { name, venue, country, when, .. } = &event.facts.summary;
        let sale_date = event.facts.sale_date;
        super::output::say(&format!("{name}, {venue} ({country}), {when}, on sale from {sale_date}"));
    }
    let rows = event.categories.iter().map(|category| {
        let (left, seats) = (category.seats_available.to_string(), category.seats.to_string());
        [category.id.to_string(), category.name.clone(), left, seats, category.price.to_string()]
    });
    let rows = Rows::new(["categoryId", "category", "seatsAvailable", "seats", "price"], rows);
    context.output.data(&EventReply::from(&event), &rows)
}

/// A ticket with the sale it belongs to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketOfSale<'a> {
    sale_id: SaleId,
    #[serde(flatten)]
    ticket: Ticket<'a>,
}

pub(super) fn tickets_of(sales: &[SaleDetails]) -> Vec<TicketOfSale<'_>> {
    let of = |sale: &'_ SaleDetails| sale.sale.id;
    sales
        .iter()
        .flat_map(|sale| sale.tickets().map(move |ticket| TicketOfSale { sale_id: of(sale), ticket }))
        .collect()
}

pub(super) fn ticket_rows(tickets: &[TicketOfSale<'_>]) -> Rows {
    let rows = tickets.iter().map(|TicketOfSale { sale_id, ticket }| {
        let id: TicketId = ticket.id;
        [
            id.to_string(),
            ticket.event.to_owned(),
            ticket.venue.to_owned(),
            ticket.category.to_owned(),
            ticket.seat.to_string(),
            ticket.price.to_string(),
            ticket.purchase_date.to_string(),
            sale_id.to_string(),
        ]
    });
    Rows::new(["id", "event", "venue", "category", "seat", "price", "purchaseDate", "saleId"], rows)
}

#[derive(Serialize)]
struct AccountReply<'a> {
    #[serde(flatten)]
    account: &'a crate::model::Account,
    tickets: Vec<TicketOfSale<'a>>,
}

async fn account_with_tickets(context: &Context, shop: &Shop, email: &str) -> Result<ExitCode, CliError> {
    let details = shop.account(&Email::parse(email)?).await?;
    let account = &details.account;
    if context.output.is_table() {
        let (name, email) = (account.name.as_str(), account.email.as_str());
        super::output::say(&format!("{name}, {email}, {}, account {}", account.country, account.id));
    }
    let tickets = tickets_of(&details.sales);
    let rows = ticket_rows(&tickets);
    context.output.data(&AccountReply { account, tickets }, &rows)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SaleReply {
    id: SaleId,
    account_id: AccountId,
    event_id: EventId,
    event: String,
    category: String,
    quantity: u32,
    seats: String,
    total: Money,
    purchase_date: Timestamp,
}

async fn sales(context: &Context, shop: &Shop, options: &Sales) -> Result<ExitCode, CliError> {
    let account = account::named(shop, &options.account).await?;
    let sales = shop.sales(account.id, options.limit).await?;
    let replies: Vec<SaleReply> = sales
        .iter()
        .map(|details| SaleReply {
            id: details.sale.id,
            account_id: details.sale.account,
            event_id: details.sale.event,
            event: details.event.summary.name.clone(),
            category: details.category_name().to_owned(),
            quantity: details.sale.seats.count(),
            seats: details.sale.seats.to_string(),
            total: details.sale.total(),
            purchase_date: details.sale.purchase_date,
        })
        .collect();
    let rows = replies.iter().map(|sale| {
        let (event, category, seats) = (sale.event.clone(), sale.category.clone(), sale.seats.clone());
        let (quantity, total) = (sale.quantity.to_string(), sale.total.to_string());
        [sale.id.to_string(), event, category, quantity, seats, total, sale.purchase_date.to_string()]
    });
    let rows = Rows::new(["id", "event", "category", "quantity", "seats", "total", "purchaseDate"], rows);
    context.output.data(&replies, &rows)
}
