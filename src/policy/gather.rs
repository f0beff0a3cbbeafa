//! From a call to a [`Request`], given a way to resolve paths: the one place where arguments become
//! facts, so that examples, foreign requests and real calls are judged alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::host::{host, is_url};
use super::lexical::resolve_lexically;
use super::pattern::guarded_by;
use super::{
    CommandFact, Fault, HostFact, LeafFact, PathFact, PathFault, Permissions, Places, Reach,
    Request, RunFacts, Walls, Zone,
};
use crate::command::{self, Access, Analysis, Deed, FileUse};
use crate::contracts::{FsAccess, Map, Origin, Timestamp};
use crate::ports::{PathAccess, ToolDescriptor};

/// Most words of a command whose paths are looked at.
const WORDS_MAX: usize = 512;

/// The argument in which a tool that runs commands starts them, and the one with variables.
const WORKDIR: &str = "workdir";
const ENVIRONMENT: &str = "env";

/// Most files of one program that are looked at.
const FILES_MAX: usize = 512;

/// How a text becomes an absolute path: on the real disk, or without looking.
pub type Resolve<'a> = dyn FnMut(&str) -> Result<PathBuf, PathFault> + 'a;

/// One call as it came in.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The call's id, in text.
    pub id: String,
    /// The tool.
    pub tool: &'a ToolDescriptor,
    /// Its arguments.
    pub args: &'a Map,
    /// Who wants it.
    pub origin: Origin,
    /// Where each argument's value came from.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Arguments whose value is not known yet.
    pub unknown: Vec<String>,
    /// How much of the file system the caller wants.
    pub fs: FsAccess,
    /// Whether the caller wants the network that its profile may have.
    pub network: bool,
    /// The run so far.
    pub run: RunFacts,
    /// The playbook's upper bound, and those of the runs above it: each must hold.
    pub permissions: Vec<Permissions>,
    /// The time for which it is decided.
    pub now: Timestamp,
    /// Whether nobody is there to answer.
    pub unattended: bool,
}

impl<'a> Asked<'a> {
    /// A call about which only tool and arguments are known.
    #[must_use]
    pub fn of(tool: &'a ToolDescriptor, args: &'a Map) -> Self {
        Self {
            id: String::new(),
            tool,
            args,
            origin: Origin::Playbook,
            labels: BTreeMap::new(),
            unknown: Vec::new(),
            fs: FsAccess::Write,
            network: true,
            run: RunFacts { steps_left: u32::MAX, ..RunFacts::default() },
            permissions: Vec::new(),
            now: Timestamp::from_ms(0),
            unattended: false,
        }
    }
}

/// The facts of a call. What cannot be understood is a fault in the request, never left out.
pub fn gather(asked: Asked<'_>, places: &Places, resolve: &mut Resolve<'_>) -> Request {
    let mut faults = Vec::new();
    let mut paths = Vec::new();
    let tool = asked.tool;
    let known = |arg: &str| !asked.unknown.iter().any(|unknown| unknown == arg);
    for named in tool.paths.iter().filter(|named| known(&named.arg)) {
        for text in texts(asked.args, &named.arg, &mut faults) {
            match path_fact(&text, &named.arg, named.access, places, resolve) {
                Ok(fact) => paths.push(fact),
                Err(fault) => {
                    faults.push(Fault { arg: named.arg.clone(), message: fault.to_string() })
                }
            }
        }
    }
    for (arg, text, access) in within(tool, asked.args, &known, &mut faults) {
        match path_fact(&text, arg, access, places, resolve) {
            Ok(fact) => paths.push(fact),
            Err(fault) => faults.push(Fault { arg: arg.to_owned(), message: fault.to_string() }),
        }
    }
    let mut hosts = hosts(tool, asked.args, &known, &mut faults);
    let command = tool.command.as_deref().filter(|arg| known(arg));
    let command =
        command.and_then(|arg| command_fact(arg, asked.args, places, resolve, &mut faults));
    let leaves = command.iter().flat_map(|command| &command.leaves);
    hosts.extend(leaves.clone().flat_map(|leaf| leaf.hosts.iter().cloned()));
    let reads = |path: &PathFact| path.zone == Zone::Secret && path.access == PathAccess::Read;
    let sends = |leaf: &LeafFact| {
        leaf.words.does.iter().any(|deed| matches!(deed, Deed::Fetch | Deed::Send | Deed::Leak))
    };
    let reads_secret =
        paths.iter().any(reads) || leaves.clone().flat_map(|leaf| &leaf.paths).any(reads);
    let sends_network = tool.sends_network || leaves.clone().any(sends);
    Request {
        id: asked.id,
        tool: tool.name.clone(),
        risk: tool.risk,
        category: tool.category,
        effect: tool.effect,
        origin: asked.origin,
        args: asked.args.clone(),
        reads_secret,
        paths,
        hosts,
        command,
        labels: asked.labels,
        sends_network,
        run: asked.run,
        permissions: asked.permissions,
        now: asked.now,
        unattended: asked.unattended,
        unknown: asked.unknown,
        faults,
        walls: walls(tool, (asked.fs, asked.network), places),
    }
}

