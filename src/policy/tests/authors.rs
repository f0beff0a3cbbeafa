//! Every mistake an author can make in YAML is named with its place.

use serde_json::json;

use super::stage::alone;
use crate::contracts::{Diagnostic, Severity, Timestamp};

/// A sound rule, of which each case replaces one line.
const SOUND: &str = "schema: 1
rules:
  - id: my.rule
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [reports] } }
    reason: not there
    match: [ { tool: write_text, args: { path: reports/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: src/a, text: x } } ]
";

fn mistakes(text: &str) -> Vec<Diagnostic> {
    match alone("my.yaml", text) {
        Ok(set) => set.warnings().to_vec(),
        Err(mistakes) => mistakes,
    }
}

/// `text` with `line` (from 1) replaced must give `code` in that line, with `word` in it.
fn check(line: usize, replacement: &str, code: &str, word: &str) {
    let mut lines: Vec<&str> = SOUND.lines().collect();
    lines[line - 1] = replacement;
    let text = lines.join("\n");
    let found = mistakes(&text);
    let hit = found.iter().find(|mistake| mistake.code == code);
    let hit = hit.unwrap_or_else(|| panic!("{replacement}: no {code} in {found:#?}"));
    let shown = hit.to_string();
    assert!(shown.contains(word), "{replacement}: `{word}` is not in `{shown}`");
    assert_eq!(hit.file, "my.yaml");
    assert!(hit.line >= 1 && hit.column >= 1);
}

#[test]
fn the_sound_rule_is_sound() {
    assert_eq!(mistakes(SOUND), []);
}

#[test]
fn names_each_mistake() {
    let cases = [
        (1, "schema: 2", "bad-schema", "schema: 2"),
        (1, "profiles: [workspace]", "missing-key", "schema"),
        (1, "schema: 1\nprofile: [ci]", "unknown-key", "profiles"),
        (2, "ruls:", "unknown-key", "rules"),
        (3, "  - name: my.rule", "missing-key", "id"),
        (3, "  - id: My Rule", "bad-id", "My Rule"),
        (3, "  - id: 3", "wrong-type", "text"),
        (4, "    effect: denied", "bad-value", "expected allow, ask, deny"),
        (4, "    efect: deny", "unknown-key", "effect"),
        (4, "    effect: deny\n    effect: ask", "duplicate-key", "twice"),
        (5, "    on: { tool: [write_txt] }", "unknown-tool", "write_text"),
        (5, "    on: { tols: [write_text] }", "unknown-key", "tol"),
        (5, "    on: {}", "empty-predicate", "on"),
        (5, "    on: { tool: [] }", "empty-list", "tool"),
        (5, "    on: { risk: [extreme] }", "bad-value", "extreme"),
        (5, "    on: { tool: ['[a'] }", "bad-glob", "[a"),
        (6, "    when: { pth: { under: [reports] } }", "unknown-key", "path"),
        (6, "    when: {}", "empty-predicate", "empty"),
        (6, "    when: { path: {} }", "empty-predicate", "path"),
        (6, "    when: { path: { zone: [workplace] } }", "bad-value", "workspace"),
        (6, "    when: { path: { zone: [] } }", "empty-list", "zone"),
        (6, "    when: { path: { under: ['rep*'] } }", "bad-value", "glob"),
        (6, "    when: { host: ['https://x.example'] }", "bad-host", "https"),
        (6, "    when: { host_class: [privat] }", "bad-value", "private"),
        (6, "    when: { command: { flags: [--force] } }", "bad-value", "write `force`"),
        (6, "    when: { command: { opaque: yes } }", "wrong-type", "true"),
        (6, "    when: { arg: { text: { matches: '(' } } }", "bad-regex", "("),
        (6, "    when: { arg: { text: { matchs: x } } }", "unknown-key", "matches"),
        (6, "    when: { arg: { text: {} } }", "empty-predicate", "text"),
        (6, "    when: { run: { cost_usd: { gtt: 1 } } }", "unknown-key", "gtt"),
        (6, "    when: { time: { days: [mon, funday] } }", "bad-value", "funday"),
        (6, "    when: { time: { between: [8, 18] } }", "bad-value", "quotes"),
        (
            6,
            "    when: { time: { days: [mon], timezone: Europe/Berlim } }",
            "bad-value",
            "Europe/Berlin",
        ),
        (6, "    when: { any: [] }", "empty-list", "any"),
        (6, "    when: { label: 3 }", "wrong-type", "label"),
        (6, "    limit: { calls: 3 }", "missing-key", "per"),
        (6, "    limit: { calls: 3, per: 5x }", "bad-duration", "5x"),
        (6, "    limit: { calls: 3, per: 5m }", "bad-value", "denies"),
        (6, "    obligations: [snapshoot]", "bad-value", "snapshot"),
        (6, "    category: destroying", "bad-value", "destroying"),
        (7, "    reason: '  '", "empty-reason", "reason"),
        (7, "    category: legal", "empty-reason", "reason"),
        (8, "", "missing-example", "match"),
        (9, "", "missing-example", "not_match"),
        (
            8,
            "    match: [ { tool: write_text, args: { path: src/a } } ]",
            "example-failed",
            "must be about",
        ),
        (
            9,
            "    not_match: [ { tool: write_text, args: { path: reports/b } } ]",
            "example-failed",
            "must not be",
        ),
        (8, "    match: [ { tool: write_txt, args: {} } ]", "unknown-tool", "write_text"),
        (8, "    match: [ { args: {} } ]", "missing-key", "tool"),
        (8, "    match: [ { tool: write_text, arg: {} } ]", "unknown-key", "args"),
        (8, "    match: [ { command: 'rm -rf x' } ]", "example-failed", "shell_exec"),
        (2, "rules: 3\nother:", "wrong-type", "list"),
        (2, "\trules:", "yaml-syntax", "tab"),
    ];
    for (line, replacement, code, word) in cases {
        check(line, replacement, code, word);
    }
}

