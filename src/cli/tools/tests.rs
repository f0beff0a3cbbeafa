use std::fs;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

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
    assert_eq!(lines.len(), 1 + crate::tools::vocabulary().tools().count());
    assert!(lines[0].starts_with("NAME "));
    let shell = lines.iter().find(|line| line.starts_with("shell_exec")).unwrap();
    let cells: Vec<&str> = shell.split_whitespace().take(4).collect();
    assert_eq!(cells, ["shell_exec", "no", "medium", "non-idempotent"]);
    let json: Value =
        serde_json::from_str(&call(&["ls"], dir.path(), &off, true).unwrap()).unwrap();
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), lines.len() - 1);
    for item in items {
        let name = item["name"].as_str().unwrap();
        let comes_on = crate::tools::find(name).unwrap().enabled;
        assert_eq!(item["enabled"], comes_on && name != "shell_exec", "{name}");
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
    assert_eq!(json, json!({ "name": "shell_exec", "enabled": true, "changed": true }));
    let now: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    // What a tool comes as needs no word.
    let expect = json!({"approval_mode": "auto", "tool_enabled": {"read_text": false}});
    assert_eq!(now, expect);
    assert_eq!(fs::read_dir(dir.path().join("config")).unwrap().count(), 1);
}

/// Switches a tool as the command does.
fn set(root: &Path, tool: &str, on: bool) -> Result<bool, ChangeError> {
    let app = App::open(&Cx::plain(root, true)).unwrap();
    let change = Change::Tool(tool.to_owned(), on);
    let now = crate::contracts::Timestamp::from_ms(1);
    Ok(change_overrides(&app.workspace, &app.tools(), &change, now)?.changed)
}

#[test]
fn a_file_that_is_not_understood_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    set(here, "read_text", false).unwrap();
    let app = App::open(&Cx::plain(here, true)).unwrap();
    let file = dir.path().join("config/execution_layer_config.json");
    for text in [
        "{",
        "[]",
        "{\"tool_enable\": {}}",
        "{\"tool_enabled\": []}",
        "{\"max_steps_per_run\": -1}",
    ] {
        fs::write(&file, text).unwrap();
        let change = Change::Tool("read_text".to_owned(), true);
        let now = crate::contracts::Timestamp::from_ms(1);
        let error = change_overrides(&app.workspace, &app.tools(), &change, now).unwrap_err();
        assert!(matches!(error, ChangeError::Broken { .. }), "{text}: {error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(call(&["ls"], here, &[], false).unwrap_err().exit, Exit::Usage, "{text}");
    }
}

#[test]
fn what_a_workspace_that_nobody_trusts_may_not_widen_is_not_switched_on() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    fs::create_dir(here.join("config")).unwrap();
    fs::write(here.join("config/bailiwick.yaml"), "tools: { enabled: { read_text: false } }\n")
        .unwrap();
    let error = call(&["enable", "read_text"], here, &[], false).unwrap_err();
    assert!(error.message.contains("not trusted"), "{}", error.message);
    assert!(!here.join("config/execution_layer_config.json").exists());
}

#[test]
fn several_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // Switching off what is off already is no change.
    let vocabulary = crate::tools::vocabulary();
    let on = vocabulary.tools().filter(|tool| tool.enabled);
    let names: Vec<String> = on.map(|tool| tool.name.clone()).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| set(dir.path(), name, false).unwrap());
        }
    });
    let text = fs::read_to_string(dir.path().join("config/execution_layer_config.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["tool_enabled"].as_object().unwrap().len(), names.len());
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
