//! `tsctl bench`: how fast a store sells, answers and loads.

mod options;
mod print;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use self::options::{Asked, LoadOptions, Looking, Mixed, Purchasing};
use super::Context;
use super::confirm::confirmed;
use super::exit_code::{CliError, FAILED, NO};
use super::output::say;
use crate::bench::{
    self, Check, Ended, History, Live, LoadPlan, Measured, Plan, Report, Stock, StockReport, Stop, Workload,
};
use crate::demo::{progress_bar, show};
use crate::shop::Shop;
use crate::store::Access;

pub(super) const EXAMPLES: &str = "Examples:
  tsctl bench purchase --yes                            64 buyers, 10 seconds, all over the catalogue
  tsctl bench purchase --hot --buyers 512 --yes         everybody wants the largest event
  tsctl bench purchase --rate 2000 --plot sales.svg --yes
  tsctl bench mixed --purchases 10 --duration 60 --yes  one call in ten buys, nine look
  tsctl bench browse --output json > browse.json
  tsctl bench purchase --count 10k --history calls.jsonl --yes
  tsctl bench load --tickets 10M --yes                  how fast a catalogue is written

Buyers call the store straight, in this process; purchase, browse and mixed also run beside a running
tsbe. What they buy stays sold (`tsctl reset` undoes it); the buyers are the accounts
bench-1@example.com and on.

Without --rate the loop is closed: a buyer's next call follows the answer to its last, so a slow answer
also holds back the calls behind it, and their waiting is in no figure (coordinated omission). With
--rate the loop is open: the n-th call is due n / rate after the start, and its latency counts from
then, whether or not a buyer was free to make it. Compare stores at the rate you expect; find their
limit without one.

At the end every seat that was bought is checked against every other, and the store counts everything
again. A run in which all is sold out ends early. Exit code 1 where anything is wrong.";

#[derive(Subcommand)]
pub(super) enum Bench {
    /// Buy: all calls are purchases
    #[command(after_help = EXAMPLES)]
    Purchase(Purchasing),
    /// Look: dates, multi-events of a day, events of one, one event with its seats left, and again
    #[command(after_help = EXAMPLES)]
    Browse(Looking),
    /// Buy and look, in a chosen proportion
    #[command(after_help = EXAMPLES)]
    Mixed(Mixed),
    /// Load a generated catalogue, which stays
    #[command(after_help = EXAMPLES)]
    Load(LoadOptions),
}

pub(super) async fn run(context: &Context, bench: Bench) -> Result<ExitCode, CliError> {
    let timeout = context.config.request_timeout;
    match bench {
        Bench::Purchase(options) => measure(context, options.asked(timeout)?).await,
        Bench::Browse(options) => measure(context, options.asked(timeout)?).await,
        Bench::Mixed(options) => measure(context, options.asked(timeout)?).await,
        Bench::Load(options) => load(context, options.plan(), options.yes).await,
    }
}

async fn measure(context: &Context, asked: Asked) -> Result<ExitCode, CliError> {
    let Asked { plan, plot, history, yes } = asked;
    context
        .with_shop(async |shop| {
            let mut stock = gather(shop, &plan).await?;
            if plan.workload.buys() && !yes {
                let left = HumanCount(stock.seats_left());
                let what = format!(
                    "up to {left} tickets of {} to the accounts bench-1@example.com and on",
                    context.config.store
                );
                if !confirmed("sell", &what)? {
                    return Err(CliError::no("nothing was sold"));
                }
            }
            let history = history.as_deref().map(History::create).transpose()?;
            plot.as_deref().map_or(Ok(()), |path| write(path, ""))?;
            hint_at_cache(context, &stock);
            if plan.workload.buys() {
                let bar = progress_bar("accounts");
                stock.add_accounts(shop, plan.accounts, &mut |done, all| show(&bar, done, all)).await?;
                bar.finish_and_clear();
            }
            let before = StockReport::of(&stock);
            let measured = follow(shop, &plan, stock, history).await?;
            let check = check(shop, &plan, &measured).await?;
            let report = Report::new(&context.config.store.to_string(), &plan, before, measured, check);
            if let Some(path) = &plot {
                write(path, &bench::draw(&report)?)?;
            }
            print::report(&context.output, &report)?;
            Ok(verdict(&report))
        })
        .await
}

