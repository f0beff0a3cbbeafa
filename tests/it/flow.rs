//! Where values come from, in real runs: what was read does not choose where something goes, however it
//! is passed on, and secrets appear nowhere.

use std::fs;
use std::path::Path;

use super::harness::{Ran, Space};

/// Rules by which the text of files is nobody's word.
const UNTRUSTED: &str = r#"schema: 1
tools: { read_text: { output_trust: untrusted } }
rules:
  - id: mine.nothing-else
    effect: deny
    on: { tool: [git_diff] }
    reason: a rule, for a file needs one
    match: [ { tool: git_diff, args: { path: "." } } ]
    not_match: [ { tool: git_status, args: { path: "." } } ]
"#;

/// Ways on which the text of `name.txt` becomes the name of a file: steps of a playbook, and one that it
/// calls.
const WAYS: [(&str, &str, &str); 8] = [
    (
        "directly",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: out, tool: write_text, args: { path: "${{ steps.said.data.text }}", text: x } }"#,
        "",
    ),
    (
        "inside of a longer text",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: out, tool: write_text, args: { path: "reports/${{ basename(steps.said.data.text) }}", text: x } }"#,
        "",
    ),
    (
        "through functions",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: out, tool: write_text, args: { path: "${{ join([dirname(trim(steps.said.data.text)), `made`], `/`) }}", text: x } }"#,
        "",
    ),
    (
        "as an item of a list",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - id: each
    foreach: { in: "${{ lines(steps.said.data.text) }}", as: line, limit: 3 }
    block:
      - { id: out, tool: write_text, args: { path: "${{ line }}", text: x } }"#,
        "",
    ),
    (
        "as the answer of a loop",
        r#"
  - id: said
    foreach: { in: ["name.txt"], as: file, limit: 3 }
    tool: read_text
    args: { path: "${{ file }}" }
  - { id: out, tool: write_text, args: { path: "${{ steps.said.data[0].text }}", text: x } }"#,
        "",
    ),
    (
        "as an input of a playbook that is called",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: out, call: inner, inputs: { name: "${{ steps.said.data.text }}" } }"#,
        r#"
steps:
  - { id: deep, tool: write_text, args: { path: "${{ inputs.name }}", text: x } }"#,
    ),
    (
        "as the output of a playbook that is called",
        r#"
  - { id: said, call: inner, inputs: { name: name.txt } }
  - { id: out, tool: write_text, args: { path: "${{ steps.said.data.text }}", text: x } }"#,
        r#"
steps:
  - { id: deep, tool: read_text, args: { path: "${{ inputs.name }}" } }
outputs: { text: "${{ steps.deep.data.text }}" }"#,
    ),
    (
        "through a called playbook that only repeats it",
        r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: again, call: inner, inputs: { name: "${{ steps.said.data.text }}" } }
  - { id: out, tool: write_text, args: { path: "${{ steps.again.data.text }}", text: x } }"#,
        r#"
steps:
  - { id: deep, tool: read_text, args: { path: README.md } }
outputs: { text: "${{ inputs.name }}" }"#,
    ),
];

fn playbook(name: &str, more: &str) -> String {
    format!(
        "schema: 1\nname: {name}\ndescription: Writes where a file says.\n\
         permissions: {{ tools: [read_text, write_text, shell_exec, user_notification], \
         read: [\".\"], write: [\"reports/\"] }}\n{more}\n"
    )
}

/// A workspace in which a file names another.
fn space() -> Space {
    let space = Space::new();
    space.write("name.txt", "reports/made");
    space
}

fn run(space: &Space, steps: &str, inner: &str) -> Ran {
    if !inner.is_empty() {
        let inputs = "inputs: { name: { type: string, required: true } }";
        space.write("playbooks/inner.yaml", &playbook("inner", &format!("{inputs}{inner}")));
    }
    let outer = playbook("outer", &format!("steps:{steps}"));
    let path = space.write("playbooks/outer.yaml", &outer);
    space.run(&["run", path.to_str().unwrap()])
}

/// What was read chooses nothing on this way. The same playbook runs where files of the workspace are
/// not declared untrusted.
fn chooses_nothing(way: usize) {
    let (name, steps, inner) = WAYS[way];
    run(&space(), steps, inner).expect(0);
    let space = space();
    space.write("policies/90-flow.yaml", UNTRUSTED);
    let ran = run(&space, steps, inner);
    assert_eq!(ran.code, 4, "{name}\n{}{}", ran.stdout, ran.stderr);
    ran.says(&["`path` was built from text of untrusted:read_text"]);
    assert!(!space.path("reports").exists(), "{name}");
}

#[test]
fn what_was_read_chooses_nothing_directly() {
    chooses_nothing(0);
}

#[test]
fn what_was_read_chooses_nothing_inside_of_a_longer_text() {
    chooses_nothing(1);
}

#[test]
fn what_was_read_chooses_nothing_through_functions() {
    chooses_nothing(2);
}

#[test]
fn what_was_read_chooses_nothing_as_an_item_of_a_list() {
    chooses_nothing(3);
}