/// The files that an argument names inside of itself. One that cannot be read is a fault: nobody could
/// say what the call would touch.
fn within(
    tool: &ToolDescriptor,
    args: &Map,
    known: &impl Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) -> Vec<(&'static str, String, PathAccess)> {
    let Some(within) = tool.paths_within.filter(|within| known(within.arg)) else {
        return Vec::new();
    };
    match (within.read)(args) {
        Ok(named) => named.into_iter().map(|(text, access)| (within.arg, text, access)).collect(),
        Err(message) => {
            faults.push(Fault { arg: within.arg.to_owned(), message });
            Vec::new()
        }
    }
}

/// The facts of a path that is named by `text`.
///
/// # Errors
/// When the text names no path that can be judged.
pub fn path_fact(
    text: &str,
    arg: &str,
    access: PathAccess,
    places: &Places,
    resolve: &mut Resolve<'_>,
) -> Result<PathFact, PathFault> {
    let resolved = resolve(text)?;
    Ok(PathFact {
        zone: places.zone(&resolved, access),
        relative: places.relative(&resolved),
        text: text.to_owned(),
        arg: arg.to_owned(),
        access,
        resolved,
    })
}

fn walls(tool: &ToolDescriptor, (fs, network): (FsAccess, bool), places: &Places) -> Walls {
    let reach = if network { places.nets.of(&tool.profile) } else { Reach::default() };
    Walls {
        root: places.root.clone(),
        read: places.read_roots.clone(),
        write: Vec::new(),
        protected: places.protected(),
        unreadable: places.unreadable(),
        profile: tool.profile.clone(),
        fs: if tool.effect == crate::contracts::CallEffect::Read {
            fs.min(FsAccess::Read)
        } else {
            fs
        },
        network: reach.network,
        hosts: reach.hosts,
    }
}

/// The texts of an argument that is a text or a list of texts; anything else is a fault.
fn texts(args: &Map, arg: &str, faults: &mut Vec<Fault>) -> Vec<String> {
    let items = match args.get(arg) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
    };
    let found: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if found.len() < items.len() {
        faults.push(Fault { arg: arg.to_owned(), message: format!("`{arg}` is no text") });
    }
    found
}

/// Hosts in the arguments that the tool declares, and in every sink that holds a URL.
fn hosts(
    tool: &ToolDescriptor,
    args: &Map,
    known: &impl Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) -> Vec<HostFact> {
    let declared: Vec<&str> =
        tool.hosts.iter().map(|named| named.arg.as_str()).filter(|arg| known(arg)).collect();
    let sinks = tool.sinks.iter().map(String::as_str);
    let sinks = sinks.filter(|arg| known(arg) && !declared.contains(arg));
    let mut named: Vec<(&str, String)> = Vec::new();
    for arg in &declared {
        named.extend(texts(args, arg, faults).into_iter().map(|text| (*arg, text)));
    }
    for arg in sinks {
        let text = args.get(arg).and_then(Value::as_str).filter(|text| is_url(text));
        named.extend(text.map(|text| (arg, text.to_owned())));
    }
    let mut facts = Vec::new();
    for (arg, text) in named {
        match host(arg, &text) {
            Ok(fact) => facts.push(fact),
            Err(fault) => faults.push(Fault { arg: arg.to_owned(), message: fault.to_string() }),
        }
    }
    facts
}

