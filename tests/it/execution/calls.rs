//! Calls: what they answer, what they are refused for, and what a yes is good for.

use crate::daemon_space::{Daemon, PATIENCE};
use crate::harness::Space;
use crate::policies::DENY;
use serde_json::{Value, json};
use std::io::Read;

use super::{API, ask, call, logs, patch, refused};

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

    let approve = |tool: &str, args: Value| {
        daemon.post(&format!("{API}/approve?tool_name={tool}"), &json!({ "args": args }))
    };
    let unknown = approve("raed_text", json!({}));
    refused(&unknown, 404, "unknown_tool");
    assert_eq!(unknown.body["errors"][0]["suggestion"], "did you mean `read_text`?");
    let wrong = approve("filesystem_read", json!({ "max_bytes": 1 }));
    refused(&wrong, 422, "bad_arguments");
    assert_eq!(wrong.body["errors"][0]["field"], "args.path", "{wrong:?}");

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
    let entry = &logs(&daemon, 1)[0];
    assert_eq!(
        (&entry["dry_run"], &entry["decision"], &entry["ok"]),
        (&json!(true), &json!("deny"), &json!(false)),
        "{entry}"
    );
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
