use super::*;
use crate::contracts::{Area, Hash, MemoryMetadata, MemoryWritten};
use crate::memory::ram_log::RamLog;
use crate::memory::tests_clock::Ticking;

fn two(log: &Arc<RamLog>) -> (Memory, Memory) {
    let clock = Arc::new(Ticking::default());
    let memory = || {
        let log: Arc<dyn RecordLog> = Arc::clone(log) as Arc<dyn RecordLog>;
        Memory::new(log, Arc::clone(&clock) as Arc<dyn Clock>, WriteLimits::default())
    };
    (memory(), memory())
}

fn put(memory: &Memory, text: &str) -> MemoryId {
    let stored = Stored::new(text.as_bytes().to_vec(), memory.clock.salt());
    let (id, now) = (MemoryId::from_uuid(memory.clock.uuid()), memory.now());
    let (area, reference) = (Area::Fragments, stored.reference.clone());
    let event = MemoryWritten { memory_id: id, area, text: reference.clone(), tags: Vec::new() };
    let record = NewRecord {
        id,
        area,
        text: reference,
        metadata: MemoryMetadata::default(),
        created_at: now,
        updated_at: now,
        content_hash: Hash::of(text.as_bytes()),
    };
    memory.append(vec![record], vec![stored], vec![EventBody::MemoryWritten(event)]).unwrap();
    id
}

fn found(memory: &Memory, text: &str) -> Vec<MemoryId> {
    let query = MemoryQuery { text: text.to_owned(), k: 10, ..MemoryQuery::default() };
    memory.search(&query).unwrap().items.iter().map(|hit| hit.id).collect()
}

#[test]
fn what_was_written_is_found_by_the_next_question_whoever_wrote_it() {
    let log = Arc::new(RamLog::default());
    let (one, other) = two(&log);
    let blue = put(&one, "the sky is blue");
    assert_eq!(found(&one, "sky"), [blue]);
    let grey = put(&other, "the sky over Leeds is grey");
    assert_eq!(found(&one, "leeds"), [grey]);
    assert_eq!(one.record(&grey).unwrap().text, "the sky over Leeds is grey");
    assert_eq!(log.events().len(), 2, "each append is journalled");
}

#[test]
fn what_was_erased_is_gone_for_everybody_who_looks_again() {
    let log = Arc::new(RamLog::default());
    let (one, other) = two(&log);
    let (blue, wet) = (put(&one, "the sky is blue"), put(&one, "water is wet"));
    assert_eq!(found(&other, "sky is water"), found(&one, "sky is water"));
    log.erase(&[blue], Vec::new(), one.now()).unwrap();
    assert_eq!(found(&other, "sky water"), [wet]);
    assert_eq!(other.record(&blue), Err(MemoryError::NotFound(blue)));
}
