//! Where rules are read from.

use std::path::{Path, PathBuf};

use super::kept;
use super::snapshot::LayerDir;
use crate::policy::Layer;

/// The directories from which rules are read, highest layer first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDirs {
    /// The machine owner's, such as `/etc/bailiwick/policies`.
    pub system: PathBuf,
    /// The user's, such as `~/.config/bailiwick/policies`.
    pub user: Option<PathBuf>,
    /// The workspace's `policies/`; `None` outside of one.
    pub workspace: Option<PathBuf>,
    /// Whose signature the workspace's rules must carry.
    pub signing: Signing,
}

/// Whether the workspace's rules must be signed, and by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signing {
    /// Whether configuration demands it. It may also be demanded by a file; see [`Signing::DEMAND`].
    pub required: bool,
    /// The machine owner's and the user's own directories, where `trusted_keys` may lie. Never one of
    /// the workspace.
    pub dirs: Vec<PathBuf>,
}

impl Signing {
    /// The file of public keys, in each of the directories.
    pub const KEYS: &'static str = "trusted_keys";
    /// The file that demands a signature by being there, whatever configuration says.
    pub const DEMAND: &'static str = "require_signed";
}

pub(super) fn layer_dirs(dirs: &LayerDirs) -> Vec<LayerDir> {
    let shown = |path: &Path| format!("{}/", path.display());
    let layer = |layer, path: &PathBuf, shown| LayerDir { layer, path: path.clone(), shown };
    let mut all = vec![layer(Layer::System, &dirs.system, shown(&dirs.system))];
    all.extend(dirs.user.iter().map(|path| layer(Layer::User, path, shown(path))));
    let own = dirs.workspace.iter();
    all.extend(own.map(|path| layer(Layer::Workspace, path, kept::SHOWN.to_owned())));
    all
}
