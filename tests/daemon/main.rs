//! The real `tsbe`: how it starts, what it refuses, how it ends, and who may share its store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

#[path = "../support/mod.rs"]
mod support;
mod traces;

use std::process::Output;

use support::{Place, purchase, signal, tsbe, wish};
use ticketshop::store::Access;
use ticketshop::store::conformance::{assert_consistent, sold};

fn run(place: &Place, arguments: &[&str]) -> Output {
    tsbe(place.folder.path()).args(arguments).output().unwrap()
}

/// Checks that `tsbe` refuses with one clear line and exit code 2.
fn assert_refused(place: &Place, arguments: &[&str], expected: &str) {
    let output = run(place, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(expected) && said.lines().count() == 1, "{arguments:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sells_and_ends_clean_on_each_signal() {
    let place = Place::new();
    let (fixture, accounts) = place.prepare(&[100], 1).await;
    let client = reqwest::Client::new();
    for (signal, key) in [("TERM", "a"), ("INT", "b")] {
        let daemon = place.serve();
        let bought = purchase(&client, &daemon.url, &wish(&accounts[0], &fixture, 0, 2), key).await.unwrap();
        assert_eq!(bought.status(), 201);
        daemon.signal(signal);
        let (status, printed, said) = daemon.end();
        assert_eq!(status.code(), Some(0), "{said}");
        let line: serde_json::Value = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
        assert_eq!((&line["route"], &line["status"]), (&"/api/v1/tickets/purchase".into(), &201.into()));
        assert!(line["request_id"].is_string() && line["duration_us"].is_u64());
        // A clean end leaves no log behind.
        let log = std::fs::metadata(format!("{}-wal", place.path().display()));
        assert!(log.map_or(0, |log| log.len()) == 0);
    }
    let store = place.open(Access::Attach).await;
    assert_eq!(sold(&store, &fixture).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_a_buyer_is_logged() {
    let place = Place::new();
    let daemon = place.serve_with(&["--debug"]);
    let client = reqwest::Client::new();
    let account = serde_json::json!({"name": "Ada", "email": "canary@example.com", "country": "GB"});
    let made = client.post(format!("{}/api/v1/account", daemon.url)).json(&account).send().await.unwrap();
    assert_eq!(made.status(), 201);
    for address in ["canary@example.com", "canary2@example.com", "canary"] {
        client.get(format!("{}/api/v1/account/{address}", daemon.url)).send().await.unwrap();
    }
    daemon.signal("TERM");
    let (_, printed, said) = daemon.end();
    assert_eq!(printed.lines().count(), 4);
    assert!(!printed.contains("canary") && !said.contains("canary"), "{printed}{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_and_a_taken_port_are_refused() {
    let place = Place::new();
    let daemon = place.serve();
    let store = place.store_setting();
    assert_refused(&place, &["serve", "--port", "0", "--store", &store], "is in use by another tsbe");
    let port = daemon.url.rsplit(':').next().unwrap().to_owned();
    let other = format!("sqlite:{}", place.folder.path().join("other.db").display());
    assert_refused(&place, &["serve", "--port", &port, "--store", &other], "choose another --port");
    assert!(!place.folder.path().join("other.db").exists(), "a store was made for nothing");
}

#[test]
fn what_cannot_be_a_store_is_refused() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("letter.txt"), "dear bank, this is no database, yours, Ada")
        .unwrap();
    for (store, expected) in [
        ("sqlite:letter.txt", "is not a ticketshop store"),
        ("sqlite:no/such/shop.db", "does not exist: make it"),
        ("sqlite:/proc/shop.db", "make its directory writable"),
        ("sqlite:.", "is a directory"),
        ("spanner:p/i", "must be sqlite:PATH or spanner:PROJECT/INSTANCE/DATABASE"),
    ] {
        assert_refused(&place, &["serve", "--port", "0", "--store", store], expected);
    }
    let letter = std::fs::read_to_string(place.folder.path().join("letter.txt")).unwrap();
    assert!(letter.starts_with("dear bank"));
}

#[test]
fn every_wrong_setting_is_reported_at_once() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("config.env"), "PORT=x\nCACHESIZE=many\nNOSUCH=1\n").unwrap();
    for command in ["serve", "check-config"] {
        let output = tsbe(place.folder.path())
            .args([command, "--config", "config.env", "--cacheexpiration", "soon"])
            .env("BODY_LIMIT", "1")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        for expected in
            ["PORT in config.env", "CACHESIZE in config.env", "NOSUCH", "--cacheexpiration", "BODY_LIMIT"]
        {
            assert!(said.contains(expected), "{expected} is not in {said}");
        }
        assert_eq!(said.lines().count(), 5, "{said}");
    }
}

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("config.env"), "PORT=1001\nCACHESIZE=1001\nBODY_LIMIT=2001\n")
        .unwrap();
    let output = tsbe(place.folder.path())
        .args(["check-config", "--config", "config.env", "--port", "1003"])
        .envs([("PORT", "1002"), ("CACHESIZE", "1002"), ("INFLUX_PASSWORD", "canary")])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for expected in ["127.0.0.1:1003", "size: 1002", "body_limit: 2001"] {
        assert!(printed.contains(expected), "{expected} is not in {printed}");
    }
    assert!(!printed.contains("canary"));
}

