//! Other people's indexes, each in a process of its own that answers a round when it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::Deserialize;

use super::corpus::Corpus;
use crate::Failure;

/// What it says when it is ready.
#[derive(Debug, Deserialize)]
pub struct Built {
    pub built_s: f64,
    pub resident: f64,
    pub disk: f64,
    pub version: String,
}

/// What it says after a round.
#[derive(Debug, Deserialize)]
pub struct Round {
    #[serde(default)]
    pub each_ms: f64,
    #[serde(default)]
    pub found: Vec<Vec<usize>>,
    pub skipped: Option<String>,
}

pub struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub built: Built,
}

/// Where the peers are; made when they are not there yet.
pub fn python() -> Result<PathBuf, Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("memory/peers.sh");
    let mut command = Command::new(script);
    command.args(std::env::var_os("BAILIWICK_BENCH_PEERS"));
    let made = command.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8(made.stdout)?;
    if made.status.success() {
        Ok(said.trim().into())
    } else {
        Err("no environment for peers".into())
    }
}

/// Writes the corpus where peers read it.
pub fn hand_over(corpus: &Corpus, dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir)?;
    let bytes = |all: &[Vec<f32>]| {
        all.iter().flatten().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>()
    };
    let lines = |all: &[String]| {
        all.iter()
            .map(|text| serde_json::to_string(text).map(|it| it + "\n"))
            .collect::<Result<String, _>>()
    };
    fs::write(dir.join("vectors.f32"), bytes(&corpus.vectors))?;
    fs::write(dir.join("questions.f32"), bytes(&corpus.asked))?;
    fs::write(dir.join("texts.jsonl"), lines(&corpus.texts)?)?;
    fs::write(dir.join("questions.jsonl"), lines(&corpus.questions)?)?;
    fs::write(dir.join("dim"), corpus.asked.first().map_or(0, Vec::len).to_string())?;
    Ok(())
}

impl Peer {
    pub fn start(python: &Path, name: &str, dir: &Path) -> Result<Self, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("memory/peer.py");
        // Nobody reads it while the peer is at work, and some say much.
        let said = dir.join(format!("{name}.log"));
        let mut child = Command::new(python)
            .arg(script)
            .arg(name)
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&said)?)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        if line.is_empty() {
            child.wait()?;
            let said = fs::read_to_string(said)?;
            return Err(said.trim().lines().last().unwrap_or("it ended").to_owned().into());
        }
        Ok(Self { child, lines, built: serde_json::from_str(&line)? })
    }

    /// All questions once, `vector` or `hybrid`.
    pub fn round(&mut self, way: &str) -> Result<Round, Failure> {
        writeln!(self.child.stdin.as_mut().ok_or("no input")?, "{way}")?;
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        if line.is_empty() {
            return Err("it ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// The memory of a process that is in use, in bytes; 0 where the system does not tell.
pub fn resident(process: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}
