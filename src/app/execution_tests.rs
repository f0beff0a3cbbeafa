//! The run-time override, with a host at work.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{App, OpenHost};
use crate::cli::Cx;
use crate::contracts::{EventBody, ExecutionChange, RunId, Timestamp};
use crate::host::Host;
use crate::orchestrator::{Change, ChangeError, execution_config};
use crate::workspace::{Environment, Governed, Ledger};

struct Space {
    dir: tempfile::TempDir,
    app: App,
    host: Host,
}

fn app(dir: &Path) -> App {
    let mut cx = Cx::plain(dir.join("work"), true);
    let home = dir.join("home").display().to_string();
    cx.env = Environment::new([("HOME".to_owned(), home)]);
    App::open(&cx).unwrap()
}

impl Space {
    /// A workspace, trusted or not, and its host.
    fn new(trusted: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("work/config")).unwrap();
        fs::write(dir.path().join("work/config/bailiwick.yaml"), "schema: 1\n").unwrap();
        if trusted {
            trust(&app(dir.path()));
        }
        let app = app(dir.path());
        assert_eq!(app.workspace.trusted, trusted);
        let OpenHost::Host(host) = app.open_host().unwrap() else { panic!("somebody is host") };
        Self { dir, app, host }
    }

    fn write(&self, text: &str) {
        fs::write(self.app.workspace.override_path(), text).unwrap();
    }

    fn file(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.app.workspace.override_path()).unwrap())
            .unwrap()
    }

    fn change(&self, change: &str) -> Result<(), ChangeError> {
        let change: ExecutionChange = serde_json::from_str(change).unwrap();
        self.host.services.settings.change(&Change::Settings(change), "token:ann")
    }

    fn switch(&self, tool: &str, on: bool) -> Result<(), ChangeError> {
        self.host.services.settings.change(&Change::Tool(tool.to_owned(), on), "token:ann")
    }

    /// What is in force.
    fn config(&self) -> Value {
        json!(execution_config(&self.host.services.settings.refreshed()))
    }

    fn is_on(&self, tool: &str) -> bool {
        drop(self.host.services.settings.refreshed());
        self.host.services.policy.current().is_enabled(tool) == Some(true)
    }

    /// What was journalled: who, which keys, and how many mistakes.
    fn journalled(&self) -> Vec<(String, Vec<String>, usize)> {
        let reader = self.host.services.store.reader();
        let events = reader.events(RunId::SYSTEM_TEXT, 0, 1_000).unwrap_or_default();
        let bodies = events.iter().filter_map(|event| event.body().ok());
        bodies
            .filter_map(|body| match body {
                EventBody::ConfigChanged(it) => {
                    let keys = it.changes.into_iter().map(|change| change.key).collect();
                    Some((it.by, keys, it.errors.len()))
                }
                _ => None,
            })
            .collect()
    }

    fn is_trusted(&self) -> bool {
        app(self.dir.path()).workspace.trusted
    }
}

fn trust(app: &App) {
    let (root, user_dir) = (&app.workspace.root, app.workspace.user_dir.as_deref());
    let ledger = Ledger::of(user_dir, root).unwrap();
    ledger.record(root, &Governed::read(root), Timestamp::from_ms(1)).unwrap();
}

