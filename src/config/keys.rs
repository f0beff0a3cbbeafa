//! The registry: every key there is, with its kind, its range, and which way is stricter.

use std::sync::LazyLock;

use super::key::{Key, Kind};
use super::tighten::Tighter;
use super::{keys_memory, keys_models, notify, planner};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
const SECOND: u64 = 1_000;
const DAY: u64 = 86_400 * SECOND;

/// Words of `policy.profile`. Only `strict` is surely stricter than the default: `ci` has rules of
/// its own.
const PROFILES: &[&str] = &["workspace", "strict", "ci"];
const MODES: &[&str] = &["auto", "require_approval"];
const NETWORKS: &[&str] = &["none", "loopback", "proxy"];
const RISKS: &[&str] = &["high", "medium", "low"];
const WORKSPACE: &[&str] = &["none", "read", "write"];
const ON_MISSING: &[&str] = &["refuse", "degrade"];
/// What `sandbox.require` may name: `namespaces` stands for all of them.
pub const LAYERS: &[&str] = &[
    "landlock",
    "signals",
    "seccomp",
    "no_new_privs",
    "capabilities",
    "rlimits",
    "pids",
    "memory",
    "namespaces",
    "cgroup",
    "user",
    "descriptors",
    "environment",
    "tree-kill",
];

/// One of them.
pub(super) const fn key(
    path: &'static str,
    kind: Kind,
    tighter: Tighter,
    about: &'static str,
) -> Key {
    Key { path, kind, tighter, about }
}

/// Every key, in the order of the reference file.
pub static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [FIRST, keys_memory::KEYS, keys_models::KEYS, planner::KEYS, notify::KEYS, LAST].concat()
});

/// Those before what is remembered.
const FIRST: &[Key] = &[
    key("schema", Kind::Count(1, 1), Tighter::Lower, "version of the file's format"),
    key(
        "policy.profile",
        Kind::Word(PROFILES),
        Tighter::Only("strict"),
        "which set of rules is in force",
    ),
    key(
        "policy.approval_mode",
        Kind::Word(MODES),
        Tighter::Only("require_approval"),
        "whether the rules decide, or medium and high risk ask as well",
    ),
    key(
        "policy.require_approval_for_risky",
        Kind::Bool,
        Tighter::True,
        "whether tools of high risk ask in mode `auto` too",
    ),
    key(
        "policy.approval_ttl",
        Kind::Duration(SECOND, 7 * DAY),
        Tighter::Lower,
        "how long a person's answer counts",
    ),
    key(
        "policy.shadow",
        Kind::Line,
        Tighter::Never,
        "directory of rules on trial, judged beside those in force",
    ),
    key(
        "policy.backtest",
        Kind::Duration(0, 3650 * DAY),
        Tighter::Never,
        "how far back an edit is judged against recorded decisions before it is in force",
    ),
    key(
        "policy.require_signed",
        Kind::Bool,
        Tighter::True,
        "whether only signed rules of the workspace are in force",
    ),
    key("tools.enabled.*", Kind::Bool, Tighter::False, "whether a tool is switched on"),
    key(
        "tools.browser.program",
        Kind::Path,
        Tighter::Never,
        "browser of `browser_task`; empty for where systems put it",
    ),
    key(
        "tools.browser.driver",
        Kind::Path,
        Tighter::Never,
        "what speaks WebDriver for it; empty for where systems put it",
    ),
    key(
        "tools.desktop.display",
        Kind::Line,
        Tighter::Never,
        "X display of `desktop_task`, such as `:1`; empty for none",
    ),
    key(
        "mcp.servers.*.command",
        Kind::Lines,
        Tighter::Never,
        "program and arguments of an MCP server, started when it is needed",
    ),
    key(
        "mcp.servers.*.url",
        Kind::Line,
        Tighter::Never,
        "address of an MCP server that answers streamable HTTP",
    ),
    key(
        "mcp.servers.*.env.*",
        Kind::Line,
        Tighter::Never,
        "a variable of the program; `${secret:NAME}` is filled in",
    ),
    key(
        "mcp.servers.*.headers.*",
        Kind::Line,
        Tighter::Never,
        "a header of each request; `${secret:NAME}` is filled in",
    ),
    key(
        "mcp.servers.*.profile",
        Kind::Line,
        Tighter::Never,
        "sandbox profile of the program; `shell_exec` when absent",
    ),
    key(
        "mcp.servers.*.workspace",
        Kind::Word(WORKSPACE),
        Tighter::Never,
        "what the program sees of the workspace; `none` when absent",
    ),
    key(
        "mcp.servers.*.risk",
        Kind::Word(RISKS),
        Tighter::Never,
        "risk of each of its tools; `high` when absent",
    ),
    key(
        "mcp.servers.*.tools",
        Kind::Lines,
        Tighter::Never,
        "tools that are used; all it offers when absent or empty",
    ),
    key(
        "mcp.servers.*.timeout",
        Kind::Duration(100, DAY),
        Tighter::Never,
        "how long it may take to start, and for a call; 30s when absent",
    ),
    key(
        "run.dry_run_default",
        Kind::Bool,
        Tighter::True,
        "whether a run only shows what it would do, unless it is asked to act",
    ),
    key(
        "run.prefer_sandbox",
        Kind::Bool,
        Tighter::True,
        "whether questions and refusals about downloads and builds in a shell name the worker",
    ),
    key(
        "run.max_retries_per_tool",
        Kind::Count(0, 100),
        Tighter::Lower,
        "most retries of one call, whatever a playbook says",
    ),
    key(
        "budget.default.steps",
        Kind::Count(1, 100_000),
        Tighter::Lower,
        "tool calls of a run whose playbook states none, retries included",
    ),
    key(
        "budget.default.retries",
        Kind::Count(0, 100_000),
        Tighter::Lower,
        "retries of a run whose playbook states none",
    ),
    key(
        "budget.default.wall",
        Kind::Duration(SECOND, 30 * DAY),
        Tighter::Lower,
        "wall-clock time of a run whose playbook states none",
    ),
    key(
        "budget.default.tokens",
        Kind::Count(0, 1_000_000_000),
        Tighter::Lower,
        "model tokens of a run whose playbook states none",
    ),
    key(
        "budget.default.cost_usd",
        Kind::Amount(0.0, 100_000.0),
        Tighter::Lower,
        "cost in US dollars of a run whose playbook states none",
    ),
    key(
        "budget.max.steps",
        Kind::Count(1, 100_000),
        Tighter::Lower,
        "most tool calls that a playbook may state",
    ),
    key(
        "budget.max.retries",
        Kind::Count(0, 100_000),
        Tighter::Lower,
        "most retries that a playbook may state",
    ),
    key(
        "budget.max.wall",
        Kind::Duration(SECOND, 30 * DAY),
        Tighter::Lower,
        "most wall-clock time that a playbook may state",
    ),
    key(
        "budget.max.tokens",
        Kind::Count(0, 1_000_000_000),
        Tighter::Lower,
        "most model tokens that a playbook may state",
    ),
    key(
        "budget.max.cost_usd",
        Kind::Amount(0.0, 100_000.0),
        Tighter::Lower,
        "most cost in US dollars that a playbook may state",
    ),
];

