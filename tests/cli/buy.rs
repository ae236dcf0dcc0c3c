//! `tsctl buy`.

use ticketshop::store::conformance::{Dates, Fixture, hours_from_now};

use crate::support::{Answer, Desk, Run, UNKNOWN, field};

fn buy(desk: &Desk, account: &str, fixture: &Fixture, quantity: &str) -> Run {
    let (event, category) = (fixture.event.to_string(), fixture.categories[0].to_string());
    desk.tsctl(["buy", "--account", account, "--quantity", quantity]).args([
        "--event",
        &event,
        "--category",
        &category,
    ])
}

#[test]
fn what_is_not_named_is_chosen_at_random() {
    let desk = Desk::with_catalogue(1);
    for _ in 0..3 {
        let bought = desk.tsctl(["buy"]).json();
        let count = bought["tickets"].as_array().unwrap().len();
        assert!((1..=10).contains(&count));
        let account = bought["accountId"].as_str().unwrap();
        let sales = desk.tsctl(["list", "sales", "--account", account]).json();
        assert_eq!(sales[0]["quantity"], count);
    }
    desk.tsctl(["audit"]).done();
}

#[tokio::test]
async fn seats_are_neighbours_and_shown_as_by_the_api() {
    let (desk, fixture, account) = Desk::selling(&[500]).await;
    let bought = buy(&desk, &account, &fixture, "4").json();
    let seats: Vec<u64> =
        bought["tickets"].as_array().unwrap().iter().map(|ticket| ticket["seat"].as_u64().unwrap()).collect();
    assert!(seats.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seats:?}");
    let Answer { printed, said } = buy(&desk, &account, &fixture, "2").args(["--output", "json"]).done();
    assert_eq!((printed.matches("\"price\": 49.95,").count(), said.as_str()), (2, ""));
    let Answer { printed, said } = buy(&desk, &account, &fixture, "2").done();
    assert!(printed.contains("Tokyo Dome") && printed.contains("49.95"), "{printed}");
    assert!(said.contains("2 tickets for 99.90"), "{said}");
    let (header, rows) = buy(&desk, &account, &fixture, "3").csv();
    assert_eq!(header[..6], ["id", "event", "venue", "category", "seat", "price"]);
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn the_same_key_buys_once() {
    let (desk, fixture, account) = Desk::selling(&[50]).await;
    let key = ["--idempotency-key", "order-7"];
    let first = buy(&desk, &account, &fixture, "2").args(key).json();
    let again = buy(&desk, &account, &fixture, "2").args(key).json();
    assert_eq!((&first["replayed"], &again["replayed"]), (&false.into(), &true.into()));
    assert_eq!(first["tickets"], again["tickets"]);
    buy(&desk, &account, &fixture, "3").args(key).refused(1, "another purchase");
    assert_eq!(desk.stored("SELECT count(*) FROM Sale"), 1);
}

/// What a repeat does not name is not drawn again: it is what the first run bought.
#[tokio::test]
async fn a_repeat_that_names_only_account_and_key_finds_the_first_sale() {
    let (desk, _, account) = Desk::selling(&[500, 500]).await;
    let run = || desk.tsctl(["buy", "--account", &account, "--idempotency-key", "order-7"]);
    let first = run().json();
    for _ in 0..3 {
        assert_eq!(run().json()["tickets"], first["tickets"]);
    }
    // Without an account each run would be another buyer's.
    desk.tsctl(["buy", "--idempotency-key", "order-7"]).refused(2, "--account");
    assert_eq!(desk.stored("SELECT count(*) FROM Sale"), 1);
}

#[tokio::test]
async fn sold_out_tells_how_many_are_left() {
    let (desk, fixture, account) = Desk::selling(&[5]).await;
    buy(&desk, &account, &fixture, "3").done();
    buy(&desk, &account, &fixture, "3").refused(1, "2 tickets are left");
    desk.tsctl(["buy", "--account", &account, "--quantity", "3"]).refused(1, "nothing with 3 seats left");
    desk.tsctl(["buy", "--account", &account, "--quantity", "2"]).done();
    buy(&desk, &account, &fixture, "1").refused(1, "0 tickets are left");
    // Nobody is made an account for nothing.
    desk.tsctl(["buy"]).code(1);
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 1);
}

