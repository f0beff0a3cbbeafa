use std::fs;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;
use crate::store::{Store, StoreOptions};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    tools: Args,
}

/// Runs the command in `root`, with some tools configured on or off.
fn call(
    words: &[&str],
    root: &Path,
    enabled: &[(&str, bool)],
    json: bool,
) -> Result<String, CliError> {
    let words = std::iter::once(&"tools").chain(words);
    let line = Line::try_parse_from(words).map_err(|error| CliError::usage(error.to_string()))?;
    let mut cx = Cx::plain(root, json);
    cx.sets = enabled.iter().map(|(name, on)| format!("tools.enabled.{name}={on}")).collect();
    let mut out = Vec::new();
    assert_eq!(run(line.tools, &cx, &mut out)?, Exit::Done);
    Ok(String::from_utf8(out).unwrap())
}

fn printed(words: &[&str], root: &Path, json: bool) -> String {
    call(words, root, &[], json).unwrap()
}

#[test]
fn the_arguments_are_well_formed() {
    Line::command().debug_assert();
    let matches = Line::command().try_get_matches_from(["tools", "ls"]).unwrap();
    Line::from_arg_matches(&matches).unwrap();
}

#[test]
fn lists_every_tool_for_people_and_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let off = [("shell_exec", false)];
    let text = call(&["ls"], dir.path(), &off, false).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + vocabulary().tools().count());
    assert!(lines[0].starts_with("NAME "));
    let shell = lines.iter().find(|line| line.starts_with("shell_exec")).unwrap();
    let cells: Vec<&str> = shell.split_whitespace().take(4).collect();
    assert_eq!(cells, ["shell_exec", "no", "medium", "non-idempotent"]);
    let json: Value =
        serde_json::from_str(&call(&["ls"], dir.path(), &off, true).unwrap()).unwrap();
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), lines.len() - 1);
    for item in items {
        assert_eq!(item["enabled"], item["name"] != "shell_exec");
        assert_eq!(item["schema"]["type"], "object");
    }
}

#[test]
fn shows_a_tool_by_any_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let text = printed(&["show", "filesystem_read"], here, false);
    assert!(text.starts_with("## `read_text`") && text.contains("| `max_bytes` |"), "{text}");
    assert!(text.ends_with("it is on.\n"), "{text}");
    let json: Value = serde_json::from_str(&printed(&["show", "write_text"], here, true)).unwrap();
    assert_eq!(json["name"], "write_text");
    assert_eq!(json["enabled"], true);
    assert_eq!(json["paths"][0]["access"], "write");
    let error = call(&["show", "raed_text"], here, &[], false).unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
    assert_eq!(error.hints, ["did you mean `read_text`?"]);
}

#[test]
fn switches_a_tool_and_keeps_the_rest_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let file = dir.path().join("config/execution_layer_config.json");
    assert_eq!(printed(&["disable", "filesystem_read"], here, false), "`read_text` is off\n");
    let kept = json!({"approval_mode": "auto", "tool_enabled": {"shell_exec": false}});
    fs::write(&file, kept.to_string()).unwrap();
    assert_eq!(printed(&["disable", "read_text"], here, false), "`read_text` is off\n");
    assert_eq!(printed(&["disable", "read_text"], here, false), "`read_text` is already off\n");
    let json: Value =
        serde_json::from_str(&printed(&["enable", "shell_exec"], here, true)).unwrap();
    let expect = json!({
        "name": "shell_exec",
        "enabled": true,
        "changed": true,
        "from_next_start": false,
    });
    assert_eq!(json, expect);
    let now: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let expect = json!({
        "approval_mode": "auto",
        "tool_enabled": {"shell_exec": true, "read_text": false},
    });
    assert_eq!(now, expect);
    assert_eq!(fs::read_dir(dir.path().join("config")).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_not_understood_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let file = dir.path().join("config/execution_layer_config.json");
    fs::create_dir(dir.path().join("config")).unwrap();
    for (text, expect) in [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{\"tool_enable\": {}}", "`tool_enable` is not a known key"),
        ("{\"tool_enabled\": []}", "`tool_enabled` is not an object"),
    ] {
        fs::write(&file, text).unwrap();
        let error = switch::set(here, "read_text", false).unwrap_err();
        assert!(error.message.contains(expect), "{text}: {}", error.message);
        assert_eq!(error.exit, Exit::Usage);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn several_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = vocabulary().tools().map(|tool| tool.name.clone()).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| switch::set(dir.path(), name, false).unwrap());
        }
    });
    let text = fs::read_to_string(dir.path().join("config/execution_layer_config.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["tool_enabled"].as_object().unwrap().len(), names.len());
}

#[test]
fn says_when_a_host_at_work_does_not_count_the_switch_yet() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::open(&Cx::plain(dir.path(), true)).unwrap();
    let clock = std::sync::Arc::new(crate::orchestrator::SystemClock);
    let state_dir = app.workspace.state_dir.clone();
    let options = StoreOptions::new(state_dir, app.audit_path(), clock, "boot".to_owned());
    let later = |words: &[&str]| {
        let json: Value = serde_json::from_str(&printed(words, dir.path(), true)).unwrap();
        json["from_next_start"].clone()
    };
    let host = Store::open(&options).unwrap();
    assert_eq!(later(&["disable", "read_text"]), true);
    assert_eq!(later(&["disable", "read_text"]), false, "nothing was changed");
    drop(host);
    assert_eq!(later(&["enable", "read_text"]), false);
    assert!(Store::open(&options).unwrap().findings.is_empty());
}

#[test]
fn the_arguments_of_a_call_must_fit_the_tool() {
    let dir = tempfile::tempdir().unwrap();
    for (args, expect) in [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "argument `path` is missing"),
        ("{\"path\": \"a\", \"max\": 1}", "argument `max` is not known"),
    ] {
        let words = ["call", "read_text", "--args", args];
        let error = call(&words, dir.path(), &[], false).unwrap_err();
        assert!(error.message.contains(expect), "{args}: {}", error.message);
        assert_eq!(error.exit, Exit::Usage);
    }
}
