//! Running a command for a tool: always in the sandbox, always within the call's time and walls.

use std::path::PathBuf;

use super::typed::Call;
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::{CommandOutput, CommandSpec, Ending, Limits, SandboxError};

/// A command, before walls and bounds are added.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    pub(super) cwd: PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Vec<u8>,
}

/// How much of the call's walls a command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walls {
    /// All that the call was given.
    AsGranted,
    /// Only its read access: it writes nothing and has no network, whatever was granted.
    ReadOnly,
}

/// Runs `command` to its end.
pub(super) fn run(
    at: &Call<'_>,
    command: Command,
    walls: Walls,
) -> Result<CommandOutput, ToolError> {
    at.watch.check()?;
    let mut confinement = at.context.confinement.clone();
    if walls == Walls::ReadOnly {
        confinement.write.clear();
        confinement.network = crate::contracts::Network::None;
    }
    let limits =
        Limits { wall_ms: at.context.limits.wall_ms.min(at.call.timeout_ms), ..at.context.limits };
    let Command { argv, cwd, env, stdin } = command;
    let spec = CommandSpec { argv, cwd, env, stdin, confinement, limits };
    at.context.sandbox.run(&spec, &at.context.cancel).map_err(not_started)
}

fn not_started(error: SandboxError) -> ToolError {
    let message = error.to_string();
    match error {
        SandboxError::NoProgram(_) => ToolError::new(ErrorKind::NotFound, message),
        SandboxError::BadSpec(_) => ToolError::new(ErrorKind::BadArguments, message),
        SandboxError::Missing { .. } | SandboxError::Helper(_) => {
            ToolError::new(ErrorKind::Sandbox, message)
        }
    }
}

/// The failure that an ending is, if it is one; `program` for the message.
pub(super) fn failure(program: &str, ending: Ending, wall_ms: u64) -> Option<ToolError> {
    let program = program.escape_debug();
    match ending {
        Ending::Exited(0) => None,
        Ending::Exited(status) => Some(ToolError::new(
            ErrorKind::ExitStatus,
            format!("`{program}` ended with status {status}"),
        )),
        Ending::Signalled(signal) => Some(ToolError::new(
            ErrorKind::Signal,
            format!("`{program}` was ended by signal {signal}"),
        )),
        Ending::TimedOut => Some(ToolError::retryable(
            ErrorKind::Timeout,
            format!("`{program}` was stopped: it took longer than {wall_ms} ms"),
        )),
        Ending::Cancelled => Some(ToolError::new(
            ErrorKind::Cancelled,
            format!("`{program}` was stopped, as somebody asked"),
        )),
    }
}
