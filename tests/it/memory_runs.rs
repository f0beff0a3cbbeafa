//! Memory in runs: what a playbook is given of it, what it writes at its end, and how far that is trusted.

use serde_json::{Value, json};

use super::harness::Space;

/// Remembers and gives the record's id.
fn add(space: &Space, args: &[&str]) -> String {
    let all: Vec<&str> = ["memory", "add", "--json"].iter().chain(args).copied().collect();
    space.run(&all).expect(0).json()["id"].as_str().unwrap().to_owned()
}

/// The events of a run: kind and payload.
fn events(space: &Space, run: &str) -> Vec<(String, Value)> {
    let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap().iter();
    events
        .map(|event| (event["kind"].as_str().unwrap().to_owned(), event["payload"].clone()))
        .collect()
}

fn place_of(events: &[(String, Value)], kind: &str) -> usize {
    events.iter().position(|(it, _)| it == kind).unwrap_or_else(|| panic!("no {kind}: {events:?}"))
}

const PLAYBOOK: &str = r#"schema: 1
name: oil-change
description: Which oil does the lathe need
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - { id: first, tool: write_text, args: { path: reports/a.md, text: "nothing of memory" } }
  - id: second
    foreach: { in: "${{ memory.recalled }}", as: found, limit: 20 }
    tool: write_text
    args: { path: "reports/${{ found.id }}.md", text: "${{ found.text }}" }
  - id: third
    tool: write_text
    args: { path: reports/c.md, text: "${{ len(memory.recalled) }} ${{ memory.pinned[0].text }}" }
verify: ["memory.recalled[0].trust >= 0"]
outputs:
  pinned: "${{ memory.pinned }}"
  recalled: "${{ memory.recalled }}"
"#;

