//! Rows of a table in CSV. Every cell is text: `007` and `1e5` stay what they are.

use csv::{ByteRecord, ReaderBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::cell::{Refusal, Why};
use super::text::strict;

/// Most columns of a row.
const COLUMNS_MAX: usize = 10_000;

/// A last line that shows whether a quote before it is still open.
const END: &str = "\u{1}end of table\u{1}";

/// Which rows are wanted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Wanted {
    /// What stands between cells.
    pub(in crate::tools) delimiter: u8,
    /// Whether the first row names the columns.
    pub(in crate::tools) header: bool,
    /// Rows that are passed over.
    pub(in crate::tools) offset: usize,
    /// Most rows.
    pub(in crate::tools) limit: usize,
}

/// Rows of a table.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Table {
    /// The names of the columns; none without a header.
    pub(in crate::tools) columns: Vec<String>,
    /// The rows that were asked for, each a list of texts.
    pub(in crate::tools) rows: Vec<Vec<String>>,
    /// How many rows there are in all, without the header.
    pub(in crate::tools) count: usize,
    /// How many of them have another number of cells than the first row of the table.
    pub(in crate::tools) ragged: usize,
    /// Whether there are more rows after these.
    pub(in crate::tools) truncated: bool,
}

/// Reads them.
pub(super) fn read(document: &[u8], wanted: &Wanted) -> Result<Table, Refusal> {
    let text = strict(document)?;
    let closed = format!("{}\n{END}\n", text.trim_end_matches(['\r', '\n']));
    let mut reader = ReaderBuilder::new()
        .delimiter(wanted.delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(closed.as_bytes());
    let mut rows = Rows { wanted, table: Table::default(), width: None };
    let (mut record, mut before) = (ByteRecord::new(), None::<ByteRecord>);
    let broken =
        |error: csv::Error| Refusal::new(Why::Damaged, format!("this is no table: {error}"));
    // One row behind, because the last is the mark.
    while reader.read_byte_record(&mut record).map_err(broken)? {
        if let Some(row) = before.replace(record.clone()) {
            rows.take(&row)?;
        }
    }
    match before {
        Some(last) if last.len() == 1 && last.get(0) == Some(END.as_bytes()) => Ok(rows.finish()),
        _ => {
            let at = rows.seen() + 1;
            let message = format!("a quote is opened and never closed, at the latest in row {at}");
            Err(Refusal::new(Why::Damaged, message))
        }
    }
}

struct Rows<'a> {
    wanted: &'a Wanted,
    table: Table,
    /// Cells of the first row.
    width: Option<usize>,
}

impl Rows<'_> {
    fn take(&mut self, record: &ByteRecord) -> Result<(), Refusal> {
        if record.len() > COLUMNS_MAX {
            let (at, cells) = (self.seen() + 1, record.len());
            let message = format!("row {at} has {cells} cells; at most {COLUMNS_MAX} are read");
            return Err(Refusal::new(Why::TooLarge, message));
        }
        let first = self.width.is_none();
        let width = *self.width.get_or_insert(record.len());
        if first && self.wanted.header {
            self.table.columns = texts(record);
            return Ok(());
        }
        self.table.ragged += usize::from(record.len() != width);
        let at = self.table.count;
        self.table.count += 1;
        if at >= self.wanted.offset && self.table.rows.len() < self.wanted.limit {
            self.table.rows.push(texts(record));
        }
        Ok(())
    }

    /// Rows so far, the header among them.
    fn seen(&self) -> usize {
        self.table.count + usize::from(self.wanted.header && self.width.is_some())
    }

    fn finish(mut self) -> Table {
        let end = self.wanted.offset.saturating_add(self.table.rows.len());
        self.table.truncated = end < self.table.count;
        self.table
    }
}

fn texts(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}