#[test]
fn a_change_counts_at_once_is_kept_and_is_journalled() {
    let space = Space::new(true);
    space.change(r#"{"approval_mode": "require_approval", "max_steps_per_run": 7}"#).unwrap();
    let config = space.config();
    assert_eq!(
        (&config["approval_mode"], &config["max_steps_per_run"]),
        (&json!("require_approval"), &json!(7))
    );
    assert_eq!(space.file(), json!({"approval_mode": "require_approval", "max_steps_per_run": 7}));
    assert_eq!(space.host.services.config().budget.default.steps, 7);
    let mode = space.host.services.policy.current().options().approval_mode;
    assert_eq!(json!(mode), json!("require_approval"));
    space.switch("read_text", false).unwrap();
    assert!(!space.is_on("read_text"));
    space.switch("read_text", true).unwrap();
    assert!(space.is_on("read_text"));
    let keys = |all: &[&str]| all.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let by = |by: &str, all: &[&str]| (by.to_owned(), keys(all), 0);
    let expected = [
        by("token:ann", &["budget.default.steps", "budget.max.steps", "policy.approval_mode"]),
        by("token:ann", &["tools.enabled.read_text"]),
        by("token:ann", &["tools.enabled.read_text"]),
    ];
    assert_eq!(space.journalled(), expected);
    assert!(space.is_trusted(), "what the program changed for a person stays trusted");
    // The next start reads the same.
    let again = app(space.dir.path());
    assert_eq!(again.workspace.config.budget.max.steps, 7);
    assert_eq!(again.config_hash(), space.app.config_hash(), "hosts and guests agree still");
}

#[test]
fn an_edit_counts_with_the_next_look_and_a_broken_one_changes_nothing() {
    let space = Space::new(true);
    space.write(r#"{"tool_enabled": {"read_text": false}, "max_retries_per_tool": 1}"#);
    assert_eq!(space.config()["max_retries_per_tool"], 1);
    assert!(!space.is_on("read_text"));
    for broken in ["{", r#"{"max_retries_per_tool": 101}"#, r#"{"colour": 1}"#, "[]"] {
        space.write(broken);
        assert_eq!(space.config()["max_retries_per_tool"], 1, "{broken}");
        assert!(!space.is_on("read_text"), "{broken}");
        assert!(!space.host.services.settings.mistakes().is_empty(), "{broken}");
        assert!(matches!(space.switch("read_text", true), Err(ChangeError::Broken { .. })));
        assert_eq!(fs::read_to_string(space.app.workspace.override_path()).unwrap(), broken);
    }
    fs::remove_file(space.app.workspace.override_path()).unwrap();
    assert_eq!(space.config()["max_retries_per_tool"], 5);
    assert!(space.is_on("read_text"));
    assert_eq!(space.host.services.settings.mistakes(), []);
    let by: Vec<_> = space
        .journalled()
        .into_iter()
        .map(|(by, keys, errors)| (by, keys.len(), errors > 0))
        .collect();
    let file = |keys, errors| ("file".to_owned(), keys, errors);
    assert_eq!(by.first(), Some(&file(2, false)));
    assert_eq!(by.last(), Some(&file(2, false)));
    assert!(by[1..by.len() - 1].iter().all(|it| *it == file(0, true)), "{by:?}");
}

#[test]
fn nothing_widens_that_nobody_vouches_for() {
    let space = Space::new(false);
    // Tighter is always right.
    space.change(r#"{"max_retries_per_tool": 2, "require_approval_for_risky": true}"#).unwrap();
    space.switch("shell_exec", false).unwrap();
    assert!(!space.is_on("shell_exec"));
    space.switch("shell_exec", true).unwrap();
    assert!(space.is_on("shell_exec"), "as it comes is not wider");
    for wider in [
        r#"{"max_retries_per_tool": 50}"#,
        r#"{"require_approval_for_risky": false}"#,
        r#"{"max_steps_per_run": 90000}"#,
        r#"{"prefer_sandbox": false}"#,
    ] {
        let error = space.change(wider).unwrap_err();
        assert!(matches!(error, ChangeError::NotTrusted(_)), "{wider}: {error}");
    }
    space.write(r#"{"max_retries_per_tool": 50, "approval_mode": "require_approval"}"#);
    let config = space.config();
    assert_eq!(
        (&config["max_retries_per_tool"], &config["approval_mode"]),
        (&json!(5), &json!("require_approval"))
    );
    assert!(!space.is_trusted());
}

#[test]
fn an_edit_by_hand_of_a_trusted_workspace_widens_once_somebody_trusts_it() {
    let space = Space::new(true);
    space.write(r#"{"max_retries_per_tool": 50}"#);
    assert_eq!(space.config()["max_retries_per_tool"], 5);
    assert_eq!(space.host.services.settings.mistakes().len(), 1);
    trust(&space.app);
    assert_eq!(space.config()["max_retries_per_tool"], 50);
    assert_eq!(space.host.services.settings.mistakes(), []);
}

#[test]
fn values_that_are_none_are_refused_and_nothing_is_written() {
    let space = Space::new(true);
    for wrong in [r#"{"max_steps_per_run": 0}"#, r#"{"max_retries_per_tool": 101}"#] {
        assert!(matches!(space.change(wrong), Err(ChangeError::Invalid(_))), "{wrong}");
    }
    assert!(!space.app.workspace.override_path().exists());
}

#[test]
fn a_link_in_its_place_is_neither_read_nor_replaced() {
    let space = Space::new(true);
    let aim = space.dir.path().join("aim.json");
    fs::write(&aim, r#"{"max_retries_per_tool": 0}"#).unwrap();
    std::os::unix::fs::symlink(&aim, space.app.workspace.override_path()).unwrap();
    assert_eq!(space.config()["max_retries_per_tool"], 5);
    assert!(space.switch("read_text", false).is_err());
    assert_eq!(fs::read_to_string(&aim).unwrap(), r#"{"max_retries_per_tool": 0}"#);
}
