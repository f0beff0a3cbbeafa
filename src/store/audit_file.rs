//! `logs/tools_audit.jsonl`, written from the audit table: append-only, rotated, and caught up when
//! a crash left entries out. Full files are kept as `tools_audit.<last entry>.jsonl`; a file that
//! somebody changed is put aside as `tools_audit.altered-<ms>.jsonl` and written anew.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::contracts::Timestamp;

use super::append::AUDIT_BYTES_MAX;
use super::audit::{AuditRow, audit_hash, find_link, link_at, parse_line, rows_after, seq_of};
use super::audit_mark::Mark;
use super::error::{PathContext, StoreError};
use super::finding::{Finding, FindingKind};
use super::layout::{free_name, private_file, refuse_symlink, sync_dir};
use super::tip::Link;

/// A file larger than this is put aside and a new one begun, in bytes.
pub const AUDIT_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest line that is read, in bytes: twice what an entry may have.
pub(super) const LINE_BYTES_MAX: u64 = 2 * AUDIT_BYTES_MAX as u64;
/// How much of the file's end is checked when the store opens, in bytes.
const TAIL_BYTES: u64 = 1024 * 1024;
/// The file is synced when this many entries were written since the last time.
const SYNC_ENTRIES: u64 = 256;
/// Entries written at once when catching up.
const CATCH_UP_ENTRIES: u32 = 1_000;

/// Where the file stands.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    rotate_bytes: u64,
    /// Length that the file must have; anything else means somebody else wrote to it.
    bytes: u64,
    /// The entry it begins with.
    first: u64,
    /// The newest entry in it.
    written: u64,
    /// The newest entry that is known to be on the disk.
    synced: u64,
}

/// What has to be done before the file can be written on.
#[derive(Debug)]
pub(super) enum Repair {
    /// It is sound up to `bytes` and has the entries `first` to `written`.
    GoOn { first: u64, bytes: u64, written: u64 },
    /// It is not what was written: it is kept as `aside`, and a new one has what follows `after`.
    Anew { after: u64, aside: PathBuf },
}

impl AuditFile {
    /// The file at `path`, which must have what `mark` says; not looked at yet.
    pub(super) fn new(path: PathBuf, rotate_bytes: u64, mark: Mark) -> Self {
        let Mark { first, synced } = mark;
        Self { path, rotate_bytes, bytes: 0, first, written: 0, synced }
    }

    /// How far the file is known to be on the disk.
    pub(super) fn mark(&self) -> Mark {
        Mark { first: self.first, synced: self.synced }
    }

    /// What must be in the file while this process is there.
    pub(super) fn expected(&self) -> Mark {
        Mark { first: self.first, synced: self.written }
    }

    /// Holds the file against the table and against what it must have. Changes nothing: what was
    /// found can be recorded before [`AuditFile::repair`].
    pub(super) fn inspect(
        &self,
        db: &Connection,
        expected: Mark,
        now: Timestamp,
    ) -> Result<(Repair, Option<Finding>), StoreError> {
        self.prepare_dir()?;
        let end = find_end(&self.path, db)?;
        let newest_kept = newest_kept(&self.path, db)?;
        let (repair, why) = match end {
            End::At(first, bytes, written) => {
                let kept = kept_files(&self.path)?;
                let kept: Vec<u64> = kept.into_iter().map(|(last, _)| last).collect();
                match expected.lost_beginning(first, &kept) {
                    Some(why) => return Ok(self.altered(&why, newest_kept, now)),
                    None => (Repair::GoOn { first, bytes, written }, expected.lost_end(written)),
                }
            }
            End::Empty => {
                let repair =
                    Repair::GoOn { first: newest_kept + 1, bytes: 0, written: newest_kept };
                (repair, expected.lost_end(newest_kept))
            }
            End::Altered(why) => return Ok(self.altered(&why, newest_kept, now)),
        };
        let path = self.path.display();
        let told =
            |why| format!("`{path}` {why}: it was completed from the audit log, which has them");
        Ok((repair, why.map(|why| Finding::new(FindingKind::AuditFile, told(why)))))
    }

    fn altered(&self, why: &str, newest_kept: u64, now: Timestamp) -> (Repair, Option<Finding>) {
        let name = format!("altered-{}", now.ms());
        let aside = free_name(|number| match number {
            1 => sibling(&self.path, &name),
            number => sibling(&self.path, &format!("{name}-{number}")),
        });
        let path = self.path.display();
        let message = format!(
            "`{path}` {why}: it was put aside as `{}` and written anew from the audit log",
            aside.display()
        );
        let finding = Finding::new(FindingKind::AuditFile, message);
        (Repair::Anew { after: newest_kept, aside }, Some(finding))
    }

