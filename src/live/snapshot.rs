//! One look at the directories of all layers.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::layers::Signing;
use super::signed::signer;
use crate::contracts::Diagnostic;
use crate::policy::{Layer, MANIFEST_FILE, Source, SourceKind, TrustedKey};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most files of one layer.
const FILES_MAX: usize = 256;
/// Most bytes of all files of one layer.
const LAYER_BYTES_MAX: usize = 16 << 20;
/// Most entries of a directory, files that are no rules included.
const ENTRIES_MAX: usize = 4_096;
/// How often a directory may change while it is read.
const TRIES: usize = 3;
/// A file that changed so shortly before it was read can change again and bear the same stamp: the
/// system's clock for files ticks every few milliseconds.
const TICK: Duration = Duration::from_millis(20);
/// The same of file systems that keep whole seconds.
const COARSE_TICK: Duration = Duration::from_secs(2);

/// A directory of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerDir {
    pub(super) layer: Layer,
    pub(super) path: PathBuf,
    /// What people call it, with a slash at the end.
    pub(super) shown: String,
}

/// What a directory held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Rules, scripts and tests.
    pub(super) sources: Vec<Source>,
    pub(super) mistakes: Vec<Diagnostic>,
    /// The signed list of its files.
    pub(super) manifest: ManifestFile,
    /// Whether there is a directory.
    pub(super) there: bool,
}

/// The text of a manifest, or why it cannot be read.
pub(super) type ManifestFile = Option<Result<Vec<u8>, String>>;

/// Tells whether anything changed without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signature(Stamps);

/// Each file's stamp, or why it has none.
type Stamps = Vec<(PathBuf, Result<Stamp, ErrorKind>)>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Signature {
    /// Whether all files were still when this was taken at `now`: else they may be others than those
    /// that were read and look the same.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let stamps = self.0.iter().filter_map(|(_, stamp)| stamp.as_ref().ok());
        stamps.into_iter().all(|stamp| stamp.is_settled(now))
    }
}

impl Stamp {
    /// Times that lie ahead come from another machine's clock and tell nothing.
    fn is_settled(&self, now: SystemTime) -> bool {
        let (seconds, nanos) = self.changed;
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else {
            return true;
        };
        let tick = if nanos == 0 { COARSE_TICK } else { TICK };
        let changed = UNIX_EPOCH.checked_add(Duration::new(seconds, nanos));
        changed.and_then(|at| now.duration_since(at).ok()).is_none_or(|ago| ago > tick)
    }

    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The signature of `dirs` now, and of the files `beside` them that change what is in force. What cannot be looked at counts by why, and is named when it is read.
pub(super) fn signature(dirs: &[LayerDir], signing: &Signing, beside: &[PathBuf]) -> Signature {
    let mut stamps: Stamps = dirs.iter().flat_map(stamps).collect();
    stamps.extend(key_stamps(signing));
    stamps.extend(stamps_of(beside));
    Signature(stamps)
}

/// Keys that are trusted or no longer so change what is in force as the rules do.
fn key_stamps(signing: &Signing) -> Stamps {
    let files =
        signing.dirs.iter().flat_map(|dir| [Signing::KEYS, Signing::DEMAND].map(|it| dir.join(it)));
    files.map(|path| (path.clone(), stamp(&path, true))).collect()
}

fn stamps_of(files: &[PathBuf]) -> impl Iterator<Item = (PathBuf, Result<Stamp, ErrorKind>)> {
    files.iter().map(|path| (path.clone(), stamp(path, false)))
}

/// Stamps of a directory and of its files of rules: nothing else in it is of interest. A link and what
/// it leads to can both change; in a workspace nobody's link is followed, not even to look.
fn stamps(dir: &LayerDir) -> Stamps {
    let follow = dir.layer != Layer::Workspace;
    let mut stamps = vec![(dir.path.clone(), stamp(&dir.path, follow))];
    let names = names(&dir.path).unwrap_or_else(|error| {
        stamps.push((dir.path.clone(), Err(error.kind())));
        Vec::new()
    });
    for path in names.into_iter().filter(|path| is_rules(dir, path) || is_manifest(path)) {
        stamps.push((path.clone(), stamp(&path, false)));
        if follow {
            stamps.push((path.clone(), stamp(&path, true)));
        }
    }
    stamps
}

fn is_rules(dir: &LayerDir, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { layer: dir.layer, path: name, bytes: Vec::new() };
    source.kind() != SourceKind::Other
}

fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MANIFEST_FILE)
}

