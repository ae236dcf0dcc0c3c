//! `tsctl load`.

use serde_json::Value;
use ticketshop::generator::{self, GeneratorConfig};

use crate::support::{Answer, Desk, START, field};

/// All that is for sale, as `tsctl list` shows it.
fn catalogue(desk: &Desk) -> Vec<Value> {
    let connection = rusqlite::Connection::open(desk.place.path()).unwrap();
    let mut days = connection
        .prepare("SELECT DISTINCT date(EventDate / 1000000, 'unixepoch') FROM Event ORDER BY 1 LIMIT 5")
        .unwrap();
    let days: Vec<String> = days.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for day in days {
        let of_day = desk.tsctl(["list", "multievents", "--date", &day]).json();
        for id in field(&of_day, "id") {
            let events = desk.tsctl(["list", "events", "--multievent", id]).json();
            found.push(desk.tsctl(["list", "event", field(&events, "id")[0]]).json());
            found.push(events);
        }
        found.push(of_day);
    }
    assert!(found.len() > 5);
    found
}

fn rows(desk: &Desk) -> i64 {
    desk.stored("SELECT (SELECT count(*) FROM Venue) + (SELECT count(*) FROM Event)")
}

#[test]
fn the_same_seed_makes_the_same_catalogue() {
    let (one, two, other) = (Desk::with_catalogue(7), Desk::with_catalogue(7), Desk::with_catalogue(8));
    let same = catalogue(&one);
    assert_eq!(same, catalogue(&two));
    assert_ne!(same, catalogue(&other));
}

#[test]
fn a_dry_run_writes_nothing_and_tells_what_would_be_loaded() {
    let desk = Desk::new();
    let venues = ["load", "venues", "30"];
    let foretold = desk.tsctl(venues).args(["--dry-run"]).json();
    let tickets = ["load", "tickets", "20_000", "--start", &START];
    // There are no venues yet, so it counts with generated ones, and says so.
    assert!(desk.tsctl(tickets).args(["--dry-run"]).done().said.contains("no venues"));
    assert!(!desk.place.path().exists());
    assert_eq!(desk.tsctl(venues).json(), foretold);
    assert_eq!(foretold["numVenues"], 30);

    let foretold = desk.tsctl(tickets).args(["--dry-run"]).json();
    assert_eq!(rows(&desk), 30);
    assert_eq!(desk.tsctl(tickets).json(), foretold);
    assert_eq!(foretold["numEvents"], rows(&desk) - 30);
    assert!((19_000..=21_000).contains(&foretold["numTickets"].as_i64().unwrap()));
}

#[test]
fn statistics_come_in_every_format() {
    let desk = Desk::new();
    let dry = ["load", "venues", "30", "--dry-run"];
    let Answer { printed, said } = desk.tsctl(dry).done();
    assert!(printed.contains("venues, club") && printed.starts_with('╭'), "{printed}");
    assert_eq!(said, "");
    let (header, rows) = desk.tsctl(dry).csv();
    assert_eq!(header, ["what", "count"]);
    assert!(rows.contains(&vec!["venues".to_owned(), "30".to_owned()]));
}

#[test]
fn a_half_loaded_store_is_refused_with_what_to_run() {
    let desk = Desk::new();
    desk.tsctl(["load", "tickets", "20k"]).refused(2, "tsctl load venues");
    desk.tsctl(["load", "venues", "30"]).done();
    desk.tsctl(["load", "venues", "30"]).refused(2, "choose another --seed");
    desk.damage("UPDATE Load SET Done = 29, Finished = 0");
    let cases: [&[&str]; 4] = [
        &["load", "venues", "31"],
        &["load", "venues", "30", "--seed", "2"],
        &["load", "tickets", "20k"],
        &["load", "demo"],
    ];
    for command in cases {
        desk.tsctl(command).refused(2, "tsctl load venues 30 --seed 1");
    }
    assert_eq!(rows(&desk), 30);
}

