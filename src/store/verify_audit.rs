//! `verify` for `tools_audit.jsonl` and the full files beside it: every line against the table.
//! What a crash left out, behind the last entry that was synced, is caught up at the next start and
//! is no damage.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::audit::{parse_line, seq_of};
use super::audit_file::{LINE_BYTES_MAX, LineCheck, kept_files};
use super::audit_mark::Mark;
use super::error::{PathContext, StoreError};
use super::finding::{Finding, FindingKind};
use super::layout::private_file;

/// The files as they were at one moment: what is written later is not looked at.
pub(super) struct AuditFiles {
    /// What the files had at least, before they were opened.
    mark: Mark,
    files: Vec<AuditSnapshot>,
}

struct AuditSnapshot {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The last entry by its name, for a file that was put aside when it was full.
    kept: Option<u64>,
}

/// The entries that a sound file has; `None` when it has none, or none of this database.
type Range = Option<(u64, u64)>;

impl AuditFiles {
    /// `mark` must have been read before: files go on and never back.
    pub(super) fn open(path: &Path, mark: Mark) -> Result<Self, StoreError> {
        // A file that becomes full in between is then met twice rather than never.
        let current = AuditSnapshot::open(path, None)?;
        let mut files = Vec::new();
        for (last, path) in kept_files(path)? {
            files.extend(AuditSnapshot::open(&path, Some(last))?);
        }
        files.extend(current);
        Ok(Self { mark, files })
    }

    pub(super) fn check(
        self,
        path: &Path,
        db: &Connection,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let before = findings.len();
        let mut found = |path: &Path, why: String| {
            let message = format!("`{}` {why}", path.display());
            findings.push(Finding::new(FindingKind::AuditFile, message));
        };
        let kept: Vec<u64> = self.files.iter().filter_map(|file| file.kept).collect();
        let mut newest = 0;
        for file in self.files {
            let (path, current) = (file.path.clone(), file.kept.is_none());
            match file.check(db)? {
                Err(why) => found(&path, why),
                Ok(None) => {}
                Ok(Some((first, last))) => {
                    newest = newest.max(last);
                    let lost = self.mark.lost_beginning(first, &kept).filter(|_| current);
                    lost.into_iter().for_each(|why| found(&path, why));
                }
            }
        }
        if let Some(why) = self.mark.lost_end(newest).filter(|_| findings.len() == before) {
            let message = format!(
                "`{}` {why}: the audit log still has them, the next host restores the file",
                path.display()
            );
            findings.push(Finding::new(FindingKind::AuditFile, message));
        }
        Ok(())
    }
}

impl AuditSnapshot {
    fn open(path: &Path, kept: Option<u64>) -> Result<Option<Self>, StoreError> {
        let file = match private_file().read(true).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.at("could not open", path)?,
        };
        let bytes = file.metadata().at("could not look at", path)?.len();
        Ok(Some(Self { path: path.to_owned(), file, bytes, kept }))
    }

    /// What the file has, or why it is not what was written.
    fn check(self, db: &Connection) -> Result<Result<Range, String>, StoreError> {
        let mut lines = BufReader::new(self.file.take(self.bytes));
        let mut check = LineCheck::new(db);
        let mut wrong: Option<String> = None;
        let mut ours = false;
        while let Some(line) = next_line(&mut lines).at("could not read", &self.path)? {
            let line = match std::str::from_utf8(&line) {
                Ok(line) => line,
                Err(_) => return Ok(Err("has bytes that are no text".to_owned())),
            };
            if wrong.is_none() {
                wrong = check.line(line)?;
                ours |= wrong.is_none();
            } else if let Some((_, hash)) = parse_line(line) {
                ours |= seq_of(db, &hash)?.is_some();
            }
            if let Some(wrong) = wrong.take_if(|_| ours) {
                return Ok(Err(wrong));
            }
        }
        match (wrong, check.first()) {
            // A full file without any of our entries was left by an earlier database.
            (Some(_), _) if self.kept.is_some() => Ok(Ok(None)),
            (Some(wrong), _) => Ok(Err(wrong)),
            (None, None) => Ok(Ok(None)),
            (None, Some(first)) => Ok(check.end()?.map(|last| Some((first, last)))),
        }
    }
}

/// The next whole line, without its line feed; `None` at the end, or at a line that a crash cut.
fn next_line(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    // What is too long to be an entry is handed on as it is, to be refused.
    let whole = line.len() as u64 == LINE_BYTES_MAX || line.pop() == Some(b'\n');
    Ok(whole.then_some(line))
}