fn stamp(path: &Path, follow: bool) -> Result<Stamp, ErrorKind> {
    let found = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
    found.map(|found| Stamp::of(&found)).map_err(|error| error.kind())
}

/// Reads each of `dirs` as it was at one moment, with the signature of that moment. A directory that
/// keeps changing is a mistake of its own and of no other.
pub(super) fn read(
    dirs: &[LayerDir],
    signing: &Signing,
    beside: &[PathBuf],
) -> (Vec<Snapshot>, Signature) {
    // Before the keys are read: a change behind this is seen by the next look.
    let mut keys = key_stamps(signing);
    keys.extend(stamps_of(beside));
    let (mut snapshots, mut signature) = (Vec::new(), Signature::default());
    for dir in dirs {
        let (snapshot, stamps) = read_still(dir);
        snapshots.push(snapshot);
        signature.0.extend(stamps);
    }
    signature.0.extend(keys);
    (snapshots, signature)
}

fn read_still(dir: &LayerDir) -> (Snapshot, Stamps) {
    let mut before = stamps(dir);
    for _ in 0..TRIES {
        let snapshot = read_dir(dir);
        let after = stamps(dir);
        if before == after {
            return (snapshot, after);
        }
        before = after;
    }
    let message = "the directory keeps changing while it is read";
    let mistakes = vec![mistake(&dir.shown, "changing", message)];
    // No stamps differ from any: the next look reads again.
    (Snapshot { mistakes, there: true, ..Snapshot::default() }, Vec::new())
}

fn read_dir(dir: &LayerDir) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let names = match home_of(dir).and_then(|found| found.map(|_| names(&dir.path)).transpose()) {
        Ok(Some(names)) => names,
        Ok(None) => return snapshot,
        Err(error) => {
            let message = format!("cannot read the directory: {error}");
            snapshot.mistakes.push(mistake(&dir.shown, "unreadable", &message));
            snapshot.there = true;
            return snapshot;
        }
    };
    snapshot.there = true;
    read_files(dir, names, &mut snapshot);
    if dir.layer == Layer::Workspace && snapshot.sources.is_empty() && snapshot.mistakes.is_empty()
    {
        let message = "the directory has no rules: that would decide nothing";
        let help = "remove the directory to use the built-in rules, or write one";
        snapshot.mistakes.push(mistake(&dir.shown, "zero-rules", message).suggest(help));
    }
    snapshot
}

