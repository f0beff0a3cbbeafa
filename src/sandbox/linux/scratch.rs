//! The private directory of one command: its home and its temporary files, gone afterwards.
//!
//! The host chooses its name; the supervisor makes it and removes it, so that nothing is left
//! when the host dies. The host looks after it once more for the case that the supervisor died.

use std::fs::{DirBuilder, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::ports::SandboxError;

/// The name of a directory that is not there yet; removed when dropped, if it is there by then.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A fresh name under `parent`.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn new(parent: &Path) -> Result<Self, SandboxError> {
        // The temporary directory may be reached through a link; walls need the real name.
        #[allow(clippy::disallowed_methods, reason = "the system's own temporary directory")]
        let parent = std::fs::canonicalize(parent).map_err(|error| {
            let place = parent.display();
            SandboxError::Helper(format!("no private directory can be made in `{place}`: {error}"))
        })?;
        // A name that others cannot guess, or they could take it first. It names no event and no
        // record, so it does not come from the clock.
        let random = RandomState::new().build_hasher().finish();
        Ok(Self { path: parent.join(format!("bailiwick-cell-{random:016x}")) })
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.path.symlink_metadata().is_ok() {
            remove(&self.path);
        }
    }
}

/// Makes a private directory, which must not be there.
///
/// # Errors
/// When it is there, or cannot be made.
pub fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Removes a private directory although the command may have taken our own permissions away.
pub fn remove(path: &Path) {
    if std::fs::remove_dir_all(path).is_ok() {
        return;
    }
    open_up(path);
    if let Err(error) = std::fs::remove_dir_all(path) {
        let path = path.display();
        tracing::warn!("the private directory `{path}` of a command is left over: {error}");
    }
}

/// Makes every directory below `root` listable and writable for its owner. Errors show up when
/// the directory is then removed.
fn open_up(root: &Path) {
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        drop(std::fs::set_permissions(&directory, Permissions::from_mode(0o700)));
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        let inner = entries.flatten().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
        rest.extend(inner.map(|entry| entry.path()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_and_goes_away_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(parent.path()).unwrap();
        let path = scratch.path().to_owned();
        make(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::set_permissions(path.join("a"), Permissions::from_mode(0o0)).unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_somebody_else_made_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        assert!(make(parent.path()).is_err());
        let names: Vec<_> =
            (0..100).map(|_| Scratch::new(parent.path()).unwrap().path().to_owned()).collect();
        assert!(names.iter().enumerate().all(|(n, name)| !names[..n].contains(name)));
    }

    #[test]
    fn says_where_it_could_not_be_made() {
        let error = Scratch::new(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(error.contains("`/nowhere/at/all`"), "{error}");
    }
}
