//! What a tool is: its description, from which everything else is generated, and its run.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cancel, Sandbox};
use crate::contracts::{
    ArtifactRef, CallEffect, Confinement, Map, Receipt, Risk, ToolCall, ToolError,
};

/// What an argument that names a file is used for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PathAccess {
    /// Its content or its names are read.
    Read,
    /// It is made or changed.
    Write,
    /// It is removed.
    Delete,
    /// It is run.
    Exec,
}

/// An argument that names a file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathArg {
    /// The argument.
    pub arg: String,
    /// What is done with the file.
    pub access: PathAccess,
}

/// Files with what is done to each, or why they cannot be told.
pub type NamedFiles = Result<Vec<(String, PathAccess)>, String>;

/// An argument that names files inside of itself, as a patch does, and how they are read from it.
/// Policy decides about each of them.
#[derive(Clone, Copy)]
pub struct PathsWithin {
    /// The argument.
    pub arg: &'static str,
    /// Each file with what is done to it, or why they cannot be told: then the call is refused.
    pub read: fn(&Map) -> NamedFiles,
}

/// Without the address of the function, which is another in each process: the name of a set of rules is made
/// from what this says.
impl std::fmt::Debug for PathsWithin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathsWithin").field("arg", &self.arg).finish_non_exhaustive()
    }
}

/// How they are read follows from the tool, so the argument tells two apart.
impl PartialEq for PathsWithin {
    fn eq(&self, other: &Self) -> bool {
        self.arg == other.arg
    }
}

/// An argument that names a host or an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostArg {
    /// The argument.
    pub arg: String,
}

/// What a tool does to the world, beyond files, for rules that speak of it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Moves money.
    Financial,
    /// Binds somebody by law.
    Legal,
    /// Sends something to other people.
    ExternalComms,
    /// Destroys what cannot be put back.
    Destructive,
    /// Handles passwords, keys, tokens.
    Credential,
}

/// Everything there is to know about a tool without running it. The model's tool list, the policy
/// vocabulary, the schemas, `tools show` and the documentation are generated from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolDescriptor {
    /// Its name.
    pub name: String,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// What it does, in a sentence.
    pub description: String,
    /// How much harm it can do.
    pub risk: Risk,
    /// What may be done about a call that a crash cut off.
    pub effect: CallEffect,
    /// Whether what it did can be put back by `undo`.
    pub undoable: bool,
    /// What it does to the world beyond files.
    pub category: Option<Category>,
    /// JSON Schema of its arguments; unknown arguments are refused.
    pub schema: Value,
    /// JSON Schema of the result's `data`.
    pub output_schema: Value,
    /// Arguments that name files.
    pub paths: Vec<PathArg>,
    /// The argument that names files inside of itself.
    #[serde(skip)]
    pub paths_within: Option<PathsWithin>,
    /// Arguments that name hosts.
    pub hosts: Vec<HostArg>,
    /// The argument that is a command: an argument vector, or a command line.
    pub command: Option<String>,
    /// Arguments through which something can leave or be aimed.
    pub sinks: Vec<String>,
    /// Labels its results carry, such as `workspace` or `untrusted:web`.
    pub labels: Vec<String>,
    /// Fields of its results whose values can be trusted although the rest cannot, such as the
    /// address that a mail came from.
    pub trusted_fields: Vec<String>,
    /// Words of which a person uses one who wants such a call, such as `pay` and `send`. Empty: no
    /// words tell.
    pub asked_by: Vec<String>,
    /// Whether it sends anything over a network.
    pub sends_network: bool,
    /// Whether what it does is asking a person: where nobody is there it needs an argument `default`.
    #[serde(skip)]
    pub asks_person: bool,
    /// Whether it tells of files no more than their names: what is in them does not come with the answer.
    #[serde(skip)]
    pub names_only: bool,
    /// How long it may take unless the call says otherwise, in milliseconds.
    pub timeout_ms: u64,
    /// The sandbox profile its commands run in; empty when it runs none.
    pub profile: String,
    /// Whether it is on unless configuration says otherwise.
    pub enabled: bool,
}

/// A tool of which nothing is said counts as the worst.
impl Default for ToolDescriptor {
    fn default() -> Self {
        Self {
            name: String::new(),
            aliases: Vec::new(),
            description: String::new(),
            risk: Risk::High,
            effect: CallEffect::NonIdempotent,
            undoable: false,
            category: None,
            schema: serde_json::json!({ "type": "object" }),
            output_schema: serde_json::json!({}),
            paths: Vec::new(),
            paths_within: None,
            hosts: Vec::new(),
            command: None,
            sinks: Vec::new(),
            labels: Vec::new(),
            trusted_fields: Vec::new(),
            asked_by: Vec::new(),
            sends_network: false,
            asks_person: false,
            names_only: false,
            timeout_ms: 0,
            profile: String::new(),
            enabled: true,
        }
    }
}

impl ToolDescriptor {
    /// Whether argument `arg` names files, itself or inside of itself.
    #[must_use]
    pub fn names_files(&self, arg: &str) -> bool {
        self.paths.iter().any(|path| path.arg == arg)
            || self.paths_within.is_some_and(|within| within.arg == arg)
    }
}

/// The tools policy and lint know, by name and by alias.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    tools: BTreeMap<String, Arc<ToolDescriptor>>,
}

impl Vocabulary {
    /// A vocabulary of `tools`.
    pub fn new(tools: impl IntoIterator<Item = ToolDescriptor>) -> Self {
        let mut by_name = BTreeMap::new();
        for tool in tools {
            let tool = Arc::new(tool);
            for alias in &tool.aliases {
                by_name.insert(alias.clone(), Arc::clone(&tool));
            }
            by_name.insert(tool.name.clone(), tool);
        }
        Self { tools: by_name }
    }