async fn gather(shop: &Shop, plan: &Plan) -> Result<Stock, CliError> {
    let line = live_bar();
    let tell = &mut |found: u64, _| line.set_message(format!("events on sale: {}", HumanCount(found)));
    let stock = Stock::gather(shop, plan, tell).await;
    line.finish_and_clear();
    Ok(stock?)
}

/// Says so where most calls will look up first what the cache cannot keep.
fn hint_at_cache(context: &Context, stock: &Stock) {
    let kept = context.config.cache.size;
    if stock.events() > kept {
        say(&format!(
            "{} events are in reach and the cache keeps {}: most calls look their event up first (--cachesize)",
            HumanCount(stock.events() as u64),
            HumanCount(kept as u64)
        ));
    }
}

/// Runs the plan, with one line on the terminal that tells how it goes.
async fn follow(
    shop: &Shop,
    plan: &Plan,
    stock: Stock,
    history: Option<History>,
) -> Result<Measured, CliError> {
    let line = live_bar();
    let tell = &mut |live: &Live| line.set_message(live_line(plan, live));
    let measured = bench::run(shop, plan, stock, history, tell).await;
    line.finish_and_clear();
    Ok(measured?)
}

/// One line on the terminal; nothing where there is none.
fn live_bar() -> ProgressBar {
    let line = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        line.set_style(style);
    }
    line
}

fn live_line(plan: &Plan, live: &Live) -> String {
    let elapsed = live.elapsed.as_secs_f64();
    if !live.measured {
        return format!("warming up: {elapsed:.1} of {:.1} s", plan.warm_up.as_secs_f64());
    }
    let so_far = match plan.stop {
        Stop::After(time) => format!("{elapsed:.1} of {:.1} s", time.as_secs_f64()),
        Stop::Calls(calls) => {
            format!("{elapsed:.1} s, {} of {} calls", HumanCount(live.calls), HumanCount(calls))
        }
    };
    let (rate, p99) = (HumanCount(live.interval.per_second as u64), live.interval.p99_ms);
    let (sold, other) = (HumanCount(live.sold), HumanCount(live.other));
    let sold = if plan.workload.buys() { format!(", {sold} sold") } else { String::new() };
    format!("{so_far}: {rate} calls/s, p99 {p99:.3} ms{sold}, {other} other")
}

async fn check(shop: &Shop, plan: &Plan, measured: &Measured) -> Result<Option<Check>, CliError> {
    if plan.workload == Workload::Browse {
        return Ok(None);
    }
    let bar = progress_bar("rows");
    let shown = bar.clone();
    let progress = Box::new(move |done, total| show(&shown, done, total));
    let check = bench::check(shop, plan, measured, progress).await;
    bar.finish_and_clear();
    Ok(check?)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text)
        .map_err(|error| CliError::usage(format!("cannot write {}: {error}", path.display())))
}

/// Says what was remarkable, and gives the exit code.
fn verdict(report: &Report) -> ExitCode {
    print::remarks(report);
    let wrong = report.check.as_ref().is_some_and(|check| !check.right);
    match &report.ended_early {
        _ if wrong => ExitCode::from(NO),
        Some(Ended::StoreFailed(_)) => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}

async fn load(context: &Context, plan: LoadPlan, yes: bool) -> Result<ExitCode, CliError> {
    let location = context.config.store.to_string();
    let what = format!("about {} tickets into {location}", HumanCount(plan.tickets));
    if !yes && !confirmed("load", &what)? {
        return Err(CliError::no("nothing was loaded"));
    }
    context
        .with_store(Access::Maintain, async |store| {
            let bar = progress_bar("tickets");
            let tickets = &mut |done, all| show(&bar, done, all);
            let loaded = bench::load(store, &location, plan, tickets).await;
            bar.finish_and_clear();
            print::loaded(&context.output, &loaded?)
        })
        .await
}
