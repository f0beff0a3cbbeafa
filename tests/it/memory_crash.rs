//! Writers killed with -9 at random moments: no acknowledged record is lost, and none is there twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::Space;

/// Kills of one test; `BAILIWICK_SOAK_KILLS` asks for more.
fn kills() -> u64 {
    let asked = std::env::var("BAILIWICK_SOAK_KILLS").ok().and_then(|kills| kills.parse().ok());
    asked.unwrap_or(20)
}

/// A small deterministic generator: the same moments each time.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

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

#[test]
fn killed_writers_and_imports_lose_nothing_acknowledged_and_double_nothing() {
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
    let mut acknowledged = vec!["the first".to_owned()];
    let mut moments = Moments(11);
    let mut life = 2_000;
    for kill in 0..kills() {
        let text = format!("note {kill}");
        let args = match kill % 2 {
            0 => vec!["memory", "import", "lines.jsonl"],
            _ => vec!["memory", "add", text.as_str()],
        };
        let began = Instant::now();
        let mut child = space.spawn(&args);
        std::thread::sleep(Duration::from_millis(moments.next(life)));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{args:?}");
            if kill % 2 == 1 {
                acknowledged.push(text);
                life = u64::try_from(began.elapsed().as_millis()).unwrap().clamp(50, life);
            }
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let texts = texts(&space);
        for text in &acknowledged {
            assert_eq!(texts.get(text), Some(&1), "`{text}` was acknowledged; kill {kill}");
        }
        assert!(texts.values().all(|count| *count == 1), "kill {kill}: {texts:?}");
    }
    space.run(&["memory", "import", "lines.jsonl"]).expect(0);
    let texts = texts(&space);
    let imported = texts.keys().filter(|text| text.starts_with("imported")).count();
    assert_eq!(imported, LINES);
    assert!(texts.values().all(|count| *count == 1));
    space.run(&["verify"]).expect(0);
}
