//! Which directory is the workspace.

use std::path::{Path, PathBuf};

use super::{WorkspaceError, file};
use crate::config::DEFAULT_FILE;

/// A workspace's root, absolute and with symlinks resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The directory.
    pub root: PathBuf,
    /// Whether it has a configuration file.
    pub has_config: bool,
    /// Directories above `cwd` whose configuration belongs to somebody else.
    pub passed_over: Vec<PathBuf>,
}

/// The workspace `explicit`, else the nearest directory from `cwd` upwards that has a
/// configuration file, else `cwd`. Above `cwd`, a file that belongs to another user does not count:
/// anybody can put one into `/tmp`.
///
/// # Errors
/// When the directory does not exist, or a directory cannot be looked into.
pub fn locate(cwd: &Path, explicit: Option<&Path>) -> Result<Located, WorkspaceError> {
    if let Some(explicit) = explicit {
        let root = resolve(&cwd.join(explicit))?;
        let has_config = config_of(&root)?.is_some();
        return Ok(Located { root, has_config, passed_over: Vec::new() });
    }
    let start = resolve(cwd)?;
    let mut passed_over = Vec::new();
    for root in start.ancestors() {
        let Some(metadata) = config_of(root)? else { continue };
        if root == start || is_own(&metadata) {
            return Ok(Located { root: root.to_owned(), has_config: true, passed_over });
        }
        passed_over.push(root.to_owned());
    }
    Ok(Located { root: start, has_config: false, passed_over })
}

#[allow(
    clippy::disallowed_methods,
    reason = "the root is resolved once, before anything is decided on it"
)]
fn resolve(path: &Path) -> Result<PathBuf, WorkspaceError> {
    let fail = |source| WorkspaceError::NoDirectory { path: path.to_owned(), source };
    let root = std::fs::canonicalize(path).map_err(fail)?;
    if std::fs::metadata(&root).map_err(fail)?.is_dir() {
        return Ok(root);
    }
    Err(fail(std::io::Error::other("it is not a directory")))
}

fn config_of(root: &Path) -> Result<Option<std::fs::Metadata>, WorkspaceError> {
    let path = root.join(DEFAULT_FILE);
    match file::look(&path) {
        Ok(found) => Ok(found),
        // A directory above that one may not look into is not one's workspace.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        Err(source) => Err(WorkspaceError::Read { path, source }),
    }
}

#[cfg(unix)]
pub(super) fn is_own(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() == rustix::process::geteuid().as_raw() || metadata.uid() == 0
}

#[cfg(not(unix))]
pub(super) fn is_own(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests name their own directories")]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_directory_with_a_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let deep = top.join("a/b/c");
        std::fs::create_dir_all(&deep).unwrap();
        let none = locate(&deep, None).unwrap();
        assert_eq!((none.root.as_path(), none.has_config), (deep.as_path(), false));
        for root in [top.clone(), top.join("a")] {
            std::fs::create_dir_all(root.join("config")).unwrap();
            std::fs::write(root.join(DEFAULT_FILE), "").unwrap();
            let found = locate(&deep, None).unwrap();
            assert_eq!((found.root, found.has_config), (root, true));
        }
        let explicit = locate(&deep, Some(Path::new(".."))).unwrap();
        assert_eq!((explicit.root, explicit.has_config), (top.join("a/b"), false));
    }

    #[test]
    fn an_explicit_workspace_must_be_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        for name in ["none", "file"] {
            let error = locate(dir.path(), Some(Path::new(name))).unwrap_err();
            assert!(matches!(error, WorkspaceError::NoDirectory { .. }), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_configuration_above_that_belongs_to_another_user_does_not_count() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can give a file away");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (config, below) = (dir.path().join("config"), dir.path().join("below"));
        std::fs::create_dir(&config).unwrap();
        std::fs::create_dir(&below).unwrap();
        std::fs::write(dir.path().join(DEFAULT_FILE), "").unwrap();
        std::os::unix::fs::chown(dir.path().join(DEFAULT_FILE), Some(12_345), None).unwrap();
        let found = locate(&below, None).unwrap();
        assert!(found.root.ends_with("below") && found.passed_over.len() == 1, "{found:?}");
        assert!(locate(dir.path(), None).unwrap().has_config);
    }
}
