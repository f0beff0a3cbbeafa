//! Texts of tools in commands.
//!
//! A word of an argument vector stays one word whatever is in it. A command line is parsed again by
//! a shell, and so is the word behind `-c`: there, text from a tool becomes commands.

use crate::playbook::expression::{Facts, Piece, split};
use crate::playbook::model::Playbook;
use crate::playbook::read::{Context, Reader, Section, ToolUse};
use crate::ports::ToolDescriptor;
use crate::yaml::{Node, Place, Value};

/// Programs that run the text behind a flag.
const INTERPRETERS: [&str; 20] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "ash",
    "fish",
    "busybox",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "deno",
    "php",
    "lua",
    "pwsh",
    "powershell",
];

/// Flags behind which the text stands.
const FLAGS: [&str; 7] = ["-e", "-E", "-r", "-p", "--eval", "--command", "-Command"];

/// Properties of a step that are not text from its tool.
const PLAIN: [&str; 3] = ["ok", "skipped", "attempts"];

/// Checks the argument of `tool` that is a command.
pub(in crate::playbook) fn shell(
    reader: &mut Reader<'_>,
    playbook: &Playbook,
    used: &ToolUse,
    tool: &ToolDescriptor,
    args: &Node,
) {
    let Some(command) = tool.command.as_ref().and_then(|name| args.get(name)) else { return };
    match &command.value {
        Value::Text { text, .. } if untrusted(reader, playbook, &used.context, text) => {
            note(reader, command.place, "a text from a tool stands in a command line");
        }
        Value::List(words) => vector(reader, playbook, &used.context, words),
        _ => {}
    }
}

fn vector(reader: &mut Reader<'_>, playbook: &Playbook, context: &Context, words: &[Node]) {
    let mut interpreter = false;
    let mut script = false;
    for (index, word) in words.iter().enumerate() {
        let Some(text) = word.as_text() else { continue };
        if (index == 0 || script) && untrusted(reader, playbook, context, text) {
            let message = if script {
                "a text from a tool stands in a script"
            } else {
                "a text from a tool names the program"
            };
            note(reader, word.place, message);
        }
        script = interpreter && is_flag(text);
        let name = text.rsplit('/').next().unwrap_or(text);
        interpreter |= INTERPRETERS.contains(&name);
    }
}

/// Whether the next word is a script: `-c`, `-lc`, `-e`, `--eval` …
fn is_flag(word: &str) -> bool {
    let bundled = word.strip_prefix('-').is_some_and(|letters| {
        !letters.is_empty()
            && letters.ends_with('c')
            && letters.bytes().all(|b| b.is_ascii_alphabetic())
    });
    bundled || FLAGS.contains(&word)
}

fn note(reader: &mut Reader<'_>, place: Place, message: &str) {
    let suggestion = "write the command as a list and give the text a word of its own".to_owned();
    reader.hinted(place, "untrusted-in-shell", message, Some(suggestion));
}

/// Whether an expression in `text` brings text from a tool. Inputs it brings are noted: of a playbook
/// that is called, they may be such text.
fn untrusted(reader: &mut Reader<'_>, playbook: &Playbook, context: &Context, text: &str) -> bool {
    let expressions = split(text).unwrap_or_default().into_iter().filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Expression(expression) => reader.evaluator.facts(expression).ok(),
    });
    let facts: Vec<Facts> = expressions.collect();
    let paths = facts.iter().flat_map(|facts| &facts.paths).filter(|path| path.root == "inputs");
    reader.shell_inputs.extend(paths.filter_map(|path| path.names.first().cloned()));
    facts.iter().any(|facts| brings_text(reader, playbook, context, facts))
}

/// Whether a template of something that is called brings text from a tool.
pub(super) fn template_untrusted(
    reader: &Reader<'_>,
    playbook: &Playbook,
    context: &Context,
    template: &serde_json::Value,
) -> bool {
    any_facts(reader, template, &|facts| brings_text(reader, playbook, context, facts))
}

fn brings_text(reader: &Reader<'_>, playbook: &Playbook, context: &Context, facts: &Facts) -> bool {
    is_untrusted(facts) || brings_item(reader, playbook, context, facts)
}

/// Whether an expression brings text that the playbook's author and user did not write.
pub(in crate::playbook) fn is_untrusted(facts: &Facts) -> bool {
    let paths = facts.paths.iter().any(|path| match path.root.as_str() {
        "steps" => !path.names.get(1).is_some_and(|name| PLAIN.contains(&name.as_str())),
        "memory" | "error" => true,
        _ => false,
    });
    paths || facts.calls.iter().any(|call| ["read", "render"].contains(&call.name.as_str()))
}

/// Whether an expression brings an item of a list that came from a tool, or from such an item of a
/// repetition around it.
fn brings_item(reader: &Reader<'_>, playbook: &Playbook, context: &Context, facts: &Facts) -> bool {
    let Section::Step(index) = context.section else { return false };
    let items = context.items.iter();
    let named = items.enumerate().filter(|(_, name)| facts.paths.iter().any(|p| p.root == **name));
    named.into_iter().any(|(depth, name)| {
        let around = reader.tree.chain(index).into_iter().filter_map(|step| {
            playbook.step(reader.tree.id(step))?.foreach.as_ref().filter(|it| it.name == *name)
        });
        let mut outer = context.clone();
        outer.items.truncate(depth);
        around.into_iter().any(|foreach| {
            let template = foreach.over.template();
            any_facts(reader, &template, &|facts| brings_text(reader, playbook, &outer, facts))
        })
    })
}

/// Whether the facts of an expression in `template` are `so`.
fn any_facts(
    reader: &Reader<'_>,
    template: &serde_json::Value,
    so: &dyn Fn(&Facts) -> bool,
) -> bool {
    match template {
        serde_json::Value::String(text) => split(text).unwrap_or_default().iter().any(|piece| {
            matches!(piece, Piece::Expression(expression)
                if reader.evaluator.facts(expression).is_ok_and(|facts| so(&facts)))
        }),
        serde_json::Value::Array(items) => items.iter().any(|item| any_facts(reader, item, so)),
        serde_json::Value::Object(map) => map.values().any(|item| any_facts(reader, item, so)),
        _ => false,
    }
}

/// The inputs that `template` brings.
pub(super) fn inputs_in(reader: &Reader<'_>, template: &serde_json::Value) -> Vec<String> {
    let found = std::cell::RefCell::new(Vec::new());
    any_facts(reader, template, &|facts| {
        let paths = facts.paths.iter().filter(|path| path.root == "inputs");
        found.borrow_mut().extend(paths.filter_map(|path| path.names.first().cloned()));
        false
    });
    found.into_inner()
}
