//! The rules of a workspace, and everything they are decided by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{App, loosening};
use crate::cli::{CliError, Exit};
use crate::config::KEYS;
use crate::contracts::{Diagnostic, ListedHost};
use crate::facts;
use crate::live::{LayerDirs, LivePolicy, RulesOnTrial, Signing};
use crate::policy::{Nets, Options, Places};
use crate::ports::Vocabulary;
use crate::workspace::{Owner, Workspace};

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
    /// How far back an edit is judged against recorded decisions, in milliseconds; 0 for not at all.
    pub backtest_ms: u64,
    /// The directory of rules on trial, where there is one.
    pub trial: Option<PathBuf>,
}

impl PolicyInputs {
    /// The rules in force in the workspace. What is good is kept for the next start.
    ///
    /// # Errors
    /// As [`LivePolicy::open`].
    pub fn open(&self) -> Result<LivePolicy, Vec<Diagnostic>> {
        let state_dir = self.state_dir.as_deref();
        let gate = state_dir.and_then(|dir| loosening::gate(dir, self.backtest_ms));
        let (vocabulary, options) = (self.vocabulary.clone(), self.options.clone());
        LivePolicy::open_gated(&self.dirs, state_dir, vocabulary, options, gate)
    }

    /// The rules on trial, where the configuration names some.
    ///
    /// # Errors
    /// As [`RulesOnTrial::open`].
    pub fn open_trial(&self) -> Result<Option<RulesOnTrial>, Vec<Diagnostic>> {
        let Some(dir) = self.trial.clone() else { return Ok(None) };
        let (vocabulary, options) = (self.vocabulary.clone(), self.options.clone());
        RulesOnTrial::open(&self.dirs, dir, vocabulary, options).map(Some)
    }
}

impl App {
    /// The policy as it is now; edits count from the next decision on.
    ///
    /// # Errors
    /// When no set of rules can be had at all.
    pub fn policy(&self) -> Result<LivePolicy, CliError> {
        self.policy_inputs()?.open().map_err(|diagnostics| {
            CliError::new(Exit::Failed, "no set of rules can be used").with(diagnostics)
        })
    }

    /// The rules on trial, where the configuration names some.
    ///
    /// # Errors
    /// When those that they stand beside cannot be used.
    pub fn trial(&self) -> Result<Option<RulesOnTrial>, CliError> {
        self.policy_inputs()?.open_trial().map_err(|found| {
            CliError::new(Exit::Failed, "no set of rules can be used on trial").with(found)
        })
    }

    fn layer_dirs(&self) -> LayerDirs {
        let dirs = &self.workspace.policy_dirs;
        LayerDirs {
            system: dirs.system.clone(),
            user: dirs.user.clone(),
            workspace: Some(dirs.workspace.clone()),
            signing: self.signing(),
        }
    }

    /// Whose signature the workspace's rules must carry. The workspace has no say in it but to demand one.
    fn signing(&self) -> Signing {
        let system = self.workspace.policy_dirs.system.parent().map(Path::to_owned);
        let dirs = system.into_iter().chain(self.workspace.user_dir.clone()).collect();
        Signing { required: self.workspace.config.policy.require_signed, dirs }
    }

    /// What the policy commands work on.
    ///
    /// # Errors
    /// When a part of the machine cannot be resolved.
    pub fn policy_inputs(&self) -> Result<PolicyInputs, CliError> {
        let config = &self.workspace.config.policy;
        let shadow = Some(&config.shadow).filter(|dir| !dir.is_empty());
        Ok(PolicyInputs {
            root: self.workspace.root.clone(),
            // Rules that were kept in a state directory which came with a clone do not count.
            state_dir: (self.owner()? == Owner::Us).then(|| self.workspace.state_dir.clone()),
            dirs: self.layer_dirs(),
            vocabulary: self.vocabulary(),
            options: self.policy_options(),
            places: self.places()?,
            backtest_ms: config.backtest_ms,
            trial: shadow.map(|dir| self.workspace.root.join(dir)),
        })
    }

    /// The configuration that policy reads.
    #[must_use]
    pub fn policy_options(&self) -> Options {
        policy_options(&self.workspace)
    }

    /// What network commands may have.
    fn nets(&self) -> Result<Nets, CliError> {
        let config = &self.workspace.config.sandbox;
        let profiles = config.profiles.iter().map(|(name, profile)| (name.clone(), profile.net));
        let hosts = config.proxy.hosts.iter().map(|host| host.parse::<ListedHost>());
        let hosts = hosts.collect::<Result<_, _>>();
        let hosts =
            hosts.map_err(|error| CliError::usage(format!("`sandbox.proxy.hosts`: {error}")))?;
        Ok(Nets { profiles: profiles.collect(), hosts })
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
        places.nets = self.nets()?;
        Ok(places)
    }
}

/// The configuration of a workspace that policy reads.
pub(super) fn policy_options(workspace: &Workspace) -> Options {
    let config = &workspace.config;
    Options {
        profile: config.policy.profile,
        approval_mode: config.policy.approval_mode,
        require_approval_for_risky: config.policy.require_approval_for_risky,
        trusted: workspace.trusted,
        enabled: config.tools.enabled.clone(),
        config: config_for_scripts(workspace),
    }
}

/// What scripts may read with `ctx.config(key)`: every key that is not about secrets.
fn config_for_scripts(workspace: &Workspace) -> BTreeMap<String, serde_json::Value> {
    let kind = |key: &str| KEYS.iter().find(|known| known.path == key).map(|known| known.kind);
    let public = workspace.values.iter().filter(|(key, _)| !key.starts_with("secrets."));
    public.filter_map(|(key, value)| Some((key.clone(), value.to_json(kind(key)?)))).collect()
}
