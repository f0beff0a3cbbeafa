//! The way in: a request and a document, and the reply to them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde_json::Value;

use super::super::super::cap::cap;
use super::super::super::cell::{Refusal, Why};
use super::words::{Reply, Request, Wanted};
use super::{csv, html, json, markdown, page, pdf};

/// What the helper is asked to be.
pub(in crate::tools) const JOB: &str = "parse";

/// Longest reason of a broken reader that is passed on.
const REASON_CHARS_MAX: usize = 300;

/// The reply to `input`: a line with the request, then the document.
///
/// # Errors
/// When the request cannot be read.
pub(in crate::tools) fn answer(input: &[u8]) -> io::Result<Vec<u8>> {
    let end = input.iter().position(|byte| *byte == b'\n');
    let Some((line, document)) = end.and_then(|end| input.split_at_checked(end)) else {
        return Err(io::Error::other("the request has no end"));
    };
    let request: Request = serde_json::from_slice(line)?;
    let document = document.get(1..).unwrap_or_default();
    // What a library does with hostile content, its authors did not foresee either.
    let reply = catch_unwind(AssertUnwindSafe(|| read(&request.wanted, document)))
        .unwrap_or_else(|panic| Err(broke(panic.as_ref())))
        .and_then(|found| small(found, request.bytes_max));
    let reply = match reply {
        Ok(found) => Reply::Found(found),
        Err(refusal) => Reply::Refused(refusal),
    };
    Ok(serde_json::to_vec(&reply)?)
}

fn read(wanted: &Wanted, document: &[u8]) -> Result<Value, Refusal> {
    match wanted {
        Wanted::Markdown => value(markdown::read(document)?),
        Wanted::Html { links_max } => value(html::read(document, *links_max)?),
        Wanted::Pdf { first, count } => value(pdf::read(document, *first, *count)?),
        Wanted::Json { query, limit } => value(json::read(document, query, *limit)?),
        Wanted::Csv(wanted) => value(csv::read(document, wanted)?),
        Wanted::Page { url, charset, select, text, limit } => {
            let asked = page::Asked { url, charset: charset.as_deref(), select, text: *text };
            value(page::read(document, &asked, *limit)?)
        }
    }
}

fn value<D: Serialize>(found: D) -> Result<Value, Refusal> {
    serde_json::to_value(found).map_err(|error| Refusal::new(Why::Damaged, error.to_string()))
}

/// Cuts what was found until it fits; it says so itself.
fn small(mut found: Value, bytes_max: u64) -> Result<Value, Refusal> {
    match cap(&mut found, bytes_max) {
        Some(_) => Ok(found),
        None => {
            let message = format!("what was found does not fit into {bytes_max} bytes");
            Err(Refusal::new(Why::TooLarge, message))
        }
    }
}

fn broke(panic: &(dyn Any + Send)) -> Refusal {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let why: String = text.unwrap_or("no reason given").chars().take(REASON_CHARS_MAX).collect();
    Refusal::new(Why::Damaged, format!("the reader cannot make sense of this content: {why}"))
}
