//! Running a command for a tool: always in the sandbox, always within the call's time and walls.

use std::path::PathBuf;

use super::kept;
use super::typed::Call;
use crate::contracts::{Confinement, ErrorKind, Network, ToolError};
use crate::ports::{CommandOutput, CommandSpec, Ending, Limits, Produced, SandboxError, may_run};

/// A command, before walls and bounds are added.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    pub(super) cwd: PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Vec<u8>,
}

/// How much of the call's walls a command gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Walls {
    /// All that the call was given.
    AsGranted,
    /// Only its read access: it writes nothing and has no network, whatever was granted.
    ReadOnly,
    /// Others, of which policy need not know: they name only directories that the tool made for this
    /// call, and what it was given for reading. The tool itself looks whether the profile lets the
    /// program run, since some of them are parts of this one.
    Own(Confinement),
}

/// Runs `command` to its end.
pub(super) fn run(
    at: &Call<'_>,
    command: Command,
    walls: Walls,
) -> Result<CommandOutput, ToolError> {
    run_within(at, command, walls, at.context.limits)
}

fn run_within(
    at: &Call<'_>,
    command: Command,
    walls: Walls,
    limits: Limits,
) -> Result<CommandOutput, ToolError> {
    at.watch.check()?;
    if !matches!(walls, Walls::Own(_)) {
        named_in_the_profile(at, &command.argv)?;
    }
    let mut confinement = at.context.confinement.clone();
    match walls {
        Walls::AsGranted => {}
        Walls::ReadOnly => {
            confinement.write.clear();
            confinement.network = Network::None;
            confinement.hosts.clear();
        }
        Walls::Own(own) => confinement = own,
    }
    let limits = Limits { wall_ms: limits.wall_ms.min(at.call.timeout_ms), ..limits };
    let Command { argv, cwd, env, stdin } = command;
    let spec = CommandSpec { argv, cwd, env, stdin, confinement, limits };
    at.context.sandbox.run(&spec, &at.context.cancel).map_err(not_started)
}

/// As [`run`], of a command whose output people read: what does not fit into the profile's `output` is
/// kept, up to [`kept::BYTES_MAX`] of each stream, as files beside what the answer shows.
pub(super) fn run_kept(
    at: &Call<'_>,
    command: Command,
    walls: Walls,
) -> Result<(CommandOutput, Vec<Produced>), ToolError> {
    let shown = at.context.limits.output_bytes;
    let limits = Limits { output_bytes: shown.max(kept::BYTES_MAX), ..at.context.limits };
    let mut output = run_within(at, command, walls, limits)?;
    let mut files = Vec::new();
    for (name, stream) in [("stdout", &mut output.stdout), ("stderr", &mut output.stderr)] {
        if stream.len() as u64 > shown {
            output.truncated = true;
            files.push(kept::whole(name, stream.clone()));
            stream.truncate(usize::try_from(shown).unwrap_or(usize::MAX));
        }
    }
    Ok((output, files))
}

/// The last of the gates, behind policy: whoever wrote the profile said what runs in it at all.
///
/// # Errors
/// When the profile names others only.
pub(super) fn named_in_the_profile(at: &Call<'_>, argv: &[String]) -> Result<(), ToolError> {
    let programs = &at.context.programs;
    if may_run(programs, argv) {
        return Ok(());
    }
    let program = argv.first().map(|word| word.escape_debug().to_string()).unwrap_or_default();
    let profile = &at.context.confinement.profile;
    let message = format!(
        "the sandbox profile `{profile}` does not let `{program}` run with these arguments; it lets \
         run: {} (`sandbox.profiles.{profile}.argv`)",
        programs.join(", ")
    );
    Err(ToolError::new(ErrorKind::Forbidden, message))
}

pub(super) fn not_started(error: SandboxError) -> ToolError {
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
