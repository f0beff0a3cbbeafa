//! What is said between the tools and the reader in its cell.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::cell::Refusal;
use super::csv;
use super::page::Select;

/// What the reader is to do with the document that follows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Request {
    /// What is wanted.
    pub(in crate::tools) wanted: Wanted,
    /// Most bytes of what is found, as JSON.
    pub(in crate::tools) bytes_max: u64,
    /// Where it is more: most bytes of all that was found, which then follows the reply.
    pub(in crate::tools) whole_bytes_max: u64,
}

/// What is wanted of a document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::tools) enum Wanted {
    /// The text of Markdown.
    Markdown,
    /// The text of HTML.
    Html {
        /// Most links that are listed.
        links_max: usize,
    },
    /// The text of pages of a PDF.
    Pdf {
        /// The first page, from 1.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Values in JSON.
    Json {
        /// A JSONPath.
        query: String,
        /// Most values.
        limit: usize,
    },
    /// Rows of a table.
    Csv(csv::Wanted),
    /// Parts of a page of the web.
    Page {
        /// Where it came from.
        url: String,
        /// The charset that the server named.
        charset: Option<String>,
        /// What is looked for, by the names of the answer.
        select: BTreeMap<String, Select>,
        /// Whether the whole text is wanted.
        text: bool,
        /// Most entries of each list.
        limit: usize,
    },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::tools) enum Reply {
    /// What was wanted, all of it.
    Found(Value),
    /// As much of it as there was room for.
    Cut {
        /// What there was room for.
        found: Value,
        /// Whether a limit of the request had left something out already.
        limited: bool,
        /// How much of what was found follows, after the end of the line.
        kept: Kept,
    },
    /// It was not done.
    Refused(Refusal),
}

/// How much of what was found is kept, where an answer has not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum Kept {
    /// All of it.
    All,
    /// More than the answer has.
    Part,
    /// No more than the answer has.
    Nothing,
}

/// A link of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Link {
    /// What it says.
    pub(in crate::tools) text: String,
    /// Where it leads.
    pub(in crate::tools) url: String,
}

/// A heading of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Heading {
    /// 1 for the highest.
    pub(in crate::tools) level: u8,
    /// What it says.
    pub(in crate::tools) text: String,
}
