//! Values in JSON, by JSONPath (RFC 9535).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::super::super::cell::{Refusal, Why};
use super::text::strict;

/// What a query finds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Matches {
    /// The values, in the order of the document.
    pub(in crate::tools) values: Vec<Value>,
    /// Where each of them stands, as a normalised path such as `$['a'][0]`.
    pub(in crate::tools) paths: Vec<String>,
    /// How many there are in all.
    pub(in crate::tools) count: usize,
    /// Whether something is missing.
    pub(in crate::tools) truncated: bool,
}

/// What `query` finds.
pub(super) fn read(document: &[u8], query: &str, limit: usize) -> Result<Matches, Refusal> {
    let path = JsonPath::parse(query).map_err(|error| {
        let query = query.escape_debug();
        Refusal::new(Why::BadRequest, format!("`{query}` is no JSONPath: {error}"))
    })?;
    let text = strict(document)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Refusal::new(Why::Damaged, format!("this is no JSON: {error}")))?;
    let found = path.query_located(&value);
    let count = found.len();
    let mut matches = Matches { count, truncated: count > limit, ..Matches::default() };
    for node in found.iter().take(limit) {
        matches.values.push(node.node().clone());
        matches.paths.push(node.location().to_string());
    }
    Ok(matches)
}
