//! `run_sandboxed`: runs a program that came as text, in a directory of its own, with no network and
//! nothing of the workspace but the files it is given.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::area::Area;
use super::bring::{self, Brought};
use super::hand_in;
use super::kept;
use super::process::{Command, Walls, failure, named_in_the_profile, run_kept};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, Confinement, ErrorKind, Network, Risk, ToolError};
use crate::ports::{Ending, PathAccess, ToolDescriptor};

const CODE_BYTES_MAX: usize = 1 << 20;
const STDIN_BYTES_MAX: usize = 1 << 20;
const ARGS_MAX: usize = 1_000;

/// Programs that are shells, or start them: their code is to be seen by policy.
const SHELLS: [&str; 16] = [
    "sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "csh", "tcsh", "fish", "rbash", "busybox",
    "env", "xargs", "nohup", "sudo",
];

/// The argument that names files which are copied in.
const FILES_IN: &str = "files_in";

pub(super) struct RunSandboxed;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A shell script. Policy judges it as it judges `sh -c`. One of `shell`, `python` and `code` is
    /// given.
    #[schemars(length(min = 1, max = CODE_BYTES_MAX))]
    shell: Option<String>,
    /// A Python program.
    #[schemars(length(min = 1, max = CODE_BYTES_MAX))]
    python: Option<String>,
    /// A program for `interpreter`.
    #[schemars(length(min = 1, max = CODE_BYTES_MAX))]
    code: Option<String>,
    /// What runs `code`: a program of the system such as `node` or `perl`, or its absolute path. No
    /// shell: that is what `shell` is for.
    #[schemars(length(min = 1, max = 4096))]
    interpreter: Option<String>,
    /// Arguments of the program.
    #[serde(default)]
    #[schemars(length(max = ARGS_MAX))]
    args: Vec<String>,
    /// What it reads on standard input.
    #[schemars(length(max = STDIN_BYTES_MAX))]
    stdin: Option<String>,
    /// Files that are copied to where it runs, each under its last name; at most 32 and 64 MiB.
    #[serde(default)]
    #[schemars(length(max = hand_in::FILES_MAX))]
    files_in: Vec<String>,
    /// Files that it leaves and that come back as artifacts, relative to where it runs. Regular files
    /// only; at most 32, 16 MiB each and 64 MiB in all.
    #[serde(default)]
    #[schemars(length(max = bring::FILES_MAX))]
    files_out: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// Its status; null when it was ended from outside.
    exit_code: Option<i32>,
    /// Standard output as text; what is not UTF-8 is replaced.
    stdout: String,
    /// Standard error, likewise.
    stderr: String,
    /// What came back, in the order of `files_out`.
    files: Vec<Brought>,
}

/// What runs, taken from the arguments.
struct Program<'a> {
    interpreter: &'a str,
    /// Name of the file that holds the code.
    file: &'static str,
    code: &'a str,
}