#[test]
fn a_run_is_given_what_fits_its_goal_once_and_before_anything_is_made_of_it() {
    let space = Space::new();
    space.write("playbooks/oil-change.yaml", PLAYBOOK);
    let pinned =
        add(&space, &["ask before you buy", "--area", "main", "--pinned", "--importance", "0.9"]);
    let oil = add(&space, &["the lathe needs oil 10W", "--subject", "lathe"]);
    let ran = space.run(&["run", "playbooks/oil-change.yaml", "--json"]).expect(0).json();
    let outputs = &ran["outputs"];
    assert_eq!(outputs["pinned"][0]["id"], json!(pinned), "{ran}");
    assert_eq!(outputs["pinned"][0]["why"], json!("it is pinned"));
    let found = &outputs["recalled"][0];
    assert_eq!((&found["id"], &found["text"]), (&json!(oil), &json!("the lathe needs oil 10W")));
    assert_eq!((&found["area"], &found["trust"]), (&json!("fragments"), &json!(3)));
    assert_eq!(found["labels"], json!([]));
    assert!(found["why"].as_str().unwrap().contains("by words"), "{found}");
    assert_eq!(ran["telemetry"]["recalled"], json!([pinned, oil]));
    let run = ran["run_id"].as_str().unwrap();
    let events = events(&space, run);
    let recalled: Vec<_> = events.iter().filter(|(kind, _)| kind == "memory.recalled").collect();
    assert_eq!(recalled.len(), 1, "three steps, a verification and outputs: once");
    let at = place_of(&events, "memory.recalled");
    let finished = place_of(&events, "step.finished");
    assert!(finished < at, "the first step takes nothing: {events:?}");
    let decided = &events[at + 1];
    assert_eq!(decided.0, "call.decided");
    assert_eq!(decided.1["name"], json!("memory_search"));
    assert!(!recalled[0].1.to_string().contains("lathe needs"), "texts can be forgotten");
    let audited = space.audit();
    assert!(audited.iter().any(|line| line["tool"] == "memory_search" && line["run_id"] == run));
    // What is forgotten is forgotten there as well, and the run's own texts leave the record alone.
    space.run(&["memory", "forget", "--run", run, "--yes"]).expect(0);
    space.run(&["memory", "show", &oil]).expect(0).says(&["10W"]);
    space.run(&["memory", "forget", &oil, "--yes"]).expect(0);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_run_that_names_no_memory_opens_none() {
    let space = Space::new();
    let playbook = "schema: 1\nname: plain\ndescription: Writes.\n\
        permissions: { tools: [write_text], write: [\"reports/\"] }\n\
        steps:\n  - { id: a, tool: write_text, args: { path: reports/a.md, text: x } }\n";
    space.write("playbooks/plain.yaml", playbook);
    add(&space, &["a note"]);
    let ran = space.run(&["run", "playbooks/plain.yaml", "--json"]).expect(0).json();
    assert_eq!(ran["telemetry"]["recalled"], json!([]));
    let events = events(&space, ran["run_id"].as_str().unwrap());
    assert!(events.iter().all(|(kind, _)| kind != "memory.recalled"), "{events:?}");
    assert!(!space.path(".bailiwick/memory").exists(), "no index was opened");
}

#[test]
fn the_labels_of_records_follow_into_what_is_made_of_them() {
    let lines = [
        json!({"area": "fragments", "text": "the lathe needs oil 10W", "labels": ["untrusted:web"]}),
        json!({"area": "fragments", "text": "the lathe is blue", "origin": "user"}),
    ];
    let playbook = r#"schema: 1
name: lathe
description: What is known of the lathe
permissions: { tools: [memory_write] }
steps:
  - { id: keep, tool: memory_write, args: { area: solutions, text: "known: ${{ memory.recalled }}" } }
outputs: { area: "${{ steps.keep.data.area }}" }
"#;
    for (line, area, trust) in [(&lines[0], "fragments", 0), (&lines[1], "solutions", 1)] {
        let space = Space::new();
        space.write("playbooks/lathe.yaml", playbook);
        space.run(&["trust"]).expect(0);
        space.write("lines.jsonl", &line.to_string());
        space.run(&["memory", "import", "lines.jsonl"]).expect(0);
        let ran = space.run(&["run", "playbooks/lathe.yaml", "--json"]).expect(0).json();
        assert_eq!(ran["outputs"]["area"], json!(area), "{ran}");
        let made = space.run(&["memory", "search", "known", "--json"]).expect(0).json();
        let made = made["items"].as_array().unwrap();
        let made = made.iter().find(|it| it["text"].as_str().unwrap().starts_with("known"));
        assert_eq!(made.unwrap()["trust"], json!(trust), "{made:?}");
    }
}

const REFUSES: &str = r#"schema: 1
rules:
  - id: no-recall
    effect: deny
    on: { tool: [memory_search] }
    reason: memory is closed here
    match: [ { tool: memory_search, args: { query: x } } ]
    not_match: [ { tool: memory_write, args: { area: fragments, text: x } } ]
"#;

#[test]
fn what_policy_refuses_is_not_recalled_and_the_step_says_why() {
    let space = Space::new();
    space.write("playbooks/oil-change.yaml", PLAYBOOK);
    space.write("policies/90-closed.yaml", REFUSES);
    add(&space, &["the lathe needs oil 10W"]);
    let ran = space.run(&["run", "playbooks/oil-change.yaml", "--json"]).expect(1);
    let report = ran.json();
    assert!(report["summary"].as_str().unwrap().contains("memory is closed here"), "{report}");
    assert_eq!(report["telemetry"]["recalled"], json!([]));
    let refused = space.audit().into_iter().find(|line| line["tool"] == "memory_search").unwrap();
    assert_eq!(refused["decision"], json!("deny"), "{refused}");
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_misspelt_part_of_memory_is_a_mistake_of_the_playbook() {
    let space = Space::new();
    space.write(
        "playbooks/oil-change.yaml",
        &PLAYBOOK.replace("memory.pinned[0]", "memory.pined[0]"),
    );
    space
        .run(&["playbook", "lint", "playbooks/oil-change.yaml"])
        .expect(2)
        .says(&["`memory` has no `pined`", "pinned"]);
}

const REMEMBERS: &str = r#"schema: 1
name: remembers
description: Remembers at its end.
inputs: { area: { type: string, default: solutions } }
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - { id: a, tool: write_text, args: { path: reports/a.md, text: x } }
remember:
  - { area: AREA, text: "the check of `${{ inputs.area }}` did well", tags: [check] }
"#;

#[test]
fn what_a_playbook_remembers_is_decided_journalled_and_found() {
    let space = Space::new();
    space.write("playbooks/remembers.yaml", &REMEMBERS.replace("AREA", "solutions"));
    space.run(&["trust"]).expect(0);
    let ran = space.run(&["run", "playbooks/remembers.yaml", "--json"]).expect(0).json();
    let events = events(&space, ran["run_id"].as_str().unwrap());
    let (written, finished) =
        (place_of(&events, "memory.written"), place_of(&events, "run.finished"));
    assert!(written < finished, "{events:?}");
    let decided = events[..written].iter().rfind(|(kind, _)| kind == "call.decided").unwrap();
    assert_eq!(decided.1["name"], json!("memory_write"));
    let found = space.run(&["memory", "search", "check did well", "--json"]).expect(0).json();
    assert_eq!(found["items"][0]["area"], json!("solutions"));
    assert_eq!(found["items"][0]["trust"], json!(1), "a run's word is no person's");
    // What stands in `main` is for people: the run is denied, and nothing is remembered.
    space.write("playbooks/remembers.yaml", &REMEMBERS.replace("AREA", "main"));
    space.run(&["run", "playbooks/remembers.yaml"]).expect(3);
    let found = space.run(&["memory", "stats", "--json"]).expect(0).json();
    assert_eq!(found["areas"][0]["count"], json!(0), "{found}");
}
