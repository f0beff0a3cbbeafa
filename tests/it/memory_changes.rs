//! Changes of memory while another process holds the workspace, pins, settings, and input that is bad.

use std::time::{Duration, Instant};

use serde_json::json;

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};

const SLEEPS: &str = r#"schema: 1
name: sleeps
description: Sleeps.
permissions: { tools: [shell_exec], read: ["."] }
steps:
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "20"] }, effect: idempotent }
"#;

#[test]
fn memory_is_changed_while_a_run_in_the_foreground_holds_the_workspace() {
    let space = Space::new();
    let file = space.write("sleeps.yaml", SLEEPS);
    space.write("lines.jsonl", "{\"area\":\"fragments\",\"text\":\"the pump is loud\"}\n");
    space.write("memory/instruments/pump.md", "# Pump\nOil it.\n");
    space.run(&["trust"]).expect(0);
    let mut run = space.spawn(&["run", file.to_str().unwrap()]);
    let until = Instant::now() + Duration::from_secs(20);
    while !space.path(".bailiwick/host.sock").exists() {
        assert!(Instant::now() < until, "the run does not become the host");
        std::thread::sleep(Duration::from_millis(20));
    }
    let added = space.run(&["memory", "add", "the door is red", "--area", "main", "--json"]);
    let id = added.expect(0).json()["id"].as_str().unwrap().to_owned();
    space.run(&["memory", "import", "lines.jsonl"]).expect(0).says(&["1 new"]);
    space.run(&["memory", "sync"]).expect(0).says(&["1 records added"]);
    space.run(&["memory", "pin", &id]).expect(0).says(&["stands in every context"]);
    space.run(&["memory", "kv", "set", "identity.name", "Ann"]).expect(0);
    space.run(&["memory", "kv", "get", "identity.name"]).expect(0).says(&["Ann"]);
    let report = space.run(&["memory", "consolidate", "--json"]).expect(0).json();
    assert_eq!(report["examined"], json!(2), "{report}");
    space.run(&["memory", "search", "pump"]).expect(0).says(&["the pump is loud"]);
    space.run(&["memory", "forget", &id, "--yes"]).expect(0).says(&["1 memories are erased"]);
    // Refusals come back as they would without the host.
    space.run(&["memory", "add", ""]).expect(2).says(&["the text is empty"]);
    space.run(&["memory", "forget", &id, "--yes"]).expect(2).says(&["there is no memory"]);
    space.run(&["memory", "undo", "batch_00000000000000000000000000000001"]).expect(2);
    space.run(&["memory", "kv", "set", "nonsense", "x"]).expect(2).says(&["group.key"]);
    assert!(run.try_wait().unwrap().is_none(), "the run held the workspace all the while");
    run.kill().unwrap();
    run.wait().unwrap();
    space.run(&["verify"]).expect(0);
}

#[test]
fn what_is_pinned_stands_in_main_and_can_be_taken_out_again() {
    let space = Space::new();
    let add = |args: &[&str]| {
        let all: Vec<&str> = ["memory", "add", "--json"].iter().chain(args).copied().collect();
        space.run(&all).expect(0).json()["id"].as_str().unwrap().to_owned()
    };
    let main = add(&["ask before you pay", "--area", "main"]);
    let note = add(&["a note"]);
    let pinned = space.run(&["memory", "pin", &main, "--json"]).expect(0).json();
    assert_eq!(pinned["metadata"]["pinned"], json!(true));
    space.run(&["memory", "pin", &main]).expect(0);
    space.run(&["memory", "pin", &note]).expect(2).says(&["only memories in `main`"]);
    let unpinned = space.run(&["memory", "unpin", &main, "--json"]).expect(0).json();
    assert_eq!(unpinned["metadata"].get("pinned"), None);
    let audit = space.audit();
    let pins: Vec<_> = audit.iter().filter(|line| line["tool"] == "memory_pin").collect();
    assert_eq!(pins.len(), 4, "{pins:?}");
    assert_eq!(pins.iter().filter(|line| line["ok"] == json!(false)).count(), 1);
    let daemon = Daemon::start(&space);
    let asked = daemon.post(&format!("/memory/records/{main}/pin"), &json!({"pinned": true}));
    assert_eq!((asked.status, &asked.body["type"]), (403, &asked.body["type"]), "{asked:?}");
    space.run(&["memory", "pin", &main]).expect(0);
    let shown = daemon.get(&format!("/memory/records/{main}")).body;
    assert_eq!(shown["metadata"]["pinned"], json!(true));
}

