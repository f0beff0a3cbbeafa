//! `match:` and `not_match:`: requests that a rule must be about, or not, tried when it is loaded.
//!
//! They are judged on an imagined machine without symlinks: workspace `/workspace`, home
//! `/home/user`, temporary files in `/tmp`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use super::arguments::unknown_arguments;
use super::case::Case;
use super::gather::{Asked, gather};
use super::lexical::resolve_lexically;
use super::rule::Rule;
use super::terms::stand_in;
use super::truth::Truth;
use super::vocabulary::{ORIGINS, PROFILES};
use super::{Layer, Options, Places, Request, RunFacts, Terms};
use crate::contracts::{Diagnostic, Effect, Map, Profile, Timestamp};
use crate::ports::{ToolDescriptor, Vocabulary};
use crate::yaml::{Fields, Node, Place, Value, did_you_mean};

/// The tool of an example that only gives a command.
const COMMAND_TOOL: &str = "shell_exec";

/// Where a command stands among arguments until the tool is known: no argument is called so.
pub(super) const COMMAND: &str = "\0command";

/// What examples are judged with.
pub(super) struct Stage<'a> {
    pub(super) file: &'a str,
    pub(super) layer: Layer,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) terms: &'a BTreeMap<String, Terms>,
    pub(super) options: &'a Options,
}

