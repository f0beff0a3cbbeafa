//! Reading files of playbooks and fragments: regular ones, of a bounded size, in their place.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::Errno;

use super::FindError;

/// Most files that are read.
const FILES_MAX: usize = 1_000;

/// The names of the YAML files in `directory`, sorted; none when there is no such directory.
pub(super) fn names(directory: &Path) -> Result<Vec<String>, FindError> {
    let fail = |source| FindError::List { path: directory.to_owned(), source };
    let list = match fs::read_dir(directory) {
        Ok(list) => list,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut names = Vec::new();
    for entry in list {
        let name = entry.map_err(fail)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_yaml(name) && names.len() < FILES_MAX {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a file of this name is read.
pub(super) fn is_yaml(name: &str) -> bool {
    (name.ends_with(".yaml") || name.ends_with(".yml")) && !name.starts_with('.')
}

/// The text of a regular file of at most `bytes_max` bytes. Anything else at the path, such as a
/// pipe that would never end, is refused before it is opened.
pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("cannot be read: it is no regular file".to_owned());
    }
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    content(file, bytes_max)
}

fn content(file: File, bytes_max: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(format!("the file has more than {bytes_max} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("the file is no UTF-8 text: byte {} is wrong", at + 1)
    })
}

/// The text of the playbook `name` in `directory`. It is no link: who may write into the directory
/// only could name any file of this user, and have its content shown as what is wrong with it.
pub(super) fn listed(directory: &Path, name: &str, bytes_max: u64) -> Result<String, String> {
    fragment(directory, name, bytes_max)
}

/// The text of the fragment at `path` below `directory`. Goes down name by name and follows no link, so
/// that nothing outside can be reached, whatever changes meanwhile.
pub(super) fn fragment(directory: &Path, path: &str, bytes_max: u64) -> Result<String, String> {
    let part = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    };
    let parts: Option<Vec<_>> = Path::new(path).components().map(part).collect();
    let Some((name, above)) = parts.as_ref().and_then(|parts| parts.split_last()) else {
        return Err("its path leads out of `playbooks/`".to_owned());
    };
    let down = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut place = open(directory, down, Mode::empty()).map_err(why)?;
    for name in above {
        place = openat(&place, name, down | OFlags::NOFOLLOW, Mode::empty()).map_err(why)?;
    }
    // A pipe that nobody writes to would be waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(&place, name, flags, Mode::empty()).map_err(why)?);
    let about = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("it is no regular file".to_owned());
    }
    content(file, bytes_max)
}

fn why(error: Errno) -> String {
    match error {
        Errno::NOENT => "there is no such file".to_owned(),
        Errno::LOOP | Errno::NOTDIR => "its path has a link, or a file for a directory".to_owned(),
        error => format!("cannot be read: {}", io::Error::from(error)),
    }
}