fn command_fact(
    arg: &str,
    args: &Map,
    places: &Places,
    resolve: &mut Resolve<'_>,
    faults: &mut Vec<Fault>,
) -> Option<CommandFact> {
    let mut analysis = match args.get(arg)? {
        Value::String(line) => command::of_line(line),
        Value::Array(words) => {
            let argv: Vec<String> =
                words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            if argv.len() < words.len() {
                faults.push(Fault {
                    arg: arg.to_owned(),
                    message: format!("`{arg}` has a word that is no text"),
                });
            }
            command::of_argv(&argv)
        }
        _ => {
            let message = format!("`{arg}` is neither a list of words nor a command line");
            faults.push(Fault { arg: arg.to_owned(), message });
            return None;
        }
    };
    surround(&mut analysis, args);
    Some(with_paths(analysis, arg, places, resolve))
}

/// What the other arguments say about a command: its paths start in `workdir`, and variables of
/// `env` may decide what runs.
fn surround(analysis: &mut Analysis, args: &Map) {
    let names = args.get(ENVIRONMENT).and_then(Value::as_object).into_iter().flat_map(Map::keys);
    if let Some(name) = names.into_iter().find(|name| command::decides_what_runs(name)) {
        let why = format!("`{ENVIRONMENT}` sets `{name}`, which decides what runs");
        analysis.opaque.get_or_insert(why);
    }
    let start = args.get(WORKDIR).and_then(Value::as_str).filter(|start| !start.is_empty());
    let Some(start) = start else { return };
    let files = analysis.leaves.iter_mut().flat_map(|leaf| &mut leaf.files);
    for file in files.filter(|file| !file.text.starts_with(['/', '~'])) {
        file.text = format!("{start}/{}", file.text);
    }
}

fn with_paths(
    analysis: Analysis,
    arg: &str,
    places: &Places,
    resolve: &mut Resolve<'_>,
) -> CommandFact {
    let mut opaque = analysis.opaque;
    let mut leaves = Vec::with_capacity(analysis.leaves.len());
    for words in analysis.leaves {
        if words.argv.len() > WORDS_MAX {
            opaque.get_or_insert_with(|| format!("it has more than {WORDS_MAX} words"));
        }
        let mut fact =
            LeafFact { words, paths: Vec::new(), redirects: Vec::new(), hosts: Vec::new() };
        for file in fact.words.files.iter().take(FILES_MAX) {
            let found = command_paths(file, arg, places, resolve);
            if found.is_empty() && file.access != Access::Read {
                opaque.get_or_insert_with(|| {
                    "it changes a file whose path cannot be judged".to_owned()
                });
            }
            for path in found {
                if file.redirect {
                    fact.redirects.push(path.clone());
                }
                fact.paths.push(path);
            }
        }
        if fact.words.files.len() > FILES_MAX {
            opaque.get_or_insert_with(|| format!("it names more than {FILES_MAX} files"));
        }
        for text in &fact.words.hosts {
            match host(arg, text) {
                Ok(found) => fact.hosts.push(found),
                Err(fault) => {
                    opaque.get_or_insert_with(|| fault.to_string());
                }
            }
        }
        leaves.push(fact);
    }
    CommandFact { text: analysis.text, leaves, opaque }
}

/// The facts of a file that a program names. A path that cannot be looked at stands for itself. A
/// word that is no path at all is left out: the program gets it as it is, inside its walls. A
/// pattern also stands for what is secret or governs among what it fits.
fn command_paths(
    file: &FileUse,
    arg: &str,
    places: &Places,
    resolve: &mut Resolve<'_>,
) -> Vec<PathFact> {
    let access = match file.access {
        Access::Read => PathAccess::Read,
        Access::Write => PathAccess::Write,
        Access::Delete => PathAccess::Delete,
        Access::Exec => PathAccess::Exec,
    };
    let mut fact = |text: &str| {
        let mut blind = |text: &str| resolve_lexically(text, places);
        match path_fact(text, arg, access, places, resolve) {
            Err(PathFault::Unreadable { .. } | PathFault::Loop(_)) => {
                path_fact(text, arg, access, places, &mut blind)
            }
            other => other,
        }
    };
    let mut facts: Vec<PathFact> = fact(&file.text).ok().into_iter().collect();
    for name in guarded_by(&file.text) {
        facts.extend(fact(&name).ok());
    }
    facts
}
