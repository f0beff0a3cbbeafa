//! Where the parts of this machine are.

use std::path::{Path, PathBuf};

use super::resolve::real;
use crate::policy::{Nets, PathFault, Places};

/// The machine owner's policies.
const SYSTEM_CONFIG: &str = "/etc/bailiwick";

/// Why the places of this machine cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The directory cannot be resolved.
    #[error("cannot tell where `{path}` leads: {reason}")]
    Unresolved {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: PathFault,
    },
    /// Relative paths depend on where the program was called.
    #[error("`{0}` must be an absolute path")]
    Relative(PathBuf),
}

/// The places of this machine, symlinks resolved. `home` and `temp` are what the environment says,
/// read by the caller; `read_roots` are what a person named as inputs.
///
/// # Errors
/// When one of them is relative or cannot be resolved.
pub fn places(
    root: &Path,
    home: Option<&Path>,
    temp: &[PathBuf],
    read_roots: &[PathBuf],
) -> Result<Places, PlacesError> {
    let all = |paths: &[PathBuf]| -> Result<Vec<PathBuf>, PlacesError> {
        paths.iter().map(|path| resolved(path)).collect()
    };
    let home = home.map(resolved).transpose()?;
    let mut governing = vec![PathBuf::from(SYSTEM_CONFIG)];
    governing.extend(home.iter().map(|home| home.join(".config/bailiwick")));
    Ok(Places {
        root: resolved(root)?,
        home,
        temp: all(temp)?,
        read_roots: all(read_roots)?,
        governing,
        nets: Nets::default(),
    })
}

fn resolved(path: &Path) -> Result<PathBuf, PlacesError> {
    if !path.is_absolute() {
        return Err(PlacesError::Relative(path.to_owned()));
    }
    real(path, &path.to_string_lossy())
        .map_err(|reason| PlacesError::Unresolved { path: path.to_owned(), reason })
}
