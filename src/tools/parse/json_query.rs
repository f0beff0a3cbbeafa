//! `json_query`: values in JSON, by JSONPath.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::typed::{Answer, Call, Typed, path_arg};
use super::ask;
use super::cell::{Matches, Wanted};
use super::input::{TEXT_BYTES_MAX, content, exactly_one, named, reader};
use crate::contracts::ToolError;
use crate::ports::{PathAccess, ToolDescriptor};

/// Values that are answered unless the call says otherwise, and at most.
const VALUES: usize = 1_000;
const VALUES_MAX: usize = 100_000;

const QUERY_BYTES_MAX: usize = 2_000;

pub(in crate::tools) struct JsonQuery;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The file; relative to the workspace, or absolute; at most 16 MiB. One of `path` and `text` is given.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// The JSON itself; at most 4 MiB.
    #[schemars(length(max = TEXT_BYTES_MAX))]
    text: Option<String>,
    /// A JSONPath (RFC 9535), such as `$.items[?@.price < 10].name`.
    #[schemars(length(min = 1, max = QUERY_BYTES_MAX))]
    query: String,
    /// Most values; 1000 unless given.
    #[schemars(range(min = 1, max = VALUES_MAX))]
    limit: Option<usize>,
}

impl Typed for JsonQuery {
    type Args = Args;
    type Data = Matches;

    fn about(&self) -> ToolDescriptor {
        let what = "Finds values in JSON by a JSONPath. It is read in a cell.";
        ToolDescriptor { paths: path_arg("path", PathAccess::Read), ..reader("json_query", what) }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        exactly_one(&args.path, "text", &args.text)
    }

    fn dry_run(&self, args: &Args) -> String {
        let query = args.query.escape_debug();
        format!("would look for `{query}` in {}", named(args.path.as_deref(), args.text.as_deref()))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Matches>, ToolError> {
        let content = content(args.path.as_deref(), args.text, at)?;
        let limit = args.limit.unwrap_or(VALUES);
        let read = ask::<Matches>(at, Wanted::Json { query: args.query, limit }, &content)?;
        let (truncated, count) = (read.found.truncated, read.found.count);
        let more = (count > limit).then(|| {
            format!(
                "{limit} of {count} values were taken: give a larger `limit`, at most {VALUES_MAX}, or a \
                 narrower `query`, such as one with `[{limit}:]`"
            )
        });
        Ok(read.answer(truncated, more))
    }
}
