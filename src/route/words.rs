//! Words of a goal: which say nothing, which say what to do, which turn a goal into another.

use std::collections::BTreeSet;

/// Words that say nothing about what to do.
const EMPTY: &[&str] = &[
    "a", "all", "an", "and", "any", "are", "as", "at", "be", "by", "can", "could", "do", "does",
    "for", "from", "give", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "let",
    "me", "my", "of", "on", "or", "our", "please", "run", "should", "so", "some", "that", "the",
    "their", "them", "then", "there", "these", "this", "those", "to", "us", "want", "we", "what",
    "with", "would", "you", "your", "playbook",
];

/// Words that turn a goal into another: what does not speak of them does not fit.
const TURNING: &[&str] = &[
    "buy",
    "cancel",
    "commit",
    "delete",
    "deploy",
    "destroy",
    "disable",
    "discard",
    "dont",
    "drop",
    "email",
    "erase",
    "force",
    "install",
    "kill",
    "mail",
    "merge",
    "never",
    "no",
    "not",
    "overwrite",
    "pay",
    "post",
    "publish",
    "push",
    "release",
    "remove",
    "reset",
    "revert",
    "send",
    "stop",
    "uninstall",
    "upload",
    "without",
];

/// Words after which a single call is not what was asked for: it would have to be held back, held to
/// something, or done again.
const BINDING: &[&str] = &[
    "after",
    "afterwards",
    "always",
    "avoid",
    "before",
    "but",
    "cannot",
    "cant",
    "daily",
    "dont",
    "each",
    "every",
    "except",
    "excluding",
    "hourly",
    "if",
    "ignore",
    "instead",
    "later",
    "monthly",
    "neither",
    "never",
    "no",
    "none",
    "nor",
    "not",
    "otherwise",
    "repeatedly",
    "then",
    "tomorrow",
    "tonight",
    "twice",
    "unless",
    "until",
    "weekly",
    "when",
    "whenever",
    "while",
    "without",
    "wont",
];

/// Words with which a question begins that wants an explanation and no act.
const ASKING: &[&str] = &["how", "why", "should", "who", "is", "are", "does", "did", "may", "when"];

/// What somebody may want done, and the words for it. The first word is the name.
const ACTIONS: &[&[&str]] = &[
    &["show", "display", "print", "see", "view", "give", "check"],
    &["read", "cat", "open"],
    &["list", "ls", "enumerate"],
    &["search", "find", "grep", "locate", "look", "seek"],
    &["write", "save", "store", "put"],
    &["create", "make", "add"],
    &["append"],
    &["overwrite", "replace"],
    &["delete", "remove", "erase", "rm", "drop", "wipe", "clear", "destroy"],
    &["move", "rename", "mv"],
    &["copy", "cp", "duplicate"],
    &["fetch", "get", "download", "retrieve"],
    &["send", "post", "email", "mail", "upload", "publish", "push"],
    &["commit"],
    &["apply", "patch"],
    &["compare", "diff"],
    &["tell", "notify", "inform", "alert", "warn"],
    &["remember", "memorise", "memorize", "memorised"],
    &["recall"],
    &["forget"],
    &["run", "execute", "start", "launch"],
    &["build", "compile"],
    &["test"],
    &["install", "uninstall"],
    &["ask"],
    &["edit", "change", "update", "modify", "fix"],
    &["stop", "kill", "cancel", "abort"],
    &["pay", "buy"],
    &["summarise", "summarize", "explain", "translate", "count", "convert", "sort"],
    &["inspect", "review", "analyse", "analyze"],
    &["unpack", "extract", "scan"],
    &["open", "click", "type", "press"],
];

/// Fields of work: a tool of one is no answer to a goal that does not speak of it. The first word is the name.
const FIELDS: &[&[&str]] = &[
    &["memory", "memories", "memorise", "memorize", "remember", "remembered", "recall"],
    &["git", "repository", "commit", "commits", "branch", "diff", "patch"],
    &["csv", "table"],
    &["html"],
    &["markdown"],
    &["pdf"],
    &["json", "jsonpath"],
    &["http", "https", "url", "web", "website", "download"],
    &["browser"],
    &["display", "desktop"],
    &["person", "people", "us", "me"],
];

/// Words for the same thing, each as the name of the first.
const SAME: &[(&str, &str)] = &[
    ("dir", "directory"),
    ("dirs", "directory"),
    ("folder", "directory"),
    ("folders", "directory"),
    ("directories", "directory"),
    ("files", "file"),
    ("texts", "text"),
    ("bin", "binary"),
    ("state", "status"),
    ("history", "log"),
    ("commits", "log"),
    ("changes", "diff"),
    ("changed", "diff"),
    ("differences", "diff"),
    ("webpage", "page"),
    ("notification", "notify"),
];

/// Things that stand in arguments: to name one says nothing about what to do with it.
const NEUTRAL: &[&str] = &[
    "address",
    "called",
    "comment",
    "comments",
    "content",
    "contents",
    "current",
    "directory",
    "entries",
    "everything",
    "file",
    "here",
    "inside",
    "line",
    "lines",
    "matches",
    "named",
    "occurrence",
    "occurrences",
    "path",
    "project",
    "repository",
    "site",
    "text",
    "under",
    "url",
    "website",
    "word",
    "words",
    "workspace",
    "saying",
    "says",
    "about",
];

