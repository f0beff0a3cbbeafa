//! Memory as people use it: the command line, the tools of a run, forgetting.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};

fn add(space: &Space, args: &[&str]) -> String {
    let all: Vec<&str> = ["memory", "add", "--json"].iter().chain(args).copied().collect();
    let added = space.run(&all).expect(0).json();
    added["id"].as_str().unwrap().to_owned()
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_added_is_found_shown_corrected_and_counted() {
    let space = Space::new();
    let leeds = add(&space, &["the office is in Leeds", "--area", "main", "--subject", "office"]);
    let red = add(&space, &["the pump is red", "--tag", "pump", "--event-time", "2026-04-01"]);
    let found = space.run(&["memory", "search", "where is the office", "--json"]).expect(0).json();
    assert_eq!(found["items"][0]["id"], json!(leeds));
    space.run(&["memory", "search", "pump", "--explain"]).expect(0).says(&[
        "SCORE",
        &red,
        "the pump is red",
        "words",
    ]);
    let shown = space.run(&["memory", "show", &red, "--json"]).expect(0).json();
    assert_eq!(shown["metadata"]["origin"], json!("user"));
    assert_eq!(shown["metadata"]["trust"], json!(3));
    let york = add(&space, &["the office is in York", "--area", "main", "--supersedes", &leeds]);
    let found = space.run(&["memory", "search", "office", "--json"]).expect(0).json();
    let ids: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids[0], york);
    assert!(!ids.contains(&leeds.as_str()), "{ids:?}");
    let stats = space.run(&["memory", "stats", "--json"]).expect(0).json();
    assert_eq!(stats["areas"][0]["count"], json!(1));
    assert_eq!(stats["areas"][0]["replaced"], json!(1));
    space.run(&["memory", "add", "x", "--area", "cellar"]).expect(2).says(&["no area `cellar`"]);
    space.run(&["memory", "add", ""]).expect(2).says(&["the text is empty"]);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_file_is_imported_whole_or_not_at_all_and_answers_have_every_name() {
    let space = Space::new();
    let good = [
        json!({"external_id": "D1:1", "area": "fragments", "text": "I like red apples", "subject": "Ann", "episode_id": "s1", "seq": 1}),
        json!({"external_id": "D1:2", "area": "fragments", "text": "I like pears", "subject": "Bob", "episode_id": "s1", "seq": 2}),
        json!({"external_id": "D1:3", "area": "fragments", "text": "I like red apples", "subject": "Ann", "episode_id": "s1", "seq": 3}),
    ];
    let text: Vec<String> = good.iter().map(Value::to_string).collect();
    space.write("bad.jsonl", &format!("{}\nnot json\n{{\"area\":\"main\"}}\n", text.join("\n")));
    space.run(&["memory", "import", "bad.jsonl"]).expect(2).says(&[
        "line 4",
        "line 5",
        "nothing was imported",
        "--skip-bad",
    ]);
    space.run(&["memory", "search", "apples"]).expect(2).says(&["nothing has run here"]);
    space.write("good.jsonl", &text.join("\n"));
    let done = space.run(&["memory", "import", "good.jsonl", "--json"]).expect(0).json();
    assert_eq!((&done["new"], &done["known"]), (&json!(2), &json!(1)));
    let again = space.run(&["memory", "import", "good.jsonl", "--json"]).expect(0).json();
    assert_eq!((&again["new"], &again["known"]), (&json!(0), &json!(3)));
    let skipped = space.run(&["memory", "import", "bad.jsonl", "--skip-bad"]).expect(0);
    skipped.says(&["passed over line 4"]);
    space.write(
        "questions.jsonl",
        "{\"id\":\"q1\",\"text\":\"red apples\"}\n{\"id\":2,\"text\":\"pears\",\"area\":\"main\"}\n",
    );
    let args = ["memory", "search", "--batch", "questions.jsonl", "--k", "20", "--json"];
    let answers = lines(&space.run(&args).expect(0));
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!("q1"), &json!(2)));
    let hits = answers[0]["hits"].as_array().unwrap();
    let names: Vec<&str> = hits.iter().map(|hit| hit["external_id"].as_str().unwrap()).collect();
    assert!(names.contains(&"D1:1") && names.contains(&"D1:3"), "{names:?}");
    assert!(hits[0]["score"].is_number() && hits[0]["why"].is_object());
    assert_eq!(answers[1]["hits"], json!([]));
    space.write("questions.jsonl", "{\"id\":\"q1\",\"text\":\"a\",\"colour\":1}\n");
    space.run(&args).expect(2).says(&["line 1", "colour"]);
}

#[test]
fn what_is_exported_is_read_by_import() {
    let space = Space::new();
    add(&space, &["one fact", "--area", "main", "--pinned", "--tag", "a", "--external-id", "x"]);
    add(&space, &["two", "--event-time", "2026-04-01", "--importance", "0.5"]);
    let exported = space.run(&["memory", "export"]).expect(0).stdout;
    assert_eq!(exported.lines().count(), 2);
    let other = Space::new();
    other.write("all.jsonl", &exported);
    other.run(&["memory", "import", "all.jsonl"]).expect(0);
    assert_eq!(other.run(&["memory", "export"]).expect(0).stdout, exported);
}

