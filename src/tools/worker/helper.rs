//! Asking the helper in a cell: the program itself, started again with a hidden argument, that gets the
//! request's paths and nothing else.

use std::path::{Path, PathBuf};

use super::super::process::{Command, Walls, failure, run};
use super::super::typed::Call;
use super::cell::{Refusal, Reply, Request, WORKER_ARGUMENT, Why};
use crate::contracts::{Confinement, ErrorKind, Network, Receipt, ToolError};
use crate::ports::Ending;

/// Longest complaint of a broken helper that is passed on.
const SAID_CHARS_MAX: usize = 500;

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
    let program = this_program()?;
    let argv = vec![text(&program)?, WORKER_ARGUMENT.to_owned()];
    let stdin = serde_json::to_vec(request).map_err(|error| broke(&error.to_string()))?;
    let write: Vec<PathBuf> = reach.write.map(Path::to_owned).into_iter().collect();
    let mut read = vec![program, reach.read.to_owned()];
    read.extend(write.iter().cloned());
    let cwd = reach.write.unwrap_or(reach.read).to_owned();
    let profile = at.context.confinement.profile.clone();
    let walls =
        Confinement { profile, read, write, network: Network::None, ..Confinement::default() };
    let env = Vec::new();
    let output = run(at, Command { argv, cwd, env, stdin }, Walls::Own(walls))?;
    let wall_ms = at.call.timeout_ms.min(at.context.limits.wall_ms);
    if output.ending != Ending::Exited(0) || output.truncated {
        let said: String =
            String::from_utf8_lossy(&output.stderr).chars().take(SAID_CHARS_MAX).collect();
        return Err(match failure(WORKER_ARGUMENT, output.ending, wall_ms) {
            Some(error) if error.kind != ErrorKind::ExitStatus => error,
            _ => broke(said.trim()),
        });
    }
    let reply =
        serde_json::from_slice(&output.stdout).map_err(|error| broke(&error.to_string()))?;
    match reply {
        Reply::Refused(refusal) => Err(refused(refusal)),
        reply => Ok((reply, output.receipt)),
    }
}

/// The file that this program runs from. After an upgrade of the running program it is gone.
fn this_program() -> Result<PathBuf, ToolError> {
    let program = std::env::current_exe();
    let program = program.map_err(|error| broke(&format!("no program file: {error}")))?;
    match program.is_file() {
        true => Ok(program),
        false => Err(broke(&format!("`{}` is gone: restart the program", program.display()))),
    }
}

fn text(path: &Path) -> Result<String, ToolError> {
    let text = path.to_str().ok_or_else(|| broke("its own path is not UTF-8"))?;
    Ok(text.to_owned())
}

pub(super) fn broke(why: &str) -> ToolError {
    ToolError::new(ErrorKind::Sandbox, format!("the worker's helper failed: {why}"))
}

fn refused(refusal: Refusal) -> ToolError {
    let kind = match refusal.why {
        Why::Forbidden => ErrorKind::Forbidden,
        Why::TooLarge => ErrorKind::TooLarge,
        Why::Damaged => ErrorKind::BadContent,
        Why::Io => ErrorKind::Io,
    };
    ToolError::new(kind, refusal.message)
}
