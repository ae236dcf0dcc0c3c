//! `--history`: one line of JSON for each call, written by a thread of its own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::sync::mpsc;

use super::BenchError;
use super::calls::{Operation, Outcome};
use crate::model::{CategoryId, EventId, SaleId, SeatRanges};

/// Lines that may wait to be written; beyond that the buyers wait, so that memory stays bounded.
const WAITING_MAX: usize = 65_536;

/// A file that takes the history of a run.
pub struct History {
    path: PathBuf,
    file: BufWriter<File>,
}

/// The first line of a history.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    /// The id that the keys of this run begin with.
    pub(super) run: &'a str,
    /// When the run began; the times of the calls count from then.
    pub(super) begun: jiff::Timestamp,
    pub(super) workload: &'static str,
    pub(super) buyers: usize,
    pub(super) seed: u64,
}

/// A call, with times in microseconds since the run began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) call: u64,
    pub(super) buyer: usize,
    pub(super) operation: Operation,
    /// When it was due: in a closed loop, when it began.
    pub(super) intended_us: u64,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) outcome: Outcome,
    /// Only where it is so: the call is not in the figures.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) warm_up: bool,
    #[serde(flatten)]
    pub(super) wished: Option<WishedEntry>,
    #[serde(flatten)]
    pub(super) sold: Option<SoldEntry>,
}

/// What a purchase asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WishedEntry {
    pub(super) event: EventId,
    pub(super) category: CategoryId,
    pub(super) quantity: u32,
}

/// What it got.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SoldEntry {
    pub(super) sale: SaleId,
    #[serde(serialize_with = "as_text")]
    pub(super) seats: SeatRanges,
    pub(super) attempts: u32,
    pub(super) group: u32,
}

fn as_text<S: serde::Serializer>(seats: &SeatRanges, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(seats)
}

/// The way to the thread that writes.
pub(super) type Lines = mpsc::Sender<Entry>;

/// The thread that writes.
pub(super) struct Writing {
    path: PathBuf,
    thread: JoinHandle<std::io::Result<()>>,
}

impl History {
    /// Makes the file, so that a run does not begin that could not be written.
    ///
    /// # Errors
    /// [`BenchError::File`].
    pub fn create(path: &Path) -> Result<Self, BenchError> {
        let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 20, file) })
    }

    /// Writes the first line and starts the thread that writes the others.
    pub(super) fn start(self, head: &Head<'_>) -> Result<(Lines, Writing), BenchError> {
        let Self { path, mut file } = self;
        let written = write_line(&mut file, head).and_then(|()| file.flush());
        written.map_err(|error| cannot_write(&path, &error))?;
        let (lines, waiting) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("history".to_owned());
        let thread = thread.spawn(move || write_all(file, waiting));
        let thread = thread.map_err(|error| BenchError::Harness(error.to_string()))?;
        Ok((lines, Writing { path, thread }))
    }
}

impl Writing {
    /// Waits until all lines are in the file, once every sender is gone.
    pub(super) fn finish(self) -> Result<(), BenchError> {
        let written = self.thread.join();
        let written = written.map_err(|_| BenchError::Harness("the history's writer crashed".to_owned()))?;
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> BenchError {
    BenchError::File(format!("cannot write {}: {error}", path.display()))
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

fn write_all(mut file: BufWriter<File>, mut waiting: mpsc::Receiver<Entry>) -> std::io::Result<()> {
    while let Some(entry) = waiting.blocking_recv() {
        write_line(&mut file, &entry)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purchase_and_a_look_have_the_fields_that_they_need() {
        let sold = Entry {
            call: 3,
            buyer: 1,
            operation: Operation::Purchase,
            intended_us: 10,
            start_us: 12,
            end_us: 900,
            outcome: Outcome::Sold,
            warm_up: false,
            wished: Some(WishedEntry {
                event: EventId::from_bytes([1; 16]),
                category: CategoryId::from_bytes([2; 16]),
                quantity: 2,
            }),
            sold: Some(SoldEntry {
                sale: SaleId::from_bytes([3; 16]),
                seats: SeatRanges::parse("17-18").unwrap(),
                attempts: 1,
                group: 37,
            }),
        };
        let json = serde_json::to_value(&sold).unwrap();
        let expected = serde_json::json!({
            "call": 3, "buyer": 1, "operation": "purchase", "intendedUs": 10, "startUs": 12, "endUs": 900,
            "outcome": "sold", "sale": "03030303-0303-0303-0303-030303030303",
            "event": "01010101-0101-0101-0101-010101010101",
            "category": "02020202-0202-0202-0202-020202020202",
            "quantity": 2, "seats": "17-18", "attempts": 1, "group": 37,
        });
        assert_eq!(json, expected);
        let look = Entry {
            operation: Operation::Event,
            outcome: Outcome::Found,
            warm_up: true,
            wished: None,
            sold: None,
            ..sold
        };
        let json = serde_json::to_value(&look).unwrap();
        assert_eq!((json["outcome"].as_str(), json.get("sale")), (Some("found"), None));
        assert_eq!(json["warmUp"], true);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no").join("history.jsonl");
        let error = History::create(&path).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("history.jsonl"), "{error}");
    }
}
