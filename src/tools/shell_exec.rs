//! `shell_exec`: runs one command in the sandbox. No shell is put around it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::fs::shown;
use super::kept;
use super::process::{Command, Walls, failure, run_kept};
use super::shell_words::split;
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{CommandOutput, Ending, PathAccess, ToolDescriptor};

const ARGS_MAX: usize = 1_000;
const ARG_BYTES_MAX: usize = 128 * 1024;
const STDIN_BYTES_MAX: usize = 1024 * 1024;
const ENV_MAX: usize = 100;

/// Variables that make a program run something else than what was judged, or that the sandbox sets.
const ENV_REFUSED: &[&str] =
    &["PATH", "HOME", "LANG", "TMPDIR", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "PS4"];
const ENV_REFUSED_PREFIXES: &[&str] = &["LD_", "DYLD_", "BASH_FUNC", "GLIBC_"];

pub(super) struct ShellExec;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// Program and arguments as a list; or a line of plain words and quotes. What needs a shell
    /// (pipes, variables, wildcards) is refused in a line: write `["sh", "-c", "…"]`, which policy
    /// then judges.
    command: CommandArg,
    /// Where it runs; the workspace unless given.
    #[schemars(length(min = 1))]
    workdir: Option<String>,
    /// What it reads on standard input.
    #[schemars(length(max = STDIN_BYTES_MAX))]
    stdin: Option<String>,
    /// Variables beside those the sandbox sets.
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// An argument vector, or a line that is split into one.
enum CommandArg {
    Argv(Vec<String>),
    Line(String),
}

impl<'de> Deserialize<'de> for CommandArg {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(line) => Ok(Self::Line(line)),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    other => Err(D::Error::custom(format!("`command` has {other}, no text"))),
                })
                .collect::<Result<_, _>>()
                .map(Self::Argv),
            _ => Err(D::Error::custom("`command` is neither a list nor a text")),
        }
    }
}

impl JsonSchema for CommandArg {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["array", "string"],
            "items": { "type": "string" },
            "minItems": 1,
            "minLength": 1,
            "maxItems": ARGS_MAX,
            "maxLength": ARG_BYTES_MAX,
        })
    }
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// Its status; null when it was ended from outside.
    exit_code: Option<i32>,
    /// Standard output as text; what is not UTF-8 is replaced.
    stdout: String,
    /// Standard error, likewise.
    stderr: String,
}

