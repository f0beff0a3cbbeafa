//! The files of knowledge in a folder: which count, and what they hold.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::contracts::{Area, Hash};

/// Largest file, in bytes, and most files of an area.
const FILE_BYTES_MAX: u64 = 1 << 20;
const FILES_MAX: usize = 10_000;

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnowledgeFile {
    /// As records name it: `memory/<area>/<name>`.
    pub name: String,
    pub area: Area,
    pub path: PathBuf,
}

/// What the files looked like, so that nothing is read when nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesMark(Hash);

/// The files of all areas in `dir`, in their order, and a mark of how they look. What cannot be read is told in
/// `problems`.
pub(super) fn files(dir: &Path, problems: &mut Vec<String>) -> (Vec<KnowledgeFile>, FilesMark) {
    let (mut found, mut looks) = (Vec::new(), String::new());
    for area in Area::ALL {
        let folder = dir.join(area.name());
        match fs::symlink_metadata(&folder) {
            Ok(about) if about.is_dir() => list(&folder, area, &mut found, problems),
            Ok(_) => {
                problems.push(format!("`{}` is no directory, and is not read", folder.display()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("`{}` cannot be read: {error}", folder.display())),
        }
    }
    for file in &found {
        let about = fs::symlink_metadata(&file.path);
        let about = about.map(|it| (it.ino(), it.len(), it.mtime(), it.mtime_nsec()));
        looks.push_str(&format!("{} {:?}\n", file.name, about.ok()));
    }
    let looks = format!("{looks}{problems:?}");
    (found, FilesMark(Hash::of(looks.as_bytes())))
}

fn list(folder: &Path, area: Area, found: &mut Vec<KnowledgeFile>, problems: &mut Vec<String>) {
    let listed = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(format!("`{}` cannot be listed: {error}", folder.display()));
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut count = 0;
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        let Some(name) = name.to_str() else { continue };
        if name.starts_with('.') || name == "README.md" || !name.ends_with(".md") {
            continue;
        }
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            problems.push(format!("`{}` is no regular file, and is not read", path.display()));
            continue;
        }
        count += 1;
        if count > FILES_MAX {
            let shown = folder.display();
            problems
                .push(format!("`{shown}` has more than {FILES_MAX} files; the rest is not read"));
            return;
        }
        let name = format!("memory/{}/{name}", area.name());
        found.push(KnowledgeFile { name, area, path });
    }
}

/// What a file holds. A link in its place is not followed, and a pipe not waited for.
pub(super) fn content(file: &KnowledgeFile) -> Result<String, String> {
    let name = &file.name;
    let unread = |error: std::io::Error| format!("`{name}` cannot be read: {error}");
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened: File =
        OpenOptions::new().read(true).custom_flags(flags).open(&file.path).map_err(unread)?;
    if !opened.metadata().map_err(unread)?.is_file() {
        return Err(format!("`{name}` is no regular file, and is not read"));
    }
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("`{name}` has more than {FILE_BYTES_MAX} bytes: split it"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        format!("`{name}` is not UTF-8, from byte {place}")
    })
}
