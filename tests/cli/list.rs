//! `tsctl list`, in every format.

use crate::support::{Desk, START, UNKNOWN, field};

#[test]
fn one_finds_the_way_from_a_day_to_the_seats_of_an_event() {
    let desk = Desk::with_catalogue(1);
    let found = desk.tsctl(["list", "multievents"]).json();
    let multi_event = field(&found, "id")[0].to_owned();
    let events = desk.tsctl(["list", "events", "--multievent", &multi_event]).json();
    assert!(events[0]["when"].as_str().unwrap() >= START.as_str());
    let event = desk.tsctl(["list", "event", field(&events, "id")[0]]).json();
    for name in ["id", "name", "venue", "country", "when"] {
        assert_eq!(event[name], events[0][name], "{name}");
    }
    let category = &event["categories"][0];
    assert!(category["seatsAvailable"].as_u64().unwrap() > 0);
    let printed = desk.tsctl(["list", "event", field(&events, "id")[0], "--output", "json"]).done().printed;
    let price = printed.lines().find_map(|line| line.trim().strip_prefix("\"price\": ")).unwrap();
    assert!(price.ends_with(".95"), "{price}");
}

#[test]
fn every_format_shows_the_same() {
    let desk = Desk::with_catalogue(1);
    let found = desk.tsctl(["list", "multievents"]).json();
    let (header, rows) = desk.tsctl(["list", "multievents"]).csv();
    assert_eq!(header, ["id", "name"]);
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), field(&found, "id"));
    let table = desk.tsctl(["list", "multievents"]).done();
    assert!(table.printed.starts_with('╭') && table.printed.ends_with("╯\n"), "{}", table.printed);
    for text in field(&found, "id").into_iter().chain(field(&found, "name")) {
        assert!(table.printed.contains(text), "{text}");
    }
}

#[test]
fn numbers_stand_to_the_right() {
    let desk = Desk::with_catalogue(1);
    let found = desk.tsctl(["list", "multievents"]).json();
    let events = desk.tsctl(["list", "events", "--multievent", field(&found, "id")[0]]).json();
    let table = desk.tsctl(["list", "event", field(&events, "id")[0]]).done().printed;
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('│')).collect();
    assert!(rows.len() > 1 && rows[0].contains("seatsAvailable"), "{table}");
    for row in &rows[1..] {
        // Its header is wider than any number of seats.
        let seats_available = row.split('┆').nth(2).unwrap().strip_suffix(' ').unwrap();
        assert!(seats_available.ends_with(|last: char| last.is_ascii_digit()), "{table}");
    }
}

#[test]
fn a_day_may_be_named_and_a_list_cut() {
    let desk = Desk::with_catalogue(1);
    let none = desk.tsctl(["list", "multievents", "--date", "2031-05-05"]).json();
    assert_eq!(none, serde_json::json!([]));
    let found = desk.tsctl(["list", "multievents"]).json();
    let events = desk.tsctl(["list", "events", "--multievent", field(&found, "id")[0]]).json();
    let day = &events[0]["when"].as_str().unwrap()[..10];
    let of_day = desk.tsctl(["list", "multievents", "--date", day]).json();
    assert!(field(&of_day, "id").contains(&field(&found, "id")[0]));
    let one = desk.tsctl(["list", "multievents", "--date", day, "--limit", "1"]).json();
    assert_eq!(field(&one, "id"), field(&of_day, "id")[..1]);
}

#[tokio::test]
async fn an_account_and_its_sales_are_found_by_address_and_id() {
    let (desk, fixture, account) = Desk::selling(&[50, 50]).await;
    let (event, category) = (fixture.event.to_string(), fixture.categories[1].to_string());
    let buy = ["buy", "--account", &account, "--event", &event, "--category", &category];
    desk.tsctl(buy).args(["--quantity", "2"]).done();
    desk.tsctl(buy).args(["--quantity", "3"]).done();
    let sales = desk.tsctl(["list", "sales", "--account", &account]).json();
    // The newest first.
    assert_eq!((&sales[0]["quantity"], &sales[1]["quantity"]), (&3.into(), &2.into()));
    assert_eq!(field(&sales, "eventId"), [event.as_str(); 2]);
    let printed = desk.tsctl(["list", "sales", "--account", &account, "--output", "json"]).done().printed;
    assert!(printed.contains("\"total\": 149.85"), "{printed}");
    let (header, rows) = desk.tsctl(["list", "sales", "--account", &account, "--limit", "1"]).csv();
    let total = header.iter().position(|name| name == "total").unwrap();
    assert_eq!((rows.len(), rows[0][total].as_str()), (1, "149.85"));

    assert_eq!(desk.tsctl(["buy", "--account", &account]).json()["accountId"], account.as_str());
    let made = ["--name", "Ada", "--email", "ada@example.com", "--country", "GB"];
    desk.tsctl(["account", "create"]).args(made).done();
    desk.tsctl(["buy", "--account", "ada@example.com", "--quantity", "4"]).done();
    let ada = desk.tsctl(["list", "account", "ada@example.com"]).json();
    assert_eq!(ada["tickets"].as_array().unwrap().len(), 4);
    for name in ["id", "event", "venue", "category", "seat", "price", "purchaseDate"] {
        assert!(!ada["tickets"][0][name].is_null(), "{name}");
    }
    let sales = desk.tsctl(["list", "sales", "--account", "ada@example.com"]).json();
    assert_eq!(sales[0]["accountId"], ada["id"]);
}

#[tokio::test]
async fn what_is_not_there_is_the_answer_no() {
    let (desk, ..) = Desk::selling(&[1]).await;
    let cases: [(&[&str], &str); 5] = [
        (&["list", "events", "--multievent", UNKNOWN], "there is no such multi-event"),
        (&["list", "event", UNKNOWN], "there is no such event"),
        (&["list", "account", "nobody@example.com"], "there is no such account"),
        (&["list", "sales", "--account", "nobody@example.com"], "there is no such account"),
        (&["list", "sales", "--account", UNKNOWN], "there is no such account"),
    ];
    for (arguments, why) in cases {
        desk.tsctl(arguments).refused(1, why);
    }
    Desk::empty().tsctl(["list", "multievents"]).refused(1, "there is no such event");
}