    /// Puts an altered file aside, writes every entry that the file does not have, and syncs it.
    pub(super) fn repair(&mut self, repair: Repair, db: &Connection) -> Result<(), StoreError> {
        match repair {
            Repair::GoOn { first, bytes, written } => {
                (self.first, self.bytes, self.written) = (first, bytes, written);
                self.synced = self.synced.min(written);
            }
            Repair::Anew { after, aside } => {
                std::fs::rename(&self.path, &aside).at("could not put aside", &self.path)?;
                (self.first, self.bytes, self.written) = (after + 1, 0, after);
                self.synced = self.synced.min(after);
            }
        }
        loop {
            let missing = rows_after(db, self.written, CATCH_UP_ENTRIES)?;
            if missing.is_empty() {
                return self.sync();
            }
            self.write(&missing)?;
        }
    }

    /// Writes entries that follow the newest one. When the file is not as it was left, nothing is
    /// written and `false` is returned: it has to catch up.
    pub(super) fn append(&mut self, entries: &[AuditRow]) -> Result<bool, StoreError> {
        let follows = entries.first().is_none_or(|first| first.seq == self.written + 1);
        let length = match std::fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() => found.len(),
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(StoreError::io("could not look at", &self.path, &error)),
        };
        if !follows || length != self.bytes {
            return Ok(false);
        }
        self.write(entries).map(|()| true)
    }

    /// Makes the file and its name durable: what is in it now must be there from now on.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.synced == self.written {
            return Ok(());
        }
        match private_file().append(true).open(&self.path) {
            // Everything is in full files, or somebody took it away: the mark stays.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.bytes > 0 => {
                return Ok(());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => {
                let file = other.at("could not open", &self.path)?;
                file.sync_all().at("could not sync", &self.path)?;
            }
        }
        // The file's name is in `logs/`, whose name is in the workspace.
        self.path.ancestors().skip(1).take(2).try_for_each(sync_dir)?;
        self.synced = self.written;
        Ok(())
    }

    fn write(&mut self, entries: &[AuditRow]) -> Result<(), StoreError> {
        if self.bytes > self.rotate_bytes {
            self.rotate()?;
        }
        let text: String = entries.iter().map(AuditRow::line).collect();
        let mut file = private_file()
            .append(true)
            .create(true)
            .open(&self.path)
            .at("could not open", &self.path)?;
        // What a crash left behind the last whole line goes first.
        if file.metadata().at("could not look at", &self.path)?.len() != self.bytes {
            file.set_len(self.bytes).at("could not cut", &self.path)?;
        }
        file.write_all(text.as_bytes()).at("could not write", &self.path)?;
        self.bytes += text.len() as u64;
        self.written = entries.last().map_or(self.written, |last| last.seq);
        if self.written > self.synced + SYNC_ENTRIES { self.sync() } else { Ok(()) }
    }

    fn rotate(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        // A file of an earlier database may have the name.
        let full = free_name(|number| match number {
            1 => sibling(&self.path, &format!("{:012}", self.written)),
            number => sibling(&self.path, &format!("{:012}-{number}", self.written)),
        });
        std::fs::rename(&self.path, &full).at("could not rotate", &self.path)?;
        (self.bytes, self.first) = (0, self.written + 1);
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    fn prepare_dir(&self) -> Result<(), StoreError> {
        let Some(dir) = self.path.parent() else { return Ok(()) };
        refuse_symlink(dir)?;
        std::fs::create_dir_all(dir).at("could not make", dir)?;
        refuse_symlink(&self.path)
    }
}

/// Checks the end of a file against the table.
fn find_end(path: &Path, db: &Connection) -> Result<End, StoreError> {
    let mut file = match private_file().read(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(End::Empty),
        other => other.at("could not open", path)?,
    };
    let (tail, start) = read_tail(&mut file).at("could not read", path)?;
    // Without a line feed at the end, a crash cut the last line off.
    let Some(whole) = tail.iter().rposition(|byte| *byte == b'\n').map(|last| last + 1) else {
        let why = || "ends in something that is no entry".to_owned();
        return Ok(if start == 0 { End::Empty } else { End::Altered(why()) });
    };
    let text = tail.get(..whole).and_then(|lines| std::str::from_utf8(lines).ok());
    let Some(text) = text else {
        return Ok(End::Altered("has bytes that are no text".to_owned()));
    };
    Ok(match check_lines(db, text)? {
        Ok(written) => match first_entry(&file, db, path)? {
            Some(first) => End::At(first, start + whole as u64, written),
            None => End::Altered("begins with a line that is no entry".to_owned()),
        },
        Err(why) => End::Altered(why),
    })
}

