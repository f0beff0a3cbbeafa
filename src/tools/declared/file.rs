//! One file of `config/tools/`: read with every mistake, then a description whose parts fit together.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

use super::Profiles;
use super::reader::{Around, Spot};
use crate::contracts::{CallEffect, Diagnostic, Network, Risk};
use crate::ports::{HostArg, PathAccess, PathArg, ToolDescriptor};
use crate::tools::registry;
use crate::yaml::{self, Fields, Limits, Node, Value};

/// Largest file, in bytes.
const FILE_BYTES_MAX: usize = 256 << 10;
const NAME_BYTES_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 2_000;
const COMMAND_WORDS_MAX: usize = 64;
const WORD_BYTES_MAX: usize = 4_096;
const TIMEOUT_MS: u64 = 60_000;
const TIMEOUT_MS_MIN: u64 = 100;
const TIMEOUT_MS_MAX: u64 = 24 * 3_600 * 1_000;
/// The profile of a tool that names none.
const PROFILE: &str = "shell_exec";

pub(super) const RISKS: [(&str, Risk); 3] =
    [("low", Risk::Low), ("medium", Risk::Medium), ("high", Risk::High)];
pub(super) const EFFECTS: [(&str, CallEffect); 4] = [
    ("read", CallEffect::Read),
    ("idempotent", CallEffect::Idempotent),
    ("non_idempotent", CallEffect::NonIdempotent),
    ("irreversible", CallEffect::Irreversible),
];
pub(super) const TRUST: [(&str, bool); 2] = [("untrusted", false), ("trusted", true)];
pub(super) const ACCESS: [(&str, PathAccess); 4] = [
    ("read", PathAccess::Read),
    ("write", PathAccess::Write),
    ("delete", PathAccess::Delete),
    ("exec", PathAccess::Exec),
];

/// A file of `config/tools/`, with the content that was vouched for.
#[derive(Debug, Clone, Copy)]
pub struct DeclaredFile<'a> {
    /// Its path, relative to the workspace.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// What a file declares, when nothing is wrong with it.
pub(super) struct Spec {
    pub(super) descriptor: ToolDescriptor,
    /// Program and arguments; never empty.
    pub(super) command: Vec<String>,
    /// What holds answers against `descriptor.output_schema`.
    pub(super) answers: Validator,
}

/// What was found in a file.
pub(super) struct Read {
    /// The name it declares, or that it is called by, with where that stands.
    pub(super) name: Option<(String, Spot)>,
    pub(super) spec: Option<Spec>,
    /// Every mistake.
    pub(super) found: Vec<Diagnostic>,
}

/// Reads `file`.
pub(super) fn read(file: &DeclaredFile<'_>, profiles: &Profiles) -> Read {
    let mut around = Around::new(file.path, profiles);
    let stem = || named_like(file.path).map(|name| (name, Spot::top(file.path)));
    let root = match parse(file) {
        Ok(root) => root,
        Err(found) => return Read { name: stem(), spec: None, found },
    };
    let Some(mut fields) = Fields::of(file.path, "a tool", &root, &mut around.found) else {
        return Read { name: stem(), spec: None, found: around.found };
    };
    let name = name(&mut fields, &mut around);
    let spec = spec(name.as_ref().map(|(name, _)| name.as_str()), &mut fields, &mut around);
    fields.finish(&mut around.found);
    let taken = |name: &str| registry::entry_of(name).is_some();
    let name = name.or_else(stem).filter(|(name, _)| !taken(name));
    let spec = spec.filter(|_| around.found.is_empty());
    Read { name, spec, found: around.found }
}

fn parse(file: &DeclaredFile<'_>) -> Result<Node, Vec<Diagnostic>> {
    let text = std::str::from_utf8(file.bytes).map_err(|error| {
        let message = format!("the file is not UTF-8 text: {error}");
        vec![Diagnostic::error("not-text", message, file.path, 1, 1)]
    })?;
    yaml::parse(file.path, text, Limits { bytes: FILE_BYTES_MAX, ..Limits::default() })
}

