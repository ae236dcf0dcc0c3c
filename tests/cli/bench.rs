//! `tsctl bench`, on small stores and for a moment: that its figures add up, not how fast anything is.

use std::collections::BTreeSet;

use serde_json::Value;
use ticketshop::store::conformance::{Dates, hours_from_now};

use crate::support::{Desk, Run, UNKNOWN};

const SALES: &str = "SELECT count(*) FROM Sale";

/// A run that ends after so many calls.
fn bench(desk: &Desk, workload: &str, count: &str) -> Run {
    desk.tsctl(["bench", workload, "--count", count, "--buyers", "8"])
}

fn purchases(desk: &Desk, count: &str) -> Run {
    bench(desk, "purchase", count).args(["--accounts", "5", "--yes"])
}

/// The lines of a history: the head, and the calls in their order.
fn history(desk: &Desk, name: &str) -> (Value, Vec<Value>) {
    let text = std::fs::read_to_string(desk.place.folder.path().join(name)).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let head = lines.next().unwrap();
    let mut calls: Vec<Value> = lines.collect();
    calls.sort_by_key(|call| call["call"].as_u64());
    (head, calls)
}

fn sum(list: &Value, name: &str) -> u64 {
    list.as_array().unwrap().iter().map(|object| object[name].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn so_many_purchases_are_so_many_sales_and_the_report_adds_up() {
    let (desk, ..) = Desk::selling(&[1_000, 500]).await;
    let report = purchases(&desk, "200").args(["--quantity", "2"]).json();
    assert_eq!((&report["total"]["operation"], &report["total"]["calls"]), (&"purchase".into(), &200.into()));
    assert_eq!(report["outcomes"], serde_json::json!({"sold": 200}));
    assert_eq!((&report["sales"]["sales"], &report["sales"]["tickets"]), (&200.into(), &400.into()));
    assert_eq!(sum(&report["intervals"], "calls"), 200);
    assert_eq!(report["stock"], serde_json::json!({"events": 1, "categories": 2, "seatsLeft": 1_500}));
    let check = &report["check"];
    assert_eq!((&check["right"], &check["ticketsAcknowledged"]), (&true.into(), &400.into()));
    assert_eq!((&check["soldBefore"], &check["soldAfter"]), (&0.into(), &400.into()));
    assert_eq!((desk.stored(SALES), desk.stored("SELECT count(*) FROM Account")), (200, 6));

    // Again: with the same accounts, and under other keys, so that nothing is a repeat.
    purchases(&desk, "50").done();
    assert_eq!((desk.stored(SALES), desk.stored("SELECT count(*) FROM Account")), (250, 6));
}

#[tokio::test]
async fn a_table_shows_figures_outcomes_and_the_verdict() {
    let (desk, ..) = Desk::selling(&[1_000]).await;
    let answer = purchases(&desk, "20").args(["--seed", "7"]).done();
    for part in ["p99.9 ms", "sold ", "100.00", "attempts per sale: 1.000", "closed loop, seed 7"] {
        assert!(answer.printed.contains(part), "{part}: {}", answer.printed);
    }
    assert!(answer.said.starts_with("checked: ") && answer.said.contains("none twice"), "{}", answer.said);
    let (header, rows) = purchases(&desk, "20").csv();
    assert_eq!(header, ["operation", "calls", "perSecond", "p50Ms", "p90Ms", "p99Ms", "p999Ms", "maxMs"]);
    assert_eq!((rows.len(), &rows[0][..2]), (1, &["purchase".to_owned(), "20".to_owned()][..]));
}

#[tokio::test]
async fn a_hot_event_is_the_one_that_is_named_or_the_largest() {
    let (desk, small, _) = Desk::selling(&[100]).await;
    let large = desk.add_event(&[5_000]).await;
    let sold = |fixture: &ticketshop::store::conformance::Fixture| {
        let event = fixture.event.to_string().replace('-', "");
        desk.stored(&format!(
            "SELECT count(*) FROM Sale JOIN TicketCategory USING (TicketCategoryNo) WHERE EventId = x'{event}'"
        ))
    };
    purchases(&desk, "30").args(["--hot"]).done();
    assert_eq!((sold(&small), sold(&large)), (0, 30));
    let report = purchases(&desk, "7").args(["--hot", &small.event.to_string()]).json();
    assert_eq!((sold(&small), sold(&large)), (7, 30));
    assert_eq!(report["settings"]["reach"], small.event.to_string());
}

#[test]
fn browsing_sells_nothing_and_asks_nothing() {
    let desk = Desk::with_catalogue(1);
    let report = bench(&desk, "browse", "400").json();
    assert_eq!(report["outcomes"], serde_json::json!({"found": 400}));
    assert_eq!((sum(&report["operations"], "calls"), &report["total"]["calls"]), (400, &400.into()));
    let names = crate::support::field(&report["operations"], "operation");
    assert_eq!(names, ["dates-range", "multi-events", "events", "event"]);
    assert_eq!((report.get("check"), report.get("sales")), (None, None));
    assert_eq!(desk.stored("SELECT (SELECT count(*) FROM Sale) + (SELECT count(*) FROM Account)"), 0);
    bench(&desk, "browse", "20").args(["--hot"]).done();
}

#[test]
fn a_mixed_load_buys_and_looks() {
    let desk = Desk::with_catalogue(1);
    let report = bench(&desk, "mixed", "400").args(["--purchases", "50", "--seed", "1", "--yes"]).json();
    let calls = |outcome: &str| report["outcomes"][outcome].as_u64().unwrap_or(0);
    assert!(calls("sold") > 100 && calls("found") > 100, "{}", report["outcomes"]);
    assert_eq!(calls("sold") + calls("sold-out") + calls("found"), 400);
    assert_eq!(sum(&report["operations"], "calls"), 400);
    assert_eq!(desk.stored(SALES) as u64, calls("sold"));
    assert_eq!(report["settings"]["purchasesPercent"], 50);
}

#[tokio::test]
async fn at_a_rate_each_call_has_the_time_it_was_due() {
    let (desk, ..) = Desk::selling(&[1_000]).await;
    let file = ["--rate", "1000", "--history", "calls.jsonl"];
    let report = purchases(&desk, "60").args(file).json();
    assert_eq!((&report["settings"]["rate"], &report["total"]["calls"]), (&1_000.0.into(), &60.into()));
    for (number, call) in history(&desk, "calls.jsonl").1.iter().enumerate() {
        let us = |name: &str| call[name].as_u64().unwrap();
        assert_eq!(us("intendedUs"), number as u64 * 1_000);
        assert!(us("intendedUs") <= us("startUs") && us("startUs") <= us("endUs"), "{call}");
    }
    // By the clock: what was due is made or told to be left.
    let timed = ["bench", "purchase", "--duration", "0.2", "--warm-up", "0.1", "--rate", "100", "--yes"];
    let report = desk.tsctl(timed).json();
    let due = report["total"]["calls"].as_u64().unwrap() + report["notBegun"].as_u64().unwrap();
    // 10 more are due in the warm-up; those that begin behind it count.
    assert!((20..=30).contains(&due), "{due}");
}

#[tokio::test]
async fn the_history_has_a_line_for_each_call_and_a_seed_repeats_the_choices() {
    let (desk, ..) = Desk::selling(&[5_000, 5_000, 5_000]).await;
    for name in ["one.jsonl", "two.jsonl"] {
        purchases(&desk, "100").args(["--seed", "7", "--history", name]).done();
    }
    let (head, one) = history(&desk, "one.jsonl");
    let (other, two) = history(&desk, "two.jsonl");
    assert_eq!((head["workload"].as_str(), one.len(), two.len()), (Some("purchase"), 100, 100));
    assert_ne!(head["run"], other["run"]);
    for (one, two) in one.iter().zip(&two) {
        for same in ["call", "event", "category", "quantity"] {
            assert_eq!(one[same], two[same]);
        }
        assert_eq!((&one["outcome"], &one["operation"]), (&"sold".into(), &"purchase".into()));
        assert!(one["group"].as_u64().unwrap() >= 1 && one["seats"].is_string(), "{one}");
    }
    let sales: BTreeSet<_> = one.iter().chain(&two).map(|call| call["sale"].as_str().unwrap()).collect();
    assert_eq!((sales.len(), desk.stored(SALES)), (200, 200));
}

#[tokio::test]
async fn a_plot_is_a_picture_with_a_title() {
    let (desk, ..) = Desk::selling(&[1_000]).await;
    purchases(&desk, "50").args(["--plot", "sales.svg"]).done();
    let svg = std::fs::read_to_string(desk.place.folder.path().join("sales.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for part in ["purchase on sqlite: ", "8 buyers", "closed loop", "calls per second", "99 %", "p99"] {
        assert!(svg.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_run_that_sold_everything_ends_early_and_says_so() {
    let (desk, fixture, _) = Desk::selling(&[50]).await;
    let run = ["bench", "purchase", "--duration", "600", "--warm-up", "0", "--quantity", "1", "--yes"];
    let answer = desk.tsctl(run).args(["--output", "json"]).done();
    let report: Value = serde_json::from_str(&answer.printed).unwrap();
    assert_eq!((&report["endedEarly"], &report["outcomes"]["sold"]), (&"sold-out".into(), &50.into()));
    assert!(report["outcomes"]["sold-out"].as_u64().unwrap() >= 1_000);
    assert!(answer.said.contains("is sold out: the run ended after"), "{}", answer.said);
    // At a rate too, where buyers wait for calls that never come.
    desk.add_event(&[20]).await;
    let report = desk.tsctl(run).args(["--rate", "5000"]).json();
    assert_eq!((&report["endedEarly"], &report["outcomes"]["sold"]), (&"sold-out".into(), &20.into()));
    purchases(&desk, "5").refused(1, "tsctl reset");
    purchases(&desk, "5").args(["--hot", &fixture.event.to_string()]).refused(1, "sold out");
    bench(&desk, "browse", "8").done();
}

#[tokio::test]
async fn it_sells_beside_a_running_daemon() {
    let (desk, ..) = Desk::selling(&[1_000]).await;
    let tsbe = desk.place.serve();
    purchases(&desk, "40").done();
    desk.tsctl(["bench", "load", "--tickets", "20k", "--yes"]).refused(2, "");
    drop(tsbe);
    assert_eq!(desk.stored(SALES), 40);
}

#[tokio::test]
async fn what_the_audit_finds_is_told_and_the_exit_code_says_so() {
    let (desk, ..) = Desk::selling(&[1_000]).await;
    purchases(&desk, "5").done();
    desk.damage("UPDATE Sale SET Seats = '99999' WHERE SaleNo = 1");
    let answer = purchases(&desk, "5").code(1);
    assert!(answer.said.contains("WRONG: ") && answer.said.contains("seat-out-of-range"), "{}", answer.said);
    let json = purchases(&desk, "5").args(["--output", "json"]).code(1).printed;
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["check"]["right"], &report["check"]["wrongSeats"]), (&false.into(), &0.into()));
}

#[tokio::test]
async fn nothing_is_sold_or_loaded_unasked() {
    let (desk, ..) = Desk::selling(&[50]).await;
    bench(&desk, "purchase", "5").refused(2, "sell up to 50 tickets of sqlite:");
    bench(&desk, "mixed", "5").refused(2, "--yes");
    assert_eq!(desk.stored("SELECT (SELECT count(*) FROM Sale) + (SELECT count(*) FROM Account)"), 1);
    let new = Desk::new();
    new.tsctl(["bench", "load"]).refused(2, "load about 1,000,000 tickets into sqlite:");
    assert!(!new.place.path().exists());
}

#[tokio::test]
async fn where_nothing_is_on_sale_it_says_what_to_do() {
    let empty = Desk::empty();
    purchases(&empty, "5").refused(1, "tsctl load demo");
    bench(&empty, "browse", "5").refused(1, "tsctl load demo");
    purchases(&empty, "5").args(["--hot", UNKNOWN]).refused(1, "no such event");
    let later = Dates { event: hours_from_now(48), sale: hours_from_now(24) };
    let (desk, fixture, _) = Desk::selling_at(&[50], later).await;
    purchases(&desk, "5").refused(1, "tsctl load demo");
    purchases(&desk, "5").args(["--hot", &fixture.event.to_string()]).refused(1, "on sale from");
}

#[tokio::test]
async fn files_that_cannot_be_written_are_told_before_anything_is_sold() {
    let (desk, ..) = Desk::selling(&[50]).await;
    purchases(&desk, "5").args(["--history", "no/calls.jsonl"]).refused(2, "no/calls.jsonl");
    purchases(&desk, "5").args(["--plot", "no/sales.svg"]).refused(2, "no/sales.svg");
    if std::path::Path::new("/dev/full").exists() {
        purchases(&desk, "5").args(["--history", "/dev/full"]).refused(2, "cannot write /dev/full");
    }
    assert_eq!(desk.stored(SALES), 0);
}

#[test]
fn wrong_options_are_refused() {
    let desk = Desk::empty();
    let cases: &[&[&str]] = &[
        &["bench", "sell"],
        &["bench", "browse", "--buyers", "0"],
        &["bench", "browse", "--duration", "0"],
        &["bench", "browse", "--duration", "soon"],
        &["bench", "browse", "--duration", "1", "--count", "5"],
        &["bench", "browse", "--count", "0"],
        &["bench", "browse", "--rate", "0"],
        &["bench", "browse", "--rate", "NaN"],
        &["bench", "browse", "--warm-up", "-1"],
        &["bench", "browse", "--yes"],
        &["bench", "purchase", "--hot", "all"],
        &["bench", "purchase", "--quantity", "11", "--yes"],
        &["bench", "purchase", "--accounts", "0"],
        &["bench", "mixed", "--purchases", "101"],
        &["bench", "load", "--tickets", "0"],
    ];
    for arguments in cases {
        desk.tsctl(*arguments).refused(2, "");
    }
}

#[test]
fn a_load_is_measured_and_stays() {
    let desk = Desk::new();
    let load = ["bench", "load", "--tickets", "20k", "--venues", "30", "--seed", "7", "--yes"];
    let answer = desk.tsctl(load).args(["--output", "json"]).done();
    let report: Value = serde_json::from_str(&answer.printed).unwrap();
    assert_eq!(
        (&report["workload"], &report["seed"], &report["venues"]),
        (&"load".into(), &7.into(), &30.into())
    );
    assert!((19_000..=21_000).contains(&report["tickets"].as_u64().unwrap()));
    assert_eq!(report["events"], desk.stored("SELECT count(*) FROM Event"));
    assert!(answer.said.contains("stay") && answer.said.contains("seed 7"), "{}", answer.said);
    desk.tsctl(load).refused(2, "choose another --seed");
    // A seed that nobody names is another one each time.
    let (header, rows) = desk.tsctl(["bench", "load", "--tickets", "20k", "--venues", "30", "--yes"]).csv();
    assert_eq!(header, ["what", "value"]);
    assert!(rows.iter().any(|row| row[0] == "tickets per second"), "{rows:?}");
}
