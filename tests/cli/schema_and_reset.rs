//! `tsctl schema` and `tsctl reset`.

use serde_json::json;

use crate::support::Desk;

#[test]
fn a_store_is_made_and_its_schema_told() {
    let desk = Desk::new();
    let before = desk.tsctl(["schema", "status"]).json();
    assert_eq!(before["current"], 0);
    assert_eq!(before["pending"][0], "001_init");
    assert!(!desk.place.path().exists());
    assert!(desk.tsctl(["schema", "apply"]).done().said.contains("001_init"));
    let after = desk.tsctl(["schema", "status"]).json();
    assert_eq!(after, json!({"current": before["latest"], "latest": before["latest"], "pending": []}));
    assert!(desk.tsctl(["schema", "apply"]).done().said.contains("already"));
    let (header, rows) = desk.tsctl(["schema", "status"]).csv();
    assert_eq!((header, rows.len()), (["current", "latest", "pending"].map(ToOwned::to_owned).to_vec(), 1));
}

#[test]
fn the_printed_schema_is_the_one_that_is_applied() {
    let desk = Desk::new();
    let printed = desk.tsctl(["schema", "print"]).done().printed;
    desk.tsctl(["schema", "apply"]).done();
    let by_hand = rusqlite::Connection::open_in_memory().unwrap();
    by_hand.execute_batch(&printed).unwrap();
    let tables = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
    let of = |connection: &rusqlite::Connection| -> String {
        connection.query_row(tables, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(of(&by_hand), of(&rusqlite::Connection::open(desk.place.path()).unwrap()));
}

#[test]
fn a_newer_schema_and_another_program_are_refused() {
    let desk = Desk::empty();
    desk.damage("PRAGMA user_version = 99");
    for command in [["schema", "status"].as_slice(), &["schema", "apply"], &["audit"], &["load", "demo"]] {
        desk.tsctl(command).refused(2, "has schema 99");
    }
    desk.damage("PRAGMA application_id = 1");
    desk.tsctl(["schema", "apply"]).refused(2, "another program");
}

#[tokio::test]
async fn a_reset_asks_and_without_a_terminal_it_refuses() {
    let (desk, ..) = Desk::selling(&[50]).await;
    desk.tsctl(["buy", "--quantity", "2"]).done();
    desk.tsctl(["reset"]).refused(2, "all sales (2 tickets)");
    desk.tsctl(["reset", "--catalogue"]).refused(2, "1 events with 50 tickets");
    assert_eq!(desk.tsctl(["audit"]).json()["ticketsSold"], 2);

    assert!(desk.tsctl(["reset", "--yes"]).done().said.contains("2 tickets"));
    let report = desk.tsctl(["audit"]).json();
    assert_eq!((&report["ticketsSold"], &report["accounts"]), (&0.into(), &0.into()));
    desk.tsctl(["buy", "--quantity", "2"]).done();

    desk.tsctl(["reset", "--catalogue", "--yes"]).done();
    let left =
        "SELECT (SELECT count(*) FROM Event) + (SELECT count(*) FROM Venue) + (SELECT count(*) FROM Load)";
    assert_eq!(desk.stored(left), 0);
    desk.tsctl(["load", "venues", "5"]).done();
}

#[test]
fn a_reset_makes_no_store() {
    let desk = Desk::new();
    desk.tsctl(["reset", "--yes"]).refused(2, "no store");
    assert!(!desk.place.path().exists());
}
