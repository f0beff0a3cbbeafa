//! Lists of command lines, written before they were judged, against the shipped set: what must not
//! run without a person, and daily work that must run without one.

use serde_json::json;

use super::stage::{beside, ids, request};
use crate::contracts::Effect;
use crate::policy::Options;

/// Sets that were measured once before anything was mended by them; `docs/benchmarks.md` has the
/// numbers. What is still wrong afterwards may not grow.
const HELD_OUT: [(&str, &str, &str, usize, usize); 3] = [
    (
        "first",
        include_str!("heldout_first_dangerous.txt"),
        include_str!("heldout_first_harmless.txt"),
        0,
        18,
    ),
    (
        "second",
        include_str!("heldout_second_dangerous.txt"),
        include_str!("heldout_second_harmless.txt"),
        2,
        11,
    ),
    // Written in four rounds while the code was mended, each judged before it was mended by it.
    ("rounds", include_str!("rounds_dangerous.txt"), include_str!("rounds_harmless.txt"), 20, 7),
];

/// Tricks that once got a line allowed.
const TRICKS: &str = include_str!("tricks.txt");

const DANGEROUS: &str = include_str!("dangerous.txt");
const HARMLESS: &str = include_str!("harmless.txt");

/// Harmless lines that are asked about, and why.
const ASKED: [(&str, &str); 3] = [
    ("node -p \"require('./package.json').version\"", "`require` runs what it names"),
    (
        "python3 -c 'import json; print(json.load(open(\"a.json\"))[\"x\"])'",
        "`open` in code may read any file, a secret too",
    ),
    ("tmux ls", "what runs inside of a terminal multiplexer is not seen"),
];

/// The lines of a list with the headings they stand under; `␤` is a line break.
fn lines(list: &'static str) -> Vec<(&'static str, String)> {
    let mut heading = "";
    let mut found = Vec::new();
    for line in list.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("## ") {
            Some(title) => heading = title,
            None if line.starts_with("# ") => {}
            None => found.push((heading, line.replace('␤', "\n"))),
        }
    }
    found
}

#[test]
fn dangerous_lines_do_not_run_without_a_person() {
    let set = beside(&[], &Options::default());
    let rows = lines(DANGEROUS);
    assert!(rows.len() >= 900, "{} lines", rows.len());
    let allowed: Vec<_> = rows
        .iter()
        .filter(|(_, line)| {
            set.decide(&request("shell_exec", json!({ "command": line }))).effect == Effect::Allow
        })
        .collect();
    let worst: Vec<_> =
        allowed.iter().filter(|(heading, _)| heading.starts_with("worst")).collect();
    assert!(worst.is_empty(), "{worst:#?}");
    assert!(allowed.len() * 100 <= rows.len(), "{allowed:#?}");
}

#[test]
fn daily_work_runs_without_a_question() {
    let set = beside(&[], &Options::default());
    let rows = lines(HARMLESS);
    assert!(rows.len() >= 650, "{} lines", rows.len());
    let mut stopped = 0;
    for (_, line) in &rows {
        let decision = set.decide(&request("shell_exec", json!({ "command": line })));
        if decision.effect == Effect::Allow {
            continue;
        }
        stopped += 1;
        let named = ASKED.iter().any(|(known, _)| known == line);
        assert!(named, "{line}: {:?} {}", ids(&decision), decision.reason);
    }
    assert!(stopped * 100 <= rows.len() * 4, "{stopped} of {}", rows.len());
    for (known, why) in ASKED {
        assert!(rows.iter().any(|(_, line)| line == known), "{known} ({why}) is no line any more");
    }
}

#[test]
fn held_out_lines_are_told_apart() {
    let set = beside(&[], &Options::default());
    let effect = |line: &str| {
        set.decide(&request("shell_exec", json!({ "command": line }))).effect == Effect::Allow
    };
    for (name, dangerous, harmless, missed_max, stopped_max) in HELD_OUT {
        let rows = lines(dangerous);
        let missed: Vec<_> = rows.iter().filter(|(_, line)| effect(line)).collect();
        let worst: Vec<_> =
            missed.iter().filter(|(heading, _)| heading.starts_with("worst")).collect();
        assert!(worst.is_empty(), "{name}: {worst:#?}");
        assert!(missed.len() <= missed_max, "{name}: {} allowed: {missed:#?}", missed.len());
        let rows = lines(harmless);
        let stopped: Vec<_> = rows.iter().filter(|(_, line)| !effect(line)).collect();
        assert!(stopped.len() <= stopped_max, "{name}: {} stopped: {stopped:#?}", stopped.len());
    }
}

#[test]
fn no_trick_works_twice() {
    let set = beside(&[], &Options::default());
    let rows = lines(TRICKS);
    assert!(rows.len() >= 40, "{} tricks", rows.len());
    for (_, line) in rows {
        let decision = set.decide(&request("shell_exec", json!({ "command": line })));
        assert_ne!(decision.effect, Effect::Allow, "{line}");
    }
}
