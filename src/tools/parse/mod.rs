//! Readers of documents: `html_to_text`, `markdown_to_text`, `pdf_to_text`, `json_query`, `csv_read`.
//!
//! Owns the tools, each in one file, and how they get what they read: a file of the workspace, opened
//! here beneath its root, or a text that the call carries. What takes the documents apart ([`cell`])
//! runs in a cell of the profile `parse`, because it reads what strangers wrote.

mod ask;
mod cell;
mod input;

mod csv_read;
mod html_to_text;
mod json_query;
mod markdown_to_text;
mod pdf_to_text;

pub(super) use ask::{Read, ask};
pub(super) use cell::{JOB, Link, PageFound, Select, Wanted, answer};
pub(super) use csv_read::CsvRead;
pub(super) use html_to_text::HtmlToText;
pub(super) use input::INPUT_BYTES_MAX;
pub(super) use json_query::JsonQuery;
pub(super) use markdown_to_text::MarkdownToText;
pub(super) use pdf_to_text::PdfToText;

#[cfg(test)]
mod tests;