/// The name that a file without a readable one stands for.
fn named_like(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    is_name(stem).then(|| stem.to_owned())
}

/// Lower-case letters, digits and `_`, a letter first: what a name in a playbook looks like. `:` and `/`
/// belong to tools of other servers.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn name(fields: &mut Fields<'_>, around: &mut Around<'_>) -> Option<(String, Spot)> {
    let text = fields.required_text("name", &mut around.found)?;
    let place = fields.node("name")?.place;
    if !is_name(text) {
        let shown: String =
            text.chars().take(NAME_BYTES_MAX).flat_map(char::escape_debug).collect();
        let message = format!(
            "`{shown}` is no name of a tool: lower-case letters, digits and `_`, a letter first, at most {NAME_BYTES_MAX}"
        );
        around.mistake(place, "bad-name", message);
        return None;
    }
    if let Some(entry) = registry::entry_of(text) {
        let of = &entry.descriptor.name;
        let also = if of == text { String::new() } else { format!(", another name of `{of}`") };
        let message = format!("`{text}` is a tool of the program{also}: take another name");
        around.mistake(place, "name-taken", message);
    }
    Some((text.to_owned(), around.spot(place)))
}

fn spec(name: Option<&str>, fields: &mut Fields<'_>, around: &mut Around<'_>) -> Option<Spec> {
    let description = description(fields, around);
    let schema = arguments(fields, around);
    let (output_schema, answers) = output(fields, around);
    let known: BTreeSet<String> = properties(&schema);
    let found = &mut around.found;
    let risk = fields.choice("risk", &RISKS, found).unwrap_or(Risk::High);
    let effect = fields.choice("effect", &EFFECTS, found).unwrap_or(CallEffect::NonIdempotent);
    let trusted = fields.choice("output_trust", &TRUST, found).unwrap_or(false);
    let command = command(fields, around);
    let (profile, network) = profile(fields, around);
    let sinks = around.arguments(fields, "sinks", &known);
    let paths = paths(fields, around, &known);
    let hosts = around.arguments(fields, "hosts", &known).unwrap_or_default();
    let timeout_ms = timeout(fields, around);
    let sends_network = network == Network::Proxy;
    // What has a way out, and says nothing of what goes that way: everything may.
    let all = || if sends_network { known.iter().cloned().collect() } else { Vec::new() };
    let name = name?;
    let label = if trusted { "workspace".to_owned() } else { format!("untrusted:{name}") };
    let descriptor = ToolDescriptor {
        name: name.to_owned(),
        aliases: vec![format!("process:{name}")],
        description: description?,
        risk,
        effect,
        schema,
        output_schema,
        paths,
        hosts: hosts.into_iter().map(|arg| HostArg { arg }).collect(),
        sinks: sinks.unwrap_or_else(all),
        labels: vec![label],
        sends_network,
        timeout_ms,
        profile,
        ..ToolDescriptor::default()
    };
    Some(Spec { descriptor, command: command?, answers: answers? })
}

fn description(fields: &mut Fields<'_>, around: &mut Around<'_>) -> Option<String> {
    let text = fields.required_text("description", &mut around.found)?;
    let place = fields.node("description")?.place;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > DESCRIPTION_CHARS_MAX {
        let message = format!("`description` has 1 to {DESCRIPTION_CHARS_MAX} characters");
        around.mistake(place, "bad-value", message);
    }
    let hides = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.chars().any(hides) {
        around.mistake(place, "bad-value", "`description` has control characters".to_owned());
    }
    Some(text.to_owned())
}

/// The schema of the arguments: of an object, and closed unless it says otherwise.
fn arguments(fields: &mut Fields<'_>, around: &mut Around<'_>) -> Json {
    let none = || json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let Some(node) = fields.node("schema") else { return none() };
    let (mut schema, valid) = around.schema("schema", node);
    let Some(keys) = schema.as_object_mut().filter(|_| valid.is_some()) else { return none() };
    if keys.get("type").is_some_and(|kind| kind != "object") {
        let message = "`schema` describes the arguments together: its `type` is `object`";
        around.mistake(node.place, "bad-schema", message.to_owned());
    }
    keys.entry("type").or_insert_with(|| "object".into());
    keys.entry("properties").or_insert_with(|| json!({}));
    keys.entry("additionalProperties").or_insert(Json::Bool(false));
    schema
}

