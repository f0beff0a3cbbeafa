//! Asking the reader in its cell.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::super::cell::{self, Asked, Told, broke};
use super::super::kept;
use super::super::typed::{Answer, Call};
use super::cell::{JOB, Kept, Reply, Request, Wanted, is_truncated};
use crate::contracts::{ArtifactRef, ErrorKind, Receipt, ToolError};
use crate::policy::Reach;
use crate::ports::Produced;

/// What the reply may have around its data, and the answer around what was found, in bytes.
const AROUND_BYTES: u64 = 16 * 1024;

/// What a reader found.
#[derive(Debug)]
pub(in crate::tools) struct Read<D> {
    pub(in crate::tools) found: D,
    /// Whether a limit of the arguments left something out.
    pub(in crate::tools) limited: bool,
    /// All of it, where `found` is not.
    pub(in crate::tools) artifacts: Vec<Produced>,
    /// What is said of that.
    pub(in crate::tools) logs: Vec<String>,
    /// Which layers held around the reader.
    pub(in crate::tools) receipt: Receipt,
}

impl<D> Read<D> {
    /// The answer of a tool that answers what was found. `more` tells how to go on where the arguments
    /// left something out.
    pub(super) fn answer(self, truncated: bool, more: Option<String>) -> Answer<D> {
        let Self { found, artifacts, mut logs, receipt, .. } = self;
        logs.extend(more);
        Answer { truncated, logs, artifacts, receipt, ..Answer::of(found) }
    }
}

/// What the reader finds in `content`.
///
/// # Errors
/// What is wrong with the content, or with what is wanted of it. A reader that was ended from outside
/// is an answer too: the content broke it, and it took nobody along.
pub(in crate::tools) fn ask<D: DeserializeOwned>(
    at: &Call<'_>,
    wanted: Wanted,
    content: &[u8],
) -> Result<Read<D>, ToolError> {
    at.watch.check()?;
    let Told { reply, beside, receipt, .. } = told(at, wanted, content)?;
    let (found, limited, kept) = match reply {
        Reply::Refused(refusal) => return Err(refusal.into()),
        Reply::Found(found) => {
            let limited = is_truncated(&found);
            (found, limited, None)
        }
        Reply::Cut { found, limited, kept } => (found, limited, Some(kept)),
    };
    let found = serde_json::from_value(found).map_err(|error| broke(&error.to_string()))?;
    let (mut artifacts, mut logs) = (Vec::new(), Vec::new());
    match kept {
        None => {}
        Some(Kept::Nothing) => {
            logs.push("what was found is cut in the answer, and not kept".to_owned())
        }
        Some(kept) => {
            let whole = kept::answer(beside);
            logs.push(said(&whole, kept));
            artifacts.push(whole);
        }
    }
    Ok(Read { found, limited, artifacts, logs, receipt })
}

fn told(at: &Call<'_>, wanted: Wanted, content: &[u8]) -> Result<Told<Reply>, ToolError> {
    let output = at.context.limits.output_bytes;
    let room = output.min(at.context.output_bytes_max);
    let bytes_max = room.saturating_sub(AROUND_BYTES.min(room / 4));
    // What is kept shares the reader's output with the reply.
    let whole_bytes_max = output.saturating_sub(room).min(kept::BYTES_MAX);
    let request = Request { wanted, bytes_max, whole_bytes_max };
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
    cell::ask_noting(at, asked).map_err(|error| match error.kind {
        ErrorKind::Signal => broken_by(&error),
        _ => error,
    })
}

fn said(whole: &Produced, kept: Kept) -> String {
    let ArtifactRef { name, hash, bytes, .. } = &whole.artifact;
    let how_much = if kept == Kept::All { "all of it" } else { "the first part of it" };
    format!(
        "what was found is cut in the answer; {how_much} is the artifact `{name}` ({bytes} bytes, {hash})"
    )
}

fn broken_by(error: &ToolError) -> ToolError {
    let why = &error.message;
    let message = format!(
        "the reader did not survive this content, which is nested too deeply, needs too much memory, or \
         was made to break readers: {why}"
    );
    ToolError::new(ErrorKind::BadContent, message)
}
