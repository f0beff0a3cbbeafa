//! Asking the helper in a cell about archives and trees.

use std::path::{Path, PathBuf};

pub(super) use super::super::cell::broke;
use super::super::cell::{self, Asked};
use super::super::typed::Call;
use super::cell::{JOB, Reply, Request};
use crate::contracts::{Receipt, ToolError};

/// The paths that a request is about.
pub(super) struct Reach<'a> {
    pub(super) read: &'a Path,
    pub(super) write: Option<&'a Path>,
}

/// What the helper answers, and which layers held around it. A refusal of the helper is a failure of
/// the tool.
pub(super) fn ask(
    at: &Call<'_>,
    request: &Request,
    reach: &Reach<'_>,
) -> Result<(Reply, Receipt), ToolError> {
    let stdin = serde_json::to_vec(request).map_err(|error| broke(&error.to_string()))?;
    let write: Vec<PathBuf> = reach.write.map(Path::to_owned).into_iter().collect();
    let read = vec![reach.read.to_owned()];
    let cwd = reach.write.unwrap_or(reach.read).to_owned();
    match cell::ask(
        at,
        Asked { job: JOB, stdin, read, write, cwd, reach: crate::policy::Reach::default() },
    )? {
        (Reply::Refused(refusal), _) => Err(refusal.into()),
        answered => Ok(answered),
    }
}
