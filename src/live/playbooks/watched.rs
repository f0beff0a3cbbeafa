//! The playbooks of a workspace, kept up with their files.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::{Catalogue, DIRECTORY, Entry, FindError, files};
use crate::contracts::{Diagnostic, Severity};
use crate::playbook::LintLimits;
use crate::ports::Vocabulary;

/// How often files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Most files and directories that are looked at.
const LOOKED_AT_MAX: usize = 4_000;

/// Deepest directory of fragments that is looked at.
const DEPTH_MAX: usize = 8;

/// The playbooks as they are now. Shared between threads; [`LivePlaybooks::current`] looks whether a
/// file changed, at most every 200 ms.
#[derive(Debug)]
pub struct LivePlaybooks {
    root: PathBuf,
    current: ArcSwap<Catalogue>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    vocabulary: Vocabulary,
    limits: LintLimits,
    looked: Instant,
    fingerprint: Fingerprint,
    /// Why the directory could not be listed the last time.
    unlisted: Option<Diagnostic>,
}

/// What is known of every file without reading it.
type Fingerprint = BTreeMap<PathBuf, Result<Stamp, io::ErrorKind>>;

/// Device, inode, size and times: an edit changes one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp([i128; 6]);

impl Stamp {
    fn of(found: &Metadata) -> Self {
        let moment =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self([
            found.dev().into(),
            found.ino().into(),
            found.size().into(),
            found.mode().into(),
            moment(found.mtime(), found.mtime_nsec()),
            moment(found.ctime(), found.ctime_nsec()),
        ])
    }
}

impl LivePlaybooks {
    /// Reads the playbooks below `root`. Files with mistakes are no failure.
    ///
    /// # Errors
    /// When the directory is there and cannot be listed.
    pub fn open(
        root: &Path,
        vocabulary: Vocabulary,
        limits: LintLimits,
    ) -> Result<Self, FindError> {
        // Before reading: what changes while it is read is seen at the next look.
        let fingerprint = fingerprint(&root.join(DIRECTORY));
        let catalogue = Catalogue::read(root, &vocabulary, &limits)?;
        Ok(Self {
            root: root.to_owned(),
            current: ArcSwap::from_pointee(catalogue),
            state: Mutex::new(State {
                vocabulary,
                limits,
                looked: Instant::now(),
                fingerprint,
                unlisted: None,
            }),
        })
    }

    /// The playbooks now: an edit without mistakes counts, and one with mistakes leaves the last good
    /// version in its place. Blocks while files are read.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        let mut state = self.lock();
        if state.looked.elapsed() >= LOOK_EVERY {
            self.look(&mut state);
        }
        drop(state);
        self.current.load_full()
    }

    /// The playbooks now, with `name` among them if somebody wrote it a moment ago: what is not known is
    /// looked for at once.
    #[must_use]
    pub fn current_with(&self, name: &str) -> Arc<Catalogue> {
        let known = self.current();
        match known.find(name) {
            Err(FindError::Unknown { .. }) => self.reread(),
            _ => known,
        }
    }

    /// Looks at the files at once.
    #[must_use]
    pub fn reread(&self) -> Arc<Catalogue> {
        self.look(&mut self.lock());
        self.current.load_full()
    }

    /// Judges the playbooks by other limits from now on.
    pub fn set_limits(&self, limits: LintLimits) {
        let mut state = self.lock();
        state.limits = limits;
        // No files are these: the next look reads them.
        state.fingerprint = Fingerprint::new();
        self.look(&mut state);
    }

    /// Judges the playbooks by other tools from now on.
    pub fn set_vocabulary(&self, vocabulary: Vocabulary) {
        let mut state = self.lock();
        state.vocabulary = vocabulary;
        // As with other limits.
        state.fingerprint = Fingerprint::new();
        self.look(&mut state);
    }

    /// What is wrong with the files as they are now; warnings are not among them.
    #[must_use]
    pub fn errors(&self) -> Vec<Diagnostic> {
        let catalogue = self.current();
        let unlisted = self.lock().unlisted.clone();
        let all = catalogue.entries.iter().flat_map(|entry| entry.diagnostics.iter().cloned());
        unlisted.into_iter().chain(all).filter(|one| one.severity == Severity::Error).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left is whole: it is replaced field by field, and looked at again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, state: &mut State) {
        let now = fingerprint(&self.root.join(DIRECTORY));
        if now != state.fingerprint || state.unlisted.is_some() {
            match Catalogue::read(&self.root, &state.vocabulary, &state.limits) {
                Ok(mut catalogue) => {
                    let before = self.current.load();
                    keep_good(&mut catalogue, &before.entries, &state.limits);
                    catalogue.entries.iter().for_each(|entry| tell(entry, &before.entries));
                    self.current.store(Arc::new(catalogue));
                    state.fingerprint = now;
                    state.unlisted = None;
                }
                // What was read last stays.
                Err(error) => {
                    let (what, why) = ("unreadable", error.to_string());
                    state.unlisted = Some(Diagnostic::error(what, why, DIRECTORY, 1, 1));
                }
            }
        }
        state.looked = Instant::now();
    }
}