/// The words of `text`, without those that say nothing, each as its stem.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    plain(text).filter(|word| !EMPTY.contains(&word.as_str())).map(|word| stem(&word)).collect()
}

/// Whether the stem `word` turns a goal into another.
pub(super) fn turns(word: &str) -> bool {
    TURNING.iter().any(|turn| stem(turn) == word)
}

/// The words of `text` after which a single call is not what was asked for.
pub(super) fn binding(text: &str) -> Vec<String> {
    plain(text).filter(|word| BINDING.contains(&word.as_str())).collect()
}

/// Whether `text` asks for an explanation rather than for an act.
pub(super) fn asks(text: &str) -> bool {
    plain(text).next().is_some_and(|word| ASKING.contains(&word.as_str()))
}

/// What is told to be done in `text`, by name: verbs where verbs stand, at the beginning and after what
/// joins two of them.
pub(super) fn actions(text: &str) -> BTreeSet<&'static str> {
    const JOINS: &[&str] = &["and", "or", "then", "please", "to", "also", "you", "me", "us"];
    let mut found = BTreeSet::new();
    for clause in text.split([',', ';', '.', ':', '!', '?', '\n', '(']) {
        let words: Vec<String> = plain(clause).collect();
        let mut begins = true;
        for word in &words {
            let joins = JOINS.contains(&word.as_str());
            if begins && !joins {
                found.extend(action(word));
            }
            begins = joins;
        }
    }
    found
}

/// The name of what is done, where `word` is a verb that is known.
fn action(word: &str) -> Option<&'static str> {
    let same = |verb: &&str| **verb == *word || stem(verb) == stem(word);
    let row = ACTIONS.iter().find(|row| row.iter().any(same));
    row.and_then(|row| row.first().copied())
}

/// The fields of work that `text` speaks of.
pub(super) fn fields(text: &str) -> BTreeSet<&'static str> {
    let words: BTreeSet<String> = plain(text).map(|word| same(&word)).collect();
    let spoken = |row: &&&[&str]| row.iter().any(|word| words.contains(&same(word)));
    FIELDS.iter().filter(spoken).filter_map(|row| row.first().copied()).collect()
}

/// The words of `text` that say what is meant, as stems of what they are called here: without what says
/// nothing, what only names a thing, and what is told to be done.
pub(super) fn telling(text: &str) -> BTreeSet<String> {
    let words = plain(text).map(|word| same(&word));
    let told = |word: &String| {
        !EMPTY.contains(&word.as_str())
            && !NEUTRAL.contains(&word.as_str())
            && action(word).is_none()
    };
    words.filter(told).map(|word| stem(&word)).collect()
}

/// Every word of `text`, as the stem of what it is called here.
pub(super) fn named(text: &str) -> BTreeSet<String> {
    plain(text).flat_map(|word| [stem(&same(&word)), stem(&word)]).collect()
}

/// The word under which the same thing goes here.
fn same(word: &str) -> String {
    let known = match word {
        "repo" | "repos" | "repositories" | "codebase" | "checkout" => "repository",
        other => SAME.iter().find(|(from, _)| *from == other).map_or(other, |(_, to)| to),
    };
    known.to_owned()
}

fn plain(text: &str) -> impl Iterator<Item = String> {
    let text = text.to_lowercase().replace(['\'', '\u{2019}'], "");
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// A word without its commonest endings, so that `checks` meets `checking`.
pub(super) fn stem(word: &str) -> String {
    const ENDINGS: [&str; 8] = ["ings", "ing", "ies", "ed", "es", "ly", "s", "y"];
    let short = match word {
        "repo" | "repos" | "repositories" | "repository" => return "repositor".to_owned(),
        "licenses" | "license" | "licences" | "licence" => return "licenc".to_owned(),
        // Not `not`.
        "note" | "notes" => return "notes".to_owned(),
        word => word,
    };
    let ending = ENDINGS.iter().find(|ending| {
        short.strip_suffix(**ending).is_some_and(|rest| rest.chars().count() >= 3)
            && !(**ending == "s" && short.ends_with("ss"))
    });
    let stem = ending.and_then(|ending| short.strip_suffix(ending)).unwrap_or(short);
    stem.trim_end_matches('e').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_found_where_verbs_stand() {
        for (text, expected) in [
            ("Read the file", vec!["read"]),
            ("please list and then delete", vec!["delete", "list"]),
            ("Finds lines that match", vec!["search"]),
            ("Moves or renames a file", vec!["move"]),
            ("the newest commits", vec![]),
            ("commit the changes", vec!["commit"]),
            ("could you show me the log", vec!["show"]),
            ("Lies die Datei", vec![]),
        ] {
            assert_eq!(actions(text).into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_meant_is_told_apart_from_what_it_is_done_with() {
        for (text, expected) in [
            ("read the file", vec![]),
            ("show the history of the repository", vec!["log"]),
            ("list the git branches", vec!["branch", "git"]),
        ] {
            assert_eq!(telling(text).into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(binding("do not delete it unless asked"), ["not", "unless"]);
        assert!(asks("How do I list files?") && !asks("list files"));
    }
}
