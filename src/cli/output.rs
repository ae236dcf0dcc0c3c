//! Printing data: a table for people, JSON and CSV for programs.

use std::io::Write;
use std::process::ExitCode;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Serialize;

use super::exit_code::CliError;

/// Columns of a terminal that does not know how many it has.
const WIDTH_UNKNOWN: u16 = 120;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Csv,
}

/// Standard output, in one of the formats.
pub(super) struct Output {
    format: Format,
}

/// Rows under a header, as tables and CSV show them.
pub(super) struct Rows {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    pub(super) fn new<const N: usize>(
        header: [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        Self { header: header.to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// The rows as a table, for standard error.
    pub(super) fn as_table(&self) -> String {
        table(self).use_stderr().to_string()
    }
}

impl Output {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// How data is printed.
    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// Prints tables for people, each under its title.
    pub(super) fn tables(&self, tables: &[(&str, Rows)]) -> Result<ExitCode, CliError> {
        let titled: Vec<String> =
            tables.iter().map(|(title, rows)| format!("{title}\n{}\n", table(rows))).collect();
        self.text(&titled.join("\n"))
    }

    /// Whether people look on.
    pub(super) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Prints data: `value` as JSON, `rows` as table or CSV.
    pub(super) fn data(&self, value: &impl Serialize, rows: &Rows) -> Result<ExitCode, CliError> {
        let text = match self.format {
            Format::Table => format!("{}\n", table(rows)),
            Format::Json => {
                let json = serde_json::to_string_pretty(value);
                format!("{}\n", json.map_err(|error| CliError::usage(error.to_string()))?)
            }
            Format::Csv => csv_text(rows).map_err(|error| CliError::usage(error.to_string()))?,
        };
        self.text(&text)
    }

    /// Prints a text as it is. A reader that has gone (`| head`) is no failure.
    pub(super) fn text(&self, text: &str) -> Result<ExitCode, CliError> {
        match std::io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(CliError::usage(format!("cannot write the output: {error}")))
            }
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

/// A line for the operator, on standard error.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A table as wide as the terminal allows, numbers to the right.
fn table(rows: &Rows) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED.with_rounded_corners())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(rows.header.clone())
        .add_rows(rows.rows.clone());
    // A terminal that does not know its size, as that of a container without a window, says 0.
    if table.width() == Some(0) {
        table.set_width(WIDTH_UNKNOWN);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        let mut cells = rows.rows.iter().filter_map(|row| row.get(at)).peekable();
        if cells.peek().is_some() && cells.all(|cell| cell.replace(',', "").parse::<f64>().is_ok()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn csv_text(rows: &Rows) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&rows.header)?;
    for row in &rows.rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
