//! For tests: a workspace in a temporary directory, a sandbox that follows a script or really runs
//! programs, and calls.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use uuid::Uuid;

use super::cell::{self, WORKER_ARGUMENT};
use super::dispatch::{perform, take_snapshot};
use crate::contracts::{
    CallId, Confinement, ErrorKind, FsAccess, GOVERNING, Network, Origin, Receipt, RunId, ToolCall,
    ToolError,
};
use crate::ports::{
    ArgSecrets, Away, BrowserSetup, Cancel, CommandOutput, CommandSpec, Ending, Limits, Probe,
    Sandbox, SandboxError, ToolContext, ToolOutput, Undo,
};

static NEXT_BENCH: AtomicU64 = AtomicU64::new(1);

/// What a scripted command leaves.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) ending: Ending,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

#[derive(Default)]
struct Fake {
    programs: bool,
    /// This program's own helper answers, without a cell.
    helper: bool,
    script: Mutex<Vec<Script>>,
    ran: Mutex<Vec<CommandSpec>>,
}

impl Sandbox for Fake {
    fn probe(&self) -> Probe {
        Probe { backend: "fake".to_owned(), layers: Vec::new() }
    }

    fn run(&self, spec: &CommandSpec, _: &Cancel) -> Result<CommandOutput, SandboxError> {
        self.ran.lock().unwrap().push(spec.clone());
        let Script { ending, stdout, stderr } = if self.programs {
            really(spec)
        } else if self.helper && spec.argv.get(1).is_some_and(|it| it == WORKER_ARGUMENT) {
            let job = spec.argv.get(2).map_or("", String::as_str);
            let stdout = cell::answer_in_cell(job, &spec.stdin).unwrap();
            Script { ending: Ending::Exited(0), stdout, stderr: Vec::new() }
        } else {
            let mut script = self.script.lock().unwrap();
            if script.is_empty() {
                return Err(SandboxError::NoProgram(spec.argv[0].clone()));
            }
            script.remove(0)
        };
        let enforced = vec!["fake".to_owned()];
        let receipt = Receipt { enforced, ..Receipt::default() };
        Ok(CommandOutput { ending, stdout, stderr, truncated: false, receipt, notes: Vec::new() })
    }
}