impl Typed for ShellExec {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Runs a command in the sandbox, without a shell around it.";
        ToolDescriptor {
            paths: path_arg("workdir", PathAccess::Read),
            command: Some("command".to_owned()),
            sinks: ["command", "stdin", "env"].map(str::to_owned).to_vec(),
            timeout_ms: 300_000,
            profile: "shell_exec".to_owned(),
            ..about("shell_exec", Risk::Medium, CallEffect::NonIdempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        argv(&args.command)?;
        check_env(&args.env)?;
        match args.stdin.as_deref().map_or(0, str::len) > STDIN_BYTES_MAX {
            true => Err(bad("argument `stdin` is larger than 1 MiB: write a file instead")),
            false => Ok(()),
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        let command = match argv(&args.command) {
            Ok(argv) => argv.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "),
            Err(error) => return format!("would refuse the command: {}", error.message),
        };
        match &args.workdir {
            Some(dir) => format!("would run {command} in `{}`", dir.escape_debug()),
            None => format!("would run {command} in the workspace"),
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let argv = argv(&args.command)?;
        check_env(&args.env)?;
        let cwd = match &args.workdir {
            Some(dir) => at.jail.open_dir(dir)?.real,
            None => at.context.root.clone(),
        };
        let program = argv.first().cloned().unwrap_or_default();
        let stdin = args.stdin.unwrap_or_default().into_bytes();
        let env = args.env.into_iter().collect();
        let cwd_shown = shown(&cwd);
        let command = Command { argv, cwd, env, stdin };
        let (output, artifacts) = run_kept(at, command, Walls::AsGranted)?;
        let answer = answer(&program, output, at.call.timeout_ms.min(at.context.limits.wall_ms));
        let mut logs = vec![format!("ran in `{cwd_shown}`")];
        logs.extend(artifacts.iter().map(kept::said));
        Ok(Answer { logs, artifacts, ..answer })
    }
}

fn answer(program: &str, output: CommandOutput, wall_ms: u64) -> Answer<Data> {
    let exit_code = match output.ending {
        Ending::Exited(status) => Some(status),
        Ending::Signalled(_) | Ending::TimedOut | Ending::Cancelled => None,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Answer {
        data: Data { exit_code, stdout: text(&output.stdout), stderr: text(&output.stderr) },
        error: failure(program, output.ending, wall_ms),
        logs: Vec::new(),
        artifacts: Vec::new(),
        truncated: output.truncated,
        receipt: output.receipt,
        labels: Vec::new(),
    }
}

fn bad(message: impl Into<String>) -> ToolError {
    ToolError::new(ErrorKind::BadArguments, message)
}

fn argv(command: &CommandArg) -> Result<Vec<String>, ToolError> {
    let argv = match command {
        CommandArg::Argv(argv) => argv.clone(),
        CommandArg::Line(line) => split(line).map_err(|why| {
            bad(format!(
                "argument `command` is not a plain command line: {why}. Use a list of words, or \
                 `[\"sh\", \"-c\", \"…\"]` where policy allows it"
            ))
        })?,
    };
    match argv.first() {
        None => return Err(bad("argument `command` is empty")),
        Some(program) if program.is_empty() => {
            return Err(bad("argument `command` names no program"));
        }
        Some(_) => {}
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(bad("argument `command` has a NUL character, which no command can be given"));
    }
    Ok(argv)
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), ToolError> {
    if env.len() > ENV_MAX {
        return Err(bad(format!("argument `env` has more than {ENV_MAX} variables")));
    }
    for (name, value) in env {
        let shown = name.escape_debug();
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad(format!("argument `env`: `{shown}` is not a variable's name")));
        }
        if ENV_REFUSED.contains(&name.as_str())
            || ENV_REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        {
            return Err(bad(format!(
                "argument `env`: `{shown}` may not be set: it decides which programs run"
            )));
        }
        if value.contains('\0') {
            return Err(bad(format!("argument `env`: `{shown}` has a NUL character")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contracts::Confinement;
    use crate::tools::fixture::{Bench, Script};

    fn exited(status: i32, stdout: &str) -> Script {
        Script { ending: Ending::Exited(status), stdout: stdout.into(), stderr: b"err".to_vec() }
    }

    #[test]
    fn runs_the_words_where_and_with_what_was_asked() {
        let bench = Bench::new();
        bench.file("sub/x", "");
        bench.script(vec![exited(0, "out")]);
        let args = json!({
            "command": "cargo test 'a b'", "workdir": "sub", "stdin": "in", "env": {"A": "1"}
        });
        let output = bench.call("shell_exec", args);
        assert_eq!(output.error, None);
        let expect = json!({"exit_code": 0, "stdout": "out", "stderr": "err"});
        assert_eq!(output.data, Some(expect));
        assert_eq!(output.receipt.enforced, ["fake"]);
        let [spec] = bench.ran().try_into().unwrap();
        assert_eq!(spec.argv, ["cargo", "test", "a b"]);
        assert_eq!(spec.cwd, bench.path("sub"));
        assert_eq!(spec.stdin, b"in");
        assert_eq!(spec.env, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(spec.confinement, bench.confinement());
        assert_eq!(spec.limits.wall_ms, 20_000, "the call's time-out, where it is shorter");
    }

    #[test]
    fn says_how_it_ended_and_keeps_the_output() {
        let bench = Bench::new();
        for (ending, kind, code, retryable) in [
            (Ending::Exited(3), ErrorKind::ExitStatus, json!(3), false),
            (Ending::Signalled(9), ErrorKind::Signal, json!(null), false),
            (Ending::TimedOut, ErrorKind::Timeout, json!(null), true),
            (Ending::Cancelled, ErrorKind::Cancelled, json!(null), false),
        ] {
            bench.script(vec![Script { ending, ..exited(0, "partial\u{fffd}") }]);
            let output = bench.call("shell_exec", json!({"command": ["x"]}));
            let error = output.error.unwrap();
            assert_eq!((error.kind, error.retryable), (kind, retryable));
            let data = output.data.unwrap();
            assert_eq!((&data["exit_code"], &data["stdout"]), (&code, &json!("partial\u{fffd}")));
        }
    }

    #[test]
    fn output_beyond_the_profiles_bound_is_kept() {
        let mut bench = Bench::new();
        bench.context_mut().limits.output_bytes = 10;
        bench.script(vec![exited(3, &"x".repeat(25))]);
        let output = bench.call("shell_exec", json!({"command": ["x"]}));
        assert!(output.truncated);
        let data = output.data.unwrap();
        assert_eq!((&data["stdout"], &data["stderr"]), (&json!("x".repeat(10)), &json!("err")));
        let [kept] = &output.artifacts[..] else { panic!("{:?}", output.artifacts) };
        assert_eq!((kept.artifact.name.as_str(), kept.content.len()), ("stdout", 25));
        assert!(output.logs[1].contains("all of it is the artifact `stdout`"), "{:?}", output.logs);
        let [spec] = bench.ran().try_into().unwrap();
        assert_eq!(spec.limits.output_bytes, kept::BYTES_MAX);
    }

    #[test]
    fn refuses_lines_for_a_shell_and_variables_that_redirect() {
        let bench = Bench::new();
        for args in [
            json!({"command": "a | b"}),
            json!({"command": ["a\0b"]}),
            json!({"command": [""]}),
            json!({"command": ["a"], "env": {"LD_PRELOAD": "x.so"}}),
            json!({"command": ["a"], "env": {"PATH": "."}}),
            json!({"command": ["a"], "env": {"A=B": "x"}}),
            json!({"command": ["a"], "env": {"1A": "x"}}),
            json!({"command": ["a"], "env": {"A": "x\0"}}),
            json!({"command": {"argv": []}}),
            json!({"command": ["a"], "shell": true}),
        ] {
            assert_eq!(bench.kind("shell_exec", args.clone()), ErrorKind::BadArguments, "{args}");
        }
        assert!(bench.ran().is_empty());
    }

    #[test]
    fn a_profile_that_names_its_programs_runs_no_other() {
        let mut bench = Bench::new();
        bench.context_mut().programs = vec!["cargo test".into(), "git".into()];
        for (command, runs) in [
            ("cargo test --lib", true),
            ("git log", true),
            ("cargo run", false),
            ("sh -c git", false),
            ("./git log", false),
        ] {
            bench.script(vec![exited(0, "")]);
            let error = bench.call("shell_exec", json!({"command": command})).error;
            assert_eq!(error.is_none(), runs, "{command}");
            if let Some(error) = error {
                assert_eq!(error.kind, ErrorKind::Forbidden);
                assert!(error.message.contains("cargo test, git"), "{}", error.message);
            }
        }
        assert_eq!(bench.ran().len(), 2);
    }

    #[test]
    fn the_working_directory_must_be_granted() {
        let bench = Bench::new();
        std::os::unix::fs::symlink("/etc", bench.path("etc")).unwrap();
        for dir in ["/etc", "..", "etc"] {
            let args = json!({"command": ["pwd"], "workdir": dir});
            assert_eq!(bench.kind("shell_exec", args), ErrorKind::Forbidden, "{dir}");
        }
        assert!(bench.ran().is_empty());
        assert_ne!(bench.confinement(), Confinement::default());
    }
}
