//! Whose state it is: a journal holds approvals, roots and inputs that a later process acts on, so
//! that one which came with a clone must not count.
//!
//! The state directory carries a mark made with a key in the user's own directory. A repository cannot
//! make that mark. Where there is no user's directory, there is no key, and nothing can be told.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::contracts::Hash;

const KEY_FILE: &str = "state.key";
const MARK_FILE: &str = "owner";
const DOMAIN: &[u8] = b"bailiwick.owner.v1";
const KEY_BYTES: usize = 32;
/// Longest mark that is read, in bytes.
const MARK_BYTES_MAX: u64 = 256;

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This user's program made it.
    Us,
    /// There is none yet.
    Nobody,
    /// It came from somewhere else, with what shows that.
    SomebodyElse(String),
}

/// Why a state directory could not be looked at or marked.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {source}", path.display())]
pub struct OwnershipError {
    path: PathBuf,
    source: std::io::Error,
}

/// Whose state is in `state_dir`. Changes nothing.
///
/// # Errors
/// When something that is there cannot be read.
pub fn owner(state_dir: &Path, user_dir: Option<&Path>) -> Result<Owner, OwnershipError> {
    let other = |why: &str| Ok(Owner::SomebodyElse(why.to_owned()));
    match std::fs::symlink_metadata(state_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Owner::Nobody),
        Err(source) => return Err(failed(state_dir, source)),
        Ok(found) if !found.is_dir() => return other("it is no directory"),
        Ok(_) => {}
    }
    let mark_path = state_dir.join(MARK_FILE);
    let mark = read(&mark_path, MARK_BYTES_MAX)?;
    let key = match user_dir {
        Some(dir) => read(&dir.join(KEY_FILE), KEY_BYTES as u64)?,
        None => None,
    };
    match (mark, key) {
        (None, _) if is_empty(state_dir)? => Ok(Owner::Nobody),
        (None, _) if user_dir.is_none() => Ok(Owner::Us),
        (None, _) => other("it carries no mark of yours"),
        (Some(mark), Some(key)) if holds(&mark, &key) => Ok(Owner::Us),
        (Some(_), _) if user_dir.is_none() => other("neither HOME nor XDG_CONFIG_HOME is set"),
        (Some(_), _) => other("its mark is not yours"),
    }
}

/// Makes `state_dir` and marks it as this user's. `fresh` is random; it becomes the user's key where
/// there is none yet, and the mark's own number.
///
/// # Errors
/// When a directory or a file cannot be made.
pub fn claim(
    state_dir: &Path,
    user_dir: Option<&Path>,
    fresh: ([u8; KEY_BYTES], [u8; KEY_BYTES]),
) -> Result<(), OwnershipError> {
    let Some(user_dir) = user_dir else { return make_private(state_dir) };
    make_private(user_dir)?;
    let key_path = user_dir.join(KEY_FILE);
    write_new(&key_path, &fresh.0)?;
    let key = read(&key_path, KEY_BYTES as u64)?.unwrap_or_default();
    let number = Hash::from_bytes(fresh.1).to_string();
    let mark = format!("{number} {}\n", mac(&key, &number));
    // Made elsewhere and moved in place whole: nobody sees a state directory without its mark.
    let parent = state_dir.parent().unwrap_or(state_dir);
    let made = tempfile::Builder::new()
        .prefix(".bailiwick-")
        .tempdir_in(parent)
        .map_err(|source| failed(parent, source))?;
    write_new(&made.path().join(MARK_FILE), mark.as_bytes())?;
    match std::fs::rename(made.path(), state_dir) {
        // Somebody was first.
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        Err(source) => Err(failed(state_dir, source)),
        Ok(()) => Ok(()),
    }
}

fn holds(mark: &[u8], key: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(mark) else { return false };
    let Some((number, given)) = text.trim_end().split_once(' ') else { return false };
    key.len() == KEY_BYTES && given.parse() == Ok(mac(key, number))
}

fn mac(key: &[u8], number: &str) -> Hash {
    let mut whole = [0; KEY_BYTES];
    whole.iter_mut().zip(key).for_each(|(byte, given)| *byte = *given);
    let mut hasher = blake3::Hasher::new_keyed(&whole);
    hasher.update(DOMAIN);
    hasher.update(number.as_bytes());
    Hash::from_bytes(*hasher.finalize().as_bytes())
}

fn is_empty(dir: &Path) -> Result<bool, OwnershipError> {
    let mut entries = std::fs::read_dir(dir).map_err(|source| failed(dir, source))?;
    Ok(entries.next().is_none())
}

/// The content of a plain file, if it is there. A link is not followed.
fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, OwnershipError> {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(path, source)),
    };
    let mut content = Vec::new();
    file.take(bytes_max).read_to_end(&mut content).map_err(|source| failed(path, source))?;
    Ok(Some(content))
}

fn make_private(dir: &Path) -> Result<(), OwnershipError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| failed(dir, source))
}

/// Writes a file that only this user can read, unless it is there: somebody was first.
fn write_new(path: &Path, content: &[u8]) -> Result<(), OwnershipError> {
    let dir = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|source| failed(dir, source))?;
    let written = file.write_all(content).and_then(|()| file.as_file().sync_all());
    written.map_err(|source| failed(path, source))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path, error.error)),
    }
}

fn failed(path: &Path, source: std::io::Error) -> OwnershipError {
    OwnershipError { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: ([u8; 32], [u8; 32]) = ([1; 32], [2; 32]);

    #[test]
    fn state_counts_for_who_made_it_and_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let (state, ours) = (dir.path().join("state"), dir.path().join("ours"));
        assert_eq!(owner(&state, Some(&ours)).unwrap(), Owner::Nobody);
        claim(&state, Some(&ours), FRESH).unwrap();
        std::fs::write(state.join("store.db"), "x").unwrap();
        assert_eq!(owner(&state, Some(&ours)).unwrap(), Owner::Us);
        let theirs = dir.path().join("theirs");
        claim(&dir.path().join("other"), Some(&theirs), ([3; 32], [4; 32])).unwrap();
        let seen = owner(&state, Some(&theirs)).unwrap();
        assert!(matches!(seen, Owner::SomebodyElse(_)), "{seen:?}");
        assert!(matches!(owner(&state, None).unwrap(), Owner::SomebodyElse(_)));
    }

    #[test]
    fn state_without_a_mark_or_behind_a_link_is_somebody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let (state, ours) = (dir.path().join("state"), dir.path().join("ours"));
        std::fs::create_dir_all(state.join("policy")).unwrap();
        assert!(matches!(owner(&state, Some(&ours)).unwrap(), Owner::SomebodyElse(_)));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&state, &link).unwrap();
        assert!(matches!(owner(&link, Some(&ours)).unwrap(), Owner::SomebodyElse(_)));
        std::fs::write(state.join(MARK_FILE), "0 0\n").unwrap();
        claim(&dir.path().join("own"), Some(&ours), FRESH).unwrap();
        assert!(matches!(owner(&state, Some(&ours)).unwrap(), Owner::SomebodyElse(_)));
    }

    #[test]
    fn two_claims_at_once_agree_on_one_mark() {
        let dir = tempfile::tempdir().unwrap();
        let (state, ours) = (dir.path().join("state"), dir.path().join("ours"));
        claim(&state, Some(&ours), FRESH).unwrap();
        claim(&state, Some(&ours), ([5; 32], [6; 32])).unwrap();
        assert_eq!(owner(&state, Some(&ours)).unwrap(), Owner::Us);
    }
}