/// Says what became of an edit, for whoever reads the log: once, however often it is looked at.
fn tell(entry: &Entry, before: &[Entry]) {
    let old = before.iter().find(|old| old.path == entry.path);
    let mistake = |entry: &Entry| {
        entry.diagnostics.iter().find(|one| one.severity == Severity::Error).cloned()
    };
    let (path, now, then) = (&entry.path, mistake(entry), old.and_then(mistake));
    match now {
        Some(now) if then.as_ref() != Some(&now) => {
            let Diagnostic { line, message, .. } = now;
            let stays = if entry.stale { "; its last good version stays" } else { "" };
            tracing::warn!("playbooks: {path}:{line}: {message}{stays}");
        }
        None if then.is_some() || old.is_none_or(|old| old.source != entry.source) => {
            tracing::info!("playbooks: an edit of {path} is in force");
        }
        _ => {}
    }
}

/// Puts the last good version of each broken file in its place, with the mistakes of the edit.
fn keep_good(catalogue: &mut Catalogue, before: &[Entry], limits: &LintLimits) {
    for entry in catalogue.entries.iter_mut().filter(|entry| entry.playbook.is_none()) {
        let same = |old: &&Entry| old.path == entry.path && old.playbook.is_some();
        let Some(old) = before.iter().find(same) else { continue };
        let diagnostics = std::mem::take(&mut entry.diagnostics);
        *entry = Entry { diagnostics, stale: true, ..old.clone() };
        let (path, text) = (entry.path.clone(), entry.source.clone());
        catalogue.shelf.replace(super::Volume::new(path, text, limits));
    }
}

/// What is known of the files in `directory` and below it. A link counts by itself and by what it leads
/// to; linked directories are not gone into.
fn fingerprint(directory: &Path) -> Fingerprint {
    let mut stamps = Fingerprint::new();
    let mut open = vec![(directory.to_owned(), 0)];
    while let Some((path, depth)) = open.pop() {
        let stamp = |found: io::Result<Metadata>| {
            found.map(|found| Stamp::of(&found)).map_err(|error| error.kind())
        };
        let found = fs::symlink_metadata(&path);
        let is_dir = found.as_ref().is_ok_and(Metadata::is_dir);
        let is_link = found.as_ref().is_ok_and(Metadata::is_symlink);
        stamps.insert(path.clone(), stamp(found));
        if is_link {
            // A name that no file has, for what the link leads to.
            stamps.insert(path.join("->"), stamp(fs::metadata(&path)));
        }
        if (is_dir || path == directory) && depth < DEPTH_MAX {
            let inside = below(&path).into_iter().map(|path| (path, depth + 1));
            open.extend(inside.take(LOOKED_AT_MAX.saturating_sub(stamps.len() + open.len())));
        }
    }
    stamps
}

/// The directories and YAML files in `directory`; none when it cannot be listed, which its stamp or
/// reading it tells.
fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = list
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let yaml = name.to_str().is_some_and(files::is_yaml);
            yaml || entry.file_type().is_ok_and(|kind| kind.is_dir())
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
#[path = "watched_tests.rs"]
mod tests;
