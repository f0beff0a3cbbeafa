//! The directory that an archive is taken apart into, and what is in it so far.
//!
//! Nobody else writes in it, and every entry is noted: so what the notes say is what the disk has,
//! and no entry is ever written through a link.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use super::super::words::{Limits, Refusal, Unpacked, Why};
use super::meter::is_overflow;
use super::names::{entry_path, link_target};

const DIR_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;
const SET_ID_BITS: u32 = 0o6000;
const RUN_BITS: u32 = 0o111;

/// Most files whose set-id bits are named.
const STRIPPED_MAX: usize = 100;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dir,
    File,
    Link,
}

/// What is made of an archive.
pub(super) struct Place<'a> {
    root: &'a Path,
    limits: &'a Limits,
    noted: HashMap<PathBuf, Kind>,
    entries: u64,
    done: Unpacked,
}

impl<'a> Place<'a> {
    pub(super) fn new(root: &'a Path, limits: &'a Limits) -> Self {
        Self { root, limits, noted: HashMap::new(), entries: 0, done: Unpacked::default() }
    }

    /// What there is now.
    pub(super) fn finish(self, format: &str) -> Unpacked {
        Unpacked { format: format.to_owned(), ..self.done }
    }

    /// Counts an entry, also one that makes nothing.
    pub(super) fn count(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        self.entries += 1;
        match self.entries > self.limits.entries {
            true => Err(too_many(self.limits, &shown(raw))),
            false => Ok(()),
        }
    }

    /// A directory; it may be named more than once.
    pub(super) fn dir(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        let Some(path) = self.path(raw)? else { return Ok(()) };
        match self.noted.get(&path) {
            Some(Kind::Dir) => Ok(()),
            Some(_) => Err(refused(raw, "is there twice, once as a directory")),
            None => self.make_dirs(&path, raw),
        }
    }

    /// A regular file with `bytes` bytes, which is what the archive promises.
    pub(super) fn file(
        &mut self,
        raw: &[u8],
        mode: u32,
        bytes: Option<u64>,
        content: &mut dyn Read,
    ) -> Result<(), Refusal> {
        let path = self.free(raw)?;
        if bytes.is_some_and(|bytes| bytes > self.limits.file_bytes) {
            return Err(self.file_too_large(raw));
        }
        self.note(path.clone(), Kind::File, raw)?;
        let mode = self.mode(raw, mode);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let file = options.open(self.root.join(&path));
        let mut file = file.map_err(|error| failed(raw, &error))?;
        let written = self.copy(raw, content, &mut file)?;
        if bytes.is_some_and(|bytes| bytes != written) {
            return Err(damaged(raw, "is shorter or longer than it says"));
        }
        self.done.files += 1;
        Ok(())
    }