fn output(fields: &mut Fields<'_>, around: &mut Around<'_>) -> (Json, Option<Validator>) {
    match fields.node("output_schema") {
        Some(node) => around.schema("output_schema", node),
        None => (json!({}), jsonschema::validator_for(&json!({})).ok()),
    }
}

fn properties(schema: &Json) -> BTreeSet<String> {
    let properties = schema.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(|all| all.keys().cloned()).collect()
}

fn command(fields: &mut Fields<'_>, around: &mut Around<'_>) -> Option<Vec<String>> {
    let Some(node) = fields.node("command") else {
        let message = "a tool needs `command`: the program and its arguments, as a list";
        around.mistake(fields.place(), "missing-key", message.to_owned());
        return None;
    };
    if node.as_text().is_some() {
        let message =
            "`command` is a list of words: no shell reads it, such as `[python3, tools/x.py]`";
        around.mistake(node.place, "wrong-type", message.to_owned());
        return None;
    }
    let words = fields.texts("command", &mut around.found)?;
    let bad = |text: &str| text.contains('\0') || text.len() > WORD_BYTES_MAX;
    let fits = !words.is_empty()
        && words.len() <= COMMAND_WORDS_MAX
        && words.first().is_some_and(|(program, _)| !program.is_empty())
        && !words.iter().any(|(text, _)| bad(text));
    if !fits {
        let message = format!(
            "`command` has 1 to {COMMAND_WORDS_MAX} words of at most {WORD_BYTES_MAX} bytes, and a program first"
        );
        around.mistake(node.place, "bad-value", message);
        return None;
    }
    Some(words.into_iter().map(|(text, _)| text.to_owned()).collect())
}

fn profile(fields: &mut Fields<'_>, around: &mut Around<'_>) -> (String, Network) {
    let name = fields.text("profile", &mut around.found).unwrap_or(PROFILE);
    let network = around.profiles.get(name).copied();
    if let (None, Some(node)) = (network, fields.node("profile")) {
        let known: Vec<&str> = around.profiles.keys().map(String::as_str).collect();
        let message = format!(
            "there is no sandbox profile `{}`; there are {}",
            name.escape_debug(),
            known.join(", ")
        );
        around.mistake(node.place, "unknown-profile", message);
    }
    (name.to_owned(), network.unwrap_or_default())
}

/// `paths: { ARGUMENT: read }`.
fn paths(
    fields: &mut Fields<'_>,
    around: &mut Around<'_>,
    known: &BTreeSet<String>,
) -> Vec<PathArg> {
    let Some(node) = fields.node("paths") else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        let message = "`paths` is a mapping from an argument to read, write, delete or exec";
        around.mistake(node.place, "wrong-type", message.to_owned());
        return Vec::new();
    };
    let mut paths = Vec::new();
    for entry in entries {
        around.known_argument("paths", &entry.key, entry.place, known);
        let word = entry.value.as_text().unwrap_or_default();
        match ACCESS.iter().find(|(access, _)| *access == word) {
            Some((_, access)) => paths.push(PathArg { arg: entry.key.clone(), access: *access }),
            None => {
                let message = "`paths`: what is done with a file is read, write, delete or exec";
                around.mistake(entry.value.place, "bad-value", message.to_owned());
            }
        }
    }
    paths
}

fn timeout(fields: &mut Fields<'_>, around: &mut Around<'_>) -> u64 {
    let Some(ms) = fields.duration_ms("timeout", &mut around.found) else { return TIMEOUT_MS };
    if let (false, Some(node)) =
        ((TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&ms), fields.node("timeout"))
    {
        around.mistake(node.place, "out-of-range", "`timeout` is from 100ms to 1d".to_owned());
    }
    ms
}
