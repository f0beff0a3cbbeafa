//! Asking the helper: the program itself, started again in a cell that gets the named paths and nothing
//! else.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::super::process::{Command, Walls, failure, run};
use super::super::typed::Call;
use super::WORKER_ARGUMENT;
use crate::contracts::{Confinement, ErrorKind, Receipt, ToolError};
use crate::policy::Reach;
use crate::ports::Ending;

/// Longest complaint of a broken helper that is passed on.
const SAID_CHARS_MAX: usize = 500;

/// A request to the helper.
#[derive(Debug)]
pub(in crate::tools) struct Asked {
    /// What it is to be.
    pub(in crate::tools) job: &'static str,
    /// The request, and what is to be read.
    pub(in crate::tools) stdin: Vec<u8>,
    /// Paths that it sees, beside the program.
    pub(in crate::tools) read: Vec<PathBuf>,
    /// Paths that it may change.
    pub(in crate::tools) write: Vec<PathBuf>,
    /// Where it works.
    pub(in crate::tools) cwd: PathBuf,
    /// What it reaches; nothing unless the job is to reach something.
    pub(in crate::tools) reach: Reach,
}

/// What the helper answers.
#[derive(Debug)]
pub(in crate::tools) struct Told<R> {
    /// The answer.
    pub(in crate::tools) reply: R,
    /// What came after the line with the answer, as the helper wrote it.
    pub(in crate::tools) beside: Vec<u8>,
    /// Which layers held around it.
    pub(in crate::tools) receipt: Receipt,
    /// What else is to be said, such as hosts that it asked for and did not get.
    pub(in crate::tools) notes: Vec<String>,
}

/// What the helper answers, and which layers held around it.
///
/// # Errors
/// When it was ended from outside, or broke.
pub(in crate::tools) fn ask<R: DeserializeOwned>(
    at: &Call<'_>,
    asked: Asked,
) -> Result<(R, Receipt), ToolError> {
    ask_noting(at, asked).map(|told: Told<R>| (told.reply, told.receipt))
}

/// As [`ask`], with what else is to be said.
///
/// # Errors
/// As [`ask`].
pub(in crate::tools) fn ask_noting<R: DeserializeOwned>(
    at: &Call<'_>,
    asked: Asked,
) -> Result<Told<R>, ToolError> {
    let Asked { job, stdin, read: seen, write, cwd, reach } = asked;
    let program = this_program()?;
    let mut argv = vec![text(&program)?, WORKER_ARGUMENT.to_owned()];
    if !job.is_empty() {
        argv.push(job.to_owned());
    }
    let mut read = vec![program];
    read.extend(seen);
    read.extend(write.iter().cloned());
    let profile = at.context.confinement.profile.clone();
    let hosts = reach.hosts.into_iter().map(String::from).collect();
    let walls = Confinement {
        profile,
        read,
        write,
        network: reach.network,
        hosts,
        ..Confinement::default()
    };
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
    let mut line = output.stdout;
    let end = line.iter().position(|byte| *byte == b'\n');
    let beside = end.map_or_else(Vec::new, |end| line.split_off(end + 1));
    let reply = serde_json::from_slice(&line).map_err(|error| broke(&error.to_string()))?;
    Ok(Told { reply, beside, receipt: output.receipt, notes: output.notes })
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

pub(in crate::tools) fn broke(why: &str) -> ToolError {
    ToolError::new(ErrorKind::Sandbox, format!("the helper in the cell failed: {why}"))
}
