//! `tsctl buy`: one purchase, and where its time went.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::exit_code::CliError;
use super::list::{TicketOfSale, ticket_rows, tickets_of};
use super::output::{Rows, say};
use super::{Context, account};
use crate::model::{
    Account, AccountId, AccountName, CategoryId, Email, EventId, IdempotencyKey, Quantity, SaleId, countries,
};
use crate::shop::{Offer, Receipt, Shop, Wish};
use crate::store::StoreError;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl buy                                          a few tickets of anything, for a new account
  tsctl buy --account ada@example.com --quantity 2 --trace
  tsctl buy --account ada@example.com --event EVENT --category CATEGORY --idempotency-key order-7

The last one can be repeated after whatever trouble: it buys once. What a repeat does not name is what
the first run bought.";

#[derive(Args)]
pub(super) struct Buy {
    /// Who buys: an account's e-mail address or id; without it, a new account
    #[arg(long, value_name = "E-MAIL|ID")]
    account: Option<String>,
    /// For which event; without it, one on sale
    #[arg(long, value_name = "ID")]
    event: Option<EventId>,
    /// From which category; without it, one with enough seats
    #[arg(long, value_name = "ID")]
    category: Option<CategoryId>,
    /// How many tickets, 1 to 10; without it, a number as the demo's bots draw it
    #[arg(long, value_name = "N")]
    quantity: Option<i64>,
    /// Under this key the purchase is made once, however often it is sent
    #[arg(long, value_name = "K", requires = "account")]
    idempotency_key: Option<String>,
    /// Print the steps of the purchase with their times, on standard error
    #[arg(long)]
    trace: bool,
}

/// What is to be bought, as far as it is decided.
struct Wanted {
    event: Option<EventId>,
    category: Option<CategoryId>,
    quantity: Option<Quantity>,
    key: Option<IdempotencyKey>,
}

/// The steps of a purchase and how long each took.
struct Trace {
    steps: Vec<(&'static str, Duration, String)>,
    since: Instant,
}

impl Trace {
    fn new() -> Self {
        Self { steps: Vec::new(), since: Instant::now() }
    }

    /// Ends a step that began when the one before ended.
    fn step(&mut self, name: &'static str, what: impl Into<String>) {
        self.steps.push((name, self.since.elapsed(), what.into()));
        self.since = Instant::now();
    }

    fn print(&self) {
        let rows = self.steps.iter().map(|(name, time, what)| {
            [(*name).to_owned(), format!("{:.3}", time.as_secs_f64() * 1e3), what.clone()]
        });
        say(&Rows::new(["step", "ms", "what"], rows).as_table());
    }
}

pub(super) async fn run(context: &Context, options: Buy) -> Result<ExitCode, CliError> {
    let mut wanted = Wanted::of(&options)?;
    let mut trace = Trace::new();
    context
        .with_shop(async |shop| {
            trace.step("open the store", context.config.store.to_string());
            let known = match &options.account {
                Some(named) => Some(account::named(shop, named).await?),
                None => None,
            };
            if let Some(account) = &known {
                wanted.as_before(shop, account.id).await?;
                trace.step("find the account", account.id.to_string());
            }
            let quantity = wanted.quantity.map_or_else(any_quantity, Ok)?;
            let offer = choose(shop, &wanted, quantity).await?;
            let event = &offer.event.facts.summary;
            let what = format!("{} at {}, {}", event.name, event.venue, offer.category.name);
            trace.step("choose what to buy", what);
            let account = match known {
                Some(account) => account,
                // Only now, so that nobody is made an account who finds nothing to buy.
                None => {
                    let account = new_account(shop).await?;
                    trace.step("make an account", account.id.to_string());
                    account
                }
            };
            let (event, category, key) = (event.id, offer.category.id, wanted.key);
            let wish = Wish { account: account.id, event, category, quantity, key };
            let deadline = Instant::now() + context.config.request_timeout;
            let receipt = shop.purchase_tickets(wish, deadline).await?;
            trace_purchase(&mut trace, &receipt);
            if options.trace {
                trace.print();
            }
            print(context, &account, receipt)
        })
        .await
}

impl Wanted {
    fn of(options: &Buy) -> Result<Self, CliError> {
        let named = |option: &'static str| move |error| CliError::usage(format!("{option} {error}"));
        let quantity = options.quantity.map(Quantity::new).transpose();
        let key = options.idempotency_key.as_deref().map(IdempotencyKey::parse).transpose();
        Ok(Self {
            event: options.event,
            category: options.category,
            quantity: quantity.map_err(named("--quantity"))?,
            key: key.map_err(named("--idempotency-key"))?,
        })
    }

