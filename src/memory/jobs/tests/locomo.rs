//! Consolidating conversations loses none of what questions about them are answered from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::contracts::{Area, Effect, MemoryId, MemoryMetadata, MemoryOrigin, Timestamp};
use crate::memory::Memory;
use crate::recall::consolidate::{Reading, overlap};

use super::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/locomo-dev.json");

/// The day of `1:56 pm on 8 May, 2023`.
fn day(text: &str) -> Timestamp {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let [.., day, month, year] = words.as_slice() else { panic!("{text}") };
    let month = MONTHS.iter().position(|it| it == month).unwrap() + 1;
    format!("{year}-{month:02}-{:02}T12:00:00Z", day.parse::<u32>().unwrap()).parse().unwrap()
}

/// Every turn of a conversation: its name, its text, and everything else about it.
fn turns(conversation: &Value) -> Vec<(String, String, MemoryMetadata)> {
    let mut all = Vec::new();
    for session in 1.. {
        let Some(turns) = conversation[format!("session_{session}")].as_array() else { break };
        let at = day(conversation[format!("session_{session}_date_time")].as_str().unwrap());
        for turn in turns {
            let name = turn["dia_id"].as_str().unwrap().to_owned();
            let metadata = MemoryMetadata {
                origin: MemoryOrigin::User,
                trust: 3,
                subject: turn["speaker"].as_str().map(str::to_owned),
                event_time: Some(at),
                external_ids: vec![name.clone()],
                ..MemoryMetadata::default()
            };
            all.push((name, turn["text"].as_str().unwrap_or_default().to_owned(), metadata));
        }
    }
    all.retain(|(_, text, _)| !text.trim().is_empty());
    all
}

/// Whether a record is there, or what stands for it is, over however many steps, with it among its sources.
fn is_reachable(memory: &Memory, id: MemoryId) -> bool {
    let record = memory.record(&id).unwrap();
    let now = memory.now();
    if record.metadata.counts_at(record.created_at, now) {
        return true;
    }
    record.metadata.superseded_by.is_some_and(|by| {
        let named = memory.record(&by).unwrap().metadata.supersedes.contains(&id);
        named && is_reachable(memory, by)
    })
}

/// The names of everything that the ten best records by words stand for.
fn found(
    memory: &Memory,
    readings: &[(MemoryId, Reading)],
    question: &Reading,
) -> BTreeSet<String> {
    let mut ranked: Vec<(f32, MemoryId)> =
        readings.iter().map(|(id, reading)| (overlap(question, reading), *id)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let best = ranked.iter().take(10);
    best.flat_map(|(_, id)| memory.record(id).unwrap().metadata.external_ids).collect()
}

fn counting(memory: &Memory) -> Vec<(MemoryId, Reading)> {
    let now = memory.now();
    let entries: Vec<_> =
        memory.library().unwrap().iter().filter(|it| it.counts_at(now)).cloned().collect();
    let read = |id: MemoryId| (id, Reading::of(&memory.record(&id).unwrap().text));
    entries.into_iter().map(|entry| read(entry.id)).collect()
}

#[test]
fn evidence_stays_reachable_through_lineage() {
    let Ok(text) = std::fs::read_to_string(DATA) else {
        eprintln!("skipped: there is no ../shared/data/locomo-dev.json");
        return;
    };
    let data: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut evidence, mut reachable, mut questions) = (0, 0, 0);
    let (mut records, mut merged, mut hits) = (0, 0, [0, 0]);
    // One conversation takes seconds in a debug build.
    let samples = if std::env::var_os("BAILIWICK_SOAK_LOCOMO").is_some() { data.len() } else { 1 };
    for sample in data.iter().take(samples) {
        let turns = turns(&sample["conversation"]);
        let (memory, _) = memory();
        let rows = turns.iter().map(|(_, text, it)| (Area::Fragments, text.as_str(), it.clone()));
        let ids = put_all(&memory, rows.collect());
        let by_name: HashMap<&str, MemoryId> =
            turns.iter().map(|(name, ..)| name.as_str()).zip(ids).collect();
        let before = counting(&memory);
        let report = run(&memory, Effect::Allow);
        let after = counting(&memory);
        (records, merged) = (records + before.len(), merged + before.len() - after.len());
        assert_eq!(report.left, 0);
        for question in sample["qa"].as_array().unwrap() {
            let wanted: BTreeMap<&str, MemoryId> = question["evidence"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| by_name.get_key_value(name.as_str()?))
                .map(|(name, id)| (*name, *id))
                .collect();
            questions += usize::from(!wanted.is_empty());
            evidence += wanted.len();
            reachable += wanted.values().filter(|id| is_reachable(&memory, **id)).count();
            let asked = Reading::of(question["question"].as_str().unwrap());
            for (place, readings) in [&before, &after].into_iter().enumerate() {
                let found = found(&memory, readings, &asked);
                hits[place] += wanted.keys().filter(|name| found.contains(**name)).count();
            }
        }
    }
    eprintln!(
        "{records} turns, {merged} fewer records; {questions} questions, {reachable} of {evidence} pieces of \
         evidence reachable; found by words among ten: {} before, {} after",
        hits[0], hits[1]
    );
    assert!(
        questions > 100 * samples && evidence > 100 * samples,
        "{questions} questions, {evidence} pieces of evidence"
    );
    assert!(reachable * 100 >= evidence * 99, "{reachable} of {evidence}");
    assert!(hits[1] * 100 >= hits[0] * 99, "{hits:?}");
}
