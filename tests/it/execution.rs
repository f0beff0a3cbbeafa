//! The execution layer as its clients see it: tools, direct calls, approvals, the audit log, settings,
//! artifacts, limits, and the smoke.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon_space::{Daemon, PATIENCE, Reply, request};
use super::harness::Space;
use super::policies::DENY;

const API: &str = "/api/v1/execution";

/// Rules that ask about what [`DENY`] refuses: files in `reports/`.
fn ask() -> String {
    DENY.replace("effect: deny", "effect: ask")
}

fn call(daemon: &Daemon, tool: &str, args: Value) -> Reply {
    daemon.post(&format!("{API}/run"), &json!({ "tool_name": tool, "args": args }))
}

fn patch(daemon: &Daemon, path: &str, body: Option<&Value>) -> Reply {
    daemon.call("PATCH", path, body).unwrap()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, kind: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.body["type"], format!("about:blank#{kind}"), "{reply:?}");
}

/// A whole answer with its head.
fn raw(daemon: &Daemon, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut stream = request(&daemon.url, daemon.token.as_deref(), method, path, body).unwrap();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// A run that stands so, with its report.
fn ended(daemon: &Daemon, run: &str, status: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = daemon.wait_for(run, &[status]);
        if !shown["report"].is_null() {
            return shown;
        }
        assert!(Instant::now() < until, "there is no report: {shown}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The newest entries of the audit log.
fn logs(daemon: &Daemon, limit: u32) -> Vec<Value> {
    let reply = daemon.get(&format!("{API}/logs?limit={limit}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["entries"].as_array().unwrap().clone()
}

#[test]
fn tools_are_listed_and_called_by_any_of_their_names() {
    let space = Space::new();
    let daemon = Daemon::start(&space);
    let tools = daemon.get(&format!("{API}/tools")).body;
    let tools = tools["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"read_text"), "{names:?}");
    let read = tools.iter().find(|it| it["name"] == "read_text").unwrap();
    assert_eq!(
        (&read["enabled"], &read["risk"], &read["effect"]),
        (&json!(true), &json!("low"), &json!("read"))
    );
    assert_eq!(read["schema"]["type"], "object");
    let alias = read["aliases"][0].as_str().unwrap();
    for (path, name) in [("run", "read_text"), ("run", alias)] {
        let body = json!({ "tool_name": name, "args": { "path": "LICENSE" } });
        let done = daemon.post(&format!("{API}/{path}"), &body);
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!((&done.body["ok"], &done.body["dry_run"]), (&json!(true), &json!(false)));
        assert_eq!(done.body["result"]["data"]["text"], "MIT\n");
        assert_eq!(done.body["decision"]["effect"], "allow");
    }
    let body = json!({ "tool_name": "read_text", "args": { "path": "LICENSE" } });
    let done = daemon.post("/api/v1/tools/execute", &body);
    assert_eq!((done.status, &done.body["result"]["data"]["text"]), (200, &json!("MIT\n")));
    let run = done.body["run_id"].as_str().unwrap();
    let shown = daemon.get(&format!("/runs/{run}"));
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("succeeded")));
    let entry = &logs(&daemon, 1)[0];
    assert_eq!(
        (&entry["tool"], &entry["ok"], &entry["run_id"]),
        (&json!("read_text"), &json!(true), &json!(run))
    );
    let health = daemon.get(&format!("{API}/node/health"));
    assert_eq!(
        (health.status, &health.body),
        (200, &json!({ "ok": false, "reason": "no node configured" }))
    );
}

#[test]
fn what_is_wrong_with_a_call_is_told_and_audited() {
    let space = Space::new();
    space.write("policies/90-mine.yaml", DENY);
    let daemon = Daemon::start(&space);
    let failed = call(&daemon, "read_text", json!({ "path": "no-such-file" }));
    assert_eq!((failed.status, &failed.body["ok"]), (200, &json!(false)), "{failed:?}");
    assert_eq!(failed.body["result"]["error"]["kind"], "not_found");

    let unknown = call(&daemon, "raed_text", json!({}));
    refused(&unknown, 404, "unknown_tool");
    assert_eq!(unknown.body["errors"][0]["suggestion"], "did you mean `read_text`?");
    assert!(logs(&daemon, 1)[0]["error"].as_str().unwrap().starts_with("unknown_tool"));

    let wrong = call(&daemon, "read_text", json!({ "pth": 1, "max_bytes": "x" }));
    refused(&wrong, 422, "bad_arguments");
    let fields: Vec<&str> = wrong.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert!(fields.contains(&"args.path") && fields.contains(&"args.pth"), "{fields:?}");
    assert_eq!(logs(&daemon, 1)[0]["tool"], "read_text");

    let denied = call(&daemon, "write_text", json!({ "path": "reports/a.md", "text": "x" }));
    refused(&denied, 403, "denied");
    assert!(!denied.body["rules"].as_array().unwrap().is_empty(), "{denied:?}");
    assert!(denied.body["reasons"][0].as_str().unwrap().contains("written by hand"), "{denied:?}");
    assert_eq!(logs(&daemon, 1)[0]["decision"], "deny");

    let off = format!("{API}/tools/filesystem_read/enabled?enabled=false");
    assert_eq!(patch(&daemon, &off, None).body, json!({ "name": "read_text", "enabled": false }));
    let disabled = call(&daemon, "read_text", json!({ "path": "LICENSE" }));
    refused(&disabled, 403, "tool_disabled");
    assert!(logs(&daemon, 1)[0]["error"].as_str().unwrap().starts_with("tool_disabled"));

    for (body, status) in [
        (json!({}), 422),
        (json!({ "tool_name": "read_text", "args": [] }), 422),
        (json!({ "tool_name": "read_text", "arguments": {} }), 422),
        (json!({ "tool_name": "list_dir", "args": {}, "approval_id": "x" }), 422),
        (json!([]), 422),
    ] {
        let reply = daemon.post(&format!("{API}/run"), &body);
        assert_eq!(reply.status, status, "{body}: {reply:?}");
        assert!(reply.body["title"].is_string());
    }
    for (method, path, status) in [
        ("PATCH", "/tools/nothing/enabled?enabled=true", 404),
        ("PATCH", "/tools/read_text/enabled?enabled=maybe", 400),
        ("PATCH", "/tools/read_text/enabled", 400),
        ("GET", "/logs?limit=0", 400),
        ("GET", "/logs?limit=9999", 400),
    ] {
        let reply = daemon.call(method, &format!("{API}{path}"), None).unwrap();
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }
    // Chained: every refusal is an entry of its own.
    assert!(logs(&daemon, 100).len() >= 5);
    assert_eq!(daemon.stop(), 0);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let space = Space::new();
    space.write("policies/90-mine.yaml", &ask());
    let daemon = Daemon::start(&space);
    let dry = |path: &str| {
        let args = json!({ "path": path, "text": "xyz" });
        let body = json!({ "tool_name": "write_text", "args": args, "dry_run": true });
        daemon.post(&format!("{API}/run"), &body)
    };
    let asks = dry("reports/a.md");
    assert_eq!(asks.status, 200, "{asks:?}");
    assert_eq!(
        (&asks.body["dry_run"], &asks.body["decision"]["effect"]),
        (&json!(true), &json!("ask"))
    );
    assert!(asks.body["result"]["data"]["would"].as_str().unwrap().contains("reports/a.md"));
    let entry = &logs(&daemon, 1)[0];
    assert_eq!((&entry["dry_run"], &entry["tool"]), (&json!(true), &json!("write_text")));
    refused(&dry("config/bailiwick.yaml"), 403, "denied");
    assert!(!space.path("reports").exists());
    assert_eq!(daemon.get("/runs").body["items"], json!([]), "a dry run is no run");
    // Where that is the default, acting is asked for.
    let config = format!("{API}/config");
    let changed = patch(&daemon, &config, Some(&json!({ "dry_run_default": true })));
    assert_eq!(
        (changed.status, &changed.body["dry_run_default"]),
        (200, &json!(true)),
        "{changed:?}"
    );
    let args = json!({ "path": "LICENSE" });
    assert_eq!(call(&daemon, "read_text", args.clone()).body["dry_run"], true);
    let body = json!({ "tool_name": "read_text", "args": args, "dry_run": false });
    assert_eq!(daemon.post(&format!("{API}/run"), &body).body["dry_run"], false);
}

#[test]
fn an_approval_given_beforehand_is_bound_and_used_once() {
    let space = Space::new();
    space.write("policies/90-mine.yaml", &ask());
    let daemon = Daemon::start(&space);
    let args = json!({ "path": "reports/a.md", "text": "one" });
    let give = |args: Option<&Value>| {
        let body = args.map_or_else(|| json!({}), |args| json!({ "args": args }));
        let given = daemon.post(&format!("{API}/approve?tool_name=write_text"), &body);
        assert_eq!(given.status, 200, "{given:?}");
        given.body["approval_id"].as_str().unwrap().to_owned()
    };
    let with = |tool: &str, args: &Value, id: &str, dry: bool| {
        let body = json!({ "tool_name": tool, "args": args, "approval_id": id, "dry_run": dry });
        daemon.post(&format!("{API}/run"), &body)
    };
    let (first, second) = (give(Some(&args)), give(Some(&args)));
    let shown = with("write_text", &args, &second, true);
    assert_eq!((shown.status, &shown.body["approval_id"]), (200, &json!(second)));
    refused(
        &with("write_text", &json!({ "path": "reports/b.md", "text": "" }), &second, false),
        409,
        "approval_mismatch",
    );
    refused(
        &with("read_text", &json!({ "path": "LICENSE" }), &second, false),
        409,
        "approval_mismatch",
    );
    refused(
        &with("write_text", &args, "apr_00000000000070008000000000000000", false),
        409,
        "approval_invalid",
    );
    let done = with("write_text", &args, &second, false);
    assert_eq!((done.status, &done.body["ok"]), (200, &json!(true)), "{done:?}");
    assert_eq!(space.read("reports/a.md"), "one");
    // The one that was named was used, not the other.
    refused(&with("write_text", &args, &second, false), 409, "approval_over");
    assert_eq!(with("write_text", &args, &first, false).status, 200);
    refused(&with("write_text", &args, &first, false), 409, "approval_over");
    let revoked = give(None);
    daemon.post(&format!("{API}/approvals/{revoked}"), &json!({ "approved": false }));
    refused(&with("write_text", &args, &revoked, false), 409, "approval_over");
}

#[test]
fn a_call_that_asks_is_made_once_somebody_says_yes() {
    let space = Space::new();
    space.write("policies/90-mine.yaml", &ask());
    let daemon = Daemon::start(&space);
    let args = |name: &str| json!({ "path": format!("reports/{name}.md"), "text": "done" });
    let question = |name: &str| {
        let asked = call(&daemon, "write_text", args(name));
        refused(&asked, 409, "approval_required");
        asked.body["approval_request_id"].as_str().unwrap().to_owned()
    };
    let with = |body: Value| daemon.post(&format!("{API}/run"), &body);
    let yes = question("yes");
    let early = with(json!({ "tool_name": "write_text", "args": args("yes"), "approval_id": yes }));
    refused(&early, 409, "approval_required");
    assert_eq!(early.body["approval_request_id"], json!(yes), "it is the same question");
    let answer = |id: &str, approved: bool| {
        let body = json!({ "approved": approved, "reason": "looked at it" });
        let answered = daemon.post(&format!("{API}/approvals/{id}"), &body);
        assert_eq!(answered.status, 200, "{answered:?}");
    };
    answer(&yes, true);
    refused(
        &with(json!({ "tool_name": "write_text", "args": args("no"), "approval_id": yes })),
        409,
        "approval_mismatch",
    );
    // The arguments are those that were asked about.
    let done = with(json!({ "tool_name": "filesystem_write", "approval_id": yes }));
    assert_eq!((done.status, &done.body["ok"]), (200, &json!(true)), "{done:?}");
    assert_eq!(space.read("reports/yes.md"), "done");
    refused(
        &with(json!({ "tool_name": "write_text", "args": args("yes"), "approval_id": yes })),
        409,
        "approval_over",
    );
    let no = question("no");
    answer(&no, false);
    let denied = with(json!({ "tool_name": "write_text", "args": args("no"), "approval_id": no }));
    refused(&denied, 403, "denied");
    assert!(denied.body["reasons"][0].as_str().unwrap().contains("looked at it"), "{denied:?}");
    assert!(!space.path("reports/no.md").exists());
}

#[test]
fn the_same_request_again_is_the_same_call() {
    let space = Space::new();
    let daemon = Daemon::start(&space);
    let body = json!({ "tool_name": "list_dir", "args": { "path": "." } }).to_string();
    let post = |key: &str, body: &str| {
        let address = daemon.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST {API}/run HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nidempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let (first, second) = (post("k", &body), post("k", &body));
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(second.contains("idempotency-replayed: true"), "{second}");
    let of = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
    assert_eq!(of(&first), of(&second));
    assert!(post("k", "{\"tool_name\":\"list_dir\"}").starts_with("HTTP/1.1 422"));
    assert_eq!(daemon.get("/runs").body["items"].as_array().unwrap().len(), 1);
}

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

#[test]
fn what_is_cut_is_an_artifact_and_can_be_fetched() {
    let space = Space::new();
    let daemon = Daemon::start_with(&space, &["--set", "limits.output=4KiB"]);
    let done = call(&daemon, "shell_exec", json!({ "command": ["seq", "1", "3000"] }));
    assert_eq!((done.status, &done.body["result"]["truncated"]), (200, &json!(true)), "{done:?}");
    assert!(done.body["result"]["data"].to_string().len() <= 4096);
    let named = &done.body["result"]["artifacts"][0];
    assert_eq!(
        (&named["name"], &named["media_type"]),
        (&json!("output.json"), &json!("application/json"))
    );
    let run = done.body["run_id"].as_str().unwrap();
    let listed = daemon.get(&format!("/runs/{run}/artifacts")).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["items"][0]["hash"], &listed["items"][0]["step"]),
        (&named["hash"], &json!("answer"))
    );
    let hash = named["hash"].as_str().unwrap();
    let answer =
        String::from_utf8(raw(&daemon, "GET", &format!("/artifacts/{hash}"), None)).unwrap();
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    for header in [
        "content-type: application/json",
        "x-content-type-options: nosniff",
        "content-disposition: attachment; filename=\"output.json\"",
        "content-security-policy: default-src 'none'; sandbox",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    let whole: Value = serde_json::from_str(content).unwrap();
    assert!(whole["stdout"].as_str().unwrap().ends_with("\n2999\n3000\n"), "{whole}");
    for nothing in [
        "/artifacts/x".to_owned(),
        format!("/artifacts/{}", "0".repeat(64)),
        "/runs/run_1/artifacts".to_owned(),
    ] {
        refused(&daemon.get(&nothing), 404, "not_found");
    }
    // The same on the command line, with the daemon, beside it, and without one.
    let to = space.outside().join("fetched.json");
    let to = to.to_str().unwrap();
    for more in [vec![], vec!["--url", &daemon.url]] {
        let list: Vec<&str> =
            ["runs", "artifacts", run].into_iter().chain(more.iter().copied()).collect();
        space.run(&list).expect(0).says(&["output.json", hash]);
        let get: Vec<&str> = ["runs", "artifacts", run, "--get", "output.json", "--out", to]
            .into_iter()
            .chain(more)
            .collect();
        space.run(&get).expect(0);
        assert_eq!(std::fs::read_to_string(to).unwrap(), content);
        std::fs::remove_file(to).unwrap();
    }
    assert_eq!(daemon.stop(), 0);
    assert_eq!(space.run(&["runs", "artifacts", run, "--get", hash]).expect(0).stdout, content);
    space
        .run(&["runs", "artifacts", run, "--get", "other"])
        .expect(2)
        .says(&["produced no `other`"]);
}

#[test]
fn the_smoke_says_whether_a_daemon_does_as_clients_need() {
    let space = Space::new();
    let args = "{\"path\": \"smoke.md\", \"text\": \"x\"}";
    let approve = ["--approve", "write_text", "--approve-args", args];
    let smoke = |more: &[&str]| {
        let all: Vec<&str> = ["smoke"].iter().chain(&approve).chain(more).copied().collect();
        space.run(&all)
    };
    smoke(&[]).expect(5).says(&["--start"]);
    let started = smoke(&["--start"]).expect(0);
    for name in ["tools", "dry run", "call", "approval", "wrong token", "audit log"] {
        assert!(
            started.stdout.contains(&format!("ok      {name}: ")),
            "{name}: {}",
            started.stdout
        );
    }
    assert!(!space.path("smoke.md").exists());
    assert!(!space.path(".bailiwick/api.sock").exists(), "it is gone with the smoke");
    let daemon = Daemon::start(&space);
    smoke(&[]).expect(0).says(&["skipped wrong token"]);
    // A daemon that wants no token, and a tool that is off.
    let open = smoke(&["--url", &daemon.url, "--json"]).expect(1).json();
    assert_eq!(open["ok"], false);
    let failed = |all: &Value| {
        let checks = all["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|it| it["verdict"] == "failed");
        failed.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(failed(&open), ["wrong token"]);
    space.run(&["tools", "disable", "git_status"]).expect(0);
    let off = smoke(&["--json"]).expect(1).json();
    assert_eq!(failed(&off), ["dry run", "call"]);
}
