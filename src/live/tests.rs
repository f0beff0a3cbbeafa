//! Rules that are edited, broken, linked and removed while they are in force.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::json;

use super::{LayerDirs, LivePolicy, Signing};
use crate::contracts::{CallEffect, Diagnostic, Effect, Map, Risk};
use crate::policy::{Asked, Options, Places, gather, resolve_lexically};
use crate::ports::{PathAccess, PathArg, ToolDescriptor, Vocabulary};

pub(super) const NO_REPORTS: &str = "schema: 1
rules:
  - id: my.no-reports
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [reports] } }
    reason: reports are off limits today
    match: [ { tool: write_text, args: { path: reports/a.md, text: x } } ]
    not_match: [ { tool: write_text, args: { path: src/a.md, text: x } } ]
";

/// Allows what the built-in rules refuse, by the id of the rule that does.
const OPEN_DOOR: &str = "schema: 1
rules:
  - id: fs.self-write
    effect: allow
    when: { path: { zone: [self], access: [write] } }
    reason: why not
    match: [ { tool: write_text, args: { path: policies/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: a, text: x } } ]
";

fn tool() -> ToolDescriptor {
    ToolDescriptor {
        name: "write_text".to_owned(),
        aliases: Vec::new(),
        description: String::new(),
        risk: Risk::Medium,
        effect: CallEffect::Idempotent,
        category: None,
        schema: json!({}),
        output_schema: json!({}),
        paths: vec![PathArg { arg: "path".to_owned(), access: PathAccess::Write }],
        hosts: Vec::new(),
        command: None,
        sinks: Vec::new(),
        labels: Vec::new(),
        sends_network: false,
        timeout_ms: 1,
        profile: String::new(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}

pub(super) struct Ground {
    pub(super) dir: tempfile::TempDir,
}

impl Ground {
    /// With the rules and tests in the workspace that a new one has.
    pub(super) fn new() -> Self {
        let ground = Self::bare();
        for (name, text) in crate::policy::default_files() {
            ground.put(&format!("ws/{name}"), text);
        }
        ground
    }

    /// Without any files of rules: there is less to read, and the built-in rules count all the same.
    pub(super) fn bare() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["ws/policies", "user", "system"] {
            fs::create_dir_all(dir.path().join(name)).expect("a directory");
        }
        Self { dir }
    }

    pub(super) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), text).expect("a file");
    }

    pub(super) fn open(&self, trusted: bool) -> LivePolicy {
        self.try_open(trusted).expect("the higher layers are sound")
    }

    pub(super) fn try_open(&self, trusted: bool) -> Result<LivePolicy, Vec<Diagnostic>> {
        let base = self.dir.path();
        let dirs = LayerDirs {
            system: base.join("system"),
            user: Some(base.join("user")),
            workspace: Some(base.join("ws/policies")),
            signing: Signing { required: false, dirs: vec![base.join("etc"), base.join("own")] },
        };
        let options = Options { trusted, ..Options::default() };
        let vocabulary = Vocabulary::new([tool()]);
        LivePolicy::open(&dirs, Some(&base.join("ws/.bailiwick")), vocabulary, options)
    }

    pub(super) fn write(&self, live: &LivePolicy, path: &str) -> crate::contracts::Decision {
        let places = Places { root: PathBuf::from("/workspace"), ..Places::default() };
        let args: Map = json!({ "path": path, "text": "x" }).as_object().expect("map").clone();
        let tool = tool();
        let mut resolve = |text: &str| resolve_lexically(text, &places);
        live.current().decide(&gather(Asked::of(&tool, &args), &places, &mut resolve))
    }
}

#[test]
fn a_deny_added_while_it_runs_counts_at_once_and_names_its_line() {
    let ground = Ground::new();
    let live = ground.open(false);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    let refused = ground.write(&live, "reports/a.md");
    assert_eq!(refused.effect, Effect::Deny);
    assert_eq!(refused.rules[0].id, "my.no-reports");
    assert_eq!(refused.rules[0].file, "policies/99-mine.yaml");
    assert_eq!(refused.rules[0].line, 3);
    assert_eq!(refused.reason, "reports are off limits today");
    assert_eq!(ground.write(&live, "src/a.md").effect, Effect::Allow);
    fs::remove_file(ground.dir.path().join("ws/policies/99-mine.yaml")).expect("removed");
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
}

#[test]
fn shipped_rules_are_named_by_the_files_of_the_workspace() {
    let ground = Ground::new();
    let live = ground.open(false);
    assert_eq!(live.errors(), []);
    assert_eq!(live.current().muted(), 0);
    let decision = ground.write(&live, "policies/x.yaml");
    assert_eq!(decision.rules.len(), 1, "{:?}", decision.rules);
    assert_eq!(decision.rules[0].file, "policies/10-files.yaml");
}

