//! Indexes that are being made anew by processes killed with -9: afterwards there are as many vectors as records.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Space, kills};

const RECORDS: u64 = 400;

fn record(number: u64) -> Value {
    json!({
        "external_id": format!("n{number}"), "area": "fragments",
        "text": format!("note {number} on the {} of house {}", ["roof", "door", "well"][number as usize % 3], number / 3),
    })
}

/// With a graph, however few records there are.
fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let sets = ["--set", "memory.vector=hnsw", "--set", "models.embedder=static"];
    args.iter().copied().chain(sets).collect()
}

fn ids(found: &Value) -> Vec<String> {
    let items = found["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rebuilds_killed_at_any_moment_leave_as_many_vectors_as_records() {
    let space = Space::new();
    let lines: Vec<String> = (0..RECORDS).map(|it| record(it).to_string()).collect();
    space.write("lines.jsonl", &lines.join("\n"));
    space.run(&with(&["memory", "import", "lines.jsonl"])).expect(0);
    let began = Instant::now();
    space.run(&with(&["memory", "rebuild"])).expect(0);
    let life = u64::try_from(began.elapsed().as_millis()).unwrap().max(50);
    let question =
        with(&["memory", "search", "the well of house 77", "--json", "--mode", "vector"]);
    let before = ids(&space.run(&question).expect(0).json());
    let mut killed = 0;
    for kill in 0..kills(6) {
        let mut child = space.spawn(&with(&["memory", "rebuild"]));
        // Spread over the whole of it, in an order that jumps.
        std::thread::sleep(Duration::from_millis(life * ((kill * 37) % 100) / 100));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        assert_eq!(ids(&space.run(&question).expect(0).json()), before, "kill {kill}");
        let verified = space.run(&with(&["memory", "verify", "--json"])).expect(0).json();
        let counts =
            json!({"records": RECORDS, "words": RECORDS, "vectors": RECORDS, "graph": RECORDS});
        assert_eq!(verified["counts"], counts, "kill {kill}: {verified}");
    }
    assert!(killed > 0, "every rebuild was over before it was killed");
}
