//! `git`: what it does, past its global options.

use super::fact::{Access, Deed, FileUse, Leaf};
use super::walk::{Scope, Word};
use super::words::{Sorted, Takes};

/// Global options that take the next word as their value.
const VALUES: [&str; 8] = [
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--exec-path",
    "--super-prefix",
    "--config-env",
];

/// Settings that name no program and no place.
const CALM_SETTINGS: [&str; 14] = [
    "user.",
    "color.",
    "advice.",
    "core.quotepath",
    "core.autocrlf",
    "init.defaultbranch",
    "pull.",
    "push.default",
    "commit.gpgsign",
    "tag.gpgsign",
    "log.",
    "status.",
    "safe.directory",
    "gc.auto",
];

/// Where the verb stands among `args`.
pub(super) fn verb_at(args: &[Word]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = args.get(at) {
        if !word.text.starts_with('-') {
            return Some(at);
        }
        at += if VALUES.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    None
}

/// Settings among the global options, as `name=value`.
pub(super) fn settings(args: &[Word]) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = args.get(at).filter(|word| word.text.starts_with('-')) {
        if word.text == "-c" || word.text == "--config-env" {
            found.extend(args.get(at + 1).cloned());
        } else if word.text.starts_with("-c") && !word.text.starts_with("--") {
            found.push(word.after(2));
        } else if word.text.starts_with("--config-env=") {
            found.push(word.after("--config-env=".len()));
        }
        at += if VALUES.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    found
}

/// Notes what `git` does, and takes its global options away from `sorted`.
pub(super) fn git(leaf: &mut Leaf, sorted: &mut Sorted, args: &[Word], scope: &Scope) {
    let end = verb_at(args);
    let globals = args.get(..end.unwrap_or(args.len())).unwrap_or_default();
    let table = super::table::program("git").map_or(&[][..], |program| program.flags);
    if let Some(end) = end {
        let after = args.get(end..).unwrap_or_default();
        *sorted = super::words::sort(table, after, super::words::Style::default());
    }
    let after = args.get(end.unwrap_or(args.len())..).unwrap_or_default();
    for word in settings(globals).into_iter().chain(cloned_settings(after)) {
        let name = word.text.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let alias = name.starts_with("alias.") && word.text.contains("=!");
        if !alias && (word.open || !CALM_SETTINGS.iter().any(|calm| name.starts_with(calm))) {
            leaf.opaque =
                Some(format!("`git` gets the setting `{name}`, which can name programs to run"));
        }
    }
    template(leaf, after, scope);
    elsewhere(leaf, globals, after, scope);
    if globals.iter().any(|word| word.text.starts_with("--exec-path=")) {
        leaf.opaque = Some("`git` gets another place for its programs".to_owned());
    }
    let verb = sorted.operands.first().map(|word| word.text.clone()).unwrap_or_default();
    forced(&verb, sorted);
    verbs(leaf, &verb, sorted, scope);
    grave(leaf, &verb, sorted, args);
}

/// Settings that `git clone -c name=value` gives what it makes.
fn cloned_settings(words: &[Word]) -> Vec<Word> {
    if words.first().is_none_or(|verb| !matches!(verb.text.as_str(), "clone" | "submodule")) {
        return Vec::new();
    }
    let pairs = words.iter().zip(words.iter().skip(1));
    let next = pairs
        .filter(|(flag, _)| matches!(flag.text.as_str(), "-c" | "--config"))
        .map(|(_, value)| value.clone());
    let attached = words
        .iter()
        .filter(|word| word.text.starts_with("--config="))
        .map(|word| word.after("--config=".len()));
    next.chain(attached).collect()
}

/// `git -C /etc init` changes what is there.
fn elsewhere(leaf: &mut Leaf, globals: &[Word], words: &[Word], scope: &Scope) {
    const WRITES: [&str; 10] = [
        "init", "clone", "checkout", "reset", "clean", "pull", "merge", "restore", "switch",
        "apply",
    ];
    if words.first().is_none_or(|verb| !WRITES.contains(&verb.text.as_str())) {
        return;
    }
    for (flag, place) in globals.iter().zip(globals.iter().skip(1)) {
        if matches!(flag.text.as_str(), "-C" | "--work-tree") && !place.open {
            let texts = scope.paths(&place.text).into_iter().flatten();
            let write = |text| FileUse { text, access: Access::Write, redirect: false };
            leaf.files.extend(texts.map(write));
        }
    }
}

/// What a template has in `hooks` is run.
fn template(leaf: &mut Leaf, words: &[Word], scope: &Scope) {
    for (at, word) in words.iter().enumerate() {
        let Some(rest) = word.text.strip_prefix("--template") else { continue };
        let place = if rest.is_empty() {
            words.get(at + 1).cloned()
        } else {
            Some(word.after("--template=".len()))
        };
        for text in place.into_iter().flat_map(|place| scope.paths(&place.text)).flatten() {
            leaf.files.push(FileUse { text, access: Access::Exec, redirect: false });
        }
    }
}

/// Flags that mean the same as `force`, or that take it back.
fn forced(verb: &str, sorted: &mut Sorted) {
    let plus = sorted.operands.iter().skip(1).any(|word| word.text.starts_with('+'));
    let prefixed = sorted.flags.iter().any(|flag| flag.starts_with("force-with-lease"));
    if verb == "push" && (plus || sorted.has("mirror")) {
        sorted.flags.push("force".to_owned());
    }
    if prefixed {
        sorted.flags.push("force-with-lease".to_owned());
    }
    let removes = sorted
        .operands
        .iter()
        .skip(1)
        .any(|word| word.text.starts_with(':') && word.text.len() > 1);
    if verb == "push" && removes {
        sorted.flags.push("delete".to_owned());
    }
    if sorted.has("branch-force") {
        sorted.flags.push("force".to_owned());
    }
    if verb == "clean" && sorted.has("dry-run") {
        sorted.flags.retain(|flag| flag != "force");
    }
    sorted.flags.sort_unstable();
    sorted.flags.dedup();
}

fn verbs(leaf: &mut Leaf, verb: &str, sorted: &Sorted, scope: &Scope) {
    let operand = |at: usize| sorted.operands.get(at).map(|word| word.text.as_str());
    let throws = match verb {
        // What stands behind `--`, or is `.`, is a file whose changes are lost.
        "checkout" => {
            sorted.ended && !sorted.operands.is_empty() && !sorted.has("branch")
                || sorted.has("force")
                || sorted.has("ours")
                || sorted.has("theirs")
                || sorted
                    .operands
                    .iter()
                    .skip(1)
                    .any(|word| matches!(word.text.as_str(), "." | "*" | "./" | ":/"))
        }
        "restore" => !(sorted.has("staged") || sorted.has("cached")) || sorted.has("worktree"),
        "reset" => sorted.has("hard") || sorted.has("merge") || sorted.has("keep"),
        "clean" => sorted.has("force"),
        "switch" => sorted.has("force") || sorted.has("discard-changes"),
        "branch" => sorted.has("delete-force") || sorted.has("force"),
        "stash" => matches!(operand(1), Some("drop" | "clear")),
        "notes" => matches!(operand(1), Some("remove" | "prune")),
        "lfs" => matches!(operand(1), Some("prune" | "migrate")),
        "symbolic-ref" => operand(2).is_some() || sorted.has("delete"),
        "read-tree" => ["reset", "u", "set-upstream", "merge"].iter().any(|flag| sorted.has(flag)),
        "checkout-index" => sorted.has("force"),
        "subtree" => operand(1) == Some("push") && sorted.has("force"),
        "tag" => sorted.has("delete") || sorted.has("force"),
        "rm" => !sorted.has("cached"),
        "worktree" => operand(1) == Some("remove"),
        "remote" => matches!(operand(1), Some("remove" | "rm")),
        "reflog" => matches!(operand(1), Some("expire" | "delete")),
        "gc" => sorted.has("prune"),
        "push" => {
            sorted.has("force")
                || sorted.has("force-with-lease")
                || sorted.has("delete")
                || sorted.has("prune")
        }
        "filter-branch" | "filter-repo" | "prune" | "update-ref" | "replace" => true,
        _ => false,
    };
    let publishes = matches!((verb, operand(1)), ("svn", Some("dcommit")) | ("p4", Some("submit")));
    if publishes || matches!(verb, "send-email" | "daemon" | "instaweb" | "http-backend") {
        leaf.note(Deed::Send);
    }
    if throws && !sorted.has("dry-run") {
        leaf.note(Deed::Destroy);
    }
    let access = if verb == "rm" { Access::Delete } else { Access::Read };
    for word in
        sorted.operands.iter().skip(1).filter(|word| !word.open && !word.text.contains("://"))
    {
        let texts = scope.paths(&word.text).into_iter().flatten();
        leaf.files.extend(texts.map(|text| FileUse { text, access, redirect: false }));
        // `HEAD:.env` is a file of a commit.
        if matches!(verb, "show" | "cat-file" | "archive" | "blame" | "diff")
            && let Some((_, path)) = word.text.split_once(':')
        {
            let texts = scope.paths(path).into_iter().flatten();
            leaf.files.extend(texts.map(|text| FileUse { text, access, redirect: false }));
        }
    }
    if verb == "apply" && (sorted.has("unsafe-paths") || sorted.has("directory")) {
        leaf.opaque = Some("`git apply` is told to change files elsewhere".to_owned());
    }
    // `git clone URL place`, `git init place`.
    let place = match verb {
        "clone" => sorted.operands.get(2),
        "init" => sorted.operands.get(1),
        _ => None,
    };
    if let Some(place) = place.filter(|place| !place.open) {
        let texts = scope.paths(&place.text).into_iter().flatten();
        let write = |text| FileUse { text, access: Access::Write, redirect: false };
        leaf.files.extend(texts.map(write));
    }
    if sorted.operands.iter().any(|word| word.text.starts_with("ext::")) {
        leaf.opaque = Some("`git` is given a program to talk to".to_owned());
    }
    if let Some(message) = sorted.values.iter().find(|(_, takes, _)| *takes == Takes::Read) {
        leaf.files.extend(scope.paths(&message.2.text).into_iter().flatten().map(|text| FileUse {
            text,
            access: Access::Read,
            redirect: false,
        }));
    }
}

/// Words that are not known matter where they decide what is thrown away.
fn grave(leaf: &mut Leaf, verb: &str, sorted: &Sorted, args: &[Word]) {
    const GRAVE: [&str; 9] =
        ["push", "reset", "clean", "checkout", "restore", "branch", "stash", "rm", "update-ref"];
    let open = sorted.operands.iter().any(|word| word.open)
        || args.iter().any(|word| word.open && word.text.starts_with('$'));
    if open && GRAVE.contains(&verb) && leaf.opaque.is_none() {
        leaf.opaque = Some(format!("what `git {verb}` gets is not known"));
    }
}
