//! From a call to a [`Request`], given a way to resolve paths: the one place where arguments become
//! facts, so that examples, foreign requests and real calls are judged alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::host::{host, is_url};
use super::lexical::resolve_lexically;
use super::{
    CommandFact, Fault, HostFact, LeafFact, PathFact, PathFault, Permissions, Places, Request,
    RunFacts, Walls, Zone,
};
use crate::command::{self, Analysis, Leaf};
use crate::contracts::{FsAccess, Map, Origin, Timestamp};
use crate::ports::{PathAccess, ToolDescriptor};

/// Most words of a command whose paths are looked at.
const WORDS_MAX: usize = 512;

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
    /// The run so far.
    pub run: RunFacts,
    /// The playbook's upper bound.
    pub permissions: Option<Permissions>,
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
            run: RunFacts { steps_left: u32::MAX, ..RunFacts::default() },
            permissions: None,
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
    let hosts = hosts(tool, asked.args, &known, &mut faults);
    let command = tool.command.as_deref().filter(|arg| known(arg));
    let command = command
        .and_then(|arg| command_fact(arg, asked.args.get(arg)?, places, resolve, &mut faults));
    let reads = |path: &PathFact| path.zone == Zone::Secret && path.access == PathAccess::Read;
    Request {
        id: asked.id,
        tool: tool.name.clone(),
        risk: tool.risk,
        category: tool.category,
        effect: tool.effect,
        origin: asked.origin,
        args: asked.args.clone(),
        reads_secret: paths.iter().any(reads),
        paths,
        hosts,
        command,
        labels: asked.labels,
        sends_network: tool.sends_network,
        run: asked.run,
        permissions: asked.permissions,
        now: asked.now,
        unattended: asked.unattended,
        unknown: asked.unknown,
        faults,
        walls: walls(tool, asked.fs, places),
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

fn walls(tool: &ToolDescriptor, fs: FsAccess, places: &Places) -> Walls {
    Walls {
        root: places.root.clone(),
        read: places.read_roots.clone(),
        write: Vec::new(),
        protected: places.protected(),
        profile: tool.profile.clone(),
        fs: if tool.effect == crate::contracts::CallEffect::Read {
            fs.min(FsAccess::Read)
        } else {
            fs
        },
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
    value: &Value,
    places: &Places,
    resolve: &mut Resolve<'_>,
    faults: &mut Vec<Fault>,
) -> Option<CommandFact> {
    let analysis = match value {
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
    Some(with_paths(analysis, arg, places, resolve))
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
            opaque = Some(format!("it has more than {WORDS_MAX} words"));
        }
        let paths = leaf_paths(&words, arg, places, resolve);
        leaves.push(LeafFact { words, paths, redirects: Vec::new() });
    }
    CommandFact { text: analysis.text, leaves, opaque }
}

/// Every word that could name a file, and what stands after `=` in a flag. A path that cannot be
/// looked at stands for itself. A word that is no path at all is left out here: the program gets it
/// as it is, inside its walls.
fn leaf_paths(
    words: &Leaf,
    arg: &str,
    places: &Places,
    resolve: &mut Resolve<'_>,
) -> Vec<PathFact> {
    let candidates = words.argv.iter().take(WORDS_MAX).flat_map(|word| {
        let value = word.split_once('=').map(|(_, value)| value);
        let whole = (!word.starts_with('-')).then_some(word.as_str());
        whole.into_iter().chain(value)
    });
    let mut fact = |text: &str| {
        let mut blind = |text: &str| resolve_lexically(text, places);
        match path_fact(text, arg, PathAccess::Read, places, resolve) {
            Err(PathFault::Unreadable { .. } | PathFault::Loop(_)) => {
                path_fact(text, arg, PathAccess::Read, places, &mut blind)
            }
            other => other,
        }
    };
    candidates.filter_map(|text| fact(text).ok()).collect()
}
