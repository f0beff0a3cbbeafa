//! Write beside, sync, rename, sync the directory.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// For its owner alone.
pub const PRIVATE: u32 = 0o600;

/// Puts `bytes` in the place of `path`, with exactly the permissions `mode` where the system has
/// such. When this returns, it survives a crash; on an error the old file is as it was, or the new
/// one is there and not yet known to be durable. A link at `path` is replaced, not followed.
///
/// # Errors
/// When anything on the way fails, the directory not being there among them.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace_from(parent(path)?, path, bytes, mode)
}

/// As [`replace`], with the unfinished file in `staging`, on the same file system: for a directory
/// in which only finished files may ever lie.
///
/// # Errors
/// As [`replace`].
pub fn replace_from(staging: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // Made for its owner alone, and opened up only when it is whole.
    let mut file = tempfile::NamedTempFile::new_in(staging)?;
    file.write_all(bytes)?;
    permit(file.as_file(), mode)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_dir(parent(path)?)
}

/// Makes the names in `dir` durable.
///
/// # Errors
/// When it cannot be opened or synced.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(()); // directories cannot be synced there; renames are journalled by NTFS
    }
    File::open(dir)?.sync_all()
}

fn parent(path: &Path) -> io::Result<&Path> {
    let missing = || io::Error::new(io::ErrorKind::InvalidInput, "the path has no directory");
    match path.parent().ok_or_else(missing)? {
        here if here.as_os_str().is_empty() => Ok(Path::new(".")),
        parent => Ok(parent),
    }
}

#[cfg(unix)]
fn permit(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permit(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for text in ["one", "two", ""] {
            replace(&path, text.as_bytes(), PRIVATE).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_no_half_one() {
        let dir = tempfile::tempdir().unwrap();
        let (path, staging) = (dir.path().join("a"), dir.path().join("staging"));
        fs::create_dir_all(path.join("full")).unwrap();
        fs::create_dir(&staging).unwrap();
        assert!(replace_from(&staging, &path, b"x", PRIVATE).is_err());
        assert!(path.join("full").is_dir());
        assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
        assert!(replace(&dir.path().join("no/such/b"), b"x", PRIVATE).is_err());
        assert!(replace(Path::new("/"), b"x", PRIVATE).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn has_the_mode_and_follows_no_link() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, aim) = (dir.path().join("a"), dir.path().join("aim"));
        fs::write(&aim, "untouched").unwrap();
        std::os::unix::fs::symlink(&aim, &path).unwrap();
        for mode in [0o644, PRIVATE] {
            replace(&path, b"new", mode).unwrap();
            let found = fs::symlink_metadata(&path).unwrap();
            assert!(found.is_file());
            assert_eq!(found.permissions().mode() & 0o777, mode);
        }
        assert_eq!(fs::read_to_string(&aim).unwrap(), "untouched");
    }
}
