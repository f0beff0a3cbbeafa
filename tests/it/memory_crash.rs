//! Writers killed with -9 at random moments: no acknowledged record is lost, and none is there twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Moments, Space, kills};

/// How often each text is exported.
fn texts(space: &Space) -> BTreeMap<String, u32> {
    let exported = space.run(&["memory", "export"]).expect(0).stdout;
    let mut texts = BTreeMap::new();
    for line in exported.lines() {
        let draft: Value = serde_json::from_str(line).unwrap();
        *texts.entry(draft["text"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    texts
}

/// Records, once the indexes were opened again: what is acknowledged is there once, and each has a vector.
fn is_whole(space: &Space, acknowledged: &[String], kill: u64) {
    let texts = texts(space);
    for text in acknowledged {
        assert_eq!(texts.get(text), Some(&1), "`{text}` was acknowledged; kill {kill}");
    }
    assert!(texts.values().all(|count| *count == 1), "kill {kill}: {texts:?}");
}

/// Opens the indexes, waits until every record has its vector, and compares both with the records.
fn vectors_are_whole(space: &Space) {
    space.run(&["memory", "search", "anything"]).expect(0);
    let verified = space.run(&["memory", "verify", "--json"]).expect(0).json();
    assert_eq!(verified["ok"], json!(true), "{verified}");
}

#[test]
fn killed_writers_lose_nothing_acknowledged_and_double_nothing() {
    let space = Space::new();
    space.run(&["memory", "add", "the first"]).expect(0);
    let mut acknowledged = vec!["the first".to_owned()];
    let (mut moments, mut life) = (Moments(11), 2_000);
    for kill in 0..kills(10) {
        let text = format!("note {kill}");
        let began = Instant::now();
        let mut child = space.spawn(&["memory", "add", text.as_str()]);
        std::thread::sleep(Duration::from_millis(moments.next(life)));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{text}");
            acknowledged.push(text);
            life = u64::try_from(began.elapsed().as_millis()).unwrap().clamp(50, life);
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        is_whole(&space, &acknowledged, kill);
        if kill % 20 == 0 {
            vectors_are_whole(&space);
        }
    }
    vectors_are_whole(&space);
    space.run(&["verify"]).expect(0);
}

#[test]
fn killed_imports_are_whole_portions_and_are_made_again() {
    const LINES: usize = 1_500;
    let space = Space::new();
    let lines: Vec<String> = (0..LINES)
        .map(|line| {
            let (name, text) = (format!("n{line}"), format!("imported line {line}"));
            json!({"external_id": name, "area": "fragments", "text": text}).to_string()
        })
        .collect();
    space.write("lines.jsonl", &lines.join("\n"));
    space.run(&["memory", "add", "the first"]).expect(0);
    let acknowledged = ["the first".to_owned()];
    let mut moments = Moments(13);
    for kill in 0..kills(10) {
        // One that has come to its end is begun anew, so that there is something to cut off.
        let count = texts(&space).len();
        if count > LINES {
            let ids = space.run(&["memory", "export"]).expect(0);
            assert_eq!(ids.stdout.lines().count(), LINES + 1);
            space.run(&["memory", "forget", "--query", "imported", "--yes"]).expect(0);
        }
        let mut child = space.spawn(&["memory", "import", "lines.jsonl"]);
        std::thread::sleep(Duration::from_millis(moments.next(1_500)));
        child.kill().unwrap();
        child.wait().unwrap();
        is_whole(&space, &acknowledged, kill);
        if kill % 20 == 0 {
            vectors_are_whole(&space);
        }
    }
    space.run(&["memory", "import", "lines.jsonl"]).expect(0);
    assert_eq!(texts(&space).len(), LINES + 1);
    vectors_are_whole(&space);
    space.run(&["verify"]).expect(0);
}
