//! `heads.log`: the anchor outside the database. After each commit one line says how far every
//! touched run, the audit log, the record log and the findings have come; only then is the commit acknowledged.
//! A database that lost or changed acknowledged events no longer fits it.
//!
//! A line is 32 hexadecimal digits of BLAKE3 over the rest, a space, JSON, and a line feed. Lines
//! are numbered without holes. The file is rewritten with the newest heads when it has grown large.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contracts::Hash;

use super::error::{PathContext, StoreError};
use super::layout::{private_file, sync_dir};
use super::tip::{Link, Tip};

/// Hexadecimal digits of a line's own hash.
const CHECK_DIGITS: usize = 32;
/// Heads per line of a rewritten file.
const HEADS_PER_LINE: usize = 512;
/// The file is rewritten when it is this much larger than after the last time, in bytes.
const GROWTH_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The newest acknowledged event of each run.
pub(super) type Heads = BTreeMap<String, Link>;

/// One line: everything that one commit moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    line: u64,
    /// Whether a file begins here.
    first: bool,
    /// The database this file belongs to.
    instance: String,
    global_seq: u64,
    audit: Link,
    records: Link,
    findings: Link,
    heads: Heads,
}

impl Line {
    fn encode(&self) -> Result<String, StoreError> {
        let json = serde_json::to_string(self).map_err(|error| StoreError::Database {
            action: "could not write a line of heads",
            reason: error.to_string(),
        })?;
        Ok(format!("{} {json}\n", check(json.as_bytes())))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (digits, rest) = bytes.split_at_checked(CHECK_DIGITS)?;
        let json = rest.strip_prefix(b" ")?;
        if digits != check(json).as_bytes() {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

fn check(json: &[u8]) -> String {
    let mut digits = Hash::of(json).to_string();
    digits.truncate(CHECK_DIGITS);
    digits
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchored {
    pub heads: Heads,
    pub tip: Tip,
    /// The database it belongs to; `None` for a file without lines.
    pub instance: Option<String>,
    /// Number of the newest line; 0 without lines.
    pub line: u64,
    /// Bytes up to the end of the last whole line: what follows was cut off by a crash.
    pub whole_bytes: u64,
    /// Every place that no crash explains.
    pub damage: Vec<String>,
}

impl Anchored {
    fn empty() -> Self {
        Self {
            heads: Heads::new(),
            tip: Tip::START,
            instance: None,
            line: 0,
            whole_bytes: 0,
            damage: Vec::new(),
        }
    }

    /// Reads the file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let mut file = match private_file().read(true).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.at("could not open", path)?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).at("could not read", path)?;
        Ok(Some(Self::parse(&bytes)))
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut anchored = Self::empty();
        // What follows the last line feed is a line that a crash cut off.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        for (position, line) in lines.enumerate() {
            match line.strip_suffix(b"\n").and_then(Line::decode) {
                Some(line) => anchored.take(line),
                None => anchored.damage.push(format!("line {} is unreadable", position + 1)),
            }
        }
        anchored.whole_bytes = whole as u64;
        anchored
    }

    fn take(&mut self, line: Line) {
        let expected = self.line + 1;
        let begins = self.line == 0;
        if line.first != begins || (!begins && line.line != expected) {
            let found = line.line;
            self.damage.push(format!("line number {found} stands where another should"));
        }
        if self.instance.as_ref().is_some_and(|instance| *instance != line.instance) {
            self.damage.push(format!("line number {} belongs to another database", line.line));
            return;
        }
        self.instance = Some(line.instance);
        self.line = self.line.max(line.line);
        self.tip.global_seq = self.tip.global_seq.max(line.global_seq);
        later(&mut self.tip.audit, line.audit);
        later(&mut self.tip.records, line.records);
        later(&mut self.tip.findings, line.findings);
        for (run_id, link) in line.heads {
            later(self.heads.entry(run_id).or_insert(Link::START), link);
        }
    }
}

/// Keeps the later of two links; a file whose lines are out of order must not hide the newest.
fn later(kept: &mut Link, link: Link) {
    if link.seq >= kept.seq {
        *kept = link;
    }
}

/// The open file, at its end.
#[derive(Debug)]
pub(super) struct HeadsLog {
    path: PathBuf,
    file: File,
    instance: String,
    line: u64,
    bytes: u64,
    rewrite_at: u64,
}

impl HeadsLog {
    /// Opens the file behind its last whole line, as `anchored` found it.
    pub(super) fn open(
        path: PathBuf,
        instance: String,
        anchored: &Anchored,
    ) -> Result<Self, StoreError> {
        let file = private_file().append(true).open(&path).at("could not open", &path)?;
        file.set_len(anchored.whole_bytes).at("could not cut", &path)?;
        file.sync_all().at("could not sync", &path)?;
        let bytes = anchored.whole_bytes;
        let rewrite_at = bytes.max(GROWTH_BYTES_MAX) + GROWTH_BYTES_MAX;
        Ok(Self { path, file, instance, line: anchored.line, bytes, rewrite_at })
    }

    /// Writes a new file that says `heads` and takes the place of the one before, durably.
    pub(super) fn create(
        path: PathBuf,
        instance: String,
        after_line: u64,
        heads: &Heads,
        tip: &Tip,
    ) -> Result<Self, StoreError> {
        let mut line = after_line;
        let mut text = String::new();
        for part in parts(heads) {
            line += 1;
            let instance = instance.clone();
            let first = line == after_line + 1;
            text.push_str(&Line::new(line, first, instance, part, tip).encode()?);
        }
        let fresh = path.with_extension("log.new");
        let mut file = private_file()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)
            .at("could not make", &fresh)?;
        file.write_all(text.as_bytes()).at("could not write", &fresh)?;
        file.sync_all().at("could not sync", &fresh)?;
        std::fs::rename(&fresh, &path).at("could not name", &path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        let file = private_file().append(true).open(&path).at("could not open", &path)?;
        let bytes = text.len() as u64;
        Ok(Self { path, file, instance, line, bytes, rewrite_at: bytes * 2 + GROWTH_BYTES_MAX })
    }

    /// Number of the newest line.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Makes durable how far everything has come.
    pub(super) fn append(&mut self, heads: Heads, tip: &Tip) -> Result<(), StoreError> {
        let line = Line::new(self.line + 1, false, self.instance.clone(), heads, tip);
        let line = line.encode()?;
        self.file.write_all(line.as_bytes()).at("could not write", &self.path)?;
        self.file.sync_data().at("could not sync", &self.path)?;
        self.line += 1;
        self.bytes += line.len() as u64;
        if self.bytes > self.rewrite_at { self.rewrite() } else { Ok(()) }
    }

    /// Writes to another file from now on, such as one that is always full.
    #[cfg(test)]
    pub(super) fn divert(&mut self, file: File) {
        self.file = file;
    }

    /// Replaces the file by one with the newest heads only.
    fn rewrite(&mut self) -> Result<(), StoreError> {
        let anchored = Anchored::read(&self.path)?.unwrap_or_else(Anchored::empty);
        if anchored.line != self.line || !anchored.damage.is_empty() {
            let what = format!("`{}`", self.path.display());
            return Err(StoreError::corrupt(what, "it is not what was written to it"));
        }
        let (path, instance) = (self.path.clone(), self.instance.clone());
        *self = Self::create(path, instance, self.line, &anchored.heads, &anchored.tip)?;
        Ok(())
    }
}

impl Line {
    fn new(line: u64, first: bool, instance: String, heads: Heads, tip: &Tip) -> Self {
        let Tip { global_seq, audit, records, findings } = *tip;
        Self { line, first, instance, global_seq, audit, records, findings, heads }
    }
}

/// The heads in parts of one line each; one empty part when there are none.
fn parts(heads: &Heads) -> Vec<Heads> {
    let mut parts = vec![Heads::new()];
    for (run_id, link) in heads {
        if parts.last().is_none_or(|part| part.len() >= HEADS_PER_LINE) {
            parts.push(Heads::new());
        }
        if let Some(part) = parts.last_mut() {
            part.insert(run_id.clone(), *link);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(global_seq: u64) -> Tip {
        Tip { global_seq, ..Tip::START }
    }

    fn heads(entries: &[(&str, u64)]) -> Heads {
        let link = |seq: u64| Link { seq, hash: Hash::of(&seq.to_le_bytes()) };
        entries.iter().map(|(run, seq)| ((*run).to_owned(), link(*seq))).collect()
    }

    fn written(dir: &Path) -> PathBuf {
        let path = dir.join("heads.log");
        let instance = "one".to_owned();
        let mut log = HeadsLog::create(path.clone(), instance, 0, &Heads::new(), &tip(0)).unwrap();
        log.append(heads(&[("run_a", 1)]), &tip(1)).unwrap();
        log.append(heads(&[("run_a", 3), ("run_b", 1)]), &tip(4)).unwrap();
        path
    }

    fn read(path: &Path) -> Anchored {
        Anchored::read(path).unwrap().unwrap()
    }

    #[test]
    fn keeps_the_newest_head_of_each_run() {
        let dir = tempfile::tempdir().unwrap();
        let anchored = read(&written(dir.path()));
        assert_eq!(anchored.heads, heads(&[("run_a", 3), ("run_b", 1)]));
        assert_eq!((anchored.line, anchored.tip.global_seq), (3, 4));
        assert_eq!(anchored.damage, [""; 0]);
    }

    #[test]
    fn a_line_cut_at_any_byte_is_a_crash_and_goes_on_from_the_line_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let bytes = std::fs::read(&path).unwrap();
        let before = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
        for cut in before..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let anchored = read(&path);
            assert_eq!((anchored.damage.len(), anchored.line), (0, 2), "cut at {cut}");
            let mut log = HeadsLog::open(path.clone(), "one".to_owned(), &anchored).unwrap();
            log.append(heads(&[("run_a", 9)]), &tip(9)).unwrap();
            assert_eq!(read(&path).heads, heads(&[("run_a", 9)]));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_whole_line_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let bytes = std::fs::read(&path).unwrap();
        let sound = Anchored::parse(&bytes);
        for at in 0..bytes.len() - 1 {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let found = Anchored::parse(&flipped);
                assert!(!found.damage.is_empty(), "byte {at} bit {bit}: {found:?} {sound:?}");
            }
        }
    }

    #[test]
    fn a_missing_or_repeated_line_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(written(dir.path())).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for order in [vec![0, 2], vec![1, 2], vec![0, 1, 1, 2], vec![0, 2, 1]] {
            let changed: String = order.iter().map(|at| lines[*at]).collect();
            assert!(!Anchored::parse(changed.as_bytes()).damage.is_empty(), "{order:?}");
        }
    }

    #[test]
    fn rewriting_keeps_every_head_and_the_numbering() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let names: Vec<String> = (0..1_300).map(|n| format!("run_{n}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), 2)).collect();
        let anchored = read(&path);
        let mut log = HeadsLog::open(path.clone(), "one".to_owned(), &anchored).unwrap();
        log.append(heads(&many), &tip(3_000)).unwrap();
        log.rewrite_at = 0;
        log.append(heads(&[("run_a", 4)]), &tip(3_001)).unwrap();
        let anchored = read(&path);
        assert_eq!(anchored.damage, [""; 0]);
        assert_eq!(anchored.heads.len(), 1_302);
        assert_eq!((anchored.line, anchored.tip.global_seq), (log.line(), 3_001));
        assert!(log.line() > 5);
    }
}
