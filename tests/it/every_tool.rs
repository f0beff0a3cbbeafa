//! Each tool over the command line, the API, a playbook and MCP: the same decision, audit entry and receipt.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use super::daemon_space::{Daemon, request};
use super::execution::{API, call, logs};
use super::external::Client;
use super::harness::Space;

/// Arguments that do no harm, `WAY` being a name of each way's own. What needs a network stays in front
/// of the rules that ask about this machine's own addresses; what is no document ends in the same error.
fn harmless() -> Vec<(&'static str, Value)> {
    let web = "http://localhost:9/";
    vec![
        (
            "apply_patch",
            json!({ "patch": "--- a/WAY.md\n+++ b/WAY.md\n@@ -1 +1 @@\n-one\n+two\n" }),
        ),
        ("consult_ui", json!({ "question": "Which?", "default": "none", "timeout_ms": 1000 })),
        ("csv_read", json!({ "text": "a,b\n1,2\n" })),
        ("delete_path", json!({ "path": "WAY.gone" })),
        ("download", json!({ "url": web, "path": "WAY.bin" })),
        ("fulltext_search", json!({ "query": "nothing" })),
        ("git_commit", json!({ "path": ".", "message": "One file", "paths": ["WAY.md"] })),
        ("git_diff", json!({ "path": "." })),
        ("git_log", json!({ "path": ".", "limit": 1 })),
        ("git_status", json!({ "path": "." })),
        ("html_to_text", json!({ "text": "<p>one</p>" })),
        ("http_get", json!({ "url": web })),
        ("http_request", json!({ "url": web, "method": "POST", "body": "x" })),
        ("json_query", json!({ "text": "{\"a\": 1}", "query": "$.a" })),
        ("list_dir", json!({ "path": "src" })),
        ("markdown_to_text", json!({ "text": "# One" })),
        ("memory_forget", json!({ "subject": "nobody" })),
        ("memory_search", json!({ "query": "nothing" })),
        ("memory_write", json!({ "area": "solutions", "text": "checks of WAY pass" })),
        ("move_path", json!({ "from": "WAY.old", "to": "WAY.new" })),
        ("pdf_to_text", json!({ "base64": "JVBERi0xLjQK" })),
        ("read_bin", json!({ "path": "LICENSE" })),
        ("read_text", json!({ "path": "LICENSE" })),
        ("run_sandboxed", json!({ "shell": "echo one" })),
        ("sandbox_worker_run", json!({ "action": "scan", "workdir": "src" })),
        ("search_text", json!({ "path": "src", "pattern": "one" })),
        ("shell_exec", json!({ "command": ["true"] })),
        ("user_notification", json!({ "text": "one" })),
        ("web_scrape", json!({ "url": web })),
        ("write_text", json!({ "path": "WAY.txt", "text": "one" })),
        // Refused whatever they say.
        ("write_text", json!({ "path": ".env", "text": "A=1" })),
        ("read_text", json!({ "path": "../outside" })),
    ]
}