fn read_files(dir: &LayerDir, names: Vec<PathBuf>, snapshot: &mut Snapshot) {
    let mut bytes_left = LAYER_BYTES_MAX;
    for path in names {
        if is_manifest(&path) {
            let read = read_file(&dir.path, &path).map_err(|error| error.to_string());
            snapshot.manifest = Some(read);
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{}{name}", dir.shown);
        let mut source = Source { layer: dir.layer, path: shown, bytes: Vec::new() };
        if source.kind() == SourceKind::Other {
            continue;
        }
        if snapshot.sources.len() >= FILES_MAX {
            let message = format!("more than {FILES_MAX} files of rules");
            snapshot.mistakes.push(mistake(&dir.shown, "too-many-files", &message));
            break;
        }
        match read_file(&dir.path, &path) {
            Ok(bytes) if bytes.len() > bytes_left => {
                let message = format!("more than {LAYER_BYTES_MAX} bytes of rules");
                snapshot.mistakes.push(mistake(&dir.shown, "too-many-bytes", &message));
                break;
            }
            Ok(bytes) => {
                bytes_left -= bytes.len();
                source.bytes = bytes;
                snapshot.sources.push(source);
            }
            Err(error) => {
                snapshot.mistakes.push(mistake(&source.path, "unreadable", &error.to_string()));
            }
        }
    }
}

/// Whose signature a directory carries, by the keys that are trusted, and how many files it is about.
///
/// # Errors
/// Every way in which it does not hold.
pub fn read_signed(
    path: &Path,
    shown: &str,
    signing: &Signing,
) -> Result<(TrustedKey, usize), Vec<Diagnostic>> {
    let shown = format!("{}/", shown.trim_end_matches('/'));
    let dir = LayerDir { layer: Layer::Workspace, path: path.to_owned(), shown };
    let snapshot = read_dir(&dir);
    if !snapshot.mistakes.is_empty() {
        return Err(snapshot.mistakes);
    }
    let key = signer(signing, &snapshot.sources, &snapshot.manifest, &dir.shown)?;
    Ok((key, snapshot.sources.len()))
}

/// The rules in a directory, or in one file, named as the user named it: to check them before they
/// are in force.
#[must_use]
pub fn read_rules(path: &Path, shown: &str) -> (Vec<Source>, Vec<Diagnostic>) {
    if path.is_dir() {
        let shown = format!("{}/", shown.trim_end_matches('/'));
        let dir = LayerDir { layer: Layer::Workspace, path: path.to_owned(), shown };
        let snapshot = read_dir(&dir);
        return (snapshot.sources, snapshot.mistakes);
    }
    let source = Source { layer: Layer::Workspace, path: shown.to_owned(), bytes: Vec::new() };
    if source.kind() == SourceKind::Other && path.exists() {
        let message = "this is no file of rules: they end in `.yaml` or `.rhai`";
        return (Vec::new(), vec![mistake(shown, "not-rules", message)]);
    }
    match read_file(path.parent().unwrap_or(path), path) {
        Ok(bytes) => (vec![Source { bytes, ..source }], Vec::new()),
        Err(error) => (Vec::new(), vec![mistake(shown, "unreadable", &error.to_string())]),
    }
}

/// Which directory it is, if it is one that rules may be read from.
pub(super) fn directory(dir: &LayerDir) -> Option<(u64, u64)> {
    home_of(dir).ok()??;
    fs::metadata(&dir.path).ok().map(|found| (found.dev(), found.ino()))
}

/// Whether the directory is there. That of a workspace must be itself: through a link, rules could
/// be read from where a tool may write.
fn home_of(dir: &LayerDir) -> io::Result<Option<()>> {
    let found = match fs::symlink_metadata(&dir.path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if dir.layer == Layer::Workspace && found.is_symlink() {
        return Err(io::Error::other("it is a symlink, through which a tool could change rules"));
    }
    if !fs::metadata(&dir.path)?.is_dir() {
        return Err(io::Error::other("it is no directory"));
    }
    Ok(Some(()))
}

/// The entries of a directory, sorted; none where there is no directory.
fn names(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        if names.len() >= ENTRIES_MAX {
            return Err(io::Error::other(format!("it has more than {ENTRIES_MAX} entries")));
        }
        names.push(entry?.path());
    }
    names.sort();
    Ok(names)
}

fn read_file(dir: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let (home, real) = (real(dir)?, real(path)?);
    if !real.starts_with(&home) {
        let message = format!("it is a symlink out of the directory, to `{}`", real.display());
        return Err(io::Error::other(message));
    }
    // Before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(&real)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(&real)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

#[allow(
    clippy::disallowed_methods,
    reason = "no tool can write where rules are read from, so nothing changes between look and use"
)]
fn real(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

pub(super) fn mistake(file: &str, code: &str, message: &str) -> Diagnostic {
    Diagnostic::error(code, message, file, 1, 1)
}
