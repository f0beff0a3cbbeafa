//! Edits of the workspace's rules that would allow what was refused before.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use super::loosening::gate;
use super::place::Place;
use crate::contracts::{Effect, RunStatus};
use crate::live::{LayerDirs, LivePolicy, Signing, accept, compile_candidate};
use crate::policy::{Options, PolicySet};

const DAY_MS: u64 = 86_400_000;

const OUTSIDE: &str = "
schema: 1
name: outside
description: Writes a file that is for nobody to write.
permissions: { tools: [write_text], write: [\"/tmp\"] }
steps:
  - { id: write, tool: write_text, args: { path: /tmp/one, text: x } }
";

const LOOSE: &str = "schema: 1
rules:
  - id: fs.elsewhere
    effect: deny
    on: { tool: [write_text] }
    when: { path: { glob: [/tmp/two] } }
    reason: for the test
    match: [ { tool: write_text, args: { path: /tmp/two, text: x } } ]
    not_match: [ { tool: write_text, args: { path: /tmp/one, text: x } } ]
  - id: loose.one
    effect: allow
    on: { tool: [write_text] }
    when: { path: { glob: [/tmp/one] } }
    reason: for the test
    match: [ { tool: write_text, args: { path: /tmp/one, text: x } } ]
    not_match: [ { tool: write_text, args: { path: /tmp/two, text: x } } ]
";

const HARMLESS: &str = "schema: 1
rules:
  - id: mine.more
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [more] } }
    reason: for the test
    match: [ { tool: write_text, args: { path: more/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: a, text: x } } ]
";

fn dirs(place: &Place) -> LayerDirs {
    LayerDirs {
        system: place.root.join("none"),
        user: None,
        workspace: Some(place.root.join("policies")),
        signing: Signing::default(),
    }
}

fn options() -> Options {
    Options { trusted: true, ..Options::default() }
}

fn open(place: &Place) -> LivePolicy {
    let state_dir = place.root.join(".bailiwick");
    let gate = gate(&state_dir, DAY_MS);
    let vocabulary = place.services().vocabulary().as_ref().clone();
    LivePolicy::open_gated(&dirs(place), Some(&state_dir), vocabulary, options(), gate).unwrap()
}

fn has(set: &PolicySet, id: &str) -> bool {
    set.rules().iter().any(|rule| rule.id == id && rule.effect == Some(Effect::Allow))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_allows_what_was_refused_waits_until_somebody_accepts_it() {
    let place = Place::with(&["policy.backtest=1d"]);
    std::fs::create_dir_all(place.root.join("policies")).unwrap();
    let file = place.root.join("policies/90-mine.yaml");
    std::fs::write(&file, HARMLESS).unwrap();
    let live = &place.services().policy;
    live.refresh();
    let run = place.accept(OUTSIDE);
    assert_eq!(place.drive(run).await.status, RunStatus::Denied);
    let good = live.current().hash();

    std::fs::write(&file, LOOSE).unwrap();
    live.refresh();
    assert_eq!(live.current().hash(), good, "what was good last stays");
    let errors = live.errors();
    assert_eq!((errors[0].code.as_str(), errors.len()), ("backtest", 1), "{errors:?}");
    assert!(errors[0].message.contains("loose.one"), "{errors:?}");
    assert!(live.standing().stale.is_some());
    // Who starts with it does no better.
    let again = open(&place);
    assert!(!has(&again.current(), "loose.one"));
    assert_eq!(again.errors()[0].code, "backtest");

    let (state_dir, dir) = (place.root.join(".bailiwick"), place.root.join("policies"));
    let vocabulary = &place.services().vocabulary();
    let read = || compile_candidate(&dirs(&place), &dir, "policies", vocabulary, &options());
    let files = read().unwrap().files;
    accept(&state_dir, files, &["loose.two".to_owned()]).unwrap();
    live.refresh();
    assert_eq!(live.current().hash(), good, "another rule was accepted");
    accept(&state_dir, files, &["loose.one".to_owned()]).unwrap();
    live.refresh();
    assert!(has(&live.current(), "loose.one"));
    assert_eq!(live.errors(), []);

    // What was accepted holds for these files alone.
    std::fs::write(&file, HARMLESS).unwrap();
    live.refresh();
    assert!(!has(&live.current(), "loose.one"));
    std::fs::write(&file, format!("{LOOSE}# again\n")).unwrap();
    live.refresh();
    assert!(!has(&live.current(), "loose.one"));
    assert_eq!(live.errors()[0].code, "backtest");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_allows_nothing_of_what_was_refused_is_taken_over() {
    let place = Place::with(&["policy.backtest=1d"]);
    std::fs::create_dir_all(place.root.join("policies")).unwrap();
    let file = place.root.join("policies/90-mine.yaml");
    std::fs::write(&file, HARMLESS).unwrap();
    let live = open(&place);
    let good = live.current().hash();
    // Nothing was refused yet.
    std::fs::write(&file, LOOSE).unwrap();
    assert_ne!(live.current().hash(), good);
    assert_eq!(live.errors(), []);
    assert!(gate(&place.root.join(".bailiwick"), 0).is_none(), "nobody asked for it");
}
