//! Playbooks that are called: whether they are there, take what they are given and do no more than who
//! calls them may.

use std::sync::Arc;

use super::arguments::known_kind;
use super::shell::template_untrusted;
use crate::contracts::Map;
use crate::playbook::expression::{Piece, split};
use crate::playbook::lint::{Met, Session};
use crate::playbook::model::{Input, InputKind, Permissions, Playbook};
use crate::playbook::read::{CallUse, Reader};
use crate::yaml::{Entry, Node, did_you_mean};

/// Checks every call.
pub(in crate::playbook) fn calls(
    reader: &mut Reader<'_>,
    playbook: &Playbook,
    session: &mut Session<'_>,
) {
    for call in std::mem::take(&mut reader.calls) {
        if reader.is_full() {
            return;
        }
        reader.look_at(call.context.file);
        let found = match session.playbook(&call.playbook) {
            Ok(found) => found,
            Err(why) => {
                let names = session.names();
                let suggestion = did_you_mean(&call.playbook, names.iter().map(String::as_str));
                reader.hinted(call.place, "unknown-playbook", why, suggestion);
                continue;
            }
        };
        match session.met(&found) {
            Met::Good { playbook: called, asks, shell_inputs } => {
                if let Some(asks) = asks {
                    let gate = format!("`{}`, where {asks}", call.playbook);
                    reader.asking.insert(call.playbook.clone(), gate);
                }
                inputs(reader, playbook, &call, &called);
                shell(reader, playbook, &call, &shell_inputs);
                wider(reader, playbook, &call, &called);
                reader.called.insert(call.playbook.clone(), Arc::clone(&called));
            }
            Met::Bad { code, message } => reader.error(call.place, code, message),
        }
    }
}

fn inputs(reader: &mut Reader<'_>, playbook: &Playbook, call: &CallUse, called: &Playbook) {
    let given = call.inputs.as_ref().and_then(Node::as_map).unwrap_or_default();
    for entry in given {
        match called.inputs.iter().find(|input| input.name == entry.key) {
            Some(input) => value(reader, playbook, entry, input),
            None => {
                let names = called.inputs.iter().map(|input| input.name.as_str());
                let all: Vec<&str> = names.clone().collect();
                let takes = || match all.as_slice() {
                    [] => format!("`{}` takes no inputs", called.name),
                    all => format!("it takes {}", all.join(", ")),
                };
                let suggestion = did_you_mean(&entry.key, names).or_else(|| Some(takes()));
                let message = format!("`{}` has no input `{}`", called.name, entry.key);
                reader.hinted(entry.place, "unknown-input", message, suggestion);
            }
        }
    }
    for input in called.inputs.iter().filter(|input| input.required) {
        if !given.iter().any(|entry| entry.key == input.name) {
            let message = format!("`{}` needs the input `{}`", called.name, input.name);
            let suggestion =
                Some(format!("add `{}` of type {} to `inputs`", input.name, input.kind.as_str()));
            reader.hinted(call.place, "missing-input", message, suggestion);
        }
    }
}

/// Notes a value of the wrong type, as far as it is known before the run.
fn value(reader: &mut Reader<'_>, playbook: &Playbook, entry: &Entry, input: &Input) {
    let node = &entry.value;
    let (name, wanted) = (&input.name, input.kind.as_str());
    let wrong = |what: &str| format!("the input `{name}` is of type {wanted}, not {what}");
    let pieces = node.as_text().map(|text| split(text).unwrap_or_default()).unwrap_or_default();
    if let [Piece::Expression(_)] = pieces.as_slice() {
        let kind = known_kind(&reader.evaluator, playbook, node);
        if let Some(kind) = kind.filter(|kind| !takes(input.kind, kind)) {
            reader.error(node.place, "wrong-type", wrong(kind));
        }
        return;
    }
    let value = node.to_json();
    if !input.kind.takes(&value) {
        return reader.error(node.place, "wrong-type", wrong(node.kind()));
    }
    let open = value.to_string().contains("${{");
    if !open && !input.choices.is_empty() && !input.choices.contains(&value) {
        let choices: Vec<String> = input.choices.iter().map(ToString::to_string).collect();
        let message = format!("the input `{name}` is one of {}", choices.join(", "));
        reader.error(node.place, "bad-value", message);
    }
}

/// Whether an input takes a value of the JSON type `kind`.
fn takes(input: InputKind, kind: &str) -> bool {
    match input {
        InputKind::String | InputKind::Path => kind == "string",
        InputKind::Boolean => kind == "boolean",
        InputKind::Integer => kind == "integer",
        InputKind::Number => kind == "integer" || kind == "number",
        InputKind::List => kind == "array",
        InputKind::Map => kind == "object",
    }
}

/// Notes text from a tool that the called playbook puts into a command line, and remembers own inputs
/// that get there.
fn shell(reader: &mut Reader<'_>, playbook: &Playbook, call: &CallUse, shell_inputs: &[String]) {
    for entry in call.inputs.as_ref().and_then(Node::as_map).unwrap_or_default() {
        if !shell_inputs.contains(&entry.key) {
            continue;
        }
        let template = entry.value.to_json();
        if template_untrusted(reader, playbook, &call.context, &template) {
            let message = format!(
                "a text from a tool: `{}` puts `{}` into a command line",
                call.playbook, entry.key
            );
            let suggestion = "let the called playbook write the command as a list".to_owned();
            reader.hinted(entry.value.place, "untrusted-in-shell", message, Some(suggestion));
        }
        let own = super::shell::inputs_in(reader, &template);
        reader.shell_inputs.extend(own);
    }
}

/// Notes what the called playbook may touch and this one may not.
fn wider(reader: &mut Reader<'_>, playbook: &Playbook, call: &CallUse, called: &Playbook) {
    let own = &playbook.permissions;
    let Permissions { tools, network, secrets, .. } = &called.permissions;
    let real = |tool: &String| {
        reader.vocabulary.get(tool).map_or_else(|| tool.clone(), |tool| tool.name.clone())
    };
    let allowed: Vec<String> = own.tools.iter().map(real).collect();
    let mut more = Map::new();
    let mut note = |key: &str, names: Vec<&String>| {
        if !names.is_empty() {
            more.insert(key.to_owned(), names.into_iter().cloned().collect::<Vec<_>>().into());
        }
    };
    note("tools", tools.iter().filter(|tool| !allowed.contains(&real(tool))).collect());
    let covered = |host: &str| own.network.iter().any(|pattern| covers(pattern, host));
    note("network", network.iter().filter(|host| !covered(host)).collect());
    note("secrets", secrets.iter().filter(|name| !own.secrets.contains(name)).collect());
    for (key, names) in more {
        let names: Vec<&str> =
            names.as_array().into_iter().flatten().filter_map(|it| it.as_str()).collect();
        let names = names.join(", ");
        let message =
            format!("`{}` may touch more than this playbook: {key} {names}", call.playbook);
        let suggestion =
            Some(format!("add {names} to `permissions.{key}`, or narrow `{}`", called.name));
        reader.hinted(call.place, "call-wider", message, suggestion);
    }
}

/// Whether every host that `host` stands for is one of `pattern`.
fn covers(pattern: &str, host: &str) -> bool {
    pattern == host
        || pattern.strip_prefix("*.").is_some_and(|domain| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let below = name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
            below || (host.starts_with("*.") && name == domain)
        })
}
