//! Running a command inside walls.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::Serialize;

use super::Cancel;
use crate::contracts::{Confinement, Receipt};

/// Bounds of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Wall-clock time in milliseconds.
    pub wall_ms: u64,
    /// CPU time in milliseconds, per process.
    pub cpu_ms: u64,
    /// Address space in bytes, per process.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Largest file it may write, in bytes.
    pub file_bytes: u64,
    /// Open descriptors, per process.
    pub open_files: u64,
    /// Standard output and standard error, in bytes each; more is cut.
    pub output_bytes: u64,
}

/// A command to run. The program is named by `argv[0]` and looked up in the cell's own `PATH`.
#[derive(Debug, Clone)]
pub struct CommandSpec {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Absolute working directory.
    pub cwd: PathBuf,
    /// Variables beside `PATH`, `HOME`, `LANG` and `TMPDIR`, which the sandbox sets.
    pub env: Vec<(String, String)>,
    /// What it reads on standard input.
    pub stdin: Vec<u8>,
    /// The walls.
    pub confinement: Confinement,
    /// The bounds.
    pub limits: Limits,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with a status.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// Killed because its time was over.
    TimedOut,
    /// Killed because somebody asked to stop.
    Cancelled,
}

/// What a command left.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// How it ended.
    pub ending: Ending,
    /// Standard output, at most `output_bytes`.
    pub stdout: Vec<u8>,
    /// Standard error, at most `output_bytes`.
    pub stderr: Vec<u8>,
    /// Whether any of the two was cut.
    pub truncated: bool,
    /// Which layers held.
    pub receipt: Receipt,
    /// What else is to be said of it, such as hosts that it asked for and did not get.
    pub notes: Vec<String>,
}

/// How a command ended that was spoken to while it lived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// How it ended.
    pub ending: Ending,
    /// Which layers held.
    pub receipt: Receipt,
}

/// One layer of the sandbox, as found by a real probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its name, such as `landlock`.
    pub name: String,
    /// Whether it held when it was tried.
    pub held: bool,
    /// What was tried and what came of it; for a missing layer, what to do.
    pub detail: String,
}

/// What this machine can enforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The backend's name.
    pub backend: String,
    /// Each layer.
    pub layers: Vec<Layer>,
}

/// Why a command could not be started inside walls.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A required layer is not to be had: nothing was started.
    #[error("the sandbox layer `{layer}` is missing: {reason}")]
    Missing {
        /// The layer.
        layer: String,
        /// Why, and what to do.
        reason: String,
    },
    /// There is no such program in the cell.
    #[error("no program `{0}` in the cell's path")]
    NoProgram(String),
    /// The specification cannot be carried out.
    #[error("{0}")]
    BadSpec(String),
    /// The helper could not be started or broke.
    #[error("the sandbox helper failed: {0}")]
    Helper(String),
}

/// Runs commands inside walls, or refuses.
pub trait Sandbox: Send + Sync {
    /// Tries every layer for real.
    fn probe(&self) -> Probe;

    /// Runs a command to its end; blocks. All its processes are gone when this returns.
    ///
    /// # Errors
    /// When a required layer is missing or the command could not be started.
    fn run(&self, spec: &CommandSpec, cancel: &Cancel) -> Result<CommandOutput, SandboxError>;

    /// Runs a command that reads and writes `stdio` (input, output, error) for as long as it lives;
    /// blocks. `spec.stdin` and `limits.output_bytes` do not apply.
    ///
    /// # Errors
    /// As [`run`](Self::run), and where this sandbox has no commands that live on.
    fn attach(
        &self,
        spec: &CommandSpec,
        stdio: [OwnedFd; 3],
        cancel: &Cancel,
    ) -> Result<Attached, SandboxError> {
        drop((spec, stdio, cancel));
        Err(SandboxError::BadSpec("this sandbox runs no command that is spoken to".to_owned()))
    }
}
