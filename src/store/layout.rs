//! Where things lie in the state directory, and how its files are opened: owned by one user, never
//! through a symbolic link that a cloned repository could have brought along.

use std::fs::{DirBuilder, OpenOptions};
use std::path::{Path, PathBuf};

use super::error::{PathContext, StoreError};

/// The files of one state directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub dir: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.join("store.db")
    }

    pub(super) fn heads(&self) -> PathBuf {
        self.dir.join("heads.log")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// Makes the state directory, or takes over one that is there, for this user alone.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        make_private_dir(&self.dir)?;
        refuse_symlink(&self.database())
    }
}

/// Makes `dir` and its parents with mode 0700; narrows it when it is wider.
pub(super) fn make_private_dir(dir: &Path) -> Result<(), StoreError> {
    refuse_symlink(dir)?;
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).at("could not make", dir)?;
    narrow(dir)
}

#[cfg(unix)]
fn narrow(dir: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir).at("could not look at", dir)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(dir, private).at("could not restrict", dir)
}

#[cfg(not(unix))]
fn narrow(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// An error when `path` itself is a symbolic link.
pub(super) fn refuse_symlink(path: &Path) -> Result<(), StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => Err(StoreError::BadRequest(format!(
            "`{}` is a symbolic link: remove it, state is kept in real files only",
            path.display()
        ))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("could not look at", path, &error)),
    }
}

/// The first path of `name(1)`, `name(2)`, … that is not taken: nothing is ever written over.
pub(super) fn free_name(name: impl Fn(u32) -> PathBuf) -> PathBuf {
    let mut number = 1;
    loop {
        let path = name(number);
        if path.symlink_metadata().is_err() {
            return path;
        }
        number += 1;
    }
}

/// Options for a file of this user alone that is not reached through a symbolic link.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    }
    options
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    crate::durable::sync_dir(dir).at("could not sync", dir)
}