#[test]
fn settings_are_decided_journalled_and_kept_out_of_the_chain() {
    let space = Space::new();
    space.run(&["memory", "kv", "set", "identity.name", "ZEBEDEE"]).expect(0).says(&["ZEBEDEE"]);
    space.run(&["memory", "kv", "set", "identity.name", "ZEBEDEE"]).expect(0);
    space.run(&["memory", "kv", "set", "identity.key", "AKIAIOSFODNN7EXAMPLE"]).expect(2);
    // The journal says which setting changed, and not what it was or is.
    let stored = |needle: &str| {
        let files = ["store.db", "store.db-wal"].map(|name| space.path(".bailiwick").join(name));
        let read = files.iter().map(|path| std::fs::read(path).unwrap_or_default());
        read.flatten().collect::<Vec<u8>>().windows(needle.len()).any(|it| it == needle.as_bytes())
    };
    assert!(stored("memory/kv/identity.yaml") && !stored("ZEBEDEE"));
    assert!(space.read(".bailiwick/kv-history.jsonl").contains("ZEBEDEE"));
    let daemon = Daemon::start(&space);
    // A program is no person: what asks is refused, and the answer names the rule.
    let set = daemon.call("PUT", "/memory/kv/identity.name", Some(&json!({"value": "Eve"})));
    let set = set.unwrap();
    let rules = set.body["rules"].to_string();
    assert!(set.status == 403 && rules.contains("memory.kv"), "{set:?}");
    let got = daemon.get("/memory/kv/identity.name");
    assert_eq!(got.body, json!({"name": "identity.name", "value": "ZEBEDEE"}));
    assert_eq!(daemon.get("/memory/kv").body["items"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.get("/memory/kv/identity.other").status, 404);
    assert_eq!(daemon.get("/memory/kv/..%2fx").status, 422);
    let gone = daemon.call("DELETE", "/memory/kv/identity.name", None).unwrap();
    assert_eq!(gone.status, 403);
    space.run(&["memory", "kv", "unset", "identity.name"]).expect(0);
    assert_eq!(daemon.get("/memory/kv").body["items"], json!([]));
    let audit = space.audit();
    let kv: Vec<_> = audit.iter().filter(|line| line["tool"] == "memory_kv").collect();
    assert!(kv.len() >= 4, "{kv:?}");
    assert!(kv.iter().all(|line| !line.to_string().contains("ZEBEDEE")), "{kv:?}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_dry_run_of_forgetting_says_so_and_erases_nothing() {
    let space = Space::new();
    let added = space.run(&["memory", "add", "the door is red", "--json"]).expect(0).json();
    let id = added["id"].as_str().unwrap();
    space.run(&["memory", "forget", id, "--dry-run"]).expect(0).says(&["--yes", "the door is red"]);
    space.run(&["memory", "forget", id, "--dry-run", "--yes"]).expect(2);
    space.run(&["memory", "show", id]).expect(0);
}

/// A line of JSON with so many tags.
fn tagged(count: usize) -> String {
    let tags: Vec<String> = (0..count).map(|it| format!("t{it}")).collect();
    json!({"area": "fragments", "text": "x", "tags": tags}).to_string()
}

#[test]
fn bad_input_is_refused_everywhere_with_its_reason_and_nothing_is_half_written() {
    let space = Space::new();
    space.run(&["memory", "add", "the first"]).expect(0);
    let long = "y".repeat(10 << 20);
    let line = |more: &str| format!("{{\"area\":\"fragments\",\"text\":\"x\"{more}}}");
    // A line of an import, what the API says to it, and a word of the reason.
    let cases: Vec<(&str, String, u16, &str)> = vec![
        ("empty", line("").replace("\"x\"", "\"\""), 422, "empty"),
        ("blank", line("").replace("\"x\"", "\" \\t \""), 422, "empty"),
        ("10 MB", line("").replace("\"x\"", &format!("\"{long}\"")), 413, "bytes"),
        ("1M tags", tagged(1_000_000), 413, "tags"),
        ("65 tags", tagged(65), 422, "65 tags"),
        ("far future", line(",\"event_time\":\"3000-01-01T00:00:00Z\""), 422, "hundred years"),
        ("no time", line(",\"event_time\":\"soon\""), 422, "time"),
        ("no area", line("").replace("fragments", "cellar"), 422, "cellar"),
        ("a key too many", line(",\"colour\":1"), 422, "colour"),
        ("no number", line(",\"importance\":NaN"), 400, "line 1"),
        ("too important", line(",\"importance\":1e9"), 422, "importance"),
        ("a secret as a tag", line(",\"tags\":[\"AKIAIOSFODNN7EXAMPLE\"]"), 422, "secret"),
        (
            "never holds",
            line(",\"valid_from\":\"2026-02-01T00:00:00Z\",\"valid_to\":\"2026-01-01T00:00:00Z\""),
            422,
            "never holds",
        ),
        ("no JSON", "{".to_owned(), 400, "line 1"),
    ];
    let before = space.run(&["memory", "export"]).expect(0).stdout;
    for (what, line, _, why) in &cases {
        let good = "{\"area\":\"fragments\",\"text\":\"good\"}";
        space.write("bad.jsonl", &format!("{line}\n{good}\n"));
        let ran = space.run(&["memory", "import", "bad.jsonl"]).expect(2);
        let told = ran.says(&["line 1", "nothing was imported", why]);
        assert!(told.stderr.len() < 4_000, "{what}: the reason is short");
    }
    // Bytes that are no text, whole or in a line.
    std::fs::write(space.path("bytes.jsonl"), b"{\"area\":\"fragments\",\"text\":\"\xff\xfe\"}\n")
        .unwrap();
    space.run(&["memory", "import", "bytes.jsonl"]).expect(2).says(&["UTF-8"]);
    for (args, why) in [
        (vec!["memory", "add", ""], "empty"),
        (vec!["memory", "add", "x", "--area", "cellar"], "no area `cellar`"),
        (vec!["memory", "add", "x", "--event-time", "3000-01-01"], "hundred years"),
        (vec!["memory", "add", "x", "--importance", "NaN"], "importance"),
        (vec!["memory", "add", "x", "--importance", "2"], "importance"),
        (vec!["memory", "add", "x", "--pinned"], "main"),
        (vec!["memory", "search", "x", "--area", "cellar"], "cellar"),
    ] {
        space.run(&args).expect(2).says(&[why]);
    }
    std::fs::write(space.path("long.txt"), &long).unwrap();
    let mut add = space.command(&["memory", "add", "-"]);
    add.stdin(std::fs::File::open(space.path("long.txt")).unwrap());
    Ran::of(add.output().unwrap()).expect(2).says(&["10485760 bytes"]);
    assert_eq!(space.run(&["memory", "export"]).expect(0).stdout, before);
    let daemon = Daemon::start(&space);
    for (what, line, status, _) in &cases {
        let reply = raw(&daemon, "/memory/records", line);
        assert_eq!(reply, *status, "{what}");
        if *status == 422 {
            let items = format!(
                "{{\"items\":[{{\"draft\":{{\"area\":\"fragments\",\"text\":\"good\"}}}},{{\"draft\":{line}}}]}}"
            );
            assert_eq!(raw(&daemon, "/memory/import", &items), 422, "{what}");
        }
    }
    assert_eq!(raw(&daemon, "/memory/records", "{\"area\":\"fragments\",\"text\":\"\u{0}\"}"), 400);
    assert_eq!(daemon.stop(), 0);
    assert_eq!(space.run(&["memory", "export"]).expect(0).stdout, before);
    space.run(&["verify"]).expect(0);
}

/// The status of a request with these bytes.
fn raw(daemon: &Daemon, path: &str, body: &str) -> u16 {
    use std::io::{Read, Write};
    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // What is too long may be refused before it was sent to its end.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_daemon_consolidates_when_enough_is_new_and_never_for_its_own_writes() {
    let space = Space::new();
    let daemon = Daemon::start_with(&space, &["--set", "memory.consolidation.records=4"]);
    let jobs = || daemon.get("/memory/jobs").body["items"].as_array().unwrap().clone();
    let write = |text: &str| {
        let body = json!({"area": "fragments", "text": text});
        assert_eq!(daemon.post("/memory/records", &body).status, 201);
    };
    for text in ["the mill is loud", "The mill is loud!", "the pump is small"] {
        write(text);
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(jobs(), Vec::<serde_json::Value>::new(), "three are not enough");
    write("the lathe is blue");
    let until = Instant::now() + Duration::from_secs(20);
    while jobs().is_empty() {
        assert!(Instant::now() < until, "nothing was consolidated");
        std::thread::sleep(Duration::from_millis(100));
    }
    let job = jobs().remove(0);
    assert_eq!(job["by"], json!("threshold:consolidation"));
    assert_eq!((&job["report"]["examined"], &job["report"]["applied"]), (&json!(4), &json!(1)));
    let records = |side: &str| job["report"][side][1]["records"].clone();
    assert_eq!((records("before"), records("after")), (json!(4), json!(2)));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(jobs().len(), 1, "its own writes are no reason");
    let told = space.run(&["memory", "jobs"]).expect(0);
    told.says(&["threshold:consolidation", "4 -> 3", "batch_"]);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn files_of_a_run_are_saved_with_what_is_known_about_them() {
    let space = Space::new();
    let playbook = "schema: 1\nname: long\ndescription: d\n\
        permissions: { tools: [shell_exec], read: [\".\"] }\n\
        steps:\n  - { id: cat, tool: shell_exec, args: { command: [\"seq\", \"1\", \"3000\"] } }\n";
    let file = space.write("long.yaml", playbook);
    let args = ["run", file.to_str().unwrap(), "--set", "limits.output=4KiB", "--json"];
    let ran = space.run(&args).expect(0).json();
    let run = ran["run_id"].as_str().unwrap();
    let saved = space.run(&["runs", "artifacts", run, "--save", "artifacts", "--json"]).expect(0);
    let directory = saved.json()["directory"].as_str().unwrap().to_owned();
    assert!(directory.ends_with(&format!("artifacts/{run}")), "{directory}");
    let text = std::fs::read_to_string(format!("{directory}/metadata.json")).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    let items = metadata["items"].as_array().unwrap();
    assert_eq!((items.len(), ran["artifacts"].as_array().unwrap().len()), (1, 1));
    for item in items {
        let content = std::fs::read(format!("{directory}/{}", item["file"].as_str().unwrap()));
        assert_eq!(json!(content.unwrap().len()), item["bytes"]);
        assert_eq!(item["source"]["run"], json!(run));
        assert_eq!(item["source"]["step"], json!("cat"));
        assert!(item["labels"].is_array() && item["media_type"].is_string(), "{item}");
    }
}