    /// Fills in what the first run under the same key bought: drawn anew, it would be another purchase.
    async fn as_before(&mut self, shop: &Shop, account: AccountId) -> Result<(), CliError> {
        let Some(key) = &self.key else { return Ok(()) };
        let first = match shop.store().sale(SaleId::of_key(account, key)).await {
            Err(StoreError::NotFound(_)) => return Ok(()),
            first => first?,
        };
        self.event.get_or_insert(first.event);
        self.category.get_or_insert(first.category);
        self.quantity.get_or_insert(Quantity::new(i64::from(first.seats.count()))?);
        Ok(())
    }
}

fn any_quantity() -> Result<Quantity, CliError> {
    Ok(Quantity::new(1 + i64::from(rand::random::<u8>() % Quantity::MAX))?)
}

async fn new_account(shop: &Shop) -> Result<Account, CliError> {
    let number: u64 = rand::random();
    let country = countries().get((number % countries().len() as u64) as usize).map(|country| country.code);
    let country = country.ok_or_else(|| CliError::usage("there are no countries"))?;
    let name = AccountName::parse(&format!("Buyer {number:x}"))?;
    let email = Email::parse(&format!("buyer-{number:x}@example.com"))?;
    Ok(shop.create_account(name, email, country).await?.account)
}

async fn choose(shop: &Shop, wanted: &Wanted, quantity: Quantity) -> Result<Offer, CliError> {
    if let (Some(event), Some(category)) = (wanted.event, wanted.category) {
        return Ok(shop.offer(event, category).await?);
    }
    let offer = shop.find_offer(wanted.event, wanted.category, quantity).await?;
    offer.ok_or_else(|| {
        let where_to = match (wanted.event, wanted.category) {
            (Some(_), _) => "for this event",
            (None, Some(_)) => "in this category",
            (None, None) => "in this shop",
        };
        CliError::no(format!("nothing with {} seats left is on sale {where_to}", quantity.get()))
    })
}

fn trace_purchase(trace: &mut Trace, receipt: &Receipt) {
    let effort = receipt.effort;
    let total = trace.since.elapsed();
    let shared = format!("requests that share it: {}, attempts: {}", effort.group, effort.attempts);
    trace.steps.push(("wait to begin", effort.queued, String::new()));
    trace.steps.push(("transaction", effort.transaction, shared));
    trace.steps.push(("commit, until durable", effort.commit, String::new()));
    trace.steps.push((
        "the whole purchase",
        total,
        if receipt.replayed { "replayed" } else { "" }.to_owned(),
    ));
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bought<'a> {
    account_id: crate::model::AccountId,
    replayed: bool,
    tickets: Vec<TicketOfSale<'a>>,
}

fn print(context: &Context, account: &Account, receipt: Receipt) -> Result<ExitCode, CliError> {
    let replayed = receipt.replayed;
    let total = receipt.sale.sale.total();
    let sales = [receipt.sale];
    let tickets = tickets_of(&sales);
    let rows = ticket_rows(&tickets);
    if context.output.is_table() {
        let bought = if replayed { "had bought before" } else { "bought" };
        say(&format!("{} {bought} {} tickets for {total}", account.email.as_str(), tickets.len()));
    }
    context.output.data(&Bought { account_id: account.id, replayed, tickets }, &rows)
}
