//! Unified diffs: reading them and fitting them onto the bytes of a file. Pure.
//!
//! Reads what `diff -u` and `git diff` write: several files, new and deleted ones, renames, copies,
//! permission bits, quoted names, `\ No newline at end of file`. Nothing is guessed: a hunk fits a place
//! line by line or it does not fit. It may have moved, which is found by search and told. Which files that
//! is about is told before anything is opened, so that policy can decide about each.

mod fit;
mod header;
mod lines;
mod parse;

pub(super) use fit::fit;
pub(super) use parse::parse;

/// Most files of a patch.
pub(super) const FILES_MAX: usize = 500;

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePatch {
    pub(super) what: What,
    /// Permission bits that the file gets, where the patch says so.
    pub(super) mode: Option<u32>,
    pub(super) hunks: Vec<Hunk>,
}

/// Which file, and what becomes of it. Paths are relative, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Modify { path: String },
    Create { path: String },
    Delete { path: String },
    Rename { from: String, to: String },
    Copy { from: String, to: String },
}

impl FilePatch {
    /// The file's name for people: the new one where there are two.
    pub(super) fn path(&self) -> &str {
        match &self.what {
            What::Modify { path } | What::Create { path } | What::Delete { path } => path,
            What::Rename { to, .. } | What::Copy { to, .. } => to,
        }
    }

    /// Lines that are added and removed.
    pub(super) fn counts(&self) -> (u64, u64) {
        let lines = || self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let count = |sign| {
            let of_sign = lines().filter(|line| line.sign == sign).count();
            u64::try_from(of_sign).unwrap_or(u64::MAX)
        };
        (count(Sign::Added), count(Sign::Removed))
    }
}

/// A part of a file, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Its line in the patch, from 1.
    pub(super) at: usize,
    /// The first line in the old file, from 1; the line before where it has no old lines.
    pub(super) start: usize,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Kept,
    Removed,
    Added,
}

/// A line with its end, as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sign: Sign,
    pub(super) text: Vec<u8>,
}

#[cfg(test)]
mod tests;
