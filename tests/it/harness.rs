//! A workspace of its own and the real binary in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Kills of one test: `usual`, or as many as `BAILIWICK_SOAK_KILLS` asks for.
pub fn kills(usual: u64) -> u64 {
    let asked = std::env::var("BAILIWICK_SOAK_KILLS").ok().and_then(|kills| kills.parse().ok());
    asked.unwrap_or(usual)
}

/// A small deterministic generator: the same moments each time.
pub struct Moments(pub u64);

impl Moments {
    pub fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// A directory with a workspace that nobody trusts, and a home that knows nothing.
pub struct Space {
    dir: tempfile::TempDir,
}

/// What a call of the binary left.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Space {
    /// An empty git repository with one committed file.
    pub fn new() -> Self {
        let space = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(space.home()).unwrap();
        space.write("README.md", "# A project\n\nTODO: write it\n");
        space.write("LICENSE", "MIT\n");
        space.git(&["init", "-q", "-b", "main"]);
        space.git(&["add", "."]);
        space.git(&[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "commit",
            "-qm",
            "first",
        ]);
        space
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A directory beside the workspace.
    pub fn outside(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn git(&self, args: &[&str]) {
        let status = Command::new("git").args(args).current_dir(self.root()).status().unwrap();
        assert!(status.success(), "git {args:?}");
    }

    /// The binary, ready to be called in the workspace with an environment of its own.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
        command
            .args(args)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    pub fn spawn<S: AsRef<OsStr>>(&self, args: &[S]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Lines of the audit log.
    pub fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("logs/tools_audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The answer as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr)
        })
    }

    /// Fails with everything that was printed unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Fails unless everything in `parts` was said somewhere.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        for part in parts {
            assert!(all.contains(part), "`{part}` is not in:\n{all}");
        }
        self
    }
}