#[test]
fn what_was_read_chooses_nothing_as_the_answer_of_a_loop() {
    chooses_nothing(4);
}

#[test]
fn what_was_read_chooses_nothing_as_an_input_of_a_called_playbook() {
    chooses_nothing(5);
}

#[test]
fn what_was_read_chooses_nothing_as_the_output_of_a_called_playbook() {
    chooses_nothing(6);
}

#[test]
fn what_was_read_chooses_nothing_through_a_called_playbook_that_repeats_it() {
    chooses_nothing(7);
}

#[test]
fn what_a_person_names_is_theirs_and_a_trusted_tool_is_trusted() {
    let space = space();
    space.write("policies/90-flow.yaml", UNTRUSTED);
    let steps = r#"
  - { id: said, tool: read_text, args: { path: name.txt } }
  - { id: out, tool: write_text, args: { path: reports/fixed, text: "${{ steps.said.data.text }}" } }"#;
    run(&space, steps, "").expect(0);
    assert_eq!(space.read("reports/fixed"), "reports/made");
}

#[test]
fn a_dry_run_knows_where_values_would_come_from() {
    let space = space();
    space.write("policies/90-flow.yaml", UNTRUSTED);
    let steps = r#"
  - { id: said, tool: read_text, args: { path: name.txt }, labels: ["untrusted:mail"] }
  - { id: out, tool: write_text, args: { path: reports/x, text: "hello" }, labels: ["untrusted:mail"] }"#;
    let path = space.write("p.yaml", &playbook("p", &format!("steps:{steps}")));
    let ran = space.run(&["run", path.to_str().unwrap(), "--dry-run", "--json"]);
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    assert!(shown.contains("`path` was built from text of untrusted:mail"), "{shown}");
}

#[test]
fn labels_are_those_of_the_first_decision_in_another_process_too() {
    let space = space();
    space.write("policies/90-flow.yaml", UNTRUSTED);
    let (_, steps, inner) = WAYS[3];
    run(&space, steps, inner).expect(4);
    // The process that decided is gone. Rules by which files are trusted change nothing about what
    // was read before; a rule that refuses what is untrusted now sees it.
    let trusted = UNTRUSTED.replace("output_trust: untrusted", "output_trust: trusted");
    let deny = trusted.replace("on: { tool: [git_diff] }", "on: { tool: [write_text] }\n    when: { label: { sink: [untrusted] } }")
        .replace("{ tool: git_diff, args: { path: \".\" } }", "{ tool: write_text, args: { path: reports/x, text: x }, labels: { path: [\"untrusted:web\"] } }")
        .replace("{ tool: git_status, args: { path: \".\" } }", "{ tool: write_text, args: { path: reports/x, text: x }, labels: { text: [\"untrusted:web\"] } }");
    space.write("policies/90-flow.yaml", &deny);
    let asked = space.run(&["approvals", "ls", "--json"]).expect(0).json();
    let asked = asked.to_string();
    let at = asked.find("apr_").unwrap();
    space.run(&["approvals", "approve", &asked[at..at + 36]]);
    let ran = space.run(&["runs", "resume"]);
    assert!(!space.path("reports/made").exists(), "{}{}", ran.stdout, ran.stderr);
    let shown = space.run(&["runs", "show"]);
    let shown = format!("{}{}{}{}", ran.stdout, ran.stderr, shown.stdout, shown.stderr);
    assert!(shown.contains("mine.nothing-else"), "{shown}");
}

const SECRET: &str = "tr0ub4dor-and-3-more";
/// `me:` and the secret in base64.
const BASE64: &str = "bWU6dHIwdWI0ZG9yLWFuZC0zLW1vcmU=";

fn with_secret(space: &Space, args: &[&str]) -> Ran {
    Ran::of(space.command(args).env("BAILIWICK_SECRET_DB", SECRET).output().unwrap())
}

#[test]
fn a_secret_leaves_through_no_command_in_no_notation() {
    for value in
        [SECRET, BASE64, "%74r0ub4dor%2Dand%2D3-more", "x 747230756234646f722d616e642d332d6d6f7265"]
    {
        let space = Space::new();
        let text = playbook(
            "p",
            "inputs: { x: { type: string, required: true } }\nsteps:\n  \
             - { id: out, tool: shell_exec, args: { command: [\"echo\", \"${{ inputs.x }}\"] } }",
        );
        let path = space.write("p.yaml", &text);
        let input = format!("x={value}");
        let args = ["run", path.to_str().unwrap(), "--input", &input];
        space.run(&args).expect(0).says(&["succeeded"]);
        let ran = with_secret(&space, &args).expect(3);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("carries a secret (secret:DB)"), "{value}: {said}");
    }
}

/// Fails when a file below `dir` holds one of `texts`.
fn nowhere(dir: &Path, texts: &[&str]) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere(&path, texts);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            for text in texts {
                let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
                assert!(!found, "`{text}` is in {}", path.display());
            }
        }
    }
}

