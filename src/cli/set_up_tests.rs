//! The set-up commands as a person uses them, one after the other in one workspace.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use clap::{Parser, Subcommand};
use serde_json::Value as Json;

use super::open::open_workspace;
use super::*;
use crate::workspace::Environment;

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Trust(trust::Args),
    Config(config::Args),
}

/// A person at a terminal, with a home and a directory.
struct Person {
    _dir: tempfile::TempDir,
    cx: Cx,
}

impl Person {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().canonicalize().unwrap().join("work");
        std::fs::create_dir(&cwd).unwrap();
        let mut cx = Cx::plain(cwd, false);
        let home = dir.path().join("home").display().to_string();
        cx.env = Environment::new([("HOME".to_owned(), home)]);
        Self { _dir: dir, cx }
    }

    fn try_say(&self, line: &str) -> (Result<Exit, CliError>, String) {
        let words = std::iter::once("bailiwick").chain(line.split(' '));
        let mut out = Vec::new();
        let result = match Program::try_parse_from(words).unwrap().command {
            Command::Init(args) => init::run(args, &self.cx, &mut out),
            Command::Trust(args) => trust::run(args, &self.cx, &mut out),
            Command::Config(args) => config::run(args, &self.cx, &mut out),
        };
        (result, String::from_utf8(out).unwrap())
    }

    fn say(&self, line: &str) -> String {
        let (result, out) = self.try_say(line);
        assert_eq!(result.unwrap(), Exit::Done, "{line}: {out}");
        out
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.cx.cwd.join(name), text).unwrap();
    }
}

#[test]
fn init_then_show_then_edit_then_trust() {
    let mut person = Person::new();
    let made = person.say("init");
    assert!(
        made.contains("made  config/bailiwick.yaml") && made.contains("it is trusted"),
        "{made}"
    );
    assert!(person.say("init").contains("files were there already"));
    assert!(person.say("trust --show").starts_with("trusted since 1970"));

    person.write("config/bailiwick.yaml", "limits:\n  steps: 2000\n");
    let shown = person.say("config show limits");
    let line = shown.lines().find(|line| line.starts_with("limits.steps ")).unwrap();
    assert!(line.contains("1000") && line.ends_with("built-in"), "{shown}");
    assert!(
        shown.contains("warning: config/bailiwick.yaml:2:3: `limits.steps: 2000` does not count")
    );
    assert!(shown.contains("note: this workspace is not trusted any more"), "{shown}");
    assert!(person.say("trust").contains("`config/bailiwick.yaml` was changed"));
    let shown = person.say("config show limits");
    assert!(shown.contains("config/bailiwick.yaml:2"), "{shown}");

    person.cx.json = true;
    let json: Json = serde_json::from_str(&person.say("config show limits.steps")).unwrap();
    assert_eq!(json["items"][0]["value"], 2000);
    assert_eq!(json["items"][0]["origin"]["layer"], "file");
    let json: Json = serde_json::from_str(&person.say("trust --revoke")).unwrap();
    assert_eq!(json["trusted"], false);
    let json: Json = serde_json::from_str(&person.say("trust --show")).unwrap();
    assert_eq!(json["trusted"], false);
    let files = json["files"].as_object().unwrap();
    for made in ["config/bailiwick.yaml", "playbooks/repo-health.yaml"] {
        assert!(files.contains_key(made), "{made}: {files:?}");
    }
}

#[test]
fn check_names_every_mistake_and_ends_with_2() {
    let mut person = Person::new();
    person.say("init");
    assert!(person.say("config check").contains("no mistakes"));
    person.write("config/bailiwick.yaml", "limts: {}\npolicy: { profile: cii }\n");
    let error = person.try_say("config check").0.unwrap_err();
    assert_eq!((error.exit, error.diagnostics.len()), (Exit::Usage, 2));
    person.cx.json = true;
    let (result, out) = person.try_say("config check");
    assert_eq!(result.unwrap(), Exit::Usage);
    let json: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["items"][0]["line"], &json["items"][1]["column"]), (&1.into(), &20.into()));
}

#[test]
fn show_refuses_keys_that_do_not_exist_and_knows_empty_sections() {
    let person = Person::new();
    let error = person.try_say("config show limits.step").0.unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
    assert!(error.hints[0].contains("`limits.steps`"), "{error:?}");
    assert!(person.say("config show tools.enabled").is_empty());
    let all = person.say("config show");
    let (named, single): (Vec<crate::config::Key>, Vec<crate::config::Key>) =
        crate::config::KEYS.iter().copied().partition(|key| key.path.contains("profiles.*"));
    // Six profiles; keys with names that people choose have no values yet.
    let chosen = single.iter().filter(|key| key.path.contains(".*")).count();
    assert_eq!(all.lines().count(), single.len() - chosen + 6 * named.len(), "{all}");
}

#[test]
fn doctor_finds_a_good_workspace_good_and_says_what_is_missing() {
    let person = Person::new();
    let workspace = open_workspace(&person.cx).unwrap();
    let checks = doctor::workspace_checks(&workspace, &person.cx.env);
    let bad: Vec<&str> = checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
    assert_eq!(bad, ["git"], "there is no PATH");
    let path =
        Environment::new([("PATH".to_owned(), "relative:/usr/bin:/usr/local/bin".to_owned())]);
    let checks = doctor::workspace_checks(&workspace, &path);
    let mut out = Vec::new();
    doctor::show(&checks, false, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains("`bailiwick init` makes one"), "{shown}");
    std::fs::remove_dir(&person.cx.cwd).unwrap();
    let gone = doctor::workspace_checks(&workspace, &path);
    assert!(gone.iter().any(|check| check.name == "state directory" && !check.ok));
    let mut out = Vec::new();
    doctor::show(&gone, true, &mut out).unwrap();
    let json: Json = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["ok"], false);
}