impl Typed for RunSandboxed {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Runs a program that is given as text, in an empty directory of its own: without \
                    network, and without the workspace but for `files_in`.";
        ToolDescriptor {
            paths: path_arg("files_in", PathAccess::Read),
            command: Some("shell".to_owned()),
            sinks: ["shell", "python", "code", "interpreter"].map(str::to_owned).to_vec(),
            timeout_ms: 60_000,
            profile: "run_code".to_owned(),
            ..about("run_sandboxed", Risk::Medium, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        program(args)?;
        if args.args.iter().any(|word| word.contains('\0')) {
            return Err(bad("argument `args` has a NUL character, which no program can be given"));
        }
        let taken = [program(args)?.file];
        hand_in::names(FILES_IN, &args.files_in, &taken).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        match program(args) {
            Ok(Program { interpreter, code, .. }) => format!(
                "would run {} bytes of code with `{}`, with {} files copied in and {} brought back",
                code.len(),
                interpreter.escape_debug(),
                args.files_in.len(),
                args.files_out.len(),
            ),
            Err(error) => format!("would refuse the program: {}", error.message),
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let program = program(&args)?;
        let scratch = Area::of_run(at)?.scratch()?;
        hand_in::copy(FILES_IN, &args.files_in, at, scratch.path())?;
        hand_in::put(&scratch.path().join(program.file), program.code.as_bytes())?;
        let mut argv = vec![program.interpreter.to_owned(), program.file.to_owned()];
        argv.extend(args.args.iter().cloned());
        named_in_the_profile(at, &argv)?;
        let stdin = args.stdin.clone().unwrap_or_default().into_bytes();
        let cwd = scratch.path().to_owned();
        let walls = Walls::Own(walls(at, scratch.path()));
        let command = Command { argv, cwd, env: Vec::new(), stdin };
        let (output, kept) = run_kept(at, command, walls)?;
        let wall_ms = at.call.timeout_ms.min(at.context.limits.wall_ms);
        let mut error = failure(program.interpreter, output.ending, wall_ms);
        // What a program left that failed may be half of it.
        let artifacts = match error {
            Some(_) => Vec::new(),
            None => bring::named(scratch.path(), &args.files_out).unwrap_or_else(|why| {
                error = Some(why);
                Vec::new()
            }),
        };
        let exit_code = match output.ending {
            Ending::Exited(status) => Some(status),
            Ending::Signalled(_) | Ending::TimedOut | Ending::Cancelled => None,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let files = artifacts.iter().map(Brought::from).collect();
        let (truncated, receipt) = (output.truncated, output.receipt);
        let data = Data { exit_code, stdout, stderr, files };
        let logs = kept.iter().map(kept::said).collect();
        let artifacts = artifacts.into_iter().chain(kept).collect();
        Ok(Answer { error, logs, artifacts, truncated, receipt, ..Answer::of(data) })
    }
}

/// The scratch directory and nothing else.
fn walls(at: &Call<'_>, scratch: &Path) -> Confinement {
    Confinement {
        profile: at.context.confinement.profile.clone(),
        read: vec![scratch.to_owned()],
        write: vec![scratch.to_owned()],
        network: Network::None,
        ..Confinement::default()
    }
}

fn bad(message: impl Into<String>) -> ToolError {
    ToolError::new(ErrorKind::BadArguments, message)
}

fn program(args: &Args) -> Result<Program<'_>, ToolError> {
    let Args { shell, python, code, interpreter, .. } = args;
    match (shell, python, code, interpreter) {
        (Some(code), None, None, None) => Ok(Program { interpreter: "sh", file: "main.sh", code }),
        (None, Some(code), None, None) => {
            Ok(Program { interpreter: "python3", file: "main.py", code })
        }
        (None, None, Some(code), Some(interpreter)) => {
            check_interpreter(interpreter)?;
            Ok(Program { interpreter, file: "main", code })
        }
        (None, None, Some(_), None) => Err(bad("`code` needs an `interpreter`")),
        (_, _, None, Some(_)) => Err(bad("`interpreter` runs `code`: give that, and nothing else")),
        _ => Err(bad("give exactly one of `shell`, `python` and `code`")),
    }
}

fn check_interpreter(interpreter: &str) -> Result<(), ToolError> {
    let shown = interpreter.escape_debug();
    let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
    if interpreter.chars().any(|c| c.is_control() || c.is_whitespace()) || name.is_empty() {
        return Err(bad(format!("argument `interpreter`: `{shown}` names no program")));
    }
    if interpreter.contains('/') && !interpreter.starts_with('/') {
        let message =
            format!("argument `interpreter`: `{shown}` is neither a name nor an absolute path");
        return Err(bad(message));
    }
    if SHELLS.contains(&name) {
        let message = format!(
            "argument `interpreter`: `{shown}` runs shell code: use `shell`, which policy judges"
        );
        return Err(bad(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::fixture::{Bench, Script};

    fn fine() -> Script {
        Script { ending: Ending::Exited(0), stdout: b"out".to_vec(), stderr: Vec::new() }
    }

    #[test]
    fn code_goes_in_as_a_file_and_nothing_of_the_workspace_is_there() {
        let bench = Bench::with_programs();
        bench.file("data.txt", "41");
        let data = bench.ok(
            "run_sandboxed",
            json!({
                "shell": "cat data.txt; printf ' %s ' \"$1\"; cat; echo made > out.txt; ls",
                "args": ["a b"], "stdin": "in", "files_in": ["data.txt"], "files_out": ["out.txt"],
            }),
        );
        assert_eq!(data["stdout"], "41 a b indata.txt\nmain.sh\nout.txt\n");
        assert_eq!(data["files"][0]["name"], "out.txt");
        let [spec] = bench.ran().try_into().unwrap();
        assert_eq!(spec.argv, ["sh", "main.sh", "a b"]);
        assert_eq!(spec.confinement.read, std::slice::from_ref(&spec.cwd));
        assert_eq!(spec.confinement.write, std::slice::from_ref(&spec.cwd));
        assert_eq!(spec.confinement.network, Network::None);
        assert!(!spec.cwd.starts_with(bench.root()));
        assert!(!spec.cwd.exists(), "the scratch directory is gone");
    }

    #[test]
    fn the_scratch_directory_is_gone_after_a_failure_too() {
        let bench = Bench::with_programs();
        let args = json!({"shell": "mkdir -p d/e; chmod 0 d; exit 3", "files_out": ["x"]});
        let output = bench.call("run_sandboxed", args);
        assert_eq!(output.error.unwrap().kind, ErrorKind::ExitStatus);
        assert_eq!(output.data.unwrap()["exit_code"], 3);
        assert!(!bench.ran()[0].cwd.exists());
        let args = json!({"shell": "ln -s /etc/passwd x", "files_out": ["x"]});
        assert_eq!(bench.kind("run_sandboxed", args), ErrorKind::Forbidden);
        assert!(!bench.ran()[1].cwd.exists());
    }

    #[test]
    fn the_interpreter_is_what_was_asked_for() {
        for (args, argv) in [
            (json!({"python": "1"}), ["python3", "main.py"]),
            (json!({"code": "1", "interpreter": "node"}), ["node", "main"]),
            (json!({"code": "1", "interpreter": "/usr/bin/perl"}), ["/usr/bin/perl", "main"]),
        ] {
            let bench = Bench::new();
            bench.script(vec![fine()]);
            bench.ok("run_sandboxed", args);
            assert_eq!(bench.ran()[0].argv, argv);
        }
    }

    #[test]
    fn refuses_what_is_no_program_and_shells_that_policy_would_not_see() {
        let bench = Bench::new();
        bench.file("a/x", "");
        bench.file("b/x", "");
        for args in [
            json!({}),
            json!({"shell": "a", "python": "b"}),
            json!({"code": "a"}),
            json!({"interpreter": "node"}),
            json!({"shell": "a", "interpreter": "node"}),
            json!({"code": "a", "interpreter": "bash"}),
            json!({"code": "a", "interpreter": "/usr/bin/env"}),
            json!({"code": "a", "interpreter": "./x"}),
            json!({"code": "a", "interpreter": "node -e"}),
            json!({"python": "a", "files_in": ["a/x", "b/x"]}),
            json!({"python": "a", "files_in": ["main.py"]}),
            json!({"python": "a", "files_in": [".."]}),
            json!({"python": "a", "args": ["\0"]}),
        ] {
            assert_eq!(
                bench.kind("run_sandboxed", args.clone()),
                ErrorKind::BadArguments,
                "{args}"
            );
        }
        for (path, kind) in [("/etc/passwd", ErrorKind::Forbidden), ("none", ErrorKind::NotFound)] {
            let args = json!({"python": "a", "files_in": [path]});
            assert_eq!(bench.kind("run_sandboxed", args), kind);
        }
        assert!(bench.ran().is_empty());
    }
}