#[test]
fn a_planted_secret_appears_in_no_journal_log_report_or_output() {
    let space = Space::new();
    space.write("settings.txt", &format!("a: {SECRET}\nb: {BASE64}\n"));
    let text = playbook(
        "p",
        r#"inputs: { x: { type: string, required: true } }
steps:
  - { id: got, tool: read_text, args: { path: settings.txt } }
  - { id: said, tool: shell_exec, args: { command: ["cat", "settings.txt"] } }
  - { id: told, tool: user_notification, args: { text: "${{ inputs.x }} ${{ steps.said.data.stdout }}" } }
  - { id: out, tool: write_text, args: { path: reports/copy, text: "${{ steps.got.data.text }}" } }
  - { id: bad, if: "json(inputs.x)", tool: read_text, args: { path: settings.txt }, continue_on_error: true }
outputs: { text: "${{ steps.said.data.stdout }} ${{ inputs.x }}" }"#,
    );
    let path = space.write("p.yaml", &text);
    let input = format!("x={SECRET}");
    let args = ["run", path.to_str().unwrap(), "--input", &input];
    let ran = with_secret(&space, &args).expect(0);
    let shown = with_secret(&space, &["runs", "show", "--events", "--json"]).expect(0);
    for said in [ran.stdout, ran.stderr, shown.stdout, shown.stderr] {
        assert!(!said.contains(SECRET) && !said.contains(BASE64), "{said}");
    }
    assert!(space.read("reports/copy").contains("${secret:DB}"));
    for dir in [".bailiwick", "logs", "reports"] {
        nowhere(&space.path(dir), &[SECRET, BASE64]);
    }
    with_secret(&space, &["verify"]).expect(0);
}

/// The rules of a user who lets agents read one secret.
const MAY_READ: &str = r#"schema: 1
rules:
  - id: fs.secret
    effect: deny
    when: { path: { zone: [secret], access: [write, delete, exec] } }
    reason: secrets are not changed
    match: [ { tool: write_text, args: { path: "a.key", text: "x" } } ]
    not_match: [ { tool: read_text, args: { path: ".env" } } ]
  - id: mine.read-env
    effect: allow
    on: { tool: [read_text] }
    when: { path: { zone: [secret], access: [read], glob: [".env"] } }
    reason: this workspace's work needs its settings
    match: [ { tool: read_text, args: { path: ".env" } } ]
    not_match: [ { tool: read_text, args: { path: "a.key" } } ]
"#;

#[test]
fn the_content_of_a_secret_file_is_known_again_and_marks_the_run() {
    let space = Space::new();
    space.write(".env", "SERVICE_PASSWORD=correcthorsebattery\n");
    let dir = space.home().join(".config/bailiwick/policies");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("10-mine.yaml"), MAY_READ).unwrap();
    let steps = |word: &str| {
        format!(
            "inputs: {{ x: {{ type: string, required: true }} }}\nsteps:\n  \
             - {{ id: got, tool: read_text, args: {{ path: .env }} }}\n  \
             - {{ id: out, tool: shell_exec, args: {{ command: [\"echo\", \"{word}\"] }} }}"
        )
    };
    for (word, input, code) in [
        ("${{ steps.got.data.text }}", "x=y", 3),
        // Written by somebody who has seen it: it comes from no step.
        ("user:${{ inputs.x }}@host", "x=correcthorsebattery", 3),
        ("${{ inputs.x }}", "x=dXNlcjpjb3JyZWN0aG9yc2ViYXR0ZXJ5", 3),
        ("${{ inputs.x }}", "x=something else", 0),
    ] {
        let path = space.write("p.yaml", &playbook("p", &steps(word)));
        let ran = space.run(&["run", path.to_str().unwrap(), "--input", input]).expect(code);
        if code == 3 {
            ran.says(&["carries a secret", "secret:file"]);
        }
    }
}

/// After something untrusted came in, nobody is told anything.
const QUIET: &str = r#"schema: 1
tools: { read_text: { output_trust: untrusted } }
rules:
  - id: mine.quiet
    effect: deny
    on: { tool: [user_notification] }
    when: { run: { untrusted: true } }
    reason: something strange came in
    match: [ { tool: user_notification, args: { text: x }, run: { untrusted: true } } ]
    not_match: [ { tool: user_notification, args: { text: x } } ]
"#;

#[test]
fn a_run_and_those_it_calls_know_what_came_in() {
    let tell = "{ id: tell, tool: user_notification, args: { text: x } }";
    let read = "{ id: got, tool: read_text, args: { path: name.txt } }";
    let call = "{ id: inside, call: inner, inputs: { name: x } }";
    for (steps, inner, code) in [
        (vec![tell, read], "", 0),
        (vec![read, tell], "", 3),
        (vec![call, tell], read, 3),
        (vec![read, call], tell, 3),
        (vec![call], tell, 0),
    ] {
        let space = space();
        space.write("policies/90-quiet.yaml", QUIET);
        let steps: String = steps.iter().map(|step| format!("\n  - {step}")).collect();
        let inner = if inner.is_empty() { String::new() } else { format!("\nsteps:\n  - {inner}") };
        let ran = run(&space, &steps, &inner).expect(code);
        if code == 3 {
            ran.says(&["something strange came in"]);
        }
    }
}
