//! Who may import whom. Reads every source file, extracts `crate::` paths and holds them against
//! one table. A module that is in no row, or a file that cannot be read, fails the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module and what it may import beside itself.
const TABLE: &[(&str, &[&str])] = &[
    // L0
    ("contracts", &[]),
    // L1: pure logic
    ("ports", &["contracts"]),
    ("yaml", &["contracts"]),
    ("command", &["contracts"]),
    ("config", &["contracts", "ports", "yaml"]),
    ("agent", &["contracts"]),
    ("policy", &["contracts", "ports", "yaml", "command"]),
    ("prompt", &["contracts"]),
    ("recall", &["contracts"]),
    ("planning", &["contracts", "ports", "prompt", "agent", "playbook"]),
    ("playbook", &["contracts", "ports", "yaml", "agent", "config", "policy", "prompt"]),
    ("route", &["contracts", "ports", "playbook"]),
    // L2: the outside world, one concern each
    ("durable", &[]),
    ("facts", &["contracts", "ports", "policy", "command"]),
    ("identity", &["contracts", "durable"]),
    ("live", &["contracts", "ports", "yaml", "policy", "playbook", "prompt", "route", "durable"]),
    ("memory", &["contracts", "ports", "recall", "durable", "yaml"]),
    ("providers", &["contracts", "ports", "config"]),
    ("sandbox", &["contracts", "ports", "config", "policy"]),
    ("store", &["contracts", "ports", "durable"]),
    ("telemetry", &["contracts", "ports"]),
    ("tools", &["contracts", "ports", "yaml", "policy"]),
    ("workspace", &["contracts", "ports", "config", "yaml", "durable"]),
    // L3: putting it to work
    (
        "orchestrator",
        &[
            "contracts",
            "ports",
            "config",
            "agent",
            "policy",
            "playbook",
            "planning",
            "prompt",
            "command",
            "facts",
            "live",
            "memory",
            "route",
            "recall",
            "store",
            "telemetry",
            "tools",
        ],
    ),
    ("host", &["contracts", "identity", "store", "orchestrator"]),
    (
        "scheduler",
        &[
            "contracts",
            "ports",
            "config",
            "playbook",
            "route",
            "live",
            "store",
            "orchestrator",
            "policy",
            "telemetry",
            "yaml",
        ],
    ),
    // L4: the edge for programs
    (
        "server",
        &[
            "contracts",
            "identity",
            "ports",
            "config",
            "playbook",
            "policy",
            "live",
            "store",
            "orchestrator",
            "scheduler",
            "telemetry",
            "yaml",
        ],
    ),
    // The other side of the API: knows the shapes, not the program behind them.
    ("client", &["contracts"]),
];

/// May import everything: the composition root and the edge for people.
const FREE: &[&str] = &["app", "cli", "lib", "main"];

/// Files that break the table and are known to. May only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Fewer files than this means that the scan missed something.
const FILES_MIN: usize = 100;

/// Pure modules name nothing ambient.
const PURE: &[&str] = &[
    "contracts",
    "recall",
    "route",
    "prompt",
    "agent",
    "policy",
    "playbook",
    "planning",
    "config",
    "command",
    "yaml",
];
const AMBIENT: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "ToSocketAddrs",
    "std::env",
    "std::process",
    "std::thread",
    "tokio::",
    "SystemTime",
    "Instant::now",
];

#[test]
fn modules_import_downwards_only() {
    let files = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path());
    assert!(files.len() >= FILES_MIN, "only {} files were scanned", files.len());
    let mut broken = Vec::new();
    for (path, text) in &files {
        let module = module_of(path);
        broken.extend(
            violations(&module, text).into_iter().map(|what| format!("{}: {what}", path.display())),
        );
    }
    let known = |line: &String| {
        EXCEPTIONS.iter().any(|(file, what)| line.contains(file) && line.contains(what))
    };
    broken.retain(|line| !known(line));
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_check_sees_a_wrong_import_and_an_ambient_call() {
    for (module, text) in [
        ("contracts", "use crate::store::Store;"),
        ("agent", "let x = crate::policy::decide();"),
        ("store", "use crate::{contracts::Hash, tools::fs};"),
        ("policy", "let t = std::fs::read(path);"),
        ("nowhere", "fn main() {}"),
    ] {
        assert!(!violations(module, text).is_empty(), "`{text}` in {module} passed");
    }
    assert!(violations("agent", "use crate::contracts::{Hash, Effect};").is_empty());
    assert!(violations("policy", "/// like `std::fs::read`\nfn f() {}").is_empty());
}

fn violations(module: &str, text: &str) -> Vec<String> {
    if FREE.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == module) else {
        return vec![format!("the module `{module}` has no row in the table")];
    };
    let code: String = code_of(text);
    let mut found: Vec<String> = imports(&code)
        .into_iter()
        .filter(|import| import != module && !allowed.contains(&import.as_str()))
        .map(|import| format!("{module} must not import {import}"))
        .collect();
    if PURE.contains(&module) {
        found.extend(
            AMBIENT
                .iter()
                .filter(|name| code.contains(**name))
                .map(|name| format!("{module} is pure and must not name {name}")),
        );
    }
    found
}

/// The text without comments and without test modules, which may do as they like.
fn code_of(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    shipped
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first segments after `crate::`, grouped imports included.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.extend(word(after)),
        }
    }
    found
}

fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut heads) = (0, true, Vec::new());
    for (index, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && c.is_alphabetic() => {
                heads.extend(word(&group[index..]));
                start = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let word = &text[..end];
    word.starts_with(char::is_lowercase).then(|| word.to_owned())
}

fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let test_only = path.file_stem().is_some_and(|stem| {
            let stem = stem.to_string_lossy();
            stem == "tests" || stem.ends_with("_tests") || stem == "simulation"
        });
        if path.is_dir() && !test_only {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !test_only {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
    files
}