#[test]
fn a_broken_edit_changes_nothing_also_across_a_restart() {
    let ground = Ground::new();
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    let live = ground.open(false);
    let good = live.current().hash();
    ground.put("ws/policies/99-mine.yaml", "schema: 1\nrules: [ {\n");
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(live.current().hash(), good);
    let errors = live.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].file, "policies/99-mine.yaml");
    drop(live);
    let again = ground.open(false);
    assert_eq!(again.current().hash(), good);
    assert_eq!(again.errors(), errors);
    ground.put(
        "ws/policies/99-mine.yaml",
        NO_REPORTS.replace("reports]", "docs]").replace("reports/a", "docs/a"),
    );
    assert_eq!(ground.write(&again, "reports/a.md").effect, Effect::Allow);
    assert_eq!(again.errors(), []);
}

#[test]
fn a_broken_workspace_does_not_undo_the_rules_of_the_user() {
    let ground = Ground::new();
    ground.put("user/mine.yaml", NO_REPORTS);
    ground.put("ws/policies/99-mine.yaml", "rules: 3");
    let live = ground.open(false);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert!(!live.errors().is_empty());
    // While it is broken, the user's rules are followed as they change.
    fs::remove_file(ground.dir.path().join("user/mine.yaml")).expect("removed");
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
}

#[test]
fn without_a_directory_and_without_a_last_good_set_the_built_in_one_decides() {
    let ground = Ground::new();
    fs::remove_dir_all(ground.dir.path().join("ws/policies")).expect("removed");
    let live = ground.open(false);
    assert_eq!(live.errors(), []);
    let decision = ground.write(&live, "policies/x.yaml");
    assert_eq!(decision.rules[0].file, "<built-in>/10-files.yaml");
    ground.put("ws/policies", "a file where a directory should be");
    assert_eq!(ground.write(&live, "src/x").effect, Effect::Allow);
    assert_eq!(live.errors().len(), 1);
}

#[test]
fn an_empty_directory_is_a_mistake() {
    let ground = Ground::new();
    let live = ground.open(false);
    for (name, _) in crate::policy::default_files() {
        fs::remove_file(ground.dir.path().join("ws").join(name)).expect("removed");
    }
    assert_eq!(ground.write(&live, "src/x").effect, Effect::Allow);
    assert_eq!(live.errors()[0].code, "zero-rules");
}

#[test]
fn an_untrusted_workspace_tightens_only() {
    let ground = Ground::new();
    let shipped = fs::read_to_string(ground.dir.path().join("ws/policies/10-files.yaml"));
    let shipped = shipped.expect("the shipped file");
    let (before, after) = shipped.split_once("  - id: fs.self-write").expect("the rule");
    let (_, rest) = after.split_once("\n\n").expect("the next rule");
    ground.put("ws/policies/10-files.yaml", format!("{before}{rest}"));
    ground.put("ws/policies/99-mine.yaml", OPEN_DOOR);
    let live = ground.open(false);
    assert_eq!(live.errors(), []);
    assert_eq!(live.current().muted(), 1);
    assert_eq!(ground.write(&live, "policies/x").effect, Effect::Deny);
    assert_eq!(ground.open(true).current().muted(), 0);
    assert_eq!(ground.write(&ground.open(true), "policies/x").effect, Effect::Allow);
}

#[test]
fn refuses_files_that_are_not_what_they_seem() {
    let ground = Ground::new();
    ground.put("outside.yaml", NO_REPORTS);
    let policies = ground.dir.path().join("ws/policies");
    let live = ground.open(false);
    let path = policies.join("99-mine.yaml");
    let expect = |word: &str| {
        assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
        let errors = live.errors();
        assert!(errors.iter().any(|error| error.message.contains(word)), "{word}: {errors:?}");
        fs::remove_file(&path).expect("removed");
    };
    symlink(ground.dir.path().join("outside.yaml"), &path).expect("a link");
    expect("symlink out of the directory");
    symlink("nowhere", &path).expect("a link");
    expect("No such file");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).expect("a file");
    expect("more than 1048576 bytes");
    fs::write(&path, b"schema: 1\n# \xff\n").expect("a file");
    expect("not UTF-8");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    expect("no regular file");
    assert_eq!(ground.write(&live, "src/a.md").effect, Effect::Allow);
    assert_eq!(live.errors(), []);
}

#[test]
fn a_linked_directory_of_rules_is_refused() {
    let ground = Ground::new();
    let base = ground.dir.path();
    fs::rename(base.join("ws/policies"), base.join("ws/src")).expect("moved");
    symlink("src", base.join("ws/policies")).expect("a link");
    ground.put("ws/src/99-mine.yaml", NO_REPORTS);
    let live = ground.open(true);
    assert!(live.errors()[0].message.contains("symlink"), "{:?}", live.errors());
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
}

