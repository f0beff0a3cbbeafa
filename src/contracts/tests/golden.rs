//! Documents of version 1, as they were written when it was current. They are never written again:
//! when one of these tests fails, the reader must be mended, not the file.

use serde_json::Value;

use super::{CONTRACTS, root, schema};
use crate::contracts::*;

fn golden(name: &str) -> String {
    let path = root().join("tests/fixtures/contracts/v1").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether everything in `old` is in `now`; fields that came later may stand there as well.
fn holds(now: &Value, old: &Value) -> bool {
    match (now, old) {
        (Value::Object(now), Value::Object(old)) => {
            old.iter().all(|(name, old)| now.get(name).is_some_and(|now| holds(now, old)))
        }
        (Value::Array(now), Value::Array(old)) => {
            now.len() == old.len() && now.iter().zip(old).all(|(now, old)| holds(now, old))
        }
        _ => now == old,
    }
}

#[test]
fn documents_of_version_1_still_load_and_lose_nothing() {
    for (name, reload) in CONTRACTS.iter().filter(|(name, _)| *name != "event-payloads") {
        let old: Value = serde_json::from_str(&golden(&format!("{name}.json"))).unwrap();
        let now = reload(&old).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(holds(&now, &old), "{name} lost something:\n{old:#}\n{now:#}");
        let validator = jsonschema::validator_for(&schema(name)).unwrap();
        assert!(validator.is_valid(&old), "the schema of {name} refuses what was valid");
    }
}

/// Journals of version 1, in the order in which they were added: new kinds and fields get a new one.
const JOURNALS: [&str; 8] = [
    "journal.jsonl",
    "journal-daemon.jsonl",
    "journal-artifacts.jsonl",
    "journal-config.jsonl",
    "journal-memory.jsonl",
    "journal-recalled.jsonl",
    "journal-planned.jsonl",
    "journal-attachments.jsonl",
];

#[test]
fn the_journals_of_version_1_still_verify_and_every_payload_is_read() {
    let kinds: Vec<EventKind> = JOURNALS.iter().flat_map(|name| read_journal(name)).collect();
    let all: Vec<EventKind> =
        EventKind::ALL.iter().copied().filter(|kind| is_written(*kind)).collect();
    let missing: Vec<_> = all.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "in no golden journal: {missing:?}");
}

/// Checks a chain from its first event and returns the kinds in it.
fn read_journal(name: &str) -> Vec<EventKind> {
    let (mut prev, mut kinds) = (Hash::ZERO, Vec::new());
    for (index, line) in golden(name).lines().enumerate() {
        let event = event(line);
        assert_eq!((event.seq, event.prev_hash), (index as u64 + 1, prev), "{name}");
        assert!(event.hash_holds(), "{name}: event {}", event.seq);
        let kind = event.kind;
        let body = event.body().unwrap_or_else(|error| panic!("{name}: {kind:?}: {error}"));
        let (now, old) = (body.payload().unwrap(), event.payload.as_ref());
        let (now, old) = (serde_json::from_str(&now).unwrap(), serde_json::from_str(old).unwrap());
        assert!(holds(&now, &old), "{name}: {kind:?} lost something:\n{old:#}\n{now:#}");
        prev = event.hash;
        kinds.push(kind);
    }
    kinds
}

fn event(line: &str) -> Event {
    let line: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| line[name].as_str().unwrap().to_owned();
    Event {
        run_id: text("run_id"),
        seq: line["seq"].as_u64().unwrap(),
        global_seq: 0,
        at: text("at").parse().unwrap(),
        kind: EventKind::parse(&text("kind")).unwrap(),
        payload: text("payload").into(),
        prev_hash: text("prev_hash").parse().unwrap(),
        hash: text("hash").parse().unwrap(),
    }
}

/// Whether this version writes the kind: the others belong to later parts of the contract.
fn is_written(kind: EventKind) -> bool {
    let refused = EventBody::parse(kind, "{}").err().map(|error| error.to_string());
    !refused.is_some_and(|error| error.contains("this version cannot read"))
}
