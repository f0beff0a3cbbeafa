//! Files of process tools that are edited while a daemon runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon_space::{Daemon, PATIENCE};
use super::execution::{API, call};
use super::harness::Space;

/// A tool that answers `says`.
fn tool(name: &str, says: &str) -> String {
    format!(
        "name: {name}\ndescription: Says {says}.\nrisk: low\neffect: read\ncommand: [echo, '{{\"said\": \"{says}\"}}']\n"
    )
}

/// Waits until `found` gives something, and says how long that took.
#[track_caller]
fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return (found, began.elapsed());
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn warnings(daemon: &Daemon) -> String {
    daemon.get("/readyz").body["warnings"].to_string()
}

/// What the tool says now; nothing where there is none.
fn said(daemon: &Daemon, name: &str) -> Option<String> {
    let reply = call(daemon, name, json!({}));
    // While it goes, rules may know nothing of it before the registry does.
    if reply.status == 404 || reply.status == 403 {
        return None;
    }
    assert_eq!(reply.status, 200, "{reply:?}");
    Some(reply.body["result"]["data"]["said"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_edit_that_is_vouched_for_counts_within_a_second_and_a_broken_one_changes_nothing() {
    let space = Space::new();
    space.write("config/tools/hello.yaml", &tool("hello", "one"));
    space.run(&["trust"]).expect(0);
    let daemon = Daemon::start(&space);
    assert_eq!(said(&daemon, "hello").as_deref(), Some("one"));
    // Edited, and not vouched for: what was good stays, and this is said.
    space.write("config/tools/hello.yaml", &tool("hello", "two"));
    eventually("the warning", || warnings(&daemon).contains("config/tools").then_some(()));
    assert_eq!(said(&daemon, "hello").as_deref(), Some("one"));
    space.run(&["trust"]).expect(0);
    let (_, took) = eventually("the edit", || (said(&daemon, "hello")? == "two").then_some(()));
    println!("taken over after {took:?}");
    // A new one, and a playbook and rules that speak of it.
    space.write("config/tools/more.yaml", &tool("more", "three"));
    space.write("playbooks/use.yaml", "schema: 1\nname: use\ndescription: Uses it.\npermissions: { tools: [more] }\nsteps:\n  - { id: a, tool: more, args: {} }\noutputs: { it: \"${{ steps.a.data.said }}\" }\n");
    space.run(&["trust"]).expect(0);
    eventually("the new tool", || said(&daemon, "more"));
    let listed = daemon.get(&format!("{API}/tools")).body;
    let names: Vec<&Value> =
        listed["tools"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(names.contains(&&json!("more")), "{names:?}");
    let run = daemon.submit("use", json!({}));
    let (report, _) = eventually("the report", || {
        let run = daemon.get(&format!("/runs/{run}")).body;
        (!run["report"].is_null()).then_some(run)
    });
    assert_eq!(report["report"]["outputs"]["it"], "three", "{report}");
    // A broken edit of one file: that one stays as it was, others go on.
    space.write(
        "config/tools/hello.yaml",
        "name: hello\ndescription: X.\nrisk: none\ncommand: [x]\n",
    );
    space.run(&["trust"]).expect(0);
    eventually("the mistake", || {
        warnings(&daemon).contains("config/tools/hello.yaml:3").then_some(())
    });
    assert_eq!(said(&daemon, "hello").as_deref(), Some("two"));
    space.run(&["tools", "ls"]).expect(0).says(&["config/tools/hello.yaml:3"]);
    // A process beside the daemon sees the same files, and is let in.
    space.run(&["tools", "call", "more"]).expect(0);
    // Mended and gone.
    std::fs::remove_file(space.path("config/tools/hello.yaml")).unwrap();
    space.run(&["trust"]).expect(0);
    eventually("the removal", || said(&daemon, "hello").is_none().then_some(()));
    // What is said of the files follows what counts.
    eventually("the end of the warning", || {
        (!warnings(&daemon).contains("config/tools/hello.yaml")).then_some(())
    });
    space.run(&["tools", "call", "more"]).expect(0);
}
