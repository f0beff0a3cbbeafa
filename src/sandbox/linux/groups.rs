//! Control groups that a broker left behind because it was killed.

use std::fs;
use std::path::{Path, PathBuf};

use super::cell::GROUP_PREFIX;

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// Removes the empty groups of this name, wherever this process may.
pub fn sweep(prefix: &str) {
    for (path, name) in ours() {
        if name.starts_with(prefix) {
            remove(&path);
        }
    }
}

/// Removes the groups of programs that are gone.
pub fn sweep_of_the_dead() {
    for (path, name) in ours() {
        let owner = name.strip_prefix(GROUP_PREFIX).and_then(|rest| rest.split('-').next());
        let is_gone = owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if is_gone {
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir(path) {
        tracing::debug!("the control group `{}` stays: {error}", path.display());
    }
}

/// Directories in the groups of this process that have our name.
fn ours() -> Vec<(PathBuf, String)> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let places = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (resources, path) = (parts.next()?, parts.next()?);
        Some(Path::new(MOUNT).join(resources).join(path.trim_start_matches('/')))
    });
    let above = |place: PathBuf| [place.parent().map(Path::to_owned), Some(place)];
    let entries = places.flat_map(above).flatten().filter_map(|place| fs::read_dir(place).ok());
    entries
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.starts_with(GROUP_PREFIX).then(|| (entry.path(), name))
        })
        .collect()
}