    /// The tool that answers to `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ToolDescriptor>> {
        self.tools.get(name)
    }

    /// Every name and alias, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// Every tool once, sorted by name.
    pub fn tools(&self) -> impl Iterator<Item = &Arc<ToolDescriptor>> {
        self.tools.iter().filter(|(name, tool)| **name == tool.name).map(|(_, tool)| tool)
    }
}

/// What tools need that work away from the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Away {
    /// Absolute directory of their own, not in the workspace; `None` where the machine names none.
    pub area: Option<PathBuf>,
    /// Programs, or beginnings of argument vectors, that may run there; empty for the tool's own list.
    pub argv: Vec<String>,
    /// Paths that commands there may read beside the system's programs and libraries.
    pub read: Vec<PathBuf>,
    /// Addresses that a host may have although they are no public ones.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
}

/// Where a browser is, as configuration names it; `None` for where systems put it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrowserSetup {
    /// The browser.
    pub program: Option<PathBuf>,
    /// What speaks WebDriver for it.
    pub driver: Option<PathBuf>,
}

/// Secrets that a call gets, by argument and name. Their values are in no `Debug` output.
#[derive(Clone, Default)]
pub struct ArgSecrets(pub BTreeMap<String, BTreeMap<String, String>>);

impl std::fmt::Debug for ArgSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a person said to a question that wants words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonsAnswer {
    /// The words.
    pub text: String,
    /// Who said them; nobody when the default holds.
    pub by: Option<String>,
}

/// What a tool gets beside its call.
#[derive(Clone)]
pub struct ToolContext {
    /// Absolute root of the workspace; relative paths start here.
    pub root: PathBuf,
    /// The walls. A file tool holds to them itself; a command runs in a sandbox that does.
    pub confinement: Confinement,
    /// Where commands run.
    pub sandbox: Arc<dyn Sandbox>,
    /// Programs, or beginnings of argument vectors, that may run as commands; empty for any.
    pub programs: Vec<String>,
    /// Bounds of a command, from configuration and the call's time-out.
    pub limits: super::Limits,
    /// Largest `data` in bytes; more is cut and said so.
    pub output_bytes_max: u64,
    /// A request to stop.
    pub cancel: Cancel,
    /// Where work is done that the workspace is to see nothing of.
    pub away: Away,
    /// What is remembered, for the tools of memory; absent where there is no store.
    pub memories: Option<Arc<dyn super::Memories>>,
    /// The browser of `browser_task`.
    pub browser: BrowserSetup,
    /// The X display of `desktop_task`; `None` where configuration names none.
    pub display: Option<String>,
    /// Where people are told something beside the log, for `user_notification`.
    pub channels: super::Channels,
    /// What a person said, for a tool that asks one.
    pub answer: Option<PersonsAnswer>,
    /// Values that are put in for placeholders when the call begins: of each argument, by name.
    pub secrets: ArgSecrets,
}

impl std::fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolContext").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What a tool answers: the parts of a [`crate::contracts::ToolResult`] that are its own.
#[derive(Debug, Clone, Default)]
pub struct ToolOutput {
    /// The answer, or why there is none.
    pub data: Option<Value>,
    /// Why it did not do what it was asked. Data may be there as well, such as a command's output.
    pub error: Option<ToolError>,
    /// Lines for people.
    pub logs: Vec<String>,
    /// Files it produced, to be kept.
    pub artifacts: Vec<Produced>,
    /// Whether output was cut.
    pub truncated: bool,
    /// The answer as it was before it was cut at the cap, to be kept as an artifact.
    pub whole: Option<Value>,
    /// Which sandbox layers held.
    pub receipt: Receipt,
    /// Where the answer came from, beside what the tool's own labels say.
    pub labels: Vec<String>,
}

/// A file that a call produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// What it is.
    pub artifact: ArtifactRef,
    /// Its content.
    pub content: Vec<u8>,
}

/// What a call will change, taken before it runs, so that it can be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Version of this document.
    pub schema_version: u32,
    /// Each file, in the order in which it will be changed.
    pub entries: Vec<UndoEntry>,
}

/// One file, link or directory before a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoEntry {
    /// Absolute path.
    pub path: PathBuf,
    /// The content, in base64; absent when there was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its permission bits, or those of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// BLAKE3 of what the call will leave there, to notice later changes; absent when it removes
    /// the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_hash: Option<crate::contracts::Hash>,
    /// What was there when it was no file. Absent in records of programs that changed only files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_other: Option<NoFile>,
    /// What the call will leave there when that is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_other: Option<NoFile>,
    /// The permission bits that the call will leave, where it changes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_mode: Option<u32>,
}

/// Something that has a name and is no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoFile {
    /// A directory; what is in it has entries of its own.
    Directory,
    /// A symbolic link.
    Link {
        /// Where it points, as it is written.
        target: String,
    },
}

/// A tool. Blocking: it runs on a thread of its own.
pub trait Tool: Send + Sync {
    /// Everything there is to know about it.
    fn descriptor(&self) -> ToolDescriptor;

    /// Whether the arguments can be read at all, beyond the schema.
    ///
    /// # Errors
    /// With kind `bad_arguments` and what to write instead.
    fn check(&self, args: &Map) -> Result<(), ToolError>;

    /// What would happen, for a dry run, in a sentence. Touches nothing.
    fn dry_run(&self, call: &ToolCall) -> String;

    /// What the call will change. `None` for a tool that changes no files.
    ///
    /// # Errors
    /// When the old content cannot be kept; the call then does not run.
    fn snapshot(&self, call: &ToolCall, context: &ToolContext) -> Result<Option<Undo>, ToolError>;

    /// Does it.
    fn run(&self, call: &ToolCall, context: &ToolContext) -> ToolOutput;
}