/// The number of the entry that a file begins with.
fn first_entry(mut file: &File, db: &Connection, path: &Path) -> Result<Option<u64>, StoreError> {
    let mut line = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| BufReader::new(file.take(LINE_BYTES_MAX)).read_line(&mut line));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
        other => other.at("could not read", path)?,
    };
    match parse_line(line.trim_end_matches('\n')) {
        Some((_, hash)) => seq_of(db, &hash),
        None => Ok(None),
    }
}

/// How the file ends.
enum End {
    /// It begins with this entry and has whole lines up to this byte, the last one this entry.
    At(u64, u64, u64),
    /// There is no file, or no whole line in it.
    Empty,
    /// It is not what was written; the reason follows the file's name in a sentence.
    Altered(String),
}

/// The last [`TAIL_BYTES`], from the beginning of a line, and where they begin.
fn read_tail(file: &mut File) -> std::io::Result<(Vec<u8>, u64)> {
    let length = file.metadata()?.len();
    let mut start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    if start > 0
        && let Some(first) = tail.iter().position(|byte| *byte == b'\n')
    {
        tail.drain(..=first);
        start += first as u64 + 1;
    }
    Ok((tail, start))
}

/// Checks that lines are entries of the table, one after the other.
pub(super) struct LineCheck<'a> {
    db: &'a Connection,
    before: Option<Link>,
    first: Option<u64>,
}

impl<'a> LineCheck<'a> {
    pub(super) fn new(db: &'a Connection) -> Self {
        Self { db, before: None, first: None }
    }

    /// Takes the next line; why it is not the next entry, if it is not. The reason follows the
    /// file's name in a sentence.
    pub(super) fn line(&mut self, line: &str) -> Result<Option<String>, StoreError> {
        let Some((entry, hash)) = parse_line(line) else {
            return Ok(Some("has a line that is no entry".to_owned()));
        };
        let before = match self.before {
            Some(before) => before,
            None => match seq_of(self.db, &hash)? {
                Some(seq) => link_at(self.db, seq.saturating_sub(1))?,
                None => return Ok(Some("has an entry that is not in the audit log".to_owned())),
            },
        };
        let seq = before.seq + 1;
        if audit_hash(&before.hash, &entry) != hash {
            return Ok(Some(format!("does not have entry {seq} as it was written")));
        }
        self.first = self.first.or(Some(seq));
        self.before = Some(Link { seq, hash });
        Ok(None)
    }

    /// The number of the first entry, if there was one.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// The number of the last entry, or why there is none in the table.
    pub(super) fn end(self) -> Result<Result<u64, String>, StoreError> {
        let Some(last) = self.before else { return Ok(Err("has no entry".to_owned())) };
        let known = find_link(self.db, last.seq)? == Some(last);
        let seq = last.seq;
        Ok(if known { Ok(seq) } else { Err(format!("has an entry {seq} too many")) })
    }
}

fn check_lines(db: &Connection, lines: &str) -> Result<Result<u64, String>, StoreError> {
    let mut check = LineCheck::new(db);
    for line in lines.split_terminator('\n') {
        if let Some(why) = check.line(line)? {
            return Ok(Err(why));
        }
    }
    check.end()
}

/// `logs/tools_audit.jsonl` with `middle` before its extension.
fn sibling(path: &Path, middle: &str) -> PathBuf {
    path.with_extension(format!("{middle}.jsonl"))
}

/// The full files that were put aside, oldest first, with their last entry.
pub(super) fn kept_files(path: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let Some((dir, stem)) = path.parent().zip(path.file_stem().and_then(|stem| stem.to_str()))
    else {
        return Ok(Vec::new());
    };
    let listing = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.at("could not list", dir)?,
    };
    let mut kept = Vec::new();
    for entry in listing {
        let entry = entry.at("could not list", dir)?.path();
        let last = entry.file_name().and_then(|name| {
            let digits = name.to_str()?.strip_prefix(stem)?.strip_prefix('.')?;
            digits.strip_suffix(".jsonl")?.parse::<u64>().ok()
        });
        if let Some(last) = last {
            kept.push((last, entry));
        }
    }
    kept.sort();
    Ok(kept)
}

/// The newest entry in the files that were put aside full. Files of another database do not count.
fn newest_kept(path: &Path, db: &Connection) -> Result<u64, StoreError> {
    for (last, kept) in kept_files(path)?.into_iter().rev() {
        if matches!(find_end(&kept, db)?, End::At(_, _, found) if found == last) {
            return Ok(last);
        }
    }
    Ok(0)
}
