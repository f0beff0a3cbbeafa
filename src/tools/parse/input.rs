//! What is read: a file of the workspace, or what the call carries.

use super::super::fs::{read_at_most, shown};
use super::super::typed::{Call, about};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::ToolDescriptor;

/// Largest document in bytes.
pub(in crate::tools) const INPUT_BYTES_MAX: u64 = 16 << 20;

/// Longest text in a call.
pub(super) const TEXT_BYTES_MAX: usize = 4 << 20;

/// Exactly one of `path` and the argument `other` is given.
pub(super) fn exactly_one(
    path: &Option<String>,
    other: &str,
    text: &Option<String>,
) -> Result<(), ToolError> {
    let bad = |message: String| Err(ToolError::new(ErrorKind::BadArguments, message));
    match (path, text) {
        (Some(_), Some(_)) => bad(format!("give `path` or `{other}`, not both")),
        (None, None) => bad(format!("one of `path` and `{other}` is needed")),
        (None, Some(text)) if text.len() > TEXT_BYTES_MAX => {
            let message = format!("`{other}` is longer than {TEXT_BYTES_MAX} bytes: use a file");
            Err(ToolError::new(ErrorKind::TooLarge, message))
        }
        _ => Ok(()),
    }
}

/// The bytes of the file `path`, or of `text`.
pub(super) fn content(
    path: Option<&str>,
    text: Option<String>,
    at: &Call<'_>,
) -> Result<Vec<u8>, ToolError> {
    let Some(path) = path else { return Ok(text.unwrap_or_default().into_bytes()) };
    let opened = at.jail.open_file(path)?;
    let (bytes, more) = if opened.bytes > INPUT_BYTES_MAX {
        (Vec::new(), true)
    } else {
        read_at_most(&opened.file, &opened.real, INPUT_BYTES_MAX)?
    };
    if more {
        let path = shown(&opened.real);
        let message = format!("`{path}` is larger than the {INPUT_BYTES_MAX} bytes that are read");
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    Ok(bytes)
}

/// What is read, for a dry run.
pub(super) fn named(path: Option<&str>, text: Option<&str>) -> String {
    match (path, text) {
        (Some(path), _) => format!("`{}`", path.escape_debug()),
        (None, text) => format!("{} bytes of the call", text.unwrap_or_default().len()),
    }
}

/// What all readers have in common.
pub(super) fn reader(name: &str, what: &str) -> ToolDescriptor {
    ToolDescriptor { profile: "parse".to_owned(), ..about(name, Risk::Low, CallEffect::Read, what) }
}