#[test]
fn an_interrupted_load_goes_on_to_the_same_catalogue() {
    let whole = Desk::with_catalogue(1);
    let halved = Desk::new();
    halved.tsctl(["load", "venues", "30"]).done();
    // As a crash behind the first 7 leaves it.
    let written = generator::venues(&GeneratorConfig::default(), 1).take(7);
    let ids: Vec<String> =
        written.map(|venue| format!("x'{}'", venue.id.to_string().replace('-', ""))).collect();
    let ids = ids.join(", ");
    halved.damage(&format!(
        "DELETE FROM SeatingCategory WHERE VenueId NOT IN ({ids});
         DELETE FROM Venue WHERE VenueId NOT IN ({ids});
         UPDATE Load SET Done = 7, Finished = 0"
    ));
    assert_eq!(rows(&halved), 7);
    let resumed = halved.tsctl(["load", "venues", "30"]).done();
    assert!(resumed.said.contains("went on"), "{}", resumed.said);
    halved.tsctl(["load", "tickets", "20k", "--start", &START]).done();
    assert_eq!(catalogue(&whole), catalogue(&halved));
}

#[test]
fn a_load_that_would_be_empty_says_why() {
    let desk = Desk::new();
    desk.tsctl(["load", "venues", "30"]).done();
    let answer = desk.tsctl(["load", "tickets", "5"]).code(2);
    assert!(answer.said.contains("105 %"), "{}", answer.said);
    assert_eq!(rows(&desk), 30);
}

#[test]
fn the_demo_is_loaded_once_and_its_account_can_buy() {
    let desk = Desk::new();
    let demo = desk.tsctl(["load", "demo"]).json();
    assert!((95_000..=105_000).contains(&demo["numTickets"].as_i64().unwrap()));
    let before = rows(&desk);
    let again = desk.tsctl(["load", "demo"]).done();
    assert!(again.said.contains("nothing was loaded"), "{}", again.said);
    assert_eq!(rows(&desk), before);
    desk.tsctl(["buy", "--account", "demo@example.com"]).done();
}

#[test]
fn distributions_are_printed_changed_and_read() {
    let desk = Desk::new();
    let printed = desk.tsctl(["load", "config"]).done().printed;
    assert!(GeneratorConfig::parse(&printed).is_ok());
    let of_file = |text: &str| {
        let file = desk.file("my.json", text);
        desk.tsctl(["load", "venues", "30", "--dry-run", "--config-file", file.to_str().unwrap()])
    };
    let default = desk.tsctl(["load", "venues", "30", "--dry-run"]).json();
    assert_eq!(of_file(&printed).json(), default);
    let clubs = printed.replace("\"seats\": [50, 1000]", "\"seats\": [50, 60]");
    assert_ne!(of_file(&clubs).json(), default);
    let wrong = printed
        .replace("\"eventDateRange\": 100", "\"eventDateRange\": 0")
        .replace("\"maxCategorySeats\": 10000", "\"maxCategorySeats\": 0");
    of_file(&wrong).refused(2, "eventDateRange");
    of_file(&wrong).refused(2, "maxCategorySeats");
    of_file("{").refused(2, "my.json");
}

#[test]
fn events_begin_behind_the_start() {
    let desk = Desk::new();
    desk.tsctl(["load", "venues", "30"]).done();
    desk.tsctl(["load", "tickets", "20k", "--start", "now"]).done();
    assert_eq!(desk.stored("SELECT count(*) FROM Event WHERE EventDate / 1000000 < unixepoch()"), 0);
    desk.tsctl(["load", "tickets", "20k", "--start", "2099-01-01", "--seed", "2"]).done();
    let later = "SELECT count(*) > 0 AND count(*) < (SELECT count(*) FROM Event)
         FROM Event WHERE EventDate / 1000000 >= unixepoch('2099-01-01')";
    assert_eq!(desk.stored(later), 1);
}
