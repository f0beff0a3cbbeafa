//! Jobs over a log in memory alone, and over a real store for what a kill leaves behind.

mod jobs;
mod locomo;
mod poison;
mod undo;

use std::sync::Arc;

use crate::contracts::{
    Area, ConsolidationReport, Effect, EventBody, Hash, MemoryId, MemoryMetadata, MemoryOrigin,
    MemoryRuling, MemoryWritten, NewRecord, Stored,
};
use crate::memory::ram_log::RamLog;
use crate::memory::tests_clock::Ticking;
use crate::memory::{Memory, WriteLimits};
use crate::ports::RecordLog;

use super::{ConsolidateSettings, Consolidation};

pub(super) fn memory() -> (Memory, Arc<RamLog>) {
    let log = Arc::new(RamLog::default());
    (over(Arc::clone(&log) as Arc<dyn RecordLog>), log)
}

pub(super) fn over(log: Arc<dyn RecordLog>) -> Memory {
    Memory::new(log, Arc::new(Ticking::default()), WriteLimits::default())
}

/// What a person said.
pub(super) fn said() -> MemoryMetadata {
    MemoryMetadata { origin: MemoryOrigin::User, trust: 3, ..MemoryMetadata::default() }
}

/// What stands on a page of strangers.
pub(super) fn read() -> MemoryMetadata {
    MemoryMetadata {
        origin: MemoryOrigin::Web,
        labels: vec!["untrusted:web".to_owned()],
        ..MemoryMetadata::default()
    }
}

/// Appends records as they are, as the write path would once it had checked them.
pub(super) fn put_all(memory: &Memory, all: Vec<(Area, &str, MemoryMetadata)>) -> Vec<MemoryId> {
    let clock = &memory.clock;
    let (mut ids, mut records, mut texts, mut events) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (area, text, metadata) in all {
        let stored = Stored::new(text.as_bytes().to_vec(), clock.salt());
        let (id, now) = (MemoryId::from_uuid(clock.uuid()), memory.now());
        let reference = stored.reference.clone();
        let event =
            MemoryWritten { memory_id: id, area, text: reference.clone(), tags: Vec::new() };
        records.push(NewRecord {
            id,
            area,
            text: reference,
            metadata,
            created_at: now,
            updated_at: now,
            content_hash: Hash::of(text.as_bytes()),
        });
        texts.push(stored);
        events.push(EventBody::MemoryWritten(event));
        ids.push(id);
    }
    memory.append(records, texts, events).unwrap();
    ids
}

pub(super) fn put(memory: &Memory, text: &str, metadata: MemoryMetadata) -> MemoryId {
    put_all(memory, vec![(Area::Fragments, text, metadata)])[0]
}

pub(super) fn ruling(effect: Effect) -> MemoryRuling {
    MemoryRuling { effect, reason: "a test".to_owned(), rules: Vec::new() }
}

/// Runs a job by `settings` in which policy always says `effect`.
pub(super) fn run_with(
    memory: &Memory,
    settings: &ConsolidateSettings,
    effect: Effect,
    dry_run: bool,
) -> ConsolidationReport {
    let decide = |_: &crate::contracts::MemoryProposal| ruling(effect);
    let job = Consolidation {
        memory,
        settings,
        embedder: None,
        writer: None,
        decide: &decide,
        last_used: &|_| None,
        by: "test".to_owned(),
    };
    job.run(dry_run).unwrap()
}

pub(super) fn run(memory: &Memory, effect: Effect) -> ConsolidationReport {
    run_with(memory, &ConsolidateSettings::default(), effect, false)
}

/// Everything that is remembered, but for what was taken back: what an export would have.
pub(super) fn state(memory: &Memory) -> String {
    let entries: Vec<_> = memory
        .library()
        .unwrap()
        .iter()
        .filter(|entry| !entry.metadata.is_taken_back(entry.created_at))
        .cloned()
        .collect();
    let lines = entries.iter().map(|entry| {
        let record = memory.shown(entry).unwrap();
        serde_json::to_string(&record).unwrap()
    });
    lines.collect::<Vec<_>>().join("\n")
}