#[test]
fn a_damaged_last_good_file_is_named_and_replaced() {
    let ground = Ground::new();
    drop(ground.open(false));
    ground.put("ws/.bailiwick/policy/last-good.json", "{");
    let live = ground.open(false);
    assert_eq!(live.errors()[0].code, "last-good");
    drop(live);
    assert_eq!(ground.open(false).errors(), []);
}

fn last_good(files: serde_json::Value) -> String {
    json!({ "schema_version": 1, "files": files }).to_string()
}

#[test]
fn a_last_good_file_that_came_with_the_workspace_loosens_nothing() {
    let ground = Ground::new();
    fs::create_dir_all(ground.dir.path().join("ws/.bailiwick/policy")).expect("a directory");
    ground.put("user/mine.yaml", NO_REPORTS);
    let planted = [
        json!([{ "path": "policies/10-files.yaml", "text": OPEN_DOOR }]),
        json!([{ "path": "policies/10-files.yaml", "text": "rules: [ {" }]),
        json!([{ "path": "policies/10-files.yaml", "text": OPEN_DOOR, "layer": "user" }]),
        json!([{ "path": "user/mine.yaml", "text": OPEN_DOOR, "layer": "system" }]),
        json!([{ "path": "user/mine.yaml", "text": OPEN_DOOR }]),
    ];
    for files in planted {
        // Trusted as well: what the user trusted is `policies/`, and that is broken.
        for trusted in [false, true] {
            ground.put("ws/policies/99-mine.yaml", "rules: [ {");
            ground.put("ws/.bailiwick/policy/last-good.json", last_good(files.clone()));
            let live = ground.open(trusted);
            assert_eq!(ground.write(&live, "policies/x").effect, Effect::Deny, "{files}");
            assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny, "{files}");
            assert!(!live.errors().is_empty());
        }
    }
}

#[test]
fn what_was_kept_is_trusted_again_once_the_files_are_sound() {
    let ground = Ground::new();
    let shipped = ground.dir.path().join("ws/policies/10-files.yaml");
    let text = fs::read_to_string(&shipped).expect("the shipped file");
    let (before, after) = text.split_once("  - id: fs.self-write").expect("the rule");
    let (_, rest) = after.split_once("\n\n").expect("the next rule");
    ground.put("ws/policies/10-files.yaml", format!("{before}{rest}"));
    ground.put("ws/policies/99-mine.yaml", OPEN_DOOR);
    drop(ground.open(true));
    ground.put("ws/policies/97-broken.yaml", "rules: 3");
    let live = ground.open(true);
    assert_eq!(ground.write(&live, "policies/x").effect, Effect::Deny);
    fs::remove_file(ground.dir.path().join("ws/policies/97-broken.yaml")).expect("removed");
    assert_eq!(ground.write(&live, "policies/x").effect, Effect::Allow);
    // In this process the rules were sound: a broken edit leaves them as they were.
    ground.put("ws/policies/97-broken.yaml", "rules: 3");
    assert_eq!(ground.write(&live, "policies/x").effect, Effect::Allow);
}

#[test]
fn broken_rules_of_the_user_or_the_system_start_nothing_and_change_nothing_later() {
    for layer in ["user", "system"] {
        let ground = Ground::new();
        let file = format!("{layer}/mine.yaml");
        ground.put(&file, NO_REPORTS);
        let live = ground.open(true);
        ground.put(&file, "rules: 3");
        assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
        drop(live);
        let errors = ground.try_open(true).expect_err("it is broken");
        assert!(errors[0].file.ends_with("mine.yaml"), "{errors:?}");
    }
}

#[test]
fn a_pipe_or_a_link_is_no_last_good_file() {
    let ground = Ground::new();
    let kept = ground.dir.path().join("ws/.bailiwick/policy");
    fs::create_dir_all(&kept).expect("a directory");
    let path = kept.join("last-good.json");
    let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(cwd, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
    assert!(ground.open(true).errors()[0].message.contains("no regular file"));
    fs::remove_dir_all(&kept).expect("removed");
    symlink(ground.dir.path().join("user"), &kept).expect("a link");
    assert!(ground.open(true).errors()[0].message.contains("symlink"));
    assert!(!ground.dir.path().join("user/last-good.json").exists());
}

#[test]
fn a_workspace_that_keeps_changing_takes_no_rule_of_the_user_away() {
    let ground = Ground::new();
    ground.put("user/10.yaml", NO_REPORTS);
    for number in 0..300 {
        ground.put(&format!("ws/policies/n{number}.txt"), "");
    }
    for name in ["zz.txt", "zz.yaml"] {
        symlink("/proc/self/net/dev", ground.dir.path().join("ws/policies").join(name)).unwrap();
    }
    for _ in 0..5 {
        let live = ground.open(false);
        let ids: Vec<String> = live.current().rules().into_iter().map(|rule| rule.id).collect();
        assert!(ids.contains(&"my.no-reports".to_owned()), "{ids:?}");
    }
}
