//! A dry run shows everything and does nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use super::daemon_space::Daemon;
use super::execution::{ask, ended};
use super::external::Client;
use super::harness::Space;

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");

/// Every file outside of `.bailiwick/` and `logs/`, with its content.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != ".bailiwick" && name != "logs" {
                dirs.push(path);
            } else if path.is_file() {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn changes_no_file_and_shows_each_decision() {
    let space = Space::new();
    let before = files(&space.root());
    let ran = space.run(&["run", PLAYBOOK, "--dry-run", "--json"]).expect(0);
    assert_eq!(files(&space.root()), before);
    let answer = ran.json();
    let steps = answer["items"].as_array().unwrap();
    assert!(steps.len() >= 4, "{answer}");
    for step in steps {
        let effect = step["decision"]["effect"].as_str().unwrap();
        assert!(["allow", "depends"].contains(&effect), "{step}");
        assert!(!step["decision"]["reason"].as_str().unwrap().is_empty(), "{step}");
    }
    let report = steps.iter().find(|step| step["action"] == "write_text").unwrap();
    assert!(report["args"]["text"].as_str().unwrap().contains("<from steps"), "{report}");
    assert_eq!(space.audit().iter().filter(|entry| entry["dry_run"] == true).count(), steps.len());
    space.run(&["run", PLAYBOOK, "--dry-run"]).expect(0).says(&["write_text", "git_status"]);
}

#[test]
fn shows_a_denial_and_exits_with_3() {
    let space = Space::new();
    let playbook = space.write(
        "p.yaml",
        "schema: 1\nname: p\ndescription: Reads a secret.\npermissions: { tools: [read_text], read: [\".\"] }\nsteps:\n  - { id: key, tool: read_text, args: { path: .env } }\n",
    );
    space.run(&["run", playbook.to_str().unwrap(), "--dry-run"]).expect(3).says(&["deny"]);
}

/// Writes a file, and asks where its rules do.
const WRITES: &str = "schema: 1\nname: writes\ndescription: Writes the yearly report.\nschedule: { cron: \"0 3 1 1 *\" }\nwebhook: { secret: HOOK }\npermissions: { tools: [write_text], write: [\"reports/\"] }\nsteps:\n  - { id: write, tool: write_text, args: { path: reports/a.md, text: \"done\" } }\n";

fn cli_json(space: &Space, args: &[&str]) -> serde_json::Value {
    space.run(args).expect(0).json()
}

/// The report of a run that only showed what it would do.
#[track_caller]
fn shown(report: &serde_json::Value) {
    assert_eq!(report["outputs"]["dry_run"], true, "{report}");
    let items = report["outputs"]["items"].as_array().unwrap();
    assert_eq!(items[0]["path"], "write");
    assert_eq!(items[0]["decision"]["effect"], "allow");
    assert!(items[0]["would"].as_str().unwrap().contains("reports/a.md"), "{report}");
    assert!(report["summary"].as_str().unwrap().contains("nothing was executed"), "{report}");
    assert_eq!(report["telemetry"]["calls_by_tool"], serde_json::json!({}));
}

const HOOK: &str = "a-secret-that-callers-know";

/// What a webhook answers.
fn hook(daemon: &Daemon, playbook: &str) -> serde_json::Value {
    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("POST /hooks/{playbook} HTTP/1.0\r\nhost: {address}\r\nx-webhook-secret: {HOOK}");
    let rest = "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(format!("{head}\r\n{rest}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn what_configuration_makes_dry_is_dry_as_a_task_a_schedule_and_a_call_until_somebody_says_act() {
    let space = Space::new();
    space.write("playbooks/writes.yaml", WRITES);
    // A schedule counts in a workspace that somebody trusts.
    space.run(&["trust"]).expect(0);
    let on = ["--set", "run.dry_run_default=true"];
    let mut serve = space.command(&["serve", "--listen", "127.0.0.1:0", "--json", on[0], on[1]]);
    serve.env("BAILIWICK_SECRET_HOOK", HOOK);
    let daemon = Daemon::of(serve);
    let file = space.path("reports/a.md");
    let taken = daemon.submit("writes", serde_json::json!({}));
    let goal = serde_json::json!({ "goal": "write the yearly report" });
    let by_goal = daemon.post("/api/v1/execution/tasks", &goal).body;
    for run in [taken.as_str(), by_goal["run_id"].as_str().unwrap()] {
        shown(&ended(&daemon, run, "succeeded")["report"]);
    }
    // Its schedule, told to fire now.
    let fired = cli_json(&space, &["schedules", "run-now", "writes", "--json"]);
    let fired = fired["run_id"].as_str().unwrap().to_owned();
    shown(&ended(&daemon, &fired, "succeeded")["report"]);
    let called = hook(&daemon, "writes");
    shown(&ended(&daemon, called["run_id"].as_str().unwrap(), "succeeded")["report"]);
    let call = serde_json::json!({ "tool_name": "write_text", "args": { "path": "reports/a.md", "text": "x" } });
    assert_eq!(daemon.post("/api/v1/execution/run", &call).body["dry_run"], true);
    assert!(!file.exists(), "somebody wrote it");
    assert!(space.audit().iter().all(|entry| entry["dry_run"] == true));
    // The same over the command line, which has the same word of configuration.
    let cli = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(on);
        space.run(&all).expect(0)
    };
    let waited = cli(&["submit", "writes", "--wait", "--json"]).json();
    shown(&waited);
    cli(&["run", "writes"]).says(&["dry run", "write_text"]);
    cli(&[
        "tools",
        "call",
        "write_text",
        "--args",
        "{\"path\": \"reports/a.md\", \"text\": \"x\"}",
    ])
    .says(&["dry run"]);
    assert!(!file.exists(), "somebody wrote it");
    let act = serde_json::json!({ "playbook": "writes", "dry_run": false });
    let act = daemon.post("/tasks", &act).body["run_id"].as_str().unwrap().to_owned();
    ended(&daemon, &act, "succeeded");
    assert_eq!(space.read("reports/a.md"), "done");
    fs::remove_file(&file).unwrap();
    cli(&["submit", "writes", "--act", "--wait"]);
    assert_eq!(space.read("reports/a.md"), "done");
}

/// What a dry run says of a call: what would happen, and what is decided by which rules.
fn told(would: &serde_json::Value, decision: &serde_json::Value) -> serde_json::Value {
    let rules = decision["rules"].as_array().unwrap().iter();
    let ids: Vec<_> = rules.map(|rule| rule["id"].clone()).collect();
    serde_json::json!([would, decision["effect"], decision["reason"], ids])
}

#[test]
fn a_dry_call_tells_the_same_over_the_command_line_the_api_and_mcp() {
    let space = Space::new();
    space.write("policies/90-asks.yaml", &ask());
    let on = ["--set", "run.dry_run_default=true"];
    let daemon = Daemon::start_with(&space, &on);
    let mut mcp = Client::of(&space, &on);
    for (path, effect) in [("notes.md", "allow"), ("reports/a.md", "ask"), (".env", "deny")] {
        let args = serde_json::json!({ "path": path, "text": "x" });
        let text = args.to_string();
        let dry = ["tools", "call", "write_text", "--dry-run", "--json", "--args", &text];
        let ran = space
            .run(&[&dry[..], &on[..]].concat())
            .expect(if effect == "deny" { 3 } else { 0 })
            .json();
        let cli = told(&ran["items"][0]["would"], &ran["items"][0]["decision"]);
        assert_eq!(cli[1], effect);
        let body = serde_json::json!({ "tool_name": "write_text", "args": args, "dry_run": true });
        let reply = daemon.post("/api/v1/execution/run", &body);
        if effect == "deny" {
            assert_eq!((reply.status, &reply.body["detail"]), (403, &cli[2]), "{reply:?}");
        } else {
            let api = told(&reply.body["result"]["data"]["would"], &reply.body["decision"]);
            assert_eq!(api, cli, "{path}");
        }
        let answer = mcp.call("write_text", args)["result"].take();
        let shown = &answer["structuredContent"];
        assert_eq!(told(&shown["would"], &shown["decision"]), cli, "{path}: {answer}");
        assert_eq!(answer["isError"] == true, effect == "deny", "{path}: {answer}");
        assert!(!space.path(path).exists(), "{path}");
    }
}

#[test]
fn a_dry_task_that_would_be_refused_ends_so() {
    let space = Space::new();
    space.write("playbooks/env.yaml", "schema: 1\nname: env\ndescription: Reads a secret.\npermissions: { tools: [read_text], read: [\".\"] }\nsteps:\n  - { id: key, tool: read_text, args: { path: .env } }\n");
    let daemon = Daemon::start(&space);
    let asked = serde_json::json!({ "playbook": "env", "dry_run": true });
    let run = daemon.post("/tasks", &asked).body["run_id"].as_str().unwrap().to_owned();
    let report = &ended(&daemon, &run, "denied")["report"];
    assert_eq!(report["outputs"]["items"][0]["decision"]["effect"], "deny", "{report}");
}
