//! The directory that tools have away from the workspace: what one run downloads, unpacks and builds.
//!
//! It lies under the user's cache directory, not in `.bailiwick`: commands get nothing of that place,
//! and nobody has to make an exception there. A run sees its own part only, and caches are the run's
//! too: what a stranger's build left behind is no part of the next run's build.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::typed::Call;
use crate::contracts::{ErrorKind, ToolError};

/// How long the part of a run stays after it was last used.
const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Most parts of old runs that one call looks at.
const SWEEP_MAX: usize = 1_000;

const PRIVATE: u32 = 0o700;

/// Longest name of a download or a tree.
const NAME_BYTES_MAX: usize = 100;

/// Its time of change says when the part was last used.
const USED: &str = "used";

/// The part of one run.
#[derive(Debug)]
pub(super) struct Area {
    dir: PathBuf,
}

impl Area {
    /// The part of the call's run. Parts that nobody used for a week are removed on the way.
    pub(super) fn of_run(at: &Call<'_>) -> Result<Self, ToolError> {
        let Some(base) = &at.context.away.area else {
            let message = "there is no directory away from the workspace: set `HOME` or \
                           `XDG_CACHE_HOME` to an absolute path";
            return Err(ToolError::new(ErrorKind::Unavailable, message));
        };
        let fail = |error| failed(base, &error);
        private_dir(base).map_err(fail)?;
        #[allow(clippy::disallowed_methods, reason = "our own directory, not a path from outside")]
        let base = fs::canonicalize(base).map_err(fail)?;
        let dir = base.join(at.call.run_id.to_string());
        private_dir(&dir).map_err(fail)?;
        let used = dir.join(USED);
        fs::write(&used, "").map_err(|error| failed(&used, &error))?;
        sweep(&base, &used);
        Ok(Self { dir })
    }

    /// A directory of this name, which is made when it is missing.
    pub(super) fn dir(&self, name: &str) -> Result<PathBuf, ToolError> {
        let dir = self.dir.join(name);
        private_dir(&dir).map_err(|error| failed(&dir, &error))?;
        Ok(dir)
    }

    /// A new directory that is gone when it is dropped.
    pub(super) fn scratch(&self) -> Result<Scratch, ToolError> {
        let made = tempfile::Builder::new().prefix("call-").tempdir_in(&self.dir);
        Ok(Scratch(made.map_err(|error| failed(&self.dir, &error))?.keep()))
    }
}

/// A directory for one call.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.0) {
            tracing::warn!("`{}` stays until it is swept: {error}", self.0.display());
        }
    }
}

/// Removes a directory with all in it, also where a command took rights away. Nothing happens where
/// there is none.
pub(super) fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs::remove_dir_all(dir)
        }
        other => other,
    }
}

fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(PRIVATE))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes parts that were not used for long, by the time of the mark that was just made.
fn sweep(base: &Path, now: &Path) {
    let old = |path: &Path| -> io::Result<bool> {
        let now = fs::metadata(now)?.modified()?;
        let used = fs::metadata(path.join(USED)).or_else(|_none| fs::metadata(path))?.modified()?;
        Ok(now.duration_since(used).is_ok_and(|age| age > AGE_MAX))
    };
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries,
        Err(error) => return tracing::warn!("cannot look for old areas: {error}"),
    };
    for path in entries.take(SWEEP_MAX).flatten().map(|entry| entry.path()) {
        let swept = old(&path).and_then(|old| if old { remove_tree(&path) } else { Ok(()) });
        if let Err(error) = swept {
            tracing::warn!("`{}` cannot be swept: {error}", path.display());
        }
    }
}

fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(dir)
}

pub(super) fn failed(path: &Path, error: &io::Error) -> ToolError {
    ToolError::new(ErrorKind::Io, format!("`{}`: {error}", path.display()))
}

/// A name that a call gives to what it makes: one name, and nothing that leads elsewhere.
pub(super) fn plain_name<'a>(arg: &str, name: &'a str) -> Result<&'a str, ToolError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.chars().all(plain)
        && !name.starts_with('.')
    {
        return Ok(name);
    }
    let shown = name.escape_debug();
    let message = format!(
        "argument `{arg}`: `{shown}` is no plain name: letters, digits, `-`, `_` and `.`, at most {NAME_BYTES_MAX}"
    );
    Err(ToolError::new(ErrorKind::BadArguments, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names() {
        for name in ["archive", "a-1.tar.gz", "x_y"] {
            assert!(plain_name("name", name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "ä", "a b", &"x".repeat(101)] {
            assert!(plain_name("name", name).is_err(), "{name}");
        }
    }

    #[test]
    fn old_parts_go_and_others_stay() {
        let base = tempfile::tempdir().unwrap();
        let old = Duration::from_secs(8 * 24 * 60 * 60);
        for (name, age) in [("old", old), ("new", Duration::ZERO)] {
            let dir = base.path().join(name);
            fs::create_dir_all(dir.join("trees/closed")).unwrap();
            fs::write(dir.join(USED), "").unwrap();
            let file = fs::File::options().write(true).open(dir.join(USED)).unwrap();
            let at = file.metadata().unwrap().modified().unwrap() - age;
            file.set_modified(at).unwrap();
            let closed = Permissions::from_mode(0o000);
            fs::set_permissions(dir.join("trees/closed"), closed).unwrap();
        }
        sweep(base.path(), &base.path().join("new").join(USED));
        assert!(!base.path().join("old").exists());
        assert!(base.path().join("new/trees/closed").exists());
        remove_tree(&base.path().join("new")).unwrap();
    }
}
