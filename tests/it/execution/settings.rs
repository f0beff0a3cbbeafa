//! Switches, settings, rates and retries.

use crate::daemon_space::{Daemon, PATIENCE};
use crate::harness::Space;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::{API, call, ended, logs, patch, raw, refused};

#[test]
fn a_switch_counts_at_once_for_a_daemon_at_work_and_after_a_restart() {
    let space = Space::new();
    let daemon = Daemon::start(&space);
    let status = || call(&daemon, "read_text", json!({ "path": "LICENSE" })).status;
    assert_eq!(status(), 200);
    let said = space.run(&["tools", "disable", "read_text"]).expect(0);
    assert!(!said.stderr.contains("next start"), "{}", said.stderr);
    assert_eq!(status(), 403);
    let listed = daemon.get(&format!("{API}/tools")).body;
    let off = listed["tools"].as_array().unwrap().iter().find(|it| it["name"] == "read_text");
    assert_eq!(off.unwrap()["enabled"], false);
    // A run beside the daemon is still taken: the switch is no other configuration.
    space.run(&["tools", "call", "read_text", "--args", "{\"path\": \"LICENSE\"}"]).expect(3);
    space.run(&["tools", "enable", "read_text"]).expect(0);
    assert_eq!(status(), 200);
    let on = format!("{API}/tools/read_text/enabled?enabled=false");
    assert_eq!(patch(&daemon, &on, None).status, 200);
    space.run(&["config", "show", "tools"]).expect(0).says(&["execution_layer_config.json"]);
    assert_eq!(daemon.stop(), 0);
    let daemon = Daemon::start(&space);
    assert_eq!(call(&daemon, "read_text", json!({ "path": "LICENSE" })).status, 403);
    // Nothing that a tool does can change it.
    let args = json!({ "path": "config/execution_layer_config.json", "text": "{}" });
    refused(&call(&daemon, "write_text", args), 403, "denied");
}

#[test]
fn settings_are_changed_watched_and_guarded() {
    let space = Space::new();
    let daemon = Daemon::start(&space);
    let config = format!("{API}/config");
    let shown = daemon.get(&config).body;
    let names: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let expected = [
        "approval_mode",
        "require_approval_for_risky",
        "max_steps_per_run",
        "max_retries_per_tool",
        "dry_run_default",
        "prefer_sandbox",
    ];
    assert_eq!(names, expected);
    let changed = patch(
        &daemon,
        &config,
        Some(&json!({ "max_steps_per_run": 3, "approval_mode": "require_approval" })),
    );
    assert_eq!(
        (changed.status, &changed.body["max_steps_per_run"]),
        (200, &json!(3)),
        "{changed:?}"
    );
    let asks = call(&daemon, "write_text", json!({ "path": "a.md", "text": "" }));
    refused(&asks, 409, "approval_required");
    for (wrong, status, kind) in [
        (json!({ "max_steps_per_run": 0 }), 422, "invalid"),
        (json!({ "max_steps_per_run": "x" }), 422, "invalid"),
        (json!({ "tool_enabled": {} }), 422, "invalid"),
        (json!({ "max_retries_per_tool": 99 }), 403, "not_trusted"),
        (json!({ "require_approval_for_risky": false }), 403, "not_trusted"),
    ] {
        refused(&patch(&daemon, &config, Some(&wrong)), status, kind);
    }
    // More steps than that are stated by nobody.
    space.write("playbooks/long.yaml", "schema: 1\nname: long\ndescription: Long.\nbudget: { steps: 4 }\npermissions: { tools: [list_dir], read: [\".\"] }\nsteps:\n  - { id: a, tool: list_dir, args: { path: . } }\n");
    assert_eq!(daemon.post("/tasks", &json!({ "playbook": "long" })).status, 422);
    // A broken edit is refused and told; what was good stays.
    space.write("config/execution_layer_config.json", "{ \"max_steps_per_run\": ");
    assert_eq!(daemon.get(&config).body["max_steps_per_run"], 3);
    let until = Instant::now() + PATIENCE;
    loop {
        let ready = daemon.get("/readyz").body;
        if ready["warnings"].to_string().contains("execution_layer_config.json") {
            break;
        }
        assert!(Instant::now() < until, "{ready}");
        std::thread::sleep(Duration::from_millis(100));
    }
    refused(&patch(&daemon, &config, Some(&json!({ "max_steps_per_run": 2 }))), 409, "broken_file");
    space.write("config/execution_layer_config.json", "{ \"max_steps_per_run\": 2 }");
    let now = daemon.get(&config).body;
    assert_eq!((&now["max_steps_per_run"], &now["approval_mode"]), (&json!(2), &json!("auto")));
}

