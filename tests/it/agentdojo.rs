//! The rules for AgentDojo, without AgentDojo: they load, and recorded requests of each suite get the
//! verdict they must get. All pairs are measured by `tests/agentdojo/run.sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::harness::Space;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agentdojo");

/// One request per line, as the bridge sent it, with the verdict under `expect`.
const RECORDED: &str = include_str!("../agentdojo/recorded.jsonl");

/// The program serving, given `input`: its verdicts, one per line.
fn serve(space: &Space, input: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bailiwick"))
        .args(["policy", "serve", "--jsonl"])
        .args(["--policies", &format!("{HERE}/policies"), "--tools", &format!("{HERE}/tools.yaml")])
        .current_dir(space.root())
        .env("HOME", space.home())
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn recorded_requests_of_each_suite_get_the_right_verdict() {
    let space = Space::new();
    let mut input = String::new();
    let mut expected = Vec::new();
    for line in RECORDED.lines() {
        let mut request: Value = serde_json::from_str(line).unwrap();
        let expect = request.as_object_mut().unwrap().remove("expect").unwrap();
        expected.push((request["suite"].clone(), request["id"].clone(), expect));
        input.push_str(&format!("{request}\n"));
    }
    let verdicts = serve(&space, &input);
    assert_eq!(verdicts.len(), expected.len());
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (verdict, (suite, id, expect)) in verdicts.iter().zip(expected) {
        assert_eq!(verdict["id"], id);
        assert_eq!(verdict["verdict"], expect, "{id}: {verdict}");
        let kind = verdict["verdict"].as_str().unwrap().to_owned();
        kinds.entry(suite.as_str().unwrap().to_owned()).or_default().insert(kind);
    }
    // Each suite has something that goes through and something that does not.
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(kinds.values().all(|found| found.contains("allow") && found.len() > 1), "{kinds:?}");
}

#[test]
fn the_rules_have_no_mistakes() {
    let space = Space::new();
    for file in ["10-acting-for-a-person.yaml", "20-accounts.rhai"] {
        space.run(&["policy", "check", &format!("{HERE}/policies/{file}")]).expect(0);
    }
    assert!(serve(&space, "").is_empty());
}

/// The caller says what it likes about where values came from: nothing gets looser by it.
#[test]
fn a_caller_cannot_vouch_for_a_value() {
    let space = Space::new();
    let line = RECORDED.lines().find(|line| line.contains("\"expect\":\"deny\"")).unwrap();
    let mut request: Value = serde_json::from_str(line).unwrap();
    request.as_object_mut().unwrap().remove("expect");
    let args: Vec<String> = request["args"].as_object().unwrap().keys().cloned().collect();
    for label in ["user", "trusted", "trusted:get_channels", "unknown"] {
        let origin: BTreeMap<&str, Vec<&str>> =
            args.iter().map(|arg| (arg.as_str(), vec![label])).collect();
        request["args_origin"] = serde_json::json!(origin);
        let verdicts = serve(&space, &format!("{request}\n"));
        assert_eq!(verdicts[0]["verdict"], "deny", "{label}: {}", verdicts[0]);
    }
}
