//! The resolved configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::contracts::{ApprovalMode, Budget, Network, Profile};
use crate::ports::Limits;

/// Everything that can be configured, resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Rules and questions.
    pub policy: PolicyConfig,
    /// Which tools are on.
    pub tools: ToolsConfig,
    /// How runs are made.
    pub run: RunConfig,
    /// Bounds of a run that states none, and the most a playbook may state.
    pub budget: BudgetConfig,
    /// Sandbox.
    pub sandbox: SandboxConfig,
    /// Limits on files and output.
    pub limits: LimitsConfig,
    /// Where secrets are kept.
    pub secrets: SecretsConfig,
}

/// Rules and questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyConfig {
    /// Which set of rules is in force.
    pub profile: Profile,
    /// How questions are put.
    pub approval_mode: ApprovalMode,
    /// Whether risk `high` asks in mode `auto` too.
    pub require_approval_for_risky: bool,
    /// How long an approval counts, in milliseconds.
    pub approval_ttl_ms: u64,
}

/// Which tools are on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolsConfig {
    /// Tools switched on or off; others are as their descriptor says.
    pub enabled: BTreeMap<String, bool>,
}

/// How runs are made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunConfig {
    /// Whether a run only shows what it would do, unless it is asked to act.
    pub dry_run_default: bool,
    /// Whether unknown downloads and builds go to the worker's sandbox.
    pub prefer_sandbox: bool,
    /// Most retries of one call, whatever a playbook says.
    pub max_retries_per_tool: u32,
}

/// Where secrets are kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretsConfig {
    /// Absolute directory with one file per secret; none when there is no such directory.
    pub dir: Option<PathBuf>,
}

/// Bounds of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetConfig {
    /// What a run gets that states none.
    pub default: Budget,
    /// The most a playbook may state.
    pub max: Budget,
}

/// The sandbox.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SandboxConfig {
    /// Layers without which nothing is started, such as `landlock` and `seccomp`.
    pub require: Vec<String>,
    /// Profiles by name: `shell_exec`, `run_code`, `worker`, `git`, `parse`.
    pub profiles: BTreeMap<String, SandboxProfile>,
}

/// One sandbox profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SandboxProfile {
    /// Network access.
    pub network: Network,
    /// Absolute paths readable beside the system's programs and libraries.
    pub read: Vec<String>,
    /// Absolute paths writable beside what the call grants.
    pub write: Vec<String>,
    /// Bounds of a command.
    pub limits: Limits,
}

/// Limits on files and output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitsConfig {
    /// Largest playbook or policy file, in bytes.
    pub file_bytes: u64,
    /// Most steps of a playbook.
    pub steps: u32,
    /// Deepest nesting of a file.
    pub nesting: u32,
    /// Most items of a `foreach`.
    pub foreach_items: u32,
    /// Most operations of one expression.
    pub expression_operations: u64,
    /// Largest `data` of a call, in bytes.
    pub output_bytes: u64,
}