#[test]
fn a_tool_may_be_called_so_often() {
    let space = Space::new();
    let looks = |wait: &str| {
        format!(
            "schema: 1\nname: looks\ndescription: Looks.\npermissions: {{ tools: [list_dir], read: [\".\"] }}\nsteps:\n  - {{ id: a, tool: list_dir, args: {{ path: . }}{wait} }}\n"
        )
    };
    space.write("playbooks/looks.yaml", &looks(""));
    let sets = ["--set", "limits.rate.tools.list_dir=3/h", "--set", "limits.rate.wait=0ms"];
    let daemon = Daemon::start_with(&space, &sets);
    let body = json!({ "tool_name": "list_dir", "args": { "path": "." } });
    assert_eq!(daemon.post(&format!("{API}/run"), &body).status, 200);
    assert_eq!(daemon.post("/api/v1/tools/execute", &body).status, 200);
    // A dry run calls nothing.
    let dry = json!({ "tool_name": "list_dir", "args": { "path": "." }, "dry_run": true });
    assert_eq!(daemon.post(&format!("{API}/run"), &dry).status, 200);
    let run = daemon.submit("looks", json!({}));
    daemon.wait_for(&run, &["succeeded"]);
    let answer =
        String::from_utf8(raw(&daemon, "POST", &format!("{API}/run"), Some(&body))).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 429") && answer.contains("about:blank#rate_limited"),
        "{answer}"
    );
    let after = answer.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1_000..=1_200).contains(&after.trim().parse::<u64>().unwrap()), "{after}");
    assert!(logs(&daemon, 1)[0]["error"].as_str().unwrap().starts_with("rate_limited"));
    // In a run it is a failure that may be retried.
    let run = daemon.submit("looks", json!({}));
    let failed = ended(&daemon, &run, "failed");
    assert!(failed["report"]["steps"].to_string().contains("rate_limited"), "{failed}");
    // A playbook that a person starts beside the daemon, and a call on the command line, count with it.
    for args in
        [vec!["run", "looks"], vec!["tools", "call", "list_dir", "--args", "{\"path\": \".\"}"]]
    {
        let args: Vec<&str> = args.into_iter().chain(sets).collect();
        space.run(&args).expect(1).says(&["rate_limited"]);
    }
    assert_eq!(call(&daemon, "read_text", json!({ "path": "LICENSE" })).status, 200);
}

#[test]
fn retries_are_bounded_whatever_a_playbook_says() {
    let space = Space::new();
    space.write("playbooks/again.yaml", "schema: 1\nname: again\ndescription: Tries.\npermissions: { tools: [read_text], read: [\".\"] }\nsteps:\n  - { id: a, tool: read_text, args: { path: nothing }, retry: { attempts: 9, initial: 1ms, max: 1ms, on: [not_found] } }\n");
    let calls =
        |report: &Value| report["report"]["telemetry"]["calls_by_tool"]["read_text"].clone();
    let daemon = Daemon::start(&space);
    let run = daemon.submit("again", json!({}));
    let first = ended(&daemon, &run, "failed");
    assert_eq!(calls(&first), 6, "{first}");
    let config = format!("{API}/config");
    assert_eq!(patch(&daemon, &config, Some(&json!({ "max_retries_per_tool": 1 }))).status, 200);
    let run = daemon.submit("again", json!({}));
    assert_eq!(calls(&ended(&daemon, &run, "failed")), 2);
}

