//! The real `tsbe` on a store in a folder of its own, for tests of whole processes.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ticketshop::store::conformance::{Fixture, buyer, event_with};
use ticketshop::store::{self, Access, Store, StoreLocation};

/// How long a process may take to start or end, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with a store in it.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ticketshop.db")
    }

    pub(crate) fn store_setting(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    /// The store, opened by the test itself.
    pub(crate) async fn open(&self, access: Access) -> Arc<dyn Store> {
        store::open(&StoreLocation::Sqlite { path: self.path() }, access).await.unwrap()
    }

    /// Makes a store with an event of these seats and as many accounts, and closes it again.
    pub(crate) async fn prepare(&self, seats: &[u32], accounts: usize) -> (Fixture, Vec<String>) {
        let store = self.open(Access::Maintain).await;
        let fixture = event_with(&store, seats).await;
        let mut ids = Vec::new();
        for _ in 0..accounts {
            ids.push(buyer(&store).await.id.to_string());
        }
        store.close().await;
        (fixture, ids)
    }

    /// Starts `tsbe serve` on this store and waits until it listens.
    pub(crate) fn serve(&self) -> Tsbe {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Tsbe {
        self.serve_on(0, arguments)
    }

    /// The same on this port.
    pub(crate) fn serve_on(&self, port: u16, arguments: &[&str]) -> Tsbe {
        self.wait_until_it_listens(tsbe(self.folder.path()), port, arguments)
    }

    /// Starts `tsbe serve` under another program, such as a tracer.
    pub(crate) fn serve_under(&self, program: &str, arguments: &[&str]) -> Tsbe {
        let mut command = Command::new(program);
        command.args(arguments).arg(env!("CARGO_BIN_EXE_tsbe")).current_dir(self.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.wait_until_it_listens(command, 0, &[])
    }

    fn wait_until_it_listens(&self, mut command: Command, port: u16, arguments: &[&str]) -> Tsbe {
        let mut child = command
            .args(["serve", "--port", &port.to_string(), "--store", &self.store_setting()])
            .args(arguments)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut url = None;
        let mut line = String::new();
        while url.is_none() && said.read_line(&mut line).unwrap() > 0 {
            url = line.split_once("http://").map(|(_, address)| format!("http://{}", address.trim()));
            line.clear();
        }
        let url = url.unwrap_or_else(|| panic!("tsbe did not start: {:?}", child.wait()));
        Tsbe { child, url, said: Some(said) }
    }
}

/// Sends a signal by its name, `TERM`, `INT`, `KILL` or `STOP`. There need not be a `kill` on the machine.
pub(crate) fn signal(child: &Child, name: &str) {
    use rustix::process::Signal;
    let signal = match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        _ => panic!("no test needs the signal {name}"),
    };
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// The program with a clean environment.
pub(crate) fn tsbe(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsbe"));
    command.env_clear().current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running daemon; killed if the test ends before it.
pub(crate) struct Tsbe {
    pub(crate) child: Child,
    pub(crate) url: String,
    said: Option<BufReader<std::process::ChildStderr>>,
}

impl Tsbe {
    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end and returns how it ended, what it printed, and what it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String, String) {
        let (mut printed, mut said) = (String::new(), String::new());
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => panic!("tsbe does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        self.said.take().unwrap().read_to_string(&mut said).unwrap();
        (status, printed, said)
    }
}

impl Drop for Tsbe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of a purchase from this category of an event.
pub(crate) fn wish(account: &str, fixture: &Fixture, category: usize, quantity: u32) -> Value {
    json!({
        "accountId": account,
        "eventId": fixture.event.to_string(),
        "categoryId": fixture.categories[category].to_string(),
        "quantity": quantity,
    })
}

pub(crate) async fn purchase(
    client: &reqwest::Client,
    url: &str,
    body: &Value,
    key: &str,
) -> reqwest::Result<reqwest::Response> {
    let request = client.post(format!("{url}/api/v1/tickets/purchase")).header("Idempotency-Key", key);
    request.json(body).timeout(PATIENCE).send().await
}
