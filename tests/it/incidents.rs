//! What a person must look at although nobody was there when it happened, as commands and routes list it.

use serde_json::json;

use super::daemon_space::Daemon;
use super::harness::Space;

/// The rules ask about its one call.
const RISKY: &str = r#"schema: 1
name: risky
description: Removes a directory.
permissions: { tools: [shell_exec], read: ["."], write: ["build"] }
steps:
  - { id: remove, tool: shell_exec, args: { command: ["rm", "-r", "build"] } }
"#;

#[test]
fn incidents_are_listed_with_and_without_a_daemon() {
    let space = Space::new();
    space.write("playbooks/risky.yaml", RISKY);
    space.run(&["incidents"]).expect(2).says(&["nothing has run here yet"]);
    let fail = || {
        let ran = space.run(&["run", "risky", "--set", "policy.profile=ci", "--json"]).expect(3);
        ran.json()["run_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (fail(), fail());
    let list = |args: &[&str]| {
        let ran = space.run(&[&["incidents", "--json"], args].concat()).expect(0).json();
        let items = ran["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["run_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let check = |more: &[&str]| {
        let list = |args: &[&str]| list(&[args, more].concat());
        assert_eq!(list(&[]), [second.clone(), first.clone()]);
        assert_eq!(list(&["--limit", "1"]), [second.as_str()]);
        assert_eq!(list(&["--run", &first]), [first.as_str()]);
        assert_eq!(list(&["--since", "1h"]).len(), 2);
        assert_eq!(list(&["--since", "2026-01-01T00:00:00Z"]).len(), 2);
        assert_eq!(list(&["--since", "2999-01-01T00:00:00Z"]).len(), 0);
    };
    check(&[]);
    assert_eq!(
        space.run(&["incidents", "ls"]).expect(0).stdout,
        space.run(&["incidents"]).expect(0).stdout
    );
    space.run(&["incidents"]).expect(0).says(&[
        "unattended.denied",
        &first,
        "nobody could be asked",
    ]);
    for (args, why) in [
        (["--since", "soon"], "is no time"),
        (["--run", "run_ffff"], "run_ffff"),
        (["--limit", "some"], "--limit"),
    ] {
        space.run(&[&["incidents"][..], &args].concat()).expect(2).says(&[why]);
    }
    let daemon = Daemon::start(&space);
    check(&[]);
    check(&["--url", &daemon.url]);
    let page = daemon.get("/incidents?limit=1").body;
    assert_eq!(page["items"][0]["run_id"], json!(second));
    assert_eq!(page["items"][0]["kind"], "unattended.denied");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = daemon.get(&format!("/incidents?limit=1&cursor={cursor}")).body;
    assert_eq!(rest["items"][0]["run_id"], json!(first));
    let of_run = daemon.get(&format!("/incidents?run={first}&since=2026-01-01T00:00:00Z")).body;
    assert_eq!(of_run["items"].as_array().unwrap().len(), 1);
    for query in ["since=soon", "run=run_1", "limit=0", "cursor=x", "what=x"] {
        assert_eq!(daemon.get(&format!("/incidents?{query}")).status, 400, "{query}");
    }
    daemon.stop();
}
