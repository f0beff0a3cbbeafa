//! What is there of the places that a command must not write or read: found out by the program before a
//! view is built, and looked at again before each call, since people make, remove and replace them.
//!
//! What is there can be mounted over; what is not is sealed: its name must not come into being.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use super::wire::Closed;
use crate::policy::is_secret;
use crate::ports::SandboxError;

/// More mounts than this make every start of a cell slow.
const CLOSED_MAX: usize = 1024;

/// Two changes of a directory within this time may bear the same time.
const TICK_NS: i64 = 20_000_000;

/// The granted roots and the exceptions inside of them.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Readable.
    pub read: &'a [PathBuf],
    /// Writable.
    pub write: &'a [PathBuf],
    /// Read-only although in `write`.
    pub protected: &'a [PathBuf],
    /// Closed although in `read` or `write`.
    pub unreadable: &'a [PathBuf],
}

/// What was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Protected places that exist.
    pub frozen: Vec<PathBuf>,
    /// Closed places that exist.
    pub closed: Vec<Closed>,
    /// Protected names that do not exist.
    pub sealed: Vec<PathBuf>,
    /// What all of this follows from.
    seen: Vec<(PathBuf, Seen)>,
    /// When it was looked at, by the clock that file systems use: seconds and nanoseconds.
    at: (i64, i64),
    /// All closed places, those outside of the roots too.
    hidden: Vec<PathBuf>,
    /// Device and inode of closed files, which may have other names.
    files: Vec<(u64, u64)>,
}

/// A place at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Absent,
    /// Device, inode and type.
    Place(u64, u64, u32),
    /// A directory whose names were read: device, inode, and when a name in it last changed.
    Names(u64, u64, i64, i64),
}

impl Survey {
    /// Looks at every exception.
    ///
    /// # Errors
    /// When a place cannot be looked at, or there are too many.
    pub fn of(asked: Asked<'_>) -> Result<Self, SandboxError> {
        let now = clock_gettime(ClockId::Realtime);
        let mut survey = Self { at: (now.tv_sec, now.tv_nsec), ..Self::default() };
        for path in asked.protected {
            survey.protect(path).map_err(|error| cannot_see(path, &error))?;
        }
        for path in asked.unreadable {
            survey.close(path).map_err(|error| cannot_see(path, &error))?;
        }
        for path in asked.unreadable {
            for directory in on_the_way(path, asked) {
                survey.close_secrets(&directory).map_err(|error| cannot_see(&directory, &error))?;
            }
        }
        survey.tidy(asked);
        if survey.closed.len() > CLOSED_MAX {
            return Err(SandboxError::BadSpec(format!(
                "more than {CLOSED_MAX} files and directories would have to be closed one by one; \
                 grant fewer directories that contain secrets, or move those into a directory"
            )));
        }
        Ok(survey)
    }

    /// Whether a root lies in a closed place, and so is not granted.
    pub fn hides(&self, root: &Path) -> bool {
        self.hidden.iter().any(|place| root.starts_with(place))
    }

    /// Whether everything is as it was.
    pub fn holds(&self) -> bool {
        self.seen.iter().all(|(path, seen)| match seen {
            Seen::Names(.., changed_s, changed_ns) => {
                self.is_after(*changed_s, *changed_ns)
                    && names_of(path).is_ok_and(|now| now == *seen)
            }
            _ => seen_at(path).is_ok_and(|now| now == *seen),
        })
    }

    /// Whether the survey was made so long after a change that another change would show.
    fn is_after(&self, seconds: i64, nanoseconds: i64) -> bool {
        let since = (self.at.0 - seconds).saturating_mul(1_000_000_000);
        since.saturating_add(self.at.1 - nanoseconds) > TICK_NS
    }

    fn protect(&mut self, path: &Path) -> io::Result<()> {
        match self.note(path)? {
            Found::Absent => {
                self.sealed.push(path.to_owned());
                // Such as `.git` in a linked work tree, which leads to a configuration elsewhere.
                if let Some(file) = file_above(path) {
                    self.note(&file)?;
                    self.frozen.push(file);
                }
            }
            // The link itself may go; what comes in its place is as sealed as if it had not been there.
            Found::Link(real) => {
                self.sealed.push(path.to_owned());
                if let Some(real) = real {
                    self.note(&real)?;
                    self.frozen.push(real);
                }
            }
            Found::File | Found::Directory => self.frozen.push(path.to_owned()),
        }
        Ok(())
    }

