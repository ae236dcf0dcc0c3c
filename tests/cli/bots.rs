//! `tsctl bots`: the real bots at a real shop, also with a line between them that fails.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use ticketshop::store::conformance::{Dates, hours_from_now};

use crate::proxy::{Fate, Proxy};
use crate::support::{Answer, Desk, Run};

fn bots<'a>(desk: &Desk, url: &'a str, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    desk.tsctl(["bots", "--url", url]).args(arguments).without_store()
}

fn number(report: &Value, pointer: &str) -> i64 {
    report.pointer(pointer).and_then(Value::as_i64).unwrap_or_else(|| panic!("{pointer}: {report}"))
}

/// Checks that the bots count what the shop's ledger has.
fn assert_agrees(desk: &Desk, report: &Value) {
    let ledger = desk.tsctl(["audit"]).json();
    assert_eq!(number(report, "/totals/tickets"), number(&ledger, "/ticketsSold"), "{report:#}");
    assert_eq!(number(report, "/totals/purchases"), number(&ledger, "/sales"), "{report:#}");
    assert_eq!(number(report, "/outcomes/unknown"), 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_bots_buy_what_the_ledger_has() {
    let (desk, _, _) = Desk::selling(&[200, 30, 1]).await;
    let daemon = desk.place.serve();
    let report = bots(&desk, &daemon.url, ["--bots", "20", "--runs", "3"]).json();
    assert_agrees(&desk, &report);
    assert_eq!(number(&report, "/totals/runs"), 60);
    assert_eq!(number(&report, "/outcomes/bought"), number(&report, "/totals/purchases"));
    let purchases = report["purchases"].as_array().unwrap();
    assert_eq!(purchases.len() as i64, number(&report, "/totals/purchases"));
    let tickets: i64 = purchases.iter().map(|purchase| number(purchase, "/quantity")).sum();
    assert_eq!(tickets, number(&report, "/totals/tickets"));
    let wanted = 1..=10;
    assert!(purchases.iter().all(|purchase| wanted.contains(&number(purchase, "/quantity"))));
    assert_eq!(number(&report["topEvents"][0], "/tickets"), tickets);
    let revenue = report["totals"]["revenue"].as_f64().unwrap();
    assert!((revenue - tickets as f64 * 49.95).abs() < 0.001, "{revenue}");
    // One account for each bot, whatever it does; and that of the fixture.
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_bot_is_set_by_the_environment_and_ends() {
    let (desk, _, _) = Desk::selling(&[100]).await;
    let daemon = desk.place.serve();
    let url = format!("{}/api/v1", daemon.url.replace("127.0.0.1", "localhost"));
    let settings = [
        ("ROOT_URL", url.as_str()),
        ("COROUTINES", "1"),
        ("CONTINUOUS", "0"),
        ("COUNTRIES", "JP, jp"),
        ("SINGLE_DNS_LOOKUP", "on"),
        ("HTTP_TIMEOUT", ""),
    ];
    let run = settings.iter().fold(desk.tsctl(["bots"]), |run, (name, text)| run.env(name, text));
    let report = run.json();
    assert_agrees(&desk, &report);
    assert_eq!((number(&report, "/bots"), number(&report, "/outcomes/bought")), (1, 1));
    assert_eq!(desk.stored("SELECT count(*) FROM Account WHERE CountryCode = 'JP'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_tables_and_programs_the_purchases() {
    let (desk, _, _) = Desk::selling(&[500]).await;
    let daemon = desk.place.serve();
    let Answer { printed, said } = bots(&desk, &daemon.url, ["--bots", "5"]).done();
    for words in ["purchases a second", "sold out", "POST /tickets/purchase", "Silver Lanterns, night 1"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    assert_eq!(said, "");
    let (header, rows) = bots(&desk, &daemon.url, ["--bots", "5"]).csv();
    assert_eq!((&header[..3], rows.len()), (&["bot", "account", "sale"].map(ToOwned::to_owned)[..], 5));
    for row in rows {
        let sales = desk.tsctl(["list", "sales", "--account", &row[1]]).json();
        assert_eq!(sales[0]["id"], row[2].as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_is_the_same_buyers_who_buy_again() {
    let (desk, _, _) = Desk::selling(&[500]).await;
    let daemon = desk.place.serve();
    let run = || {
        let report = bots(&desk, &daemon.url, ["--bots", "4", "--seed", "7"]).json();
        let purchases = report["purchases"].as_array().unwrap();
        let mut bought: Vec<(i64, String, i64)> = purchases
            .iter()
            .map(|bought| {
                let account = bought["accountId"].as_str().unwrap().to_owned();
                (number(bought, "/bot"), account, number(bought, "/quantity"))
            })
            .collect();
        bought.sort();
        bought
    };
    assert_eq!(run(), run());
    assert_eq!(desk.stored("SELECT count(*) FROM Sale"), 8);
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 5);
    bots(&desk, &daemon.url, ["--bots", "4"]).done();
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 9);
}

/// Starts bots that run until they are asked to end.
fn endless(desk: &Desk, url: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tsctl"))
        .args(["bots", "--output", "json", "--bots", "8"])
        .env_clear()
        .envs([("ROOT_URL", url), ("CONTINUOUS", "true")])
        .current_dir(desk.place.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_bots_end_with_results_when_they_are_asked() {
    let (desk, _, _) = Desk::selling(&[100_000]).await;
    let daemon = desk.place.serve();
    for signal in ["INT", "TERM"] {
        let before = number(&desk.tsctl(["audit"]).json(), "/sales");
        let mut child = endless(&desk, &daemon.url);
        while desk.stored("SELECT count(*) FROM Sale") < before + 20 {
            assert!(child.try_wait().unwrap().is_none(), "the bots have ended by themselves");
        }
        crate::shared::signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("Ctrl-C again ends at once"), "{said}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["interrupted"], &report["runsOfEach"]), (&true.into(), &Value::Null));
        let after = number(&desk.tsctl(["audit"]).json(), "/sales");
        assert_eq!(number(&report, "/totals/purchases"), after - before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait() {
    let (desk, _, _) = Desk::selling(&[100_000]).await;
    let daemon = desk.place.serve();
    // Every purchase waits for an answer that never comes.
    let proxy = Proxy::start(&daemon.url, |request, _| match request.starts_with("POST /api/v1/tickets") {
        true => Fate::Silence,
        false => Fate::Pass,
    });
    let mut child = endless(&desk, &proxy.url);
    let said = BufReader::new(child.stderr.take().unwrap());
    while desk.stored("SELECT count(*) FROM Account") < 2 {}
    let interrupt = |child: &Child| crate::shared::signal(child, "INT");
    proxy.wait_for("POST /api/v1/tickets");
    interrupt(&child);
    // It says that it has heard the first.
    assert!(said.lines().any(|line| line.unwrap().starts_with("ending")));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_on_the_way_never_buys_twice() {
    let (desk, _, _) = Desk::selling(&[100]).await;
    let daemon = desk.place.serve();
    let proxy = Proxy::start(&daemon.url, |request, before| {
        match request.starts_with("POST /api/v1/tickets") && before < 2 {
            true => Fate::AnswerLost,
            false => Fate::Pass,
        }
    });
    let report = bots(&desk, &proxy.url, ["--bots", "1"]).json();
    assert_agrees(&desk, &report);
    let count = |name| number(&report, name);
    assert_eq!((count("/totals/purchases"), count("/totals/replayed"), count("/totals/retries")), (1, 1, 2));
    let sent = proxy.requests("POST /api/v1/tickets");
    assert_eq!((sent.len(), &sent[0], &sent[1]), (3, &sent[1], &sent[2]));
    assert!(sent[0].to_lowercase().contains("idempotency-key: bot-"), "{}", sent[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_event_and_an_error_do_not_end_a_bot() {
    let (desk, _, _) = Desk::selling(&[100]).await;
    let daemon = desk.place.serve();
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let oops = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    let null = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull";
    let proxy = Proxy::start(&daemon.url, move |request, before| match before {
        0 if request.starts_with("GET /api/v1/events/") => Fate::Instead(null),
        0 if request.starts_with("GET /api/v1/multievents?") => Fate::Instead(oops),
        0 if request.starts_with("POST /api/v1/account") => Fate::Instead(busy),
        _ => Fate::Pass,
    });
    let report = bots(&desk, &proxy.url, ["--bots", "1"]).json();
    assert_agrees(&desk, &report);
    assert_eq!((number(&report, "/outcomes/bought"), number(&report, "/totals/errors")), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_nobody_answers_is_not_told_as_no_purchase() {
    let (desk, _, _) = Desk::selling(&[100]).await;
    let daemon = desk.place.serve();
    let proxy = Proxy::start(&daemon.url, |request, _| match request.starts_with("POST /api/v1/tickets") {
        true => Fate::AnswerLost,
        false => Fate::Pass,
    });
    let Answer { printed, said } = bots(&desk, &proxy.url, ["--bots", "1", "--output", "json"]).code(1);
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((number(&report, "/outcomes/unknown"), number(&report, "/totals/purchases")), (1, 0));
    assert!(said.contains("not known whether they were made"), "{said}");
    assert_eq!(desk.stored("SELECT count(*) FROM Sale"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sold_out_is_an_end_and_nothing_on_sale_is_none() {
    let (desk, _, account) = Desk::selling(&[1]).await;
    desk.tsctl(["buy", "--account", &account, "--quantity", "1"]).done();
    let daemon = desk.place.serve();
    let report = bots(&desk, &daemon.url, ["--bots", "3"]).json();
    assert_eq!((number(&report, "/outcomes/soldOut"), number(&report, "/totals/purchases")), (3, 0));

    let dates = Dates { event: hours_from_now(48), sale: hours_from_now(24) };
    let (desk, _, _) = Desk::selling_at(&[50], dates).await;
    let daemon = desk.place.serve();
    let Answer { printed, said } = bots(&desk, &daemon.url, ["--bots", "2", "--output", "json"]).code(1);
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(number(&report, "/outcomes/nothingOnSale"), 2);
    assert_eq!(said, "tsctl: nothing could be bought: nothing on sale\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_shop_is_told_in_one_line() {
    let desk = Desk::empty();
    bots(&desk, "http://127.0.0.1:1", []).refused(2, "http://127.0.0.1:1/api/v1: ");
    bots(&desk, "http://127.0.0.1:1", []).refused(2, "is tsbe running?");
    bots(&desk, "http://no-such-host.invalid", ["--single-dns-lookup"]).refused(2, "cannot reach");
    let daemon = desk.place.serve();
    bots(&desk, &daemon.url, []).refused(2, "load a catalogue");
    bots(&desk, &format!("{}/v2", daemon.url), []).refused(2, "does not answer as a ticket shop (404");
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
    let proxy = Proxy::start(&daemon.url, move |_, _| Fate::Instead(page));
    bots(&desk, &proxy.url, []).refused(2, "does not answer as a ticket shop");
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 0);
}
