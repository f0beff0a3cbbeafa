//! What policy answered, and within which walls the call may run.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Hash;

/// The verdict. Ordered by strictness: the strictest verdict of all rules wins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may happen.
    Allow,
    /// Only in a dry run: a value is not known yet.
    Depends,
    /// A person must say yes.
    Ask,
    /// It must not happen.
    Deny,
}

impl Effect {
    /// The word used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Depends => "depends",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// A rule that matched and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchedRule {
    /// The rule's id.
    pub id: String,
    /// The file it was read from; `<built-in>/…` for the set inside the program.
    pub file: String,
    /// Line, from 1; 0 for rules that have none, such as a playbook's permissions.
    pub line: u32,
    /// What the rule says.
    pub effect: Effect,
}

/// Something that must be done when the call runs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// Strike secrets out of what is logged.
    Redact,
    /// Only say what would happen.
    DryRun,
    /// Keep the old content first.
    Snapshot,
    /// Log arguments and result in full.
    LogFull,
}

/// How much network a call has.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// None at all.
    #[default]
    None,
    /// The cell's own loopback.
    Loopback,
    /// Through the checking proxy.
    Proxy,
}

/// The walls a call must run in. File tools and the sandbox hold to the same one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confinement {
    /// Name of the sandbox profile.
    pub profile: String,
    /// Absolute directories and files that may be read.
    pub read: Vec<PathBuf>,
    /// Absolute directories and files that may be written.
    pub write: Vec<PathBuf>,
    /// Absolute paths inside `write` that stay read-only: the files that govern this program.
    pub protected: Vec<PathBuf>,
    /// Absolute paths inside `read` and `write` that a command gets nothing of: journal, logs,
    /// secrets. In every directory that holds one, entries whose names are those of secrets stay
    /// closed as well. They need not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<PathBuf>,
    /// Network access.
    pub network: Network,
    /// With `network: proxy`, what the proxy lets through: `host`, `*.host`, each with `:port` where it is
    /// not 443, and `http://` before it where plain HTTP may be spoken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// Which set of rules is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// More questions.
    Strict,
    /// The default: a person is near.
    #[default]
    Workspace,
    /// Unattended: what would ask is denied.
    Ci,
}

impl Profile {
    /// The word used in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Workspace => "workspace",
            Self::Ci => "ci",
        }
    }
}

/// How questions are put. A mode can only tighten what the rules say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// The rules decide.
    #[default]
    Auto,
    /// As well, everything of medium or high risk asks.
    RequireApproval,
}

/// What policy answered about one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The verdict.
    pub effect: Effect,
    /// Why, in one sentence.
    pub reason: String,
    /// Every rule that matched, strictest first.
    pub rules: Vec<MatchedRule>,
    /// The active policy.
    pub policy_hash: Hash,
    /// The walls the call must run in.
    pub confinement: Arc<Confinement>,
    /// What must be done when it runs.
    pub obligations: Vec<Obligation>,
    /// How many different people must say yes when it asks.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub approvers: u32,
    /// How long deciding took, in microseconds.
    pub evaluated_us: u64,
}

const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
const fn is_one(number: &u32) -> bool {
    *number == 1
}
