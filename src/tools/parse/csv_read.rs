//! `csv_read`: rows of a table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::typed::{Answer, Call, Typed, path_arg};
use super::ask;
use super::cell::{CsvWanted, Table, Wanted};
use super::input::{TEXT_BYTES_MAX, content, exactly_one, named, reader};
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

/// Rows that are read unless the call says otherwise, and at most.
const ROWS: usize = 100;
const ROWS_MAX: usize = 100_000;

pub(in crate::tools) struct CsvRead;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The file; relative to the workspace, or absolute; at most 16 MiB. One of `path` and `text` is given.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// The table itself; at most 4 MiB.
    #[schemars(length(max = TEXT_BYTES_MAX))]
    text: Option<String>,
    /// What stands between cells: one character, such as `;` or a tab; a comma unless given.
    #[schemars(length(min = 1, max = 1))]
    delimiter: Option<String>,
    /// Whether the first row names the columns; it does unless given.
    header: Option<bool>,
    /// Rows that are passed over, after the header.
    #[serde(default)]
    #[schemars(range(min = 0))]
    offset: usize,
    /// Most rows; 100 unless given.
    #[schemars(range(min = 0, max = ROWS_MAX))]
    limit: Option<usize>,
}

impl Args {
    fn delimiter(&self) -> Result<u8, ToolError> {
        match self.delimiter.as_deref().unwrap_or(",").as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(*byte),
            _ => {
                let why = "`delimiter` is one ASCII character, and no quote or end of line";
                Err(ToolError::new(ErrorKind::BadArguments, why))
            }
        }
    }
}

/// How to come to the rows after those that are shown.
fn more(table: &Table, offset: usize) -> Option<String> {
    let next = offset.saturating_add(table.rows.len());
    (next < table.count).then(|| {
        let shown = table.rows.len();
        format!("{shown} of {} rows are shown: go on with `offset: {next}`", table.count)
    })
}

impl Typed for CsvRead {
    type Args = Args;
    type Data = Table;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads rows of a CSV table, every cell as text. It is taken apart in a cell.";
        ToolDescriptor { paths: path_arg("path", PathAccess::Read), ..reader("csv_read", what) }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        exactly_one(&args.path, "text", &args.text)?;
        args.delimiter().map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let (offset, limit) = (args.offset, args.limit.unwrap_or(ROWS));
        let what = named(args.path.as_deref(), args.text.as_deref());
        format!("would read {limit} rows of {what} after the first {offset}")
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Table>, ToolError> {
        let wanted = CsvWanted {
            delimiter: args.delimiter()?,
            header: args.header.unwrap_or(true),
            offset: args.offset,
            limit: args.limit.unwrap_or(ROWS),
        };
        let content = content(args.path.as_deref(), args.text, at)?;
        let read = ask::<Table>(at, Wanted::Csv(wanted), &content)?;
        let (truncated, more) = (read.found.truncated, more(&read.found, args.offset));
        Ok(read.answer(truncated, more))
    }
}
