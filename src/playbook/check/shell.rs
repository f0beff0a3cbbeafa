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

/// Whether an expression in `text` brings text from a tool.
fn untrusted(reader: &Reader<'_>, playbook: &Playbook, context: &Context, text: &str) -> bool {
    split(text).unwrap_or_default().iter().any(|piece| match piece {
        Piece::Text(_) => false,
        Piece::Expression(expression) => reader.evaluator.facts(expression).is_ok_and(|facts| {
            is_untrusted(&facts) || brings_item(reader, playbook, context, &facts)
        }),
    })
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

/// Whether an expression brings an item of a list that came from a tool.
fn brings_item(reader: &Reader<'_>, playbook: &Playbook, context: &Context, facts: &Facts) -> bool {
    let Some(item) = &context.item else { return false };
    if !facts.paths.iter().any(|path| path.root == *item) {
        return false;
    }
    let steps = match context.section {
        Section::Step(_) => &playbook.steps,
        Section::OnFailure(_) => &playbook.on_failure,
        _ => &playbook.always,
    };
    let lists = steps.iter().filter_map(|step| step.foreach.as_ref()).filter(|f| f.name == *item);
    lists.into_iter().any(|foreach| comes_from_tool(reader, &foreach.items))
}

fn comes_from_tool(reader: &Reader<'_>, items: &serde_json::Value) -> bool {
    match items {
        serde_json::Value::String(text) => split(text).unwrap_or_default().iter().any(|piece| {
            matches!(piece, Piece::Expression(expression)
                if reader.evaluator.facts(expression).is_ok_and(|facts| is_untrusted(&facts)))
        }),
        serde_json::Value::Array(items) => items.iter().any(|item| comes_from_tool(reader, item)),
        serde_json::Value::Object(map) => map.values().any(|item| comes_from_tool(reader, item)),
        _ => false,
    }
}
