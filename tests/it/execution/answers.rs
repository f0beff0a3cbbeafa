//! What is cut, and whether a daemon does as clients need.

use crate::daemon_space::Daemon;
use crate::harness::Space;
use serde_json::{Value, json};

use super::{call, raw, refused};

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
