//! `markdown_to_text`: what a document in Markdown says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::typed::{Answer, Call, Typed, path_arg};
use super::ask;
use super::cell::{Document, LISTED_MAX, Wanted};
use super::input::{TEXT_BYTES_MAX, content, exactly_one, named, reader};
use crate::contracts::ToolError;
use crate::ports::{PathAccess, ToolDescriptor};

pub(in crate::tools) struct MarkdownToText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The file; relative to the workspace, or absolute; at most 16 MiB. One of `path` and `text` is given.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// The Markdown itself; at most 4 MiB.
    #[schemars(length(max = TEXT_BYTES_MAX))]
    text: Option<String>,
}

impl Typed for MarkdownToText {
    type Args = Args;
    type Data = Document;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads Markdown as plain text, with its headings and links. It is taken apart in a \
                    cell.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            ..reader("markdown_to_text", what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        exactly_one(&args.path, "text", &args.text)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would read {} as Markdown", named(args.path.as_deref(), args.text.as_deref()))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Document>, ToolError> {
        let content = content(args.path.as_deref(), args.text, at)?;
        let read = ask::<Document>(at, Wanted::Markdown, &content)?;
        let more = read
            .limited
            .then(|| format!("at most {LISTED_MAX} headings and as many links are listed"));
        let truncated = read.found.truncated;
        Ok(read.answer(truncated, more))
    }
}