    fn close(&mut self, path: &Path) -> io::Result<()> {
        let closed = |path: &Path, is_directory| Closed { path: path.to_owned(), is_directory };
        match self.note(path)? {
            Found::Absent | Found::Link(None) => {}
            Found::Link(Some(real)) => {
                let is_directory = matches!(self.note(&real)?, Found::Directory);
                self.closed.push(closed(&real, is_directory));
            }
            Found::File => self.closed.push(closed(path, false)),
            Found::Directory => self.closed.push(closed(path, true)),
        }
        if let Some((_, Seen::Place(device, inode, _))) = self.seen.last() {
            self.files.push((*device, *inode));
        }
        Ok(())
    }

    /// Closes what has the name of a secret in a directory that holds something closed.
    fn close_secrets(&mut self, directory: &Path) -> io::Result<()> {
        if self.seen.iter().any(|(path, seen)| path == directory && matches!(seen, Seen::Names(..)))
        {
            return Ok(());
        }
        let seen = names_of(directory)?;
        self.seen.push((directory.to_owned(), seen));
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            // What we may not list, the command may not either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let found = entry.metadata()?;
            let is_second_name = self.files.contains(&(found.dev(), found.ino()));
            if is_second_name || is_secret(Path::new(&entry.file_name())) {
                self.close(&entry.path())?;
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &Path) -> io::Result<Found> {
        let (seen, found) = look(path)?;
        self.seen.push((path.to_owned(), seen));
        Ok(found)
    }

    /// In order, each once; nothing outside of the roots, which is not there, and nothing inside of a
    /// closed directory, which is closed with it.
    fn tidy(&mut self, asked: Asked<'_>) {
        self.frozen.retain(|path| asked.write.iter().any(|root| path.starts_with(root)));
        let visible =
            |path: &Path| asked.read.iter().chain(asked.write).any(|root| path.starts_with(root));
        self.hidden = self.closed.iter().map(|closed| closed.path.clone()).collect();
        self.closed.retain(|closed| visible(&closed.path));
        self.frozen.sort();
        self.frozen.dedup();
        self.sealed.sort();
        self.sealed.dedup();
        self.closed.sort();
        self.closed.dedup();
        let outer: Vec<PathBuf> =
            self.closed.iter().filter(|c| c.is_directory).map(|c| c.path.clone()).collect();
        let inside = |path: &Path| outer.iter().any(|o| path != o && path.starts_with(o));
        self.closed.retain(|closed| !inside(&closed.path));
        self.frozen.retain(|path| !inside(path) && !outer.contains(path));
    }
}

/// What is at a path.
enum Found {
    Absent,
    File,
    Directory,
    /// With the place that it leads to, where there is one.
    Link(Option<PathBuf>),
}

fn look(path: &Path) -> io::Result<(Seen, Found)> {
    let seen = seen_at(path)?;
    let Seen::Place(_, _, kind) = seen else { return Ok((seen, Found::Absent)) };
    #[allow(clippy::disallowed_methods, reason = "to find what has to be closed beside a link")]
    let real = std::fs::canonicalize(path).ok();
    if real.as_deref() != Some(path) {
        return Ok((seen, Found::Link(real)));
    }
    Ok((seen, if kind == libc::S_IFDIR { Found::Directory } else { Found::File }))
}

fn seen_at(path: &Path) -> io::Result<Seen> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Seen::Place(found.dev(), found.ino(), found.mode() & libc::S_IFMT)),
        Err(error) if is_absence(&error) => Ok(Seen::Absent),
        Err(error) => Err(error),
    }
}

/// The file at which a path ends that goes on.
fn file_above(path: &Path) -> Option<PathBuf> {
    let above = path
        .ancestors()
        .skip(1)
        .find_map(|above| above.symlink_metadata().ok().map(|found| (above, found)));
    above.filter(|(_, found)| found.is_file()).map(|(above, _)| above.to_owned())
}

fn names_of(directory: &Path) -> io::Result<Seen> {
    let found = match directory.symlink_metadata() {
        Ok(found) => found,
        Err(error) if is_absence(&error) => return Ok(Seen::Absent),
        Err(error) => return Err(error),
    };
    Ok(Seen::Names(found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES | libc::ELOOP))
}

/// The existing directories from a root down to the one that a path is in.
fn on_the_way(path: &Path, asked: Asked<'_>) -> Vec<PathBuf> {
    let roots = || asked.read.iter().chain(asked.write);
    let above = path.ancestors().skip(1);
    above
        .take_while(|place| roots().any(|root| place.starts_with(root)))
        .filter(|place| place.symlink_metadata().is_ok_and(|found| found.is_dir()))
        .map(Path::to_owned)
        .collect()
}

fn cannot_see(path: &Path, error: &io::Error) -> SandboxError {
    SandboxError::BadSpec(format!("`{}` cannot be looked at for the cell: {error}", path.display()))
}
