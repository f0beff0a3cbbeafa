//! `html_to_text`: what a page says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::typed::{Answer, Call, Typed, path_arg};
use super::ask;
use super::cell::{Page, Wanted};
use super::input::{TEXT_BYTES_MAX, content, exactly_one, named, reader};
use crate::contracts::ToolError;
use crate::ports::{PathAccess, ToolDescriptor};

/// Links that are listed unless the call says otherwise, and at most.
const LINKS: usize = 100;
const LINKS_MAX: usize = 10_000;

pub(in crate::tools) struct HtmlToText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The file; relative to the workspace, or absolute; at most 16 MiB. One of `path` and `text` is given.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// The HTML itself; at most 4 MiB.
    #[schemars(length(max = TEXT_BYTES_MAX))]
    text: Option<String>,
    /// Most links that are listed; 100 unless given.
    #[schemars(range(min = 0, max = LINKS_MAX))]
    links: Option<usize>,
}

impl Typed for HtmlToText {
    type Args = Args;
    type Data = Page;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads HTML as text, with its title and its links. The page is taken apart in a \
                    cell; nothing of it runs and nothing is fetched.";
        ToolDescriptor { paths: path_arg("path", PathAccess::Read), ..reader("html_to_text", what) }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        exactly_one(&args.path, "text", &args.text)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would read {} as HTML", named(args.path.as_deref(), args.text.as_deref()))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Page>, ToolError> {
        let content = content(args.path.as_deref(), args.text, at)?;
        let links_max = args.links.unwrap_or(LINKS);
        let read = ask::<Page>(at, Wanted::Html { links_max }, &content)?;
        let more = read
            .limited
            .then(|| format!("at most {links_max} links are listed: `links` may be {LINKS_MAX}"));
        let truncated = read.found.truncated;
        Ok(read.answer(truncated, more))
    }
}