/// Files below `dir` that hold `needle`.
fn holding(dir: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn what_is_forgotten_is_in_no_file_and_the_chain_is_whole() {
    let space = Space::new();
    let long = format!("QUAGGA {}", "stripe ".repeat(4_000));
    let ids = [
        add(
            &space,
            &["the OKAPI lives in the forest", "--subject", "OKAPI-SUBJECT", "--tag", "OKAPI-TAG"],
        ),
        add(&space, &[&long, "--external-id", "OKAPI-NAME"]),
    ];
    let stays = add(&space, &["the zebra stays"]);
    let would = space.run(&["memory", "forget", &ids[0], "--query", "QUAGGA"]).expect(0);
    would.says(&[&ids[0], &ids[1], "--yes", "OKAPI"]);
    assert!(!holding(&space.path(".bailiwick"), "OKAPI").is_empty(), "a dry run erases nothing");
    let receipt =
        space.run(&["memory", "forget", &ids[0], &ids[1], "--yes", "--json"]).expect(0).json();
    assert_eq!(receipt["ids"].as_array().unwrap().len(), 2);
    assert_eq!((&receipt["texts"], &receipt["pending"]), (&json!(2), &Value::Null));
    for gone in ["OKAPI", "QUAGGA"] {
        assert_eq!(holding(&space.path(".bailiwick"), gone), Vec::<String>::new());
        assert_eq!(holding(&space.path("logs"), gone), Vec::<String>::new());
    }
    space.run(&["memory", "show", &ids[0]]).expect(2).says(&["there is no memory"]);
    space.run(&["memory", "forget", &ids[0], "--yes"]).expect(2);
    space.run(&["memory", "show", &stays]).expect(0).says(&["the zebra stays"]);
    space.run(&["verify"]).expect(0);
    let exported = space.run(&["memory", "export"]).expect(0).stdout;
    assert_eq!(exported.lines().count(), 1);
    space.run(&["memory", "forget"]).expect(2).says(&["say which memories"]);
}

const PLAYBOOK: &str = r#"schema: 1
name: notes
description: Writes a note, finds it again, and remembers what it found.
permissions:
  tools: [memory_write, memory_search, fulltext_search]
steps:
  - id: write
    tool: memory_write
    args: { area: instruments, text: "the lathe needs oil 10W", tags: [lathe] }
  - id: again
    tool: memory_write
    args: { area: instruments, text: "the lathe needs oil 10W", tags: [workshop] }
  - id: find
    tool: memory_search
    args: { query: "which oil does the lathe need" }
  - id: exact
    tool: fulltext_search
    args: { query: '"oil 10W" AND NOT mill' }
outputs:
  found: ${{ steps.find.data.items[0].text }}
  exact: ${{ steps.exact.data.items[0].id }}
remember:
  - area: solutions
    text: "found: ${{ steps.find.data.items[0].text }}"
    tags: [lathe]
"#;

#[test]
fn a_run_writes_finds_and_remembers_and_forgetting_the_run_takes_all_of_it() {
    let space = Space::new();
    space.write("playbooks/notes.yaml", PLAYBOOK);
    space.run(&["trust"]).expect(0);
    let ran = space.run(&["run", "playbooks/notes.yaml", "--json"]).expect(0).json();
    let run = ran["run_id"].as_str().unwrap_or_else(|| panic!("{ran}")).to_owned();
    let stats = space.run(&["memory", "stats", "--json"]).expect(0).json();
    let counts: Vec<u64> =
        stats["areas"].as_array().unwrap().iter().map(|it| it["count"].as_u64().unwrap()).collect();
    assert_eq!(counts[3], 1, "the same note twice is one record: {stats}");
    // What was found is a model's note: it is no solution, however often it is said again.
    assert_eq!((counts[1], counts[2]), (1, 0), "{stats}");
    let note = space.run(&["memory", "search", "lathe", "--area", "instruments", "--json"]);
    let note = note.expect(0).json();
    let id = note["items"][0]["id"].as_str().unwrap();
    let shown = space.run(&["memory", "show", id, "--json"]).expect(0).json();
    assert_eq!(shown["metadata"]["source"]["run"], json!(run));
    assert_eq!(shown["metadata"]["source"]["step"], json!("write"));
    assert_eq!(shown["metadata"]["tags"], json!(["lathe", "workshop"]));
    assert_eq!(shown["metadata"]["trust"], json!(1));
    assert_eq!(holding(&space.path("logs"), "needs oil 10W"), Vec::<String>::new());
    let receipt =
        space.run(&["memory", "forget", "--run", &run, "--yes", "--json"]).expect(0).json();
    assert_eq!(receipt["ids"].as_array().unwrap().len(), 2, "{receipt}");
    space.run(&["verify"]).expect(0);
}

/// From the command to a daemon that was named.
fn every_area_and_tag_is_asked_for(space: &Space, daemon: &Daemon) {
    for (text, area, tags) in [
        ("a kiln of clay", "main", &["hot", "old"][..]),
        ("a kiln of brick", "fragments", &["hot", "new"][..]),
        ("a kiln of stone", "instruments", &["hot", "old"][..]),
    ] {
        let tags = tags.iter().flat_map(|tag| ["--tag", tag]);
        add(space, &[text, "--area", area].into_iter().chain(tags).collect::<Vec<_>>());
    }
    for (asked, count) in [
        (&["--tag", "hot"][..], 3),
        (&["--tag", "hot", "--tag", "old"][..], 2),
        (&["--area", "main", "--area", "instruments"][..], 2),
        (&["--area", "fragments", "--area", "main", "--tag", "hot", "--tag", "old"][..], 1),
        (&["--subject", "nobody"][..], 0),
    ] {
        let all = ["memory", "search", "kiln", "--json", "--url", &daemon.url];
        let args: Vec<&str> = all.iter().chain(asked).copied().collect();
        let found = space.run(&args).expect(0).json();
        // What else is remembered may be near as well.
        let kiln = |item: &&Value| item["text"].as_str().unwrap().contains("kiln");
        let kilns = found["items"].as_array().unwrap().iter().filter(kiln).count();
        assert_eq!(kilns, count, "{asked:?} {found}");
    }
    assert_eq!(daemon.get("/memory/search?q=a&k=1&k=2").status, 400);
}

#[test]
fn a_daemon_takes_finds_lists_and_forgets() {
    let space = Space::new();
    let daemon = Daemon::start(&space);
    let written = daemon.post(
        "/memory/records",
        &json!({"area": "fragments", "text": "the mill is loud", "origin": "user"}),
    );
    assert_eq!(written.status, 201, "{written:?}");
    let id = written.body["id"].as_str().unwrap().to_owned();
    let again = daemon.post(
        "/memory/records",
        &json!({"area": "fragments", "text": "the mill is loud", "origin": "user"}),
    );
    assert_eq!((again.status, again.body["id"].as_str()), (200, Some(id.as_str())));
    let record = daemon.get(&format!("/memory/records/{id}"));
    assert_eq!(record.body["metadata"]["trust"], json!(1), "a program's claim raises nothing");
    let found = daemon.get("/memory/search?q=how+loud+is+the+mill&explain=true");
    assert_eq!(found.body["items"][0]["id"], json!(id), "{found:?}");
    for count in 0..5 {
        let text = format!("note {count}");
        assert_eq!(
            daemon.post("/memory/records", &json!({"area": "solutions", "text": text})).status,
            201
        );
    }
    let first = daemon.get("/memory/records?limit=4").body;
    let next = first["next_cursor"].as_str().unwrap();
    let second = daemon.get(&format!("/memory/records?limit=4&cursor={next}")).body;
    let texts: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|record| record["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["note 4", "note 3", "note 2", "note 1", "note 0", "the mill is loud"]);
    let wrong = [
        ("GET", "/memory/search", None, 400),
        ("GET", "/memory/search?q=a&area=cellar", None, 400),
        ("GET", "/memory/search?q=a&as_of=soon", None, 400),
        ("GET", "/memory/records/mem_0", None, 404),
        ("GET", "/memory/records/mem_00000000000000000000000000000001", None, 404),
        ("POST", "/memory/records", Some(json!({"area": "main", "text": "x"})), 403),
        ("POST", "/memory/records", Some(json!({"area": "fragments", "text": ""})), 422),
        (
            "POST",
            "/memory/records",
            Some(json!({"area": "fragments", "text": "x", "colour": 1})),
            422,
        ),
        ("POST", "/memory/forget", Some(json!({"meant": {}})), 422),
        ("DELETE", &format!("/memory/records/{id}"), None, 403),
    ];
    for (method, path, body, status) in wrong {
        let reply = daemon.call(method, path, body.as_ref()).unwrap();
        assert_eq!(reply.status, status, "{method} {path} {reply:?}");
    }
    // A person of this machine comes in through its own socket.
    let main = add(&space, &["ask before you pay", "--area", "main"]);
    assert_eq!(daemon.get(&format!("/memory/records/{main}")).body["metadata"]["trust"], json!(3));
    space.run(&["memory", "search", "pay", "--url", &daemon.url]).expect(0).says(&["ask before"]);
    every_area_and_tag_is_asked_for(&space, &daemon);
    space.run(&["memory", "forget", &id, "--yes"]).expect(0).says(&["1 memories are erased"]);
    assert_eq!(daemon.get(&format!("/memory/records/{id}")).status, 404);
    let found = daemon.get("/memory/search?q=mill");
    assert!(!found.body.to_string().contains("mill is loud"), "{}", found.body);
    assert_eq!(daemon.stop(), 0);
    space.run(&["verify"]).expect(0);
}
