//! What policy decides on: typed facts about one call, collected before, so that deciding is pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{HostFact, PathFact};
use crate::command::Leaf;
use crate::contracts::{CallEffect, FsAccess, ListedHost, Map, Network, Origin, Risk, Timestamp};
use crate::ports::Category;

/// Everything policy may know about one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The call's id, in text; empty where it has none.
    pub id: String,
    /// The tool's own name, aliases resolved.
    pub tool: String,
    /// How much harm the tool can do, as it says itself.
    pub risk: Risk,
    /// What it does to the world beyond files, as it says itself.
    pub category: Option<Category>,
    /// What may be done about a call that a crash cut off.
    pub effect: CallEffect,
    /// Who wants the call.
    pub origin: Origin,
    /// Arguments.
    pub args: Map,
    /// Every file the arguments name.
    pub paths: Vec<PathFact>,
    /// Every host the arguments name.
    pub hosts: Vec<HostFact>,
    /// The command, for a tool that runs one.
    pub command: Option<CommandFact>,
    /// Where each argument's value came from, by argument.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Whether the tool sends anything over a network.
    pub sends_network: bool,
    /// Whether a file it names, to read, is a secret.
    pub reads_secret: bool,
    /// The run so far.
    pub run: RunFacts,
    /// The playbook's upper bound, and those of the runs above it: each must hold.
    pub permissions: Vec<Permissions>,
    /// The time for which it is decided.
    pub now: Timestamp,
    /// Whether nobody is there to answer.
    pub unattended: bool,
    /// Arguments whose value is not known yet: only in a dry run.
    pub unknown: Vec<String>,
    /// What could not be understood. One is enough to refuse the call.
    pub faults: Vec<Fault>,
    /// The widest walls the call could run in.
    #[serde(skip)]
    pub walls: Walls,
}

impl Request {
    /// Whether the value of argument `name` is not known yet.
    #[must_use]
    pub fn is_unknown(&self, name: &str) -> bool {
        self.unknown.iter().any(|arg| arg == name)
    }
}

/// What is known about the command of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandFact {
    /// The command as people read it.
    pub text: String,
    /// Each program that is seen to run. When the command is opaque there may be more.
    pub leaves: Vec<LeafFact>,
    /// Why what it does cannot be seen; absent when it can.
    pub opaque: Option<String>,
}

/// One program that runs, and the files its words may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafFact {
    /// Program, arguments, flags.
    pub words: Leaf,
    /// Files its arguments and redirections name, with what is done to them. Of a program about
    /// which nothing is known every word may be a file that is read.
    pub paths: Vec<PathFact>,
    /// Those of them that it is redirected to or from.
    pub redirects: Vec<PathFact>,
    /// Hosts its arguments name.
    pub hosts: Vec<HostFact>,
}

/// Something about a call that could not be turned into a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The argument; empty when it is the call as a whole.
    pub arg: String,
    /// What is wrong with it.
    pub message: String,
}

/// The run a call belongs to, as far as it has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// The run's id, in text.
    pub id: String,
    /// The playbook's name; empty when there is none.
    pub playbook: String,
    /// What a person asked for, in their own words; empty where nothing was said.
    pub goal: String,
    /// The step's path, such as `each[3]`.
    pub step: String,
    /// Calls so far.
    pub steps_used: u32,
    /// Calls left in the budget.
    pub steps_left: u32,
    /// Cost so far in US dollars.
    pub cost_usd: f64,
    /// Whether a secret was read in this run.
    pub read_secret: bool,
    /// Whether anything untrusted came in in this run.
    pub untrusted: bool,
    /// When each tool was called in this run, by tool, oldest first.
    pub calls: BTreeMap<String, Vec<Timestamp>>,
}

impl RunFacts {
    /// How often `tool` was called in the `per_ms` milliseconds before `now`.
    #[must_use]
    pub fn calls_within(&self, tool: &str, now: Timestamp, per_ms: u64) -> u64 {
        let times = self.calls.get(tool).map_or(&[][..], Vec::as_slice);
        let recent = times.iter().filter(|at| now.since_ms(**at) < per_ms).count();
        u64::try_from(recent).unwrap_or(u64::MAX)
    }
}

/// The most a playbook allows itself. A list that is `None` bounds nothing; an empty one
/// everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// The playbook's file, for reasons.
    pub file: String,
    /// Tools it may call.
    pub tools: Option<Vec<String>>,
    /// Absolute, resolved files and directories it may read.
    pub read: Option<Vec<PathBuf>>,
    /// Absolute, resolved files and directories it may write.
    pub write: Option<Vec<PathBuf>>,
    /// Host patterns it may talk to.
    pub network: Option<Vec<String>>,
    /// Names of secrets it may use.
    pub secrets: Option<Vec<String>>,
}

/// The widest walls around a call, before policy narrows them. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walls {
    /// Root of the workspace, writable at most.
    pub root: PathBuf,
    /// Further roots that may be read.
    pub read: Vec<PathBuf>,
    /// Further roots that may be written, such as the directory for temporary files.
    pub write: Vec<PathBuf>,
    /// Files that govern the program: never writable.
    pub protected: Vec<PathBuf>,
    /// Places of which commands get nothing.
    pub unreadable: Vec<PathBuf>,
    /// The sandbox profile the tool runs in.
    pub profile: String,
    /// How much of the file system the caller wants.
    pub fs: FsAccess,
    /// The network of the profile, if the caller wants it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub network: Network,
    /// The hosts in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<ListedHost>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_none(network: &Network) -> bool {
    *network == Network::None
}

impl Default for Walls {
    fn default() -> Self {
        Self {
            root: PathBuf::new(),
            read: Vec::new(),
            write: Vec::new(),
            protected: Vec::new(),
            unreadable: Vec::new(),
            profile: String::new(),
            fs: FsAccess::None,
            network: Network::None,
            hosts: Vec::new(),
        }
    }
}