impl Stage<'_> {
    /// Tries the examples under `match` and `not_match` of `rule`; returns how many it met.
    pub(super) fn try_all(
        &self,
        rule: &Rule,
        fields: &mut Fields<'_>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> usize {
        let mut met = 0;
        for (key, expected) in [("match", Truth::Yes), ("not_match", Truth::No)] {
            let examples = fields.list(key, mistakes).unwrap_or_default();
            if examples.is_empty() {
                mistakes.push(missing(self.file, key, rule));
            }
            for node in examples {
                let found = self.try_one(rule, node, expected, mistakes);
                met += usize::from(found == Some(Truth::Yes));
            }
        }
        met
    }

    /// What `rule` makes of one example; `None` where it cannot be tried.
    fn try_one(
        &self,
        rule: &Rule,
        node: &Node,
        expected: Truth,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Truth> {
        let (request, tool, profile) = self.request(rule, node, mistakes)?;
        let profile = profile.or_else(|| rule.profiles.as_ref()?.first().copied());
        let options =
            Options { profile: profile.unwrap_or(self.options.profile), ..Options::default() };
        let unsaid = Terms::default();
        let terms = self.terms.get(&request.tool).unwrap_or(&unsaid);
        let case = Case::new(&request, Some(&tool), terms, &options);
        let found = rule.matches(&case);
        if found == expected {
            return Some(found);
        }
        let id = &rule.id;
        if found == Truth::Unknown {
            let message =
                format!("`{id}` cannot be tried with this example: what it runs is not visible");
            let warning = node.error(self.file, "example-not-tried", message).as_warning();
            mistakes.push(warning.suggest("write the command with constant words"));
        } else if expected == Truth::Yes {
            let message =
                format!("`{id}` must be about this example and is not: it {}", rule.failure(&case));
            mistakes.push(node.error(self.file, "example-failed", message));
        } else {
            let message = format!("`{id}` must not be about this example, and it is");
            mistakes.push(node.error(self.file, "example-failed", message));
        }
        Some(found)
    }

    fn request(
        &self,
        rule: &Rule,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<(Request, Arc<ToolDescriptor>, Option<Profile>)> {
        let mut fields = Fields::of(self.file, "an example", node, mistakes)?;
        let named = fields.node("tool");
        let Call { tool: name, mut args, places } = call(self.file, node, &mut fields, mistakes)?;
        let tool = self.tool(&name, named.unwrap_or(node), mistakes)?;
        // The call would be refused before any rule is asked; the example is judged all the same.
        let mut unknown = Vec::new();
        unknown_arguments(self.file, &tool, &places, &mut unknown);
        mistakes.extend(unknown.into_iter().map(Diagnostic::as_warning));
        if let Some(command) = args.remove(COMMAND) {
            args.insert(tool.command.clone().unwrap_or_else(|| "command".to_owned()), command);
        }
        let mut asked = Asked::of(&tool, &args);
        if let Some(origin) = fields.choice("origin", &ORIGINS, mistakes) {
            asked.origin = origin;
        }
        let profile = fields.choice("profile", &PROFILES, mistakes);
        asked.now = time(self.file, &mut fields, mistakes);
        asked.labels = labels(self.file, &mut fields, mistakes);
        if let Some(node) = fields.node("run") {
            run_facts(self.file, node, asked.now, &mut asked.run, mistakes);
        }
        fields.finish(mistakes);
        let places = imagined();
        let mut resolve = |text: &str| resolve_lexically(text, &places);
        let request = gather(asked, &places, &mut resolve);
        for fault in request.faults.iter().filter(|_| rule.effect == Effect::Allow) {
            mistakes.push(node.error(self.file, "bad-example", fault.message.clone()));
        }
        Some((request, tool, profile))
    }

    /// The tool of an example. An example of a tool that is not there is not tried: built-in rules
    /// and rules for tools of other servers wait. A name that looks like a slip is a mistake.
    fn tool(
        &self,
        name: &str,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Arc<ToolDescriptor>> {
        if let Some(tool) = self.vocabulary.get(name) {
            return Some(Arc::clone(tool));
        }
        if let Some(terms) = self.terms.get(name) {
            return Some(Arc::new(stand_in(name, terms)));
        }
        if self.layer == Layer::BuiltIn {
            return None;
        }
        if name == COMMAND_TOOL {
            return Some(Arc::new(stand_in(name, &Terms::default())));
        }
        let message = format!("no tool is called `{name}`, and `tools` does not declare it");
        mistakes.push(match did_you_mean(name, self.vocabulary.names()) {
            Some(like) => node.error(self.file, "unknown-tool", message).suggest(like),
            None => node.error(self.file, "example-not-tried", message).as_warning(),
        });
        None
    }
}

/// The call of an example or a test as it is written.
pub(super) struct Call {
    /// The tool; that of commands where only a command is given.
    pub(super) tool: String,
    /// Its arguments. A command stands under [`COMMAND`] until the tool says which argument it is.
    pub(super) args: Map,
    /// Where each argument is named.
    pub(super) places: Vec<(String, Place)>,
}

/// Reads `tool` and `args`, `command` or `argv`.
pub(super) fn call(
    file: &str,
    node: &Node,
    fields: &mut Fields<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Call> {
    let tool = fields.text("tool", mistakes);
    let line = fields.text("command", mistakes).map(|line| Json::String(line.to_owned()));
    let argv = fields.texts("argv", mistakes).map(|words| {
        Json::Array(words.into_iter().map(|(word, _)| Json::String(word.to_owned())).collect())
    });
    let given = fields.node("args");
    let mut args = match given.map(Node::to_json) {
        Some(Json::Object(map)) => map,
        Some(_) => {
            let message = "`args` takes a mapping from an argument to its value";
            mistakes.push(given.unwrap_or(node).error(file, "wrong-type", message));
            return None;
        }
        None => Map::new(),
    };
    let entries = given.and_then(Node::as_map).unwrap_or_default();
    let places = entries.iter().map(|entry| (entry.key.clone(), entry.place)).collect();
    let command = line.or(argv);
    let Some(tool) = tool.or_else(|| command.as_ref().map(|_| COMMAND_TOOL)) else {
        let message = "an example needs `tool` and `args`, `command` or `argv`";
        mistakes.push(node.error(file, "missing-key", message));
        return None;
    };
    if let Some(command) = command {
        args.insert(COMMAND.to_owned(), command);
    }
    Some(Call { tool: tool.to_owned(), args, places })
}

impl Call {
    /// The call in one line, for people.
    pub(super) fn shown(&self) -> String {
        match self.args.get(COMMAND) {
            Some(Json::String(line)) => line.clone(),
            Some(Json::Array(words)) => {
                let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
                words.join(" ")
            }
            _ => format!("{} {}", self.tool, Json::Object(self.args.clone())),
        }
    }
}

pub(super) fn time(
    file: &str,
    fields: &mut Fields<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Timestamp {
    let node = fields.node("now");
    let Some((node, text)) = node.zip(fields.text("now", mistakes)) else {
        return Timestamp::from_ms(0);
    };
    text.parse().unwrap_or_else(|error: crate::contracts::TimestampError| {
        mistakes.push(node.error(file, "bad-value", error.to_string()));
        Timestamp::from_ms(0)
    })
}

pub(super) fn labels(
    file: &str,
    fields: &mut Fields<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Vec<String>> {
    let Some(node) = fields.node("labels") else { return BTreeMap::new() };
    let Some(entries) = node.as_map() else {
        let message = "`labels` takes a mapping from an argument to its labels";
        mistakes.push(node.error(file, "wrong-type", message));
        return BTreeMap::new();
    };
    let of = |node: &Node| {
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        items.iter().filter_map(Node::as_text).map(str::to_owned).collect()
    };
    entries.iter().map(|entry| (entry.key.clone(), of(&entry.value))).collect()
}

/// Reads `run:` into `run`; calls that were made are made at `now`.
pub(super) fn run_facts(
    file: &str,
    node: &Node,
    now: Timestamp,
    run: &mut RunFacts,
    mistakes: &mut Vec<Diagnostic>,
) {
    let Some(mut fields) = Fields::of(file, "`run`", node, mistakes) else { return };
    run.goal = fields.text("goal", mistakes).unwrap_or_default().to_owned();
    run.read_secret = fields.boolean("read_secret", mistakes).unwrap_or(false);
    run.untrusted = fields.boolean("untrusted", mistakes).unwrap_or(false);
    run.cost_usd = fields.number("cost_usd", mistakes).unwrap_or(0.0);
    let mut text = |key| fields.text(key, mistakes).unwrap_or_default().to_owned();
    run.goal = text("goal");
    run.playbook = text("playbook");
    run.step = text("step");
    let mut count = |key, other| {
        let found = fields.count(key, mistakes).map(u32::try_from);
        found.map_or(other, |number| number.unwrap_or(u32::MAX))
    };
    run.steps_used = count("steps_used", 0);
    run.steps_left = count("steps_left", u32::MAX);
    if let Some(node) = fields.node("calls") {
        run.calls = calls(file, node, now, mistakes);
    }
    fields.finish(mistakes);
}

/// Most calls of one tool that an example can say were made.
const CALLS_MAX: i64 = 10_000;

/// `calls: { TOOL: HOW_MANY }`.
fn calls(
    file: &str,
    node: &Node,
    now: Timestamp,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Vec<Timestamp>> {
    let Some(entries) = node.as_map() else {
        let message = "`calls` takes a mapping from a tool to how often it was called";
        mistakes.push(node.error(file, "wrong-type", message));
        return BTreeMap::new();
    };
    let mut made = BTreeMap::new();
    for entry in entries {
        let count = match &entry.value.value {
            Value::Int(count) => usize::try_from(*count).ok().filter(|_| *count <= CALLS_MAX),
            _ => None,
        };
        match count {
            Some(count) => drop(made.insert(entry.key.clone(), vec![now; count])),
            None => {
                let message = format!("`calls` takes numbers from 0 to {CALLS_MAX}");
                mistakes.push(entry.value.error(file, "bad-value", message));
            }
        }
    }
    made
}

/// The machine on which examples happen.
pub(super) fn imagined() -> Places {
    Places {
        root: PathBuf::from("/workspace"),
        home: Some(PathBuf::from("/home/user")),
        temp: vec![PathBuf::from("/tmp")],
        ..Places::default()
    }
}

fn missing(file: &str, key: &str, rule: &Rule) -> Diagnostic {
    let message = format!("`{}` has no example under `{key}`", rule.id);
    let error = rule.place.error(file, "missing-example", message);
    if key == "match" {
        error.suggest("add a call that it is about: `match: [ { tool: …, args: { … } } ]`")
    } else {
        error.as_warning().suggest("add a call that it is not about, beside one that it is")
    }
}
