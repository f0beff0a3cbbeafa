//! The sandbox, with real processes: what gets out, what is left behind, what is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helper functions too"
)]

mod bench;
mod command_line;
mod edges;
mod escape_table;
mod escapes;
mod limits;
mod names;
mod network;
mod residue;
mod tree;
mod under_load;
mod unreadable;
mod verdicts;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bailiwick::contracts::{Confinement, Network};
use bailiwick::ports::{Cancel, CommandOutput, CommandSpec, Limits, Sandbox, SandboxError};
use bailiwick::sandbox::{LinuxSandbox, SandboxOptions};

pub const BINARY: &str = env!("CARGO_BIN_EXE_bailiwick");

pub const LIMITS: Limits = Limits {
    wall_ms: 20_000,
    cpu_ms: 20_000,
    memory_bytes: 2 << 30,
    pids: 64,
    file_bytes: 16 << 20,
    open_files: 256,
    output_bytes: 1 << 20,
};

pub fn sandbox() -> LinuxSandbox {
    requiring(&[])
}

pub fn requiring(layers: &[&str]) -> LinuxSandbox {
    LinuxSandbox::new(SandboxOptions {
        helper: PathBuf::from(BINARY),
        ..SandboxOptions::this_program(layers.iter().map(|layer| (*layer).to_owned()).collect())
    })
}

pub fn spec(argv: &[&str]) -> CommandSpec {
    CommandSpec {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        cwd: PathBuf::from("/"),
        env: Vec::new(),
        stdin: Vec::new(),
        confinement: Confinement {
            profile: "test".into(),
            network: Network::None,
            ..Confinement::default()
        },
        limits: LIMITS,
    }
}

pub fn shell(script: &str) -> CommandSpec {
    spec(&["sh", "-c", script])
}

pub fn run(spec: &CommandSpec) -> Result<CommandOutput, SandboxError> {
    sandbox().run(spec, &Cancel::default())
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with its links resolved, as walls want it.
pub struct Place {
    _directory: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    #[allow(clippy::disallowed_methods, reason = "a test's own directory")]
    let path = fs::canonicalize(directory.path()).unwrap();
    Place { _directory: directory, path }
}

/// A number of seconds to sleep by which a process can be told from all others.
pub fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("4{}.{:06}", NEXT.fetch_add(1, Ordering::Relaxed) % 90 + 100, std::process::id())
}

/// Ids of the processes that have `word` among their arguments.
pub fn processes_with(word: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        if words.next() == Some(b"sleep") && words.any(|part| part == word.as_bytes()) {
            found.push(pid);
        }
    }
    found
}

pub fn parent_of(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit(')').next().unwrap();
    after.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Asks until the answer is yes, at most five seconds.
pub fn eventually(mut question: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        if question() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    question()
}

/// Whether a program is there; says so when it is not, since a test is then skipped.
pub fn has(program: &str) -> bool {
    let there = ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"]
        .iter()
        .any(|directory| Path::new(directory).join(program).exists());
    if !there {
        eprintln!("skipped: there is no `{program}` here");
    }
    there
}
