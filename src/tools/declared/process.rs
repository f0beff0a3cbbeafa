//! Running a declared tool: arguments in as one line, the answer out as one line.

use jsonschema::Validator;
use serde_json::Value;

use super::file::Spec;
use crate::contracts::{ErrorKind, Map, ToolCall, ToolError};
use crate::ports::{CommandOutput, Ending, Tool, ToolContext, ToolDescriptor, ToolOutput, Undo};
use crate::tools::process::{Command, Walls, failure, run};
use crate::tools::shown::printable;
use crate::tools::typed::Call;

/// Most lines of standard error that are kept, from its end.
const LOG_LINES_MAX: usize = 20;
/// Most characters of each.
const LOG_CHARS_MAX: usize = 500;

/// A tool that a file declares.
pub(super) struct ProcessTool {
    descriptor: ToolDescriptor,
    command: Vec<String>,
    answers: Validator,
}

impl ProcessTool {
    pub(super) fn of(spec: Spec) -> Self {
        let Spec { descriptor, command, answers } = spec;
        Self { descriptor, command, answers }
    }

    fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    fn try_run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let mut stdin = serde_json::to_vec(&call.args).map_err(|error| {
            let message = format!("the arguments cannot be written as JSON: {error}");
            ToolError::new(ErrorKind::BadArguments, message)
        })?;
        stdin.push(b'\n');
        let at = Call::new(call, context);
        let (argv, cwd) = (self.command.clone(), context.root.clone());
        let output = run(&at, Command { argv, cwd, env: Vec::new(), stdin }, Walls::AsGranted)?;
        Ok(self.answer(output, call.timeout_ms.min(context.limits.wall_ms)))
    }

    /// What the command left, as an answer. What one that failed printed counts where it is a whole
    /// answer: it may say why.
    fn answer(&self, output: CommandOutput, wall_ms: u64) -> ToolOutput {
        let CommandOutput { ending, stdout, stderr, truncated, receipt, notes } = output;
        let mut logs = tail(&stderr);
        logs.extend(notes);
        let failed = failure(self.program(), ending, wall_ms);
        let (data, error) = match (self.line(&stdout, truncated), failed) {
            (Ok(data), failed) => (Some(data), failed),
            (Err(_), Some(failed)) => (None, Some(failed)),
            (Err(why), None) => (None, Some(why)),
        };
        let ended = matches!(ending, Ending::Exited(_));
        let data = data.filter(|_| ended);
        ToolOutput { data, error, logs, receipt, ..ToolOutput::default() }
    }

    /// The answer on the one line of `stdout`.
    fn line(&self, stdout: &[u8], truncated: bool) -> Result<Value, ToolError> {
        let bad = |what: &str| {
            let message = format!("`{}` {what}; it must print one line of JSON", self.program());
            ToolError::new(ErrorKind::BadOutput, message)
        };
        if truncated {
            let profile = &self.descriptor.profile;
            let message = format!(
                "`{}` printed more than is read (`sandbox.profiles.{profile}.output`)",
                self.program()
            );
            return Err(ToolError::new(ErrorKind::TooLarge, message));
        }
        let text =
            std::str::from_utf8(stdout).map_err(|_| bad("printed what is not UTF-8 text"))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            return Err(bad("printed nothing"));
        }
        if line.contains('\n') {
            return Err(bad("printed more than one line"));
        }
        let data: Value = serde_json::from_str(line)
            .map_err(|error| bad(&format!("printed what is not JSON ({error})")))?;
        match self.answers.validate(&data) {
            Ok(()) => Ok(data),
            Err(error) => Err(bad(&format!(
                "answered something else than its `output_schema` says ({})",
                error.masked()
            ))),
        }
    }
}

impl Tool for ProcessTool {
    fn descriptor(&self) -> ToolDescriptor {
        self.descriptor.clone()
    }

    /// The schema says it all.
    fn check(&self, _: &Map) -> Result<(), ToolError> {
        Ok(())
    }

    fn dry_run(&self, call: &ToolCall) -> String {
        let argv: Vec<String> =
            self.command.iter().map(|word| word.escape_debug().to_string()).collect();
        let (argv, count) = (argv.join(" "), call.args.len());
        format!("would run `{argv}` in `{}` with {count} arguments", self.descriptor.profile)
    }

    /// What it changes is not known here.
    fn snapshot(&self, _: &ToolCall, _: &ToolContext) -> Result<Option<Undo>, ToolError> {
        Ok(None)
    }

    fn run(&self, call: &ToolCall, context: &ToolContext) -> ToolOutput {
        self.try_run(call, context)
            .unwrap_or_else(|error| ToolOutput { error: Some(error), ..ToolOutput::default() })
    }
}

/// The last lines of standard error, for people.
fn tail(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(LOG_LINES_MAX);
    lines.iter().skip(skipped).map(|line| printable(line, LOG_CHARS_MAX)).collect()
}
