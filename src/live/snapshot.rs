//! One look at the directories of all layers.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::contracts::Diagnostic;
use crate::policy::{Layer, Source, SourceKind};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most files of one layer.
const FILES_MAX: usize = 256;
/// How often a directory may change while it is read.
const TRIES: usize = 3;

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
    pub(super) sources: Vec<Source>,
    pub(super) mistakes: Vec<Diagnostic>,
}

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

impl Stamp {
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

/// The signature of `dirs` now. What cannot be looked at counts by why, and is named when it is read.
pub(super) fn signature(dirs: &[LayerDir]) -> Signature {
    Signature(dirs.iter().flat_map(stamps).collect())
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
    for path in names.into_iter().filter(|path| is_rules(dir, path)) {
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

fn stamp(path: &Path, follow: bool) -> Result<Stamp, ErrorKind> {
    let found = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
    found.map(|found| Stamp::of(&found)).map_err(|error| error.kind())
}

/// Reads each of `dirs` as it was at one moment, with the signature of that moment. A directory that
/// keeps changing is a mistake of its own and of no other.
pub(super) fn read(dirs: &[LayerDir]) -> (Vec<Snapshot>, Signature) {
    let (mut snapshots, mut signature) = (Vec::new(), Signature::default());
    for dir in dirs {
        let (snapshot, stamps) = read_still(dir);
        snapshots.push(snapshot);
        signature.0.extend(stamps);
    }
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
    (Snapshot { sources: Vec::new(), mistakes }, Vec::new())
}

fn read_dir(dir: &LayerDir) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let names = match home_of(dir).and_then(|found| found.map(|_| names(&dir.path)).transpose()) {
        Ok(Some(names)) => names,
        Ok(None) => return snapshot,
        Err(error) => {
            let message = format!("cannot read the directory: {error}");
            snapshot.mistakes.push(mistake(&dir.shown, "unreadable", &message));
            return snapshot;
        }
    };
    for path in names {
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
            Ok(bytes) => {
                source.bytes = bytes;
                snapshot.sources.push(source);
            }
            Err(error) => {
                snapshot.mistakes.push(mistake(&source.path, "unreadable", &error.to_string()));
            }
        }
    }
    if dir.layer == Layer::Workspace && snapshot == Snapshot::default() {
        let message = "the directory has no rules: that would decide nothing";
        let help = "remove the directory to use the built-in rules, or write one";
        snapshot.mistakes.push(mistake(&dir.shown, "zero-rules", message).suggest(help));
    }
    snapshot
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
    let mut names = entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
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
