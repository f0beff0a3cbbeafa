//! Asking the reader in its cell.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::super::cell::{self, Asked, broke};
use super::super::typed::Call;
use super::cell::{JOB, Reply, Request, Wanted};
use crate::contracts::{ErrorKind, Receipt, ToolError};
use crate::policy::Reach;

/// What the reply may have around its data, in bytes.
const AROUND_BYTES: u64 = 4 * 1024;

/// What the reader finds in `content`, and which layers held around it.
///
/// # Errors
/// What is wrong with the content, or with what is wanted of it. A reader that was ended from outside
/// is an answer too: the content broke it, and it took nobody along.
pub(in crate::tools) fn ask<D: DeserializeOwned>(
    at: &Call<'_>,
    wanted: Wanted,
    content: &[u8],
) -> Result<(D, Receipt), ToolError> {
    at.watch.check()?;
    let room = at.context.limits.output_bytes.min(at.context.output_bytes_max);
    let request = Request { wanted, bytes_max: room.saturating_sub(AROUND_BYTES) };
    let mut stdin = serde_json::to_vec(&request).map_err(|error| broke(&error.to_string()))?;
    stdin.push(b'\n');
    stdin.extend_from_slice(content);
    let asked = Asked {
        job: JOB,
        stdin,
        read: Vec::new(),
        write: Vec::new(),
        cwd: PathBuf::from("/"),
        reach: Reach::default(),
    };
    let (reply, receipt) = cell::ask::<Reply>(at, asked).map_err(|error| match error.kind {
        ErrorKind::Signal => broken_by(&error),
        _ => error,
    })?;
    match reply {
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Found(data) => {
            let data = serde_json::from_value(data).map_err(|error| broke(&error.to_string()))?;
            Ok((data, receipt))
        }
    }
}

fn broken_by(error: &ToolError) -> ToolError {
    let why = &error.message;
    let message = format!(
        "the reader did not survive this content, which is nested too deeply, needs too much memory, or \
         was made to break readers: {why}"
    );
    ToolError::new(ErrorKind::BadContent, message)
}
