//! The way in: a request and a document, and the reply to them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde_json::Value;

use super::super::super::cap::{cap, is_over};
use super::super::super::cell::{Refusal, Why};
use super::words::{Kept, Reply, Request, Wanted};
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
    let found = catch_unwind(AssertUnwindSafe(|| read(&request.wanted, document)))
        .unwrap_or_else(|panic| Err(broke(panic.as_ref())));
    match found.and_then(|found| small(found, &request)) {
        Ok((reply, None)) => Ok(serde_json::to_vec(&reply)?),
        Ok((reply, Some(whole))) => {
            let mut bytes = serde_json::to_vec(&reply)?;
            bytes.push(b'\n');
            serde_json::to_writer(&mut bytes, &whole)?;
            Ok(bytes)
        }
        Err(refusal) => Ok(serde_json::to_vec(&Reply::Refused(refusal))?),
    }
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

/// Cuts what was found until it fits; it says so itself. What is kept of the rest goes beside the reply.
fn small(mut found: Value, request: &Request) -> Result<(Reply, Option<Value>), Refusal> {
    let Request { bytes_max, whole_bytes_max, .. } = *request;
    if !is_over(&found, bytes_max) {
        return Ok((Reply::Found(found), None));
    }
    let limited = is_truncated(&found);
    let (mut whole, mut kept) = (None, Kept::Nothing);
    if whole_bytes_max > bytes_max {
        kept = if fit(&mut found, whole_bytes_max)? { Kept::Part } else { Kept::All };
        whole = Some(found.clone());
    }
    fit(&mut found, bytes_max)?;
    Ok((Reply::Cut { found, limited, kept }, whole))
}

/// Whether what was found says that it is not all.
pub(in crate::tools) fn is_truncated(found: &Value) -> bool {
    found.get("truncated").and_then(Value::as_bool).unwrap_or_default()
}

/// Whether something had to be cut.
fn fit(found: &mut Value, bytes_max: u64) -> Result<bool, Refusal> {
    cap(found, bytes_max).ok_or_else(|| {
        let message = format!("what was found does not fit into {bytes_max} bytes");
        Refusal::new(Why::TooLarge, message)
    })
}

fn broke(panic: &(dyn Any + Send)) -> Refusal {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let why: String = text.unwrap_or("no reason given").chars().take(REASON_CHARS_MAX).collect();
    Refusal::new(Why::Damaged, format!("the reader cannot make sense of this content: {why}"))
}