#[tokio::test]
async fn what_is_not_on_sale_is_not_sold() {
    let dates = Dates { event: hours_from_now(48), sale: hours_from_now(24) };
    let (desk, fixture, account) = Desk::selling_at(&[50], dates).await;
    buy(&desk, &account, &fixture, "1").refused(1, "on sale from");
    desk.tsctl(["buy", "--account", &account]).refused(1, "on sale");
    Desk::empty().tsctl(["buy"]).refused(1, "on sale");
}

/// Of the events of one day most are sold out, and yet the one that is not is found.
#[tokio::test]
async fn what_is_left_is_found_among_what_is_sold_out() {
    let (desk, _, account) = Desk::selling(&[1]).await;
    for _ in 0..5 {
        desk.add_event(&[1]).await;
    }
    for _ in 0..6 {
        desk.tsctl(["buy", "--account", &account, "--quantity", "1"]).done();
    }
    desk.tsctl(["buy", "--account", &account, "--quantity", "1"]).refused(1, "nothing with 1 seat");
}

#[tokio::test]
async fn a_category_alone_is_found_among_the_events() {
    let (desk, _, account) = Desk::selling(&[50]).await;
    let wanted = desk.add_event(&[50, 50]).await;
    let category = wanted.categories[1].to_string();
    for _ in 0..3 {
        let buy = ["buy", "--account", &account, "--category", &category, "--quantity", "2"];
        assert_eq!(field(&desk.tsctl(buy).json()["tickets"], "category"), ["General 001"; 2]);
    }
    desk.tsctl(["buy", "--account", &account, "--category", UNKNOWN]).refused(1, "in this category");
}

#[tokio::test]
async fn what_is_unknown_is_not_found() {
    let (desk, fixture, account) = Desk::selling(&[50]).await;
    let event = fixture.event.to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["--account", UNKNOWN], "account"),
        (&["--account", "nobody@example.com"], "account"),
        (&["--account", &account, "--event", UNKNOWN], "event"),
        (&["--account", &account, "--event", &event, "--category", UNKNOWN], "category"),
    ];
    for (arguments, what) in cases {
        desk.tsctl(["buy"]).args(arguments).refused(1, &format!("there is no such {what}"));
    }
    assert_eq!(desk.stored("SELECT count(*) FROM Sale"), 0);
}

#[tokio::test]
async fn the_trace_shows_each_step_beside_the_data() {
    let (desk, fixture, account) = Desk::selling(&[50]).await;
    let Answer { printed, said } =
        buy(&desk, &account, &fixture, "2").args(["--trace", "--output", "json"]).done();
    let bought: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(field(&bought["tickets"], "venue"), ["Tokyo Dome"; 2]);
    for step in ["store", "account", "choose", "wait to begin", "transaction", "commit", "attempts", "whole"]
    {
        assert!(said.contains(step), "{step}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_buy_and_audit_work_beside_the_daemon() {
    let (desk, fixture, account) = Desk::selling(&[50]).await;
    let daemon = desk.place.serve();
    let client = reqwest::Client::new();
    let wish = crate::shared::wish(&account, &fixture, 0, 2);
    let by_daemon = crate::shared::purchase(&client, &daemon.url, &wish, "a").await.unwrap();
    assert_eq!(by_daemon.status(), 201);
    buy(&desk, &account, &fixture, "3").done();
    assert_eq!(desk.tsctl(["list", "sales", "--account", &account]).json().as_array().unwrap().len(), 2);
    assert_eq!(desk.tsctl(["audit"]).json()["ticketsSold"], 5);
    for command in [["load", "demo"].as_slice(), &["reset", "--yes"], &["schema", "apply"]] {
        desk.tsctl(command).refused(2, "");
    }
    let again = crate::shared::purchase(&client, &daemon.url, &wish, "b").await.unwrap();
    assert_eq!(again.status(), 201);
    daemon.signal("TERM");
    assert_eq!(daemon.end().0.code(), Some(0));
}
