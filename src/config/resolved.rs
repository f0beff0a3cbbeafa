//! The resolved configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::Rate;
use crate::contracts::{ApprovalMode, Budget, FsAccess, Network, Profile, Risk};
use crate::ports::Limits;

/// Everything that can be configured, resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Rules and questions.
    pub policy: PolicyConfig,
    /// Which tools are on.
    pub tools: ToolsConfig,
    /// Servers whose tools are used.
    pub mcp: McpConfig,
    /// How runs are made.
    pub run: RunConfig,
    /// Bounds of a run that states none, and the most a playbook may state.
    pub budget: BudgetConfig,
    /// The API.
    pub server: ServerConfig,
    /// Waiting tasks.
    pub queue: QueueConfig,
    /// What happens by the clock.
    pub schedules: SchedulesConfig,
    /// What is forgotten when.
    pub retention: RetentionConfig,
    /// Sandbox.
    pub sandbox: SandboxConfig,
    /// What is remembered.
    pub memory: MemoryConfig,
    /// How memory is searched.
    pub recall: super::RecallConfig,
    /// Which models are used.
    pub models: super::ModelsConfig,
    /// Where people are told something.
    pub notify: super::NotifyConfig,
    /// How goals are planned.
    pub planner: super::PlannerConfig,
    /// Limits on files and output.
    pub limits: LimitsConfig,
    /// Where secrets are kept.
    pub secrets: SecretsConfig,
}

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryConfig {
    /// Longest text of a memory, in bytes.
    pub text_bytes_max: u64,
    /// Share of common runs of three words from which two long texts are one memory, 0.95 to 1.
    pub same_from: f64,
    /// When memories that say the same become one.
    pub consolidation: super::ConsolidationConfig,
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
    /// Directory of rules on trial, relative to the workspace; empty for none.
    pub shadow: String,
    /// How far back an edit is judged against recorded decisions before it is in force, in
    /// milliseconds; 0 for not at all.
    pub backtest_ms: u64,
    /// Whether only signed rules of the workspace are in force.
    pub require_signed: bool,
}

/// Which tools are on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolsConfig {
    /// Tools switched on or off; others are as their descriptor says.
    pub enabled: BTreeMap<String, bool>,
    /// The browser of `browser_task`.
    pub browser: BrowserConfig,
    /// Where `desktop_task` acts.
    pub desktop: DesktopConfig,
}

/// The browser of `browser_task`; `None` for where systems put it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BrowserConfig {
    /// The browser.
    pub program: Option<PathBuf>,
    /// What speaks WebDriver for it.
    pub driver: Option<PathBuf>,
}

/// Where `desktop_task` acts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DesktopConfig {
    /// The X display; none unless configuration names one.
    pub display: Option<String>,
}

/// Servers whose tools are used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct McpConfig {
    /// Each server by name.
    pub servers: BTreeMap<String, McpServerConfig>,
}

/// One MCP server, as it was written: either `command` or `url` says where it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct McpServerConfig {
    /// Program and arguments; empty for none.
    pub command: Vec<String>,
    /// Address; empty for none.
    pub url: String,
    /// Variables of the program, secrets as placeholders.
    pub env: BTreeMap<String, String>,
    /// Headers of each request, secrets as placeholders.
    pub headers: BTreeMap<String, String>,
    /// Sandbox profile of the program.
    pub profile: String,
    /// What the program sees of the workspace.
    pub workspace: FsAccess,
    /// Risk of each of its tools.
    pub risk: Risk,
    /// Tools that are used; empty for all.
    pub tools: Vec<String>,
    /// How long it may take to start, and for a call, in milliseconds.
    pub timeout_ms: u64,
}

/// How runs are made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunConfig {
    /// Whether a run only shows what it would do, unless it is asked to act.
    pub dry_run_default: bool,
    /// Whether questions and refusals about downloads and builds in a shell name the worker.
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

/// The API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerConfig {
    /// Address and port, such as `127.0.0.1:8787`.
    pub listen: String,
    /// Names under which it may be called, beside the loopback ones.
    pub hosts: Vec<String>,
    /// Largest body of a request, in bytes.
    pub body_bytes: u64,
    /// Connections at once.
    pub connections: u32,
    /// How long calls at work may go on when the daemon is stopped, in milliseconds.
    pub stop_grace_ms: u64,
}

/// Waiting tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueConfig {
    /// Runs at work at once.
    pub concurrency: u32,
    /// Runs of one playbook at work at once.
    pub per_playbook: u32,
    /// Waiting tasks beyond which tasks of low priority are refused.
    pub max: u32,
    /// Waiting tasks beyond which every task is refused.
    pub hard_max: u32,
    /// How long a run belongs to a process that says nothing, in milliseconds.
    pub lease_ms: u64,
    /// Free space below which no task is taken, in bytes.
    pub free_disk_bytes: u64,
}

/// What happens by the clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SchedulesConfig {
    /// Whether playbooks are started by their schedules.
    pub enabled: bool,
    /// When the whole journal is checked, as cron in UTC.
    pub verify: Option<String>,
    /// When texts are forgotten, as cron in UTC.
    pub retention: Option<String>,
    /// When memories are consolidated, if there is enough to do, as cron in UTC.
    pub consolidation: Option<String>,
}

/// What is forgotten when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetentionConfig {
    /// Age of ended runs, in milliseconds, after which their texts go; `None` for never.
    pub texts_ms: Option<u64>,
    /// Age of idempotency keys, in milliseconds.
    pub keys_ms: u64,
}

/// The sandbox.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SandboxConfig {
    /// Layers without which nothing is started, such as `landlock` and `seccomp`.
    pub require: Vec<String>,
    /// What becomes of a command when one of them is missing.
    pub on_missing: OnMissing,
    /// The way out for commands whose profile has one.
    pub proxy: ProxyConfig,
    /// Profiles by name: `shell_exec`, `run_code`, `worker`, `git`, `parse`.
    pub profiles: BTreeMap<String, SandboxProfile>,
}

/// The checking proxy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProxyConfig {
    /// Hosts that commands may reach, as [`ListedHost`](crate::contracts::ListedHost) writes them.
    pub hosts: Vec<String>,
    /// Addresses at which a host is reached, whatever they are, instead of looking it up.
    pub allow_addresses: BTreeMap<String, Vec<IpAddr>>,
}

/// What becomes of a command when a layer of `require` is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// It is not started.
    Refuse,
    /// It runs behind the others, and its receipt names the missing one.
    Degrade,
}

/// One sandbox profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SandboxProfile {
    /// Programs, or beginnings of argument vectors, that may run; empty for any.
    pub argv: Vec<String>,
    /// Network access.
    pub net: Network,
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
    /// How often tools may be called.
    pub rate: RateConfig,
}

/// How often tools may be called. `None` bounds nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RateConfig {
    /// Each tool that has no rate of its own.
    pub default: Option<Rate>,
    /// Longest wait of a run's call for its turn, in milliseconds.
    pub wait_ms: u64,
    /// Tools by name.
    pub tools: BTreeMap<String, Option<Rate>>,
    /// Providers by name: all tools of one together.
    pub providers: BTreeMap<String, Option<Rate>>,
}
