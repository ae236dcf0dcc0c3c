//! Running `tsctl` with a clean environment, and saying what is expected of its answer.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use ticketshop::store::Access;
use ticketshop::store::conformance::{Dates, Fixture, buyer, event_at, event_with};

use crate::shared::Place;

/// From when on the events of a test run are dated: tomorrow, so that their sale began and none of them has.
pub(crate) static START: LazyLock<String> = LazyLock::new(|| {
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    tomorrow.to_string()[..10].to_owned()
});

/// A folder with a store, or with none yet, that `tsctl` is run in.
pub(crate) struct Desk {
    pub(crate) place: Place,
}

impl Desk {
    /// Without a store.
    pub(crate) fn new() -> Self {
        Self { place: Place::new() }
    }

    /// With a store that has nothing in it.
    pub(crate) fn empty() -> Self {
        let desk = Self::new();
        desk.tsctl(["schema", "apply"]).done();
        desk
    }

    /// With a small generated catalogue.
    pub(crate) fn with_catalogue(seed: u64) -> Self {
        let desk = Self::new();
        let seed = seed.to_string();
        desk.tsctl(["load", "venues", "30", "--seed", &seed]).done();
        desk.tsctl(["load", "tickets", "20k", "--start", &START, "--seed", &seed]).done();
        desk
    }

    /// With one event on sale, with a category for each number of seats, and one account.
    pub(crate) async fn selling(seats: &[u32]) -> (Self, Fixture, String) {
        Self::selling_at(seats, Dates::on_sale()).await
    }

    /// The same with other dates.
    pub(crate) async fn selling_at(seats: &[u32], dates: Dates) -> (Self, Fixture, String) {
        let desk = Self::new();
        let store = desk.place.open(Access::Maintain).await;
        let fixture = event_at(&store, seats, dates).await;
        let account = buyer(&store).await.id.to_string();
        store.close().await;
        (desk, fixture, account)
    }

    /// Adds an event on sale.
    pub(crate) async fn add_event(&self, seats: &[u32]) -> Fixture {
        let store = self.place.open(Access::Maintain).await;
        let fixture = event_with(&store, seats).await;
        store.close().await;
        fixture
    }

    /// Changes what is stored behind the back of everybody.
    pub(crate) fn damage(&self, sql: &str) {
        rusqlite::Connection::open(self.place.path()).unwrap().execute_batch(sql).unwrap();
    }

    /// One value of what is stored.
    pub(crate) fn stored(&self, sql: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.place.path()).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// A run of `tsctl`, not begun yet.
    pub(crate) fn tsctl<I: IntoIterator<Item = S>, S: AsRef<str>>(&self, arguments: I) -> Run {
        Run { command: self.command(), arguments: Vec::new() }.args(arguments)
    }

    /// `tsctl` in this folder, for what is not text.
    pub(crate) fn command(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tsctl"));
        command.env_clear().env("STORE", self.place.store_setting()).current_dir(self.place.folder.path());
        command
    }

    /// The path of a file in the folder, with this text in it.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A run of `tsctl` and what is expected of it.
pub(crate) struct Run {
    command: assert_cmd::Command,
    arguments: Vec<String>,
}

/// What it printed and what it said.
pub(crate) struct Answer {
    pub(crate) printed: String,
    pub(crate) said: String,
}

impl Run {
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<str>>(mut self, arguments: I) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Without the variable that names the store.
    pub(crate) fn without_store(mut self) -> Self {
        self.command.env_remove("STORE");
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; it must end with this exit code.
    pub(crate) fn code(mut self, code: i32) -> Answer {
        let output = self.command.args(&self.arguments).output().unwrap();
        let answer = Answer {
            printed: String::from_utf8(output.stdout).unwrap(),
            said: String::from_utf8(output.stderr).unwrap(),
        };
        let (arguments, Answer { printed, said }) = (&self.arguments, &answer);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}{said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        answer
    }

    /// Runs it; it must do what it was asked to.
    pub(crate) fn done(self) -> Answer {
        self.code(0)
    }

    /// Runs it; it must do what it was asked to and print JSON.
    pub(crate) fn json(self) -> Value {
        let answer = self.args(["--output", "json"]).done();
        serde_json::from_str(&answer.printed).unwrap()
    }

    /// Runs it; it must do what it was asked to and print CSV: the header and the records.
    pub(crate) fn csv(self) -> (Vec<String>, Vec<Vec<String>>) {
        let answer = self.args(["--output", "csv"]).done();
        let mut reader = csv::Reader::from_reader(answer.printed.as_bytes());
        let fields = |record: &csv::StringRecord| record.iter().map(ToOwned::to_owned).collect();
        let header = fields(reader.headers().unwrap());
        (header, reader.records().map(|record| fields(&record.unwrap())).collect())
    }

    /// Runs it; it must refuse with this exit code, print nothing, and say one line with `why` in it.
    pub(crate) fn refused(self, code: i32, why: &str) {
        let arguments = self.arguments.clone();
        let Answer { printed, said } = self.code(code);
        assert_eq!(printed, "", "{arguments:?}");
        assert!(said.starts_with("tsctl: ") && said.contains(why), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
}

/// The texts of one field of each object in a list.
pub(crate) fn field<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|object| object[name].as_str().unwrap()).collect()
}

/// An id that nothing has.
pub(crate) const UNKNOWN: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
