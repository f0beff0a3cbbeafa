//! What a policy set is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contracts::{ApprovalMode, Profile};

/// Where a file of rules comes from. A lower layer never loosens a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The machine's owner: `/etc/bailiwick/policies`.
    System,
    /// The user: `~/.config/bailiwick/policies`.
    User,
    /// The workspace: `policies/`.
    Workspace,
    /// The set inside the program.
    BuiltIn,
}

impl Layer {
    /// The word used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Workspace => "workspace",
            Self::BuiltIn => "built-in",
        }
    }
}

/// One file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it comes from.
    pub layer: Layer,
    /// The file, as people name it.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Source {
    /// The file's name without directory and ending: the first part of a script rule's id.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// What kind of file it is, by its ending.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let rules = name.ends_with(".yaml") || name.ends_with(".yml");
        if name.starts_with('.') {
            SourceKind::Other
        } else if rules && self.stem().ends_with("_test") {
            SourceKind::Tests
        } else if rules {
            SourceKind::Rules
        } else if name.ends_with(".rhai") {
            SourceKind::Script
        } else {
            SourceKind::Other
        }
    }
}

/// What kind of file a [`Source`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// YAML rules.
    Rules,
    /// Rules written in Rhai.
    Script,
    /// Tests of rules, in YAML: they decide nothing, and say whether the rules do what they should.
    Tests,
    /// Everything else.
    Other,
}

/// Configuration that policy reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Options {
    /// Which set of rules is in force.
    pub profile: Profile,
    /// How questions are put.
    pub approval_mode: ApprovalMode,
    /// Whether risk `high` asks in mode `auto` too.
    pub require_approval_for_risky: bool,
    /// Whether the user trusts the workspace: else its rules only tighten.
    pub trusted: bool,
    /// Tools switched on or off; others are as their descriptor says.
    pub enabled: BTreeMap<String, bool>,
    /// What scripts may read with `ctx.config(key)`.
    pub config: BTreeMap<String, serde_json::Value>,
}