#[test]
fn version_and_help_are_told() {
    let place = Place::new();
    let version = String::from_utf8(run(&place, &["version"]).stdout).unwrap();
    assert!(version.starts_with("version: ") && version.contains("\nbuild: "), "{version}");
    let help = String::from_utf8(run(&place, &["serve", "--help"]).stdout).unwrap();
    for setting in ticketshop::config::SETTINGS {
        assert!(help.contains(&format!("--{}", setting.flag())), "{} is not in the help", setting.name);
    }
    assert!(help.contains("Examples:"));
    assert_eq!(run(&place, &["serve", "--no-such-flag"]).status.code(), Some(2));
}

/// As a unit with Type=notify it says when it serves and when it ends.
#[test]
fn a_service_manager_is_told() {
    let place = Place::new();
    let path = place.folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut daemon = tsbe(place.folder.path())
        .args(["serve", "--port", "0", "--store", &place.store_setting()])
        .env("NOTIFY_SOCKET", &path)
        .spawn()
        .unwrap();
    assert_eq!(told().trim(), "READY=1");
    // At once: whoever is told that it serves may ask it to end.
    signal(&daemon, "TERM");
    assert_eq!(told().trim(), "STOPPING=1");
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn its_health_can_be_asked_for_without_another_program() {
    let place = Place::new();
    let daemon = place.serve();
    let port = daemon.url.rsplit(':').next().unwrap().to_owned();
    let asked = run(&place, &["health", "--port", &port, "--address", "0.0.0.0"]);
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    daemon.signal("TERM");
    daemon.end();
    let asked = run(&place, &["health", "--port", &port]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(String::from_utf8(asked.stderr).unwrap().contains("no answer at http://127.0.0.1:"));
}

/// With APIDOC the daemon writes the reference pages; where it cannot, it says so and sells.
#[tokio::test(flavor = "multi_thread")]
async fn the_reference_pages_are_refreshed_where_they_can_be() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("a-file"), "").unwrap();
    for (folder, expected) in [("pages", "up to date"), ("a-file", "were not refreshed")] {
        let daemon = place.serve_with(&["--apidoc", "--apidoc-dir", folder]);
        let ready = reqwest::get(format!("{}/readyz", daemon.url)).await.unwrap();
        assert_eq!(ready.status(), 200);
        let page = place.folder.path().join(folder).join("man/tsctl-version.1");
        for _ in 0..3_000 {
            if page.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        daemon.signal("TERM");
        let (status, _, said) = daemon.end();
        assert!(status.success() && said.contains(expected), "{said}");
    }
    let api = std::fs::read_to_string(place.folder.path().join("pages/api.md")).unwrap();
    assert!(api.contains("idempotent-replayed: true"));
}

/// The daemon and several `tsctl buy` sell the same seats at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_and_tsctl_sell_from_one_file_at_once() {
    const SEATS: u32 = 150;
    let place = Place::new();
    let (fixture, accounts) = place.prepare(&[SEATS], 4).await;
    let daemon = place.serve();
    let store = place.store_setting();
    let (event, category) = (fixture.event.to_string(), fixture.categories[0].to_string());
    let operators: Vec<_> = (0..2)
        .map(|at| {
            let (store, event, category, account) =
                (store.clone(), event.clone(), category.clone(), accounts[at].clone());
            std::thread::spawn(move || {
                let mut bought = 0;
                loop {
                    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tsctl"))
                        .env_clear()
                        .args(["buy", "--store", &store, "--account", &account, "--event", &event])
                        .args(["--category", &category, "--quantity", "1"])
                        .output()
                        .unwrap();
                    match output.status.code() {
                        Some(0) => bought += 1,
                        Some(1) => return bought,
                        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
                    }
                }
            })
        })
        .collect();
    let client = reqwest::Client::new();
    let mut by_daemon = 0;
    loop {
        let (body, key) = (wish(&accounts[3], &fixture, 0, 1), format!("d{by_daemon}"));
        let bought = purchase(&client, &daemon.url, &body, &key).await;
        match bought.unwrap().status().as_u16() {
            201 => by_daemon += 1,
            409 => break,
            status => panic!("{status}"),
        }
        // Leaves the others a chance: they start a process for each ticket.
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    let by_tsctl: u32 = operators.into_iter().map(|operator| operator.join().unwrap()).sum();
    assert_eq!(by_daemon + by_tsctl, SEATS);
    assert!(by_daemon > 5 && by_tsctl > 5, "{by_daemon} by tsbe, {by_tsctl} by tsctl: that was no race");
    let store = place.open(Access::Attach).await;
    assert_consistent(&store).await;
    assert_eq!(sold(&store, &fixture).await, SEATS);
}