/// Reads a long file, and waits too long.
const CAPS: &str = "schema: 1\nname: caps\ndescription: Too much and too long.\npermissions: { tools: [read_text, shell_exec], read: [\".\"] }\nsteps:\n  - { id: long, tool: read_text, args: { path: long.txt } }\n  - { id: late, tool: shell_exec, args: { command: [sleep, \"30\"] } }\noutputs: { long: \"${{ steps.long.data }}\" }\n";

#[test]
fn output_time_and_steps_are_bounded_in_playbooks_tasks_and_direct_calls_alike() {
    let space = Space::new();
    space.write("playbooks/caps.yaml", CAPS);
    let text = "0123456789".repeat(500);
    space.write("long.txt", &text);
    let sets = ["--set", "limits.output=1KiB", "--set", "sandbox.profiles.shell_exec.timeout=1s"];
    let daemon = Daemon::start_with(&space, &sets);
    let cut = |data: &Value, artifacts: &Value| {
        assert_eq!((&data["truncated"], &data["bytes"]), (&json!(true), &json!(5_000)), "{data}");
        assert!(data["text"].as_str().unwrap().len() <= 1_024);
        let kept =
            artifacts.as_array().unwrap().iter().find(|it| it["name"] == "long.txt").unwrap();
        let fetched =
            raw(&daemon, "GET", &format!("/artifacts/{}", kept["hash"].as_str().unwrap()), None);
        assert!(String::from_utf8(fetched).unwrap().ends_with(&text), "all of it is kept");
    };
    let failed = |report: &Value| {
        cut(&report["outputs"]["long"], &report["artifacts"]);
        let late =
            report["steps"].as_array().unwrap().iter().find(|it| it["path"] == "late").unwrap();
        assert!(late["error"].as_str().unwrap().starts_with("timeout"), "{report}");
    };
    // A playbook and a task.
    let args: Vec<&str> = ["run", "caps", "--json"].into_iter().chain(sets).collect();
    failed(&space.run(&args).expect(1).json());
    failed(&ended(&daemon, &daemon.submit("caps", json!({})), "failed")["report"]);
    // A direct call, over the API and on the command line.
    let direct = call(&daemon, "read_text", json!({ "path": "long.txt" })).body;
    assert_eq!(direct["result"]["truncated"], true, "{direct}");
    cut(&direct["result"]["data"], &direct["result"]["artifacts"]);
    let direct = call(&daemon, "shell_exec", json!({ "command": ["sleep", "30"] })).body;
    assert_eq!(direct["result"]["error"]["kind"], "timeout", "{direct}");
    let read = ["tools", "call", "read_text", "--json", "--args", "{\"path\": \"long.txt\"}"];
    let args: Vec<&str> = read.into_iter().chain(sets).collect();
    let report = space.run(&args).expect(0).json();
    cut(&report["outputs"]["data"], &report["artifacts"]);
    // Steps: those of the task, over both of its routes.
    for (path, task) in [
        (
            "/tasks",
            json!({ "playbook": "caps", "budget": { "steps": 1, "retries": 0, "wall_ms": 60_000, "tokens": 0, "cost_usd": 0.0 } }),
        ),
        ("/api/v1/execution/tasks", json!({ "goal": "too much and too long", "max_steps": 1 })),
    ] {
        let taken = daemon.post(path, &task);
        assert_eq!(taken.status, 202, "{path}: {taken:?}");
        let end = ended(&daemon, taken.body["run_id"].as_str().unwrap(), "failed");
        assert!(end["report"]["summary"].as_str().unwrap().contains("budget.steps"), "{end}");
    }
}