#[allow(clippy::disallowed_methods, reason = "a test that runs git for real")]
fn really(spec: &CommandSpec) -> Script {
    let mut child = Command::new(&spec.argv[0])
        .args(&spec.argv[1..])
        .current_dir(&spec.cwd)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .envs(spec.env.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&spec.stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    let ending = Ending::Exited(output.status.code().unwrap());
    Script { ending, stdout: output.stdout, stderr: output.stderr }
}

/// Runs git for the set-up of a test, as a person would.
pub(super) fn git(dir: &Path, args: &[&str]) {
    let output = git_output(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// As [`git`], whatever comes of it.
#[allow(clippy::disallowed_methods, reason = "a test that runs git for real")]
pub(super) fn git_output(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .output()
        .unwrap()
}

/// A workspace to try tools on.
pub(super) struct Bench {
    _dir: tempfile::TempDir,
    _away: tempfile::TempDir,
    root: PathBuf,
    sandbox: Arc<Fake>,
    context: ToolContext,
    call_id: CallId,
}

impl Bench {
    /// Commands follow a script.
    pub(super) fn new() -> Self {
        Self::with(Fake::default(), &std::env::temp_dir())
    }

    /// As [`Bench::new`], with all its directories in `place`.
    pub(super) fn inside(place: &Path) -> Self {
        Self::with(Fake { helper: true, ..Fake::default() }, place)
    }

    /// As [`Bench::new`], on a disk in memory where there is one: for very many files.
    pub(super) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self::with(Fake::default(), &dir)
    }

    /// Commands really run.
    pub(super) fn with_programs() -> Self {
        Self::with(Fake { programs: true, ..Fake::default() }, &std::env::temp_dir())
    }

    /// This program's own helper answers as it does in a cell; other commands follow a script.
    pub(super) fn with_helper() -> Self {
        Self::with(Fake { helper: true, ..Fake::default() }, &std::env::temp_dir())
    }

    #[allow(clippy::disallowed_methods, reason = "the temporary directory may be behind a link")]
    fn with(fake: Fake, place: &Path) -> Self {
        let dir = tempfile::tempdir_in(place).unwrap();
        let away = tempfile::tempdir_in(place).unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let sandbox = Arc::new(fake);
        let confinement = Confinement {
            profile: "test".to_owned(),
            read: vec![root.clone()],
            write: vec![root.clone()],
            protected: GOVERNING.iter().map(|name| root.join(name)).collect(),
            unreadable: Vec::new(),
            network: Network::None,
            hosts: Vec::new(),
        };
        let limits = Limits {
            wall_ms: 60_000,
            cpu_ms: 60_000,
            memory_bytes: 1 << 30,
            pids: 64,
            file_bytes: 1 << 30,
            open_files: 256,
            output_bytes: 1 << 20,
        };
        let context = ToolContext {
            root: root.clone(),
            confinement,
            sandbox: Arc::<Fake>::clone(&sandbox),
            programs: Vec::new(),
            limits,
            output_bytes_max: 256 * 1024,
            cancel: Cancel::default(),
            away: Away { area: Some(away.path().to_owned()), ..Away::default() },
            memories: None,
            browser: BrowserSetup::default(),
            display: None,
            channels: crate::ports::Channels::default(),
            answer: None,
            secrets: ArgSecrets::default(),
        };
        // Turns to write are taken by call, and tests share a process.
        let number = NEXT_BENCH.fetch_add(1, Ordering::Relaxed);
        let call_id = CallId::from_uuid(Uuid::from_u128(u128::from(number) << 64));
        Self { _dir: dir, _away: away, root, sandbox, context, call_id }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file and the directories it needs, past all tools.
    pub(super) fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn confinement(&self) -> Confinement {
        self.context.confinement.clone()
    }

    /// Other walls for the calls that follow.
    pub(super) fn confine(&mut self, change: impl FnOnce(&mut Confinement)) {
        change(&mut self.context.confinement);
    }

    pub(super) fn context(&self) -> &ToolContext {
        &self.context
    }

    pub(super) fn context_mut(&mut self) -> &mut ToolContext {
        &mut self.context
    }

    /// Another cap on answers.
    pub(super) fn cap(&mut self, bytes_max: u64) {
        self.context.output_bytes_max = bytes_max;
    }

    pub(super) fn output_bytes_max(&self) -> u64 {
        self.context.output_bytes_max
    }

    pub(super) fn cancel(&self) {
        self.context.cancel.request();
    }

    /// What the next commands leave.
    pub(super) fn script(&self, script: Vec<Script>) {
        *self.sandbox.script.lock().unwrap() = script;
    }

    /// The commands that ran.
    pub(super) fn ran(&self) -> Vec<CommandSpec> {
        self.sandbox.ran.lock().unwrap().clone()
    }

    pub(super) fn tool_call(&self, name: &str, args: Value) -> ToolCall {
        let Value::Object(args) = args else { panic!("arguments are an object: {args}") };
        ToolCall {
            id: self.call_id,
            run_id: RunId::from_uuid(Uuid::from_u128(8)),
            step_id: "step".to_owned(),
            name: name.to_owned(),
            args,
            timeout_ms: 20_000,
            allow_network: false,
            allow_fs: FsAccess::Write,
            expected_output_schema: None,
            idempotency_key: "key".to_owned(),
            origin: Origin::Playbook,
            labels: Vec::new(),
            arg_labels: std::collections::BTreeMap::new(),
        }
    }

    pub(super) fn perform(&self, call: &ToolCall) -> ToolOutput {
        perform(call, &[], &self.context)
    }

    pub(super) fn call(&self, name: &str, args: Value) -> ToolOutput {
        self.perform(&self.tool_call(name, args))
    }

    /// The data of a call that must succeed.
    pub(super) fn ok(&self, name: &str, args: Value) -> Value {
        let output = self.call(name, args.clone());
        assert_eq!(output.error, None, "{name} {args}");
        output.data.unwrap()
    }

    /// The failure of a call that must fail.
    pub(super) fn error(&self, name: &str, args: Value) -> ToolError {
        let output = self.call(name, args.clone());
        output.error.unwrap_or_else(|| panic!("{name} {args} succeeded: {:?}", output.data))
    }

    pub(super) fn kind(&self, name: &str, args: Value) -> ErrorKind {
        self.error(name, args).kind
    }

    pub(super) fn snapshot(&self, name: &str, args: Value) -> Result<Option<Undo>, ToolError> {
        take_snapshot(&self.tool_call(name, args), &self.context)
    }
}
