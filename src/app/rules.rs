//! The rules of a workspace, and everything they are decided by.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::App;
use crate::cli::{CliError, Exit};
use crate::config::KEYS;
use crate::facts;
use crate::live::{LayerDirs, LivePolicy};
use crate::policy::{Options, Places};
use crate::ports::Vocabulary;
use crate::workspace::Owner;

/// What the policy commands need to know about the workspace and the machine.
#[derive(Debug, Clone)]
pub struct PolicyInputs {
    /// Absolute root of the workspace.
    pub root: PathBuf,
    /// Where the last good rules are kept; `None` outside of a workspace.
    pub state_dir: Option<PathBuf>,
    /// Where rules are read from.
    pub dirs: LayerDirs,
    /// The tools.
    pub vocabulary: Vocabulary,
    /// Configuration that policy reads, trust included.
    pub options: Options,
    /// Where the parts of the machine are.
    pub places: Places,
}

impl App {
    /// The policy as it is now; edits count from the next decision on.
    ///
    /// # Errors
    /// When no set of rules can be had at all.
    pub fn policy(&self) -> Result<LivePolicy, CliError> {
        // Rules that were kept in a state directory which came with a clone do not count.
        let ours = self.owner()? == Owner::Us;
        let state_dir = ours.then_some(self.workspace.state_dir.as_path());
        let (dirs, options) = (self.layer_dirs(), self.policy_options());
        LivePolicy::open(&dirs, state_dir, self.vocabulary(), options).map_err(|diagnostics| {
            CliError::new(Exit::Failed, "no set of rules can be used").with(diagnostics)
        })
    }

    fn layer_dirs(&self) -> LayerDirs {
        let dirs = &self.workspace.policy_dirs;
        LayerDirs {
            system: dirs.system.clone(),
            user: dirs.user.clone(),
            workspace: Some(dirs.workspace.clone()),
        }
    }

    /// What the policy commands work on.
    ///
    /// # Errors
    /// When a part of the machine cannot be resolved.
    pub fn policy_inputs(&self) -> Result<PolicyInputs, CliError> {
        Ok(PolicyInputs {
            root: self.workspace.root.clone(),
            state_dir: (self.owner()? == Owner::Us).then(|| self.workspace.state_dir.clone()),
            dirs: self.layer_dirs(),
            vocabulary: self.vocabulary(),
            options: self.policy_options(),
            places: self.places()?,
        })
    }

    /// The configuration that policy reads.
    #[must_use]
    pub fn policy_options(&self) -> Options {
        let config = &self.workspace.config;
        Options {
            profile: config.policy.profile,
            approval_mode: config.policy.approval_mode,
            require_approval_for_risky: config.policy.require_approval_for_risky,
            trusted: self.workspace.trusted,
            enabled: config.tools.enabled.clone(),
            config: self.config_for_scripts(),
        }
    }

    /// What scripts may read with `ctx.config(key)`: every key that is not about secrets.
    fn config_for_scripts(&self) -> BTreeMap<String, serde_json::Value> {
        let kind = |key: &str| KEYS.iter().find(|known| known.path == key).map(|known| known.kind);
        let public = self.workspace.values.iter().filter(|(key, _)| !key.starts_with("secrets."));
        public.filter_map(|(key, value)| Some((key.clone(), value.to_json(kind(key)?)))).collect()
    }

    /// Where the parts of the machine are.
    ///
    /// # Errors
    /// When one of them cannot be resolved.
    pub fn places(&self) -> Result<Places, CliError> {
        let workspace = &self.workspace;
        let home = workspace.env.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let temp = workspace.env.get("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let mut places = facts::places(&workspace.root, home.as_deref(), &[temp], &[])
            .map_err(|error| CliError::usage(error.to_string()))?;
        places.governing.extend(workspace.user_dir.clone());
        Ok(places)
    }
}