/// Behind them.
const LAST: &[Key] = &[
    // Not even smaller in a workspace nobody trusts: the user's own rules must still be readable.
    key(
        "limits.file",
        Kind::Bytes(KIB, 16 * MIB),
        Tighter::Never,
        "largest playbook or policy file",
    ),
    key("limits.steps", Kind::Count(1, 10_000), Tighter::Lower, "most steps of a playbook"),
    key("limits.nesting", Kind::Count(4, 64), Tighter::Never, "deepest nesting of a file"),
    key(
        "limits.foreach_items",
        Kind::Count(1, 1_000_000),
        Tighter::Lower,
        "most items of a `foreach`",
    ),
    key(
        "limits.expression_operations",
        Kind::Count(100, 10_000_000),
        Tighter::Lower,
        "most operations of one expression",
    ),
    key(
        "limits.output",
        Kind::Bytes(KIB, 16 * MIB),
        Tighter::Lower,
        "largest answer of a call; the rest goes to an artifact",
    ),
    key(
        "limits.rate.default",
        Kind::Rate,
        Tighter::Slower,
        "how often each tool may be called that has no rate of its own",
    ),
    key(
        "limits.rate.wait",
        Kind::Duration(0, 3_600 * SECOND),
        Tighter::Lower,
        "longest wait of a run's call for its turn; beyond it the call fails with `rate_limited`",
    ),
    key("limits.rate.tools.*", Kind::Rate, Tighter::Slower, "how often a tool may be called"),
    key(
        "limits.rate.providers.*",
        Kind::Rate,
        Tighter::Slower,
        "how often all tools of a provider may be called together, such as those of an MCP server",
    ),
    key(
        "secrets.dir",
        Kind::Path,
        Tighter::Never,
        "directory with one file per secret; empty for none",
    ),
    key(
        "server.listen",
        Kind::Line,
        Tighter::Never,
        "address and port of the API; without a token only a loopback address",
    ),
    key(
        "server.hosts",
        Kind::Lines,
        Tighter::Subset,
        "names under which the API may be called, beside the loopback ones",
    ),
    key("server.body", Kind::Bytes(KIB, 64 * MIB), Tighter::Lower, "largest body of a request"),
    key(
        "server.connections",
        Kind::Count(8, 65_536),
        Tighter::Lower,
        "connections to the API at once",
    ),
    key(
        "server.stop_grace",
        Kind::Duration(0, DAY),
        Tighter::Lower,
        "how long calls at work may go on when the daemon is stopped",
    ),
    key("queue.concurrency", Kind::Count(1, 1_024), Tighter::Lower, "runs at work at once"),
    key(
        "queue.per_playbook",
        Kind::Count(1, 1_024),
        Tighter::Lower,
        "runs of one playbook at work at once",
    ),
    key(
        "queue.max",
        Kind::Count(1, 1_000_000),
        Tighter::Lower,
        "waiting tasks beyond which tasks of low priority are refused",
    ),
    key(
        "queue.hard_max",
        Kind::Count(1, 1_000_000),
        Tighter::Lower,
        "waiting tasks beyond which every task is refused",
    ),
    key(
        "queue.lease",
        Kind::Duration(SECOND, DAY),
        Tighter::Never,
        "how long a run belongs to a process that says nothing",
    ),
    key(
        "queue.free_disk",
        Kind::Bytes(0, TIB),
        Tighter::Never,
        "free space below which no task is taken",
    ),
    key(
        "schedules.enabled",
        Kind::Bool,
        Tighter::False,
        "whether playbooks are started by their schedules",
    ),
    key(
        "schedules.verify",
        Kind::Line,
        Tighter::Never,
        "when the daemon checks the whole journal, as cron in UTC; empty for never",
    ),
    key(
        "schedules.retention",
        Kind::Line,
        Tighter::Never,
        "when the daemon forgets what `retention` names, as cron in UTC; empty for never",
    ),
    key(
        "schedules.consolidation",
        Kind::Line,
        Tighter::Never,
        "when the daemon looks whether memories say the same, as cron in UTC; empty for never",
    ),
    key(
        "retention.texts",
        Kind::Duration(0, 3_650 * DAY),
        Tighter::Never,
        "age after which texts of ended runs are forgotten, their chains kept; 0s for never",
    ),
    key(
        "retention.keys",
        Kind::Duration(60 * SECOND, 3_650 * DAY),
        Tighter::Never,
        "how long a repeated request with the same idempotency key is recognised",
    ),
    key(
        "sandbox.require",
        Kind::Words(LAYERS),
        Tighter::Superset,
        "layers without which no command is started",
    ),
    key(
        "sandbox.proxy.hosts",
        Kind::Hosts,
        Tighter::Subset,
        "hosts that commands may reach whose profile has the network `proxy`",
    ),
    key(
        "sandbox.proxy.allow_addresses",
        Kind::Addresses,
        Tighter::Never,
        "addresses at which a host is reached, whatever they are, instead of looking it up",
    ),
    key(
        "sandbox.on_missing",
        Kind::Word(ON_MISSING),
        Tighter::Earlier,
        "what becomes of a command when one of them is missing",
    ),
    key(
        "sandbox.profiles.*.argv",
        Kind::Lines,
        Tighter::Narrower,
        "programs, or beginnings of argument vectors, that may run; empty for any",
    ),
    key("sandbox.profiles.*.net", Kind::Word(NETWORKS), Tighter::Earlier, "network of a command"),
    key(
        "sandbox.profiles.*.read",
        Kind::Paths,
        Tighter::Subset,
        "paths readable beside the system's programs and libraries",
    ),
    key(
        "sandbox.profiles.*.write",
        Kind::Paths,
        Tighter::Subset,
        "paths writable beside what the call grants",
    ),
    key(
        "sandbox.profiles.*.memory",
        Kind::Bytes(16 * MIB, TIB),
        Tighter::Lower,
        "memory of a command where a cgroup is to be had, and address space of each process",
    ),
    key(
        "sandbox.profiles.*.pids",
        Kind::Count(1, 65_536),
        Tighter::Lower,
        "processes and threads of a command",
    ),
    key(
        "sandbox.profiles.*.timeout",
        Kind::Duration(100, DAY),
        Tighter::Lower,
        "wall-clock time of a command",
    ),
    key(
        "sandbox.profiles.*.output",
        Kind::Bytes(KIB, 64 * MIB),
        Tighter::Lower,
        "standard output and standard error of a command, each",
    ),
    key(
        "sandbox.profiles.*.cpu",
        Kind::Duration(SECOND, DAY),
        Tighter::Lower,
        "CPU time of each process",
    ),
    key(
        "sandbox.profiles.*.file",
        Kind::Bytes(4 * KIB, TIB),
        Tighter::Lower,
        "largest file that a command may write",
    ),
    key(
        "sandbox.profiles.*.open_files",
        Kind::Count(16, 65_536),
        Tighter::Lower,
        "open files of each process",
    ),
];
