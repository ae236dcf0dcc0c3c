//! What holds for every command: help, settings, wrong usage, a reader that goes.

use std::process::{Command, Stdio};

use crate::support::Desk;

#[test]
fn help_of_every_command_teaches_with_examples() {
    let desk = Desk::new();
    for command in
        ["", "list", "buy", "bots", "account", "load", "audit", "bench", "reset", "schema", "completions"]
    {
        let arguments = [command, "--help"];
        let help = desk.tsctl(arguments.into_iter().filter(|argument| !argument.is_empty())).done().printed;
        let examples = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}: {help}")).1;
        assert!(examples.contains(&format!("tsctl {command}")), "{command}: {help}");
    }
}

#[test]
fn the_version_is_told_in_both_ways() {
    let desk = Desk::new();
    let version = desk.tsctl(["version"]).done().printed;
    assert!(version.contains(env!("CARGO_PKG_VERSION")) && version.contains("build:"), "{version}");
    assert!(desk.tsctl(["--version"]).done().printed.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_commands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Desk::new().tsctl(["completions", shell]).done().printed;
        for word in ["multievents", "idempotency-key", "cacheexpiration"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    Desk::new().tsctl(["completions", "cmd"]).refused(2, "bash");
}

#[test]
fn every_mistake_of_the_configuration_is_told_at_once() {
    let desk = Desk::new();
    let file = desk.file("bad.env", "DEBUG=maybe\nPROT=1\n");
    let run = desk.tsctl(["list", "multievents", "--cachesize=-1", "--config", file.to_str().unwrap()]);
    let answer = run.env("CACHEEXPIRATION", "soon").env("STORE", "shop.db").code(2);
    let lines: Vec<&str> = answer.said.lines().collect();
    for mistake in ["--cachesize", "CACHEEXPIRATION", "STORE", "DEBUG in ", "PROT in "] {
        let told = lines.iter().filter(|line| line.starts_with(&format!("tsctl: {mistake}"))).count();
        assert_eq!(told, 1, "{mistake}: {lines:#?}");
    }
    assert_eq!((lines.len(), answer.printed.as_str()), (5, ""));
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let desk = Desk::new();
    let file = desk.file("shop.env", "STORE=sqlite:in-file.db\n");
    let file = file.to_str().unwrap();
    let missing = |name: &str| format!("no store at {name}");
    let list = ["list", "multievents", "--config", file];
    desk.tsctl(list).without_store().refused(2, &missing("in-file.db"));
    desk.tsctl(list).env("STORE", "sqlite:in-environment.db").refused(2, &missing("in-environment.db"));
    desk.tsctl(list).args(["--store", "sqlite:flag.db"]).refused(2, &missing("flag.db"));
    desk.tsctl(["--store", "sqlite:flag.db"]).args(list).refused(2, &missing("flag.db"));
    desk.tsctl(["list", "multievents"]).without_store().refused(2, &missing("data/ticketshop.db"));
}

#[test]
fn wrong_usage_is_refused_in_one_line_and_writes_nothing() {
    let desk = Desk::empty();
    let cases: &[&[&str]] = &[
        &["sell"],
        &["list", "nothing"],
        &["list", "multievents", "--date", "2027-02-30"],
        &["list", "multievents", "--date", "tomorrow"],
        &["list", "multievents", "--limit", "0"],
        &["list", "multievents", "--limit", "-1"],
        &["list", "multievents", "--output", "xml"],
        &["list", "events"],
        &["list", "events", "--multievent", "1"],
        &["list", "event", "6fa459eaee8a4ca4894edb77e160355"],
        &["list", "account", "ada"],
        &["list", "sales"],
        &["list", "sales", "--account", "ada"],
        &["buy", "--quantity", "0"],
        &["buy", "--quantity", "11"],
        &["buy", "--quantity", "-1"],
        &["buy", "--quantity", "1e18"],
        &["buy", "--quantity", "99999999999999999999"],
        &["buy", "--event", "all"],
        &["buy", "--account", "Ada Lovelace"],
        &["buy", "--account", "a@example.com", "--idempotency-key", "two words"],
        &["buy", "--account", "a@example.com", "--idempotency-key", ""],
        &["bots", "--bots", "0"],
        &["bots", "--bots", "many"],
        &["bots", "--runs", "0"],
        &["bots", "--url", "localhost:8090"],
        &["bots", "--countries", "DE,XX"],
        &["bots", "--continuous=maybe"],
        &["bots", "--http-timeout", "0"],
        &["bots", "--think", "-1"],
        &["bots", "--seed", "x"],
        &["account", "create", "--name", "Ada", "--country", "GB"],
        &["load", "venues"],
        &["load", "venues", "0"],
        &["load", "venues", "1.5M"],
        &["load", "tickets", "many"],
        &["load", "tickets", "10k", "--start", "soon"],
        &["load", "venues", "10", "--seed", "-1"],
        &["load", "venues", "10", "--config-file", "none.json"],
        &["audit", "--config", "none.env"],
        &["schema", "drop"],
    ];
    for arguments in cases {
        desk.tsctl(*arguments).refused(2, "");
    }
    let rows =
        "SELECT (SELECT count(*) FROM Account) + (SELECT count(*) FROM Sale) + (SELECT count(*) FROM Venue)";
    assert_eq!(desk.stored(rows), 0);
}

#[test]
fn a_store_that_cannot_be_opened_is_told_in_one_line() {
    let desk = Desk::new();
    for command in [["list", "multievents"].as_slice(), &["buy"], &["audit"]] {
        desk.tsctl(command).refused(2, "`tsctl load demo` makes one to try");
    }
    desk.tsctl(["load", "venues", "1", "--store", "sqlite:no/where.db"]).refused(2, "make it");
    let nobody = ["--store", "spanner:p/i/d", "--spanner-emulator-host", "127.0.0.1:1"];
    desk.tsctl(["list", "multievents"].into_iter().chain(nobody)).refused(2, "cannot reach 127.0.0.1:1");
    desk.file("notes.txt", &"these are no database ".repeat(300));
    desk.tsctl(["audit", "--store", "sqlite:notes.txt"]).refused(2, "notes.txt");
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    let desk = Desk::with_catalogue(1);
    for arguments in [["completions", "bash"], ["list", "multievents"], ["load", "config"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tsctl"))
            .args(arguments)
            .env_clear()
            .env("STORE", desk.place.store_setting())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !said.contains("tsctl:"), "{arguments:?}: {said}");
    }
}