/// Switched off as they come: refused everywhere, and not offered over MCP.
const OFF: [(&str, &str); 2] = [
    ("browser_task", r#"{"url": "http://127.0.0.1:9/"}"#),
    ("desktop_task", r#"{"steps": [{"screenshot": {"name": "all"}}]}"#),
];

/// Tools that are called at once.
const AT_ONCE: usize = 3;

const WAYS: [&str; 4] = ["cli", "api", "yml", "mcp"];

/// The arguments of one way.
fn of_way(args: &Value, way: &str) -> Value {
    serde_json::from_str(&args.to_string().replace("WAY", way)).unwrap()
}

fn space() -> Space {
    let space = Space::new();
    space.write("src/a.txt", "one\n");
    for way in WAYS {
        for (name, text) in [("md", "one\n"), ("gone", ""), ("old", "")] {
            space.write(&format!("{way}.{name}"), text);
        }
    }
    for (index, (tool, args)) in harmless().iter().enumerate() {
        playbook(&space, index, tool, args);
    }
    for (index, (tool, args)) in OFF.iter().enumerate() {
        playbook(&space, 100 + index, tool, &serde_json::from_str(args).unwrap());
    }
    space
}

fn playbook(space: &Space, index: usize, tool: &str, args: &Value) {
    let args = of_way(args, "yml");
    let text = format!(
        "schema: 1\nname: p{index}\ndescription: One call.\npermissions: {{ tools: [{tool}], read: [\"/\"], write: [\"/\"], network: [\"*\"] }}\nsteps:\n  - {{ id: one, tool: {tool}, args: {args} }}\n"
    );
    space.write(&format!("playbooks/p{index}.yaml"), &text);
}

/// What the journal of a run says of its one call, up to the end or to a question.
fn journalled(daemon: &Daemon, run: &str) -> Value {
    let stream = request(&daemon.url, None, "GET", &format!("/runs/{run}/events"), None).unwrap();
    let (mut reader, mut line, mut kind) = (BufReader::new(stream), String::new(), String::new());
    let mut found = json!({});
    while reader.read_line(&mut line).unwrap() > 0 {
        if let Some(name) = line.trim_end().strip_prefix("event: ") {
            name.clone_into(&mut kind);
        } else if let Some(data) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(data).unwrap();
            let payload = &event["payload"];
            match kind.as_str() {
                "call.decided" => {
                    let decision = &payload["decision"];
                    let rules = decision["rules"].as_array().unwrap().iter();
                    let rules: Vec<&Value> = rules.map(|rule| &rule["id"]).collect();
                    found["effect"] = decision["effect"].clone();
                    found["rules"] = json!(rules);
                    found["walls"] = decision["confinement"]["profile"].clone();
                    found["network"] = decision["confinement"]["network"].clone();
                }
                "call.finished" => {
                    found["enforced"] = payload["receipt"]["enforced"].clone();
                    found["missing"] = payload["receipt"]["missing"].clone();
                }
                _ => {}
            }
        }
        // Where the rules ask nobody answers; a tool that asks goes on by itself.
        let waits = kind == "approval.requested" && found["effect"] == "ask";
        if line.trim().is_empty() && (kind == "end" || waits) {
            break;
        }
        line.clear();
    }
    found
}

/// The audit entry of a run, without what is of this call alone.
fn audited(daemon: &Daemon, run: &str, way: &str) -> Value {
    let of_run = logs(daemon, 200).into_iter().find(|entry| entry["run_id"] == run);
    let Some(mut entry) = of_run else { return Value::Null };
    for name in ["at", "run_id", "call_id", "duration_ms", "hash", "seq", "prev_hash"] {
        entry.as_object_mut().unwrap().remove(name);
    }
    // Times and ids within an error are of this call alone as well.
    serde_json::from_str(&entry.to_string().replace(way, "WAY")).unwrap()
}

/// Calls, and gives the run that came of it.
fn go(
    way: &str,
    index: usize,
    tool: &str,
    args: &Value,
    at: (&Space, &Daemon, &mut Client),
) -> String {
    let args = of_way(args, way);
    let (space, daemon, mcp) = at;
    let run = match way {
        "cli" => {
            let text = args.to_string();
            let ran = space.run(&["tools", "call", tool, "--json", "--args", &text]);
            assert!([0, 1, 3, 4].contains(&ran.code), "{tool}: {}{}", ran.stdout, ran.stderr);
            ran.json()["run_id"].take()
        }
        "api" => {
            let mut reply = call(daemon, tool, args);
            assert!([200, 403, 409].contains(&reply.status), "{tool}: {reply:?}");
            reply.body["run_id"].take()
        }
        "yml" => {
            let run = daemon.submit(&format!("p{index}"), json!({}));
            daemon.wait_for(&run, &["succeeded", "failed", "denied", "waiting_approval"]);
            json!(run)
        }
        _ => {
            let mut answer = mcp.call(tool, args);
            answer["result"]["_meta"]["bailiwick/run_id"].take()
        }
    };
    run.as_str().unwrap_or_else(|| panic!("{tool} over {way} names no run")).to_owned()
}

/// A tool by all four ways: what was decided.
fn by_every_way(
    index: usize,
    space: &Space,
    daemon: &Daemon,
    mcp: &mut Client,
) -> (&'static str, Value) {
    let (tool, args) = harmless().swap_remove(index);
    let mut first: Option<Value> = None;
    for way in WAYS {
        let run = go(way, index, tool, &args, (space, daemon, mcp));
        let mut found = journalled(daemon, &run);
        assert!(found["effect"].is_string(), "{tool} over {way}: no decision in {run}");
        found["audit"] = audited(daemon, &run, way);
        match &first {
            None => first = Some(found),
            Some(first) => assert_eq!(*first, found, "{tool} {args} over {way}"),
        }
    }
    (tool, first.unwrap()["effect"].take())
}

/// Which tools are called one after the other: those that want the same repository.
fn groups() -> Vec<Vec<usize>> {
    let all = harmless();
    let (git, others): (Vec<usize>, Vec<usize>) =
        (0..all.len()).partition(|index| all[*index].0.starts_with("git_"));
    std::iter::once(git).chain(others.into_iter().map(|index| vec![index])).collect()
}

#[test]
fn each_tool_is_decided_recorded_and_walled_the_same_however_it_is_called() {
    let space = space();
    let daemon = Daemon::start(&space);
    let (waiting, seen) = (Mutex::new(groups()), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut mcp = Client::of(&space, &[]);
                loop {
                    let Some(group) = waiting.lock().unwrap().pop() else { break };
                    for index in group {
                        let (tool, effect) = by_every_way(index, &space, &daemon, &mut mcp);
                        seen.lock().unwrap().insert(tool, effect);
                    }
                }
            });
        }
    });
    let mut seen = seen.into_inner().unwrap();
    let mut mcp = Client::of(&space, &[]);
    for (index, (tool, args)) in OFF.iter().enumerate() {
        let args: Value = serde_json::from_str(args).unwrap();
        space.run(&["tools", "call", tool, "--args", &args.to_string()]).expect(3);
        assert_eq!(call(&daemon, tool, args.clone()).status, 403);
        let run = daemon.submit(&format!("p{}", 100 + index), json!({}));
        daemon.wait_for(&run, &["denied"]);
        let entries: Vec<Value> = logs(&daemon, 3);
        for entry in entries {
            assert_eq!(
                (&entry["tool"], &entry["decision"]),
                (&json!(tool), &json!("deny")),
                "{entry}"
            );
        }
        assert!(mcp.call(tool, args)["error"]["code"].is_i64());
        seen.insert(*tool, json!("deny"));
    }
    // None is left out.
    let listed = daemon.get(&format!("{API}/tools")).body;
    let all = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
    let missed: Vec<&str> = all.filter(|tool| !seen.contains_key(tool)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert!(seen.values().filter(|effect| **effect == "allow").count() > 20, "{seen:?}");
}
