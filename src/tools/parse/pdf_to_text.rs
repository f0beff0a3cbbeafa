//! `pdf_to_text`: what the pages of a PDF say.

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::typed::{Answer, Call, Typed, path_arg};
use super::ask;
use super::cell::{Pages, Wanted};
use super::input::{TEXT_BYTES_MAX, content, exactly_one, named, reader};
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

/// Pages that are read unless the call says otherwise, and at most.
const PAGES: usize = 50;
const PAGES_MAX: usize = 1_000;

pub(in crate::tools) struct PdfToText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The file; relative to the workspace, or absolute; at most 16 MiB. One of `path` and `base64` is given.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// The PDF itself, in base64; at most 4 MiB of it.
    #[schemars(length(max = TEXT_BYTES_MAX))]
    base64: Option<String>,
    /// The first page, from 1; 1 unless given.
    #[schemars(range(min = 1))]
    first: Option<usize>,
    /// How many pages; 50 unless given.
    #[schemars(range(min = 1, max = PAGES_MAX))]
    count: Option<usize>,
}

/// How to come to the pages after those that are shown.
fn more(pages: &Pages) -> Option<String> {
    let next = pages.first.saturating_add(pages.pages.len());
    (next <= pages.count).then(|| {
        let shown = pages.pages.len();
        format!("{shown} of {} pages are shown: go on with `first: {next}`", pages.count)
    })
}

impl Typed for PdfToText {
    type Args = Args;
    type Data = Pages;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads the text of a PDF, page by page. It is taken apart in a cell; nothing of it \
                    runs. Pictures of text have none.";
        ToolDescriptor { paths: path_arg("path", PathAccess::Read), ..reader("pdf_to_text", what) }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        exactly_one(&args.path, "base64", &args.base64)?;
        args.base64.as_deref().map(decoded).transpose().map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let (first, count) = (args.first.unwrap_or(1), args.count.unwrap_or(PAGES));
        let what = named(args.path.as_deref(), args.base64.as_deref());
        format!("would read {count} pages of {what} from page {first} on as PDF")
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Pages>, ToolError> {
        let content = match &args.base64 {
            Some(text) => decoded(text)?,
            None => content(args.path.as_deref(), None, at)?,
        };
        let wanted =
            Wanted::Pdf { first: args.first.unwrap_or(1), count: args.count.unwrap_or(PAGES) };
        let read = ask::<Pages>(at, wanted, &content)?;
        let (truncated, more) = (read.found.truncated, more(&read.found));
        Ok(read.answer(truncated, more))
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, ToolError> {
    BASE64.decode(text.as_bytes()).map_err(|error| {
        ToolError::new(ErrorKind::BadArguments, format!("`base64` is none: {error}"))
    })
}