    /// A symbolic link that stays inside.
    pub(super) fn link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), Refusal> {
        let path = self.free(raw)?;
        let target =
            link_target(target, &path, self.limits).map_err(|reason| refused(raw, &reason))?;
        self.note(path.clone(), Kind::Link, raw)?;
        symlink(target, self.root.join(&path)).map_err(|error| failed(raw, &error))?;
        self.done.links += 1;
        Ok(())
    }

    /// A second name of a file that came earlier.
    pub(super) fn hard_link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), Refusal> {
        let path = self.free(raw)?;
        let no = |reason: &str| refused(raw, &format!("is a hard link whose target {reason}"));
        let known = entry_path(target, self.limits).map_err(|reason| no(&reason))?;
        let Some(known) = known.filter(|known| self.noted.get(known) == Some(&Kind::File)) else {
            return Err(no("is no file that came earlier in the archive"));
        };
        self.note(path.clone(), Kind::File, raw)?;
        let (from, to) = (self.root.join(known), self.root.join(&path));
        fs::hard_link(from, to).map_err(|error| failed(raw, &error))?;
        self.done.files += 1;
        Ok(())
    }

    /// The path of an entry that must not be there yet, with its directories made.
    fn free(&mut self, raw: &[u8]) -> Result<PathBuf, Refusal> {
        let path = self.path(raw)?.ok_or_else(|| refused(raw, "has no name"))?;
        if self.noted.contains_key(&path) {
            return Err(refused(raw, "is there twice"));
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.make_dirs(parent, raw)?;
        }
        Ok(path)
    }

    fn path(&self, raw: &[u8]) -> Result<Option<PathBuf>, Refusal> {
        entry_path(raw, self.limits).map_err(|reason| refused(raw, &reason))
    }

    /// Makes a directory and those above it.
    fn make_dirs(&mut self, path: &Path, raw: &[u8]) -> Result<(), Refusal> {
        let mut here = PathBuf::new();
        for name in path {
            here.push(name);
            match self.noted.get(&here) {
                Some(Kind::Dir) => {}
                Some(Kind::Link) => return Err(refused(raw, "goes through a symbolic link")),
                Some(Kind::File) => return Err(refused(raw, "goes through a file")),
                None => {
                    self.note(here.clone(), Kind::Dir, raw)?;
                    let made = fs::DirBuilder::new().mode(DIR_MODE).create(self.root.join(&here));
                    made.map_err(|error| failed(raw, &error))?;
                    self.done.dirs += 1;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, path: PathBuf, kind: Kind, raw: &[u8]) -> Result<(), Refusal> {
        if self.noted.len() as u64 >= self.limits.entries {
            return Err(too_many(self.limits, &shown(raw)));
        }
        self.noted.insert(path, kind);
        Ok(())
    }

    /// The mode of a file: whether it is a program, and nothing else of what the archive says.
    fn mode(&mut self, raw: &[u8], mode: u32) -> u32 {
        if mode & SET_ID_BITS != 0 && self.done.stripped.len() < STRIPPED_MAX {
            self.done.stripped.push(shown(raw));
        }
        if mode & RUN_BITS == 0 { FILE_MODE } else { PROGRAM_MODE }
    }

    fn copy(&mut self, raw: &[u8], from: &mut dyn Read, to: &mut File) -> Result<u64, Refusal> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut written = 0_u64;
        loop {
            let count = from.read(&mut chunk).map_err(|error| self.unreadable(raw, &error))?;
            let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else {
                return Ok(written);
            };
            written += part.len() as u64;
            self.done.bytes += part.len() as u64;
            if written > self.limits.file_bytes {
                return Err(self.file_too_large(raw));
            }
            if self.done.bytes > self.limits.bytes {
                return Err(overflow(self.limits.bytes, Some(raw)));
            }
            to.write_all(part).map_err(|error| failed(raw, &error))?;
        }
    }

    fn file_too_large(&self, raw: &[u8]) -> Refusal {
        let message =
            format!("entry `{}` is larger than {} bytes", shown(raw), self.limits.file_bytes);
        Refusal::new(Why::TooLarge, message)
    }

    fn unreadable(&self, raw: &[u8], error: &io::Error) -> Refusal {
        match is_overflow(error) {
            true => Refusal::new(Why::TooLarge, format!("entry `{}`: {error}", shown(raw))),
            false => damaged(raw, &format!("cannot be read: {error}")),
        }
    }
}

/// The refusal of what is no file, directory or link.
pub(super) fn refused(raw: &[u8], reason: &str) -> Refusal {
    Refusal::forbidden(&String::from_utf8_lossy(raw), reason)
}

pub(super) fn damaged(raw: &[u8], reason: &str) -> Refusal {
    Refusal::new(Why::Damaged, format!("entry `{}` {reason}", shown(raw)))
}

pub(super) fn too_many(limits: &Limits, at: &str) -> Refusal {
    let message = format!("more than {} entries (at `{at}`)", limits.entries);
    Refusal::new(Why::TooLarge, message)
}

fn overflow(max: u64, raw: Option<&[u8]>) -> Refusal {
    let at = raw.map(|raw| format!(" (at entry `{}`)", shown(raw))).unwrap_or_default();
    Refusal::new(Why::TooLarge, format!("more than {max} bytes come out of it{at}"))
}

fn failed(raw: &[u8], error: &io::Error) -> Refusal {
    Refusal::new(Why::Io, format!("entry `{}` cannot be written: {error}", shown(raw)))
}

fn shown(raw: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    String::from_utf8_lossy(raw).chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect()
}
