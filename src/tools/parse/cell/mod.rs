//! What takes documents of strangers apart. It runs in a cell: see [`super::super::cell`].
//!
//! Owns the formats and their limits. One line of JSON with what is wanted comes in, then the
//! document; one JSON document goes out. Nothing here opens a file or a connection. A reader that
//! panics answers that; one that is killed says nothing, and whoever asked knows what that means.

mod entry;
mod words;

mod csv;
mod html;
mod json;
mod markdown;
mod page;
mod pdf;
mod text;

pub(in crate::tools) use csv::{Table, Wanted as CsvWanted};
pub(in crate::tools) use entry::{JOB, answer, is_truncated};
pub(in crate::tools) use html::Page;
pub(in crate::tools) use json::Matches;
pub(in crate::tools) use markdown::{Document, LISTED_MAX};
pub(in crate::tools) use page::{PageFound, Select};
pub(in crate::tools) use pdf::Pages;
pub(in crate::tools) use words::{Kept, Link, Reply, Request, Wanted};

#[cfg(test)]
mod tests;
