//! Rules on trial: kept up with their files like those in force, and asked beside them. They decide
//! nothing.

use std::path::PathBuf;
use std::sync::Arc;

use super::{LayerDirs, LivePolicy};
use crate::contracts::Diagnostic;
use crate::policy::{Options, PolicySet};
use crate::ports::Vocabulary;

/// The rules of a directory, as if they were the workspace's.
#[derive(Debug)]
pub struct RulesOnTrial {
    dir: PathBuf,
    live: LivePolicy,
}

impl RulesOnTrial {
    /// Reads them. Mistakes in the directory are no failure: see [`RulesOnTrial::errors`].
    ///
    /// # Errors
    /// As [`LivePolicy::open`], with mistakes in the files of the system or the user.
    pub fn open(
        dirs: &LayerDirs,
        dir: PathBuf,
        vocabulary: Vocabulary,
        options: Options,
    ) -> Result<Self, Vec<Diagnostic>> {
        let dirs = LayerDirs { workspace: Some(dir.clone()), ..dirs.clone() };
        let live = LivePolicy::open(&dirs, None, vocabulary, options)?;
        Ok(Self { dir, live })
    }

    /// The rules as they are now. None while there are mistakes in them, or no directory: what was good
    /// last is not on trial any more.
    #[must_use]
    pub fn current(&self) -> Option<Arc<PolicySet>> {
        let set = self.live.current();
        self.errors().is_empty().then_some(set)
    }

    /// Judges calls of other tools from now on.
    pub fn set_vocabulary(&self, vocabulary: Vocabulary) {
        self.live.set_vocabulary(vocabulary);
    }

    /// Why they are not asked; empty when they are.
    #[must_use]
    pub fn errors(&self) -> Vec<Diagnostic> {
        if !self.dir.is_dir() {
            let file = self.dir.display().to_string();
            let message = "there is no such directory of rules on trial (`policy.shadow`)";
            return vec![Diagnostic::error("no-directory", message, &file, 1, 1)];
        }
        self.live.errors()
    }
}