#[test]
fn names_all_mistakes_at_once_in_order() {
    let text = SOUND
        .replace("effect: deny", "effect: denied")
        .replace("under: [reports]", "undr: [reports]")
        .replace("reason: not there", "reason: ''");
    let found = mistakes(&text);
    let places: Vec<(u32, &str)> =
        found.iter().map(|mistake| (mistake.line, mistake.code.as_str())).collect();
    let expected =
        [(4, "bad-value"), (6, "empty-predicate"), (6, "unknown-key"), (7, "empty-reason")];
    assert_eq!(places, expected, "{found:#?}");
}

#[test]
fn ids_are_unique_within_a_layer_and_zero_rules_are_a_mistake() {
    let (_, rule) = SOUND.split_once("rules:\n").expect("rules");
    let found = mistakes(&format!("{SOUND}{rule}"));
    assert_eq!(found[0].code, "duplicate-id");
    assert!(found[0].message.contains("my.yaml:3"), "{}", found[0]);
    for text in ["", "schema: 1\n", "schema: 1\nrules: []\n"] {
        assert_eq!(mistakes(text).first().map(|found| found.code.as_str()), Some("zero-rules"));
    }
}

#[test]
fn a_rule_that_can_never_decide_is_a_warning() {
    let text = "schema: 1
rules:
  - { id: wall, effect: deny, on: { tool: [write_text] }, reason: no, match: [ { tool: write_text } ], not_match: [ { tool: read_text } ] }
  - { id: idle, effect: allow, on: { tool: [filesystem_write] }, reason: \"yes\", match: [ { tool: write_text } ], not_match: [ { tool: read_text } ] }
";
    let set = alone("my.yaml", text).expect("sound");
    let found: Vec<_> =
        set.warnings().iter().map(|warning| (warning.code.as_str(), warning.line)).collect();
    assert_eq!(found, [("shadowed", 4)], "{:?}", set.warnings());
}

#[test]
fn the_sample_of_the_format_loads_and_says_what_it_could_not_try() {
    let text = r#"schema: 1
profiles: [workspace, ci]
rules:
  - id: fs.secret-read
    effect: deny
    on: { tool: [read_text, search_text, "http_*"] }
    when: { path: { zone: [secret], access: [read] } }
    reason: agents do not read secrets; a playbook names the ones it may use
    obligations: [log_full]
    match:
      - { tool: read_text, args: { path: "~/.ssh/id_ed25519" } }
    not_match:
      - { tool: read_text, args: { path: "README.md" } }
  - id: cmd.remove-tree
    effect: ask
    on: { tool: [shell_exec, run_sandboxed, sandbox_worker_run] }
    when:
      any:
        - command: { program: [rm], flags: [recursive], path: { zone: [workspace] } }
        - command: { program: [git], argv: [push], flags: [force] }
    category: destructive
    reason: removes more than one file
    match:     [ { command: "sudo rm -r -f build" }, { command: "git push --force" } ]
    not_match: [ { command: "rm build/a.o" }, { command: "echo 'rm -rf build'" } ]
  - id: net.docs
    effect: allow
    on: { tool: [http_get] }
    when: { host: ["docs.example.org", "*.example.net"], host_class: [public] }
    limit: { calls: 30, per: 1m }
    reason: documentation may be read
    match: [ { tool: http_get, args: { url: "https://docs.example.org/guide" } } ]
    not_match: [ { tool: http_get, args: { url: "https://docs.example.org.evil.example/" } } ]
tools:
  http_get: { risk: medium, output_trust: untrusted, sinks: [url], scripts_may_allow: false }
"#;
    let set = alone("10-workspace.yaml", text).unwrap_or_else(|found| panic!("{found:#?}"));
    let codes: Vec<&str> = set.warnings().iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "example-not-tried").count(), 0);
    assert!(set.warnings().iter().all(|warning| warning.severity == Severity::Warning));
}

#[test]
fn the_samples_of_the_user_page_load() {
    let block = |page: &'static str, fence: &str| {
        let (_, rest) = page.split_once(fence).expect("a sample");
        rest.split_once("```").expect("its end").0
    };
    assert_eq!(mistakes(block(include_str!("../../../docs/policies.md"), "```yaml\n")), []);
    let script = block(include_str!("../../../docs/policy-scripts.md"), "```rust\n");
    let script = alone("mine.rhai", script).unwrap_or_else(|found| panic!("{found:#?}"));
    let reason = |tool: &str, args, change: &dyn Fn(&mut crate::policy::Asked<'_>)| {
        script.decide(&super::stage::request_with(tool, args, |asked| change(asked))).reason
    };
    let late = reason("write_text", json!({ "path": "a" }), &|asked| asked.run.steps_left = 2);
    assert_eq!(late, "only 2 steps are left");
    let install = ["cargo", "install", "x", "--version", "0.9.0"];
    let old =
        reason("shell_exec", json!({ "command": install }), &|asked| asked.run.steps_left = 9);
    assert_eq!(old, "version 0.9.0 is too old");
    let third = reason("user_notification", json!({}), &|asked| {
        let at = Timestamp::from_ms;
        asked.run.steps_left = 9;
        asked.now = at(900_000);
        asked.run.calls.insert("user_notification".to_owned(), vec![at(1), at(600_000)]);
    });
    assert_eq!(third, "there were 2 messages already");
}
