//! Taking batches back.

use crate::contracts::{Effect, ProposalState};
use crate::memory::jobs::{AreaBudget, ConsolidateSettings, UndoError};

use super::jobs::replace;
use super::*;

const ONE: &str = "Backups run every night at 02:00 on db1";
const OTHER: &str = "Every night at 02:00 backups run on db1";

/// A budget of nothing, so that the job archives as well.
fn tight() -> ConsolidateSettings {
    let budget = AreaBudget { records: Some(0), ..AreaBudget::default() };
    ConsolidateSettings {
        budgets: vec![(Area::Fragments, budget)],
        ..ConsolidateSettings::default()
    }
}

#[test]
fn the_state_is_the_same_byte_for_byte() {
    for settings in [ConsolidateSettings::default(), tight()] {
        let (memory, _) = memory();
        put(&memory, ONE, said());
        put(&memory, OTHER, said());
        put(&memory, "something else", said());
        let before = state(&memory);
        let batch = run_with(&memory, &settings, Effect::Allow, false).batch.unwrap();
        assert_ne!(state(&memory), before);
        let undone = memory.undo_batch(batch, "me", ruling(Effect::Allow)).unwrap();
        assert_eq!(undone.taken_back.len(), 1);
        assert_eq!(state(&memory), before);
        let derived = memory.record(&undone.taken_back[0]).unwrap();
        assert!(
            !derived.metadata.counts_at(derived.created_at, derived.created_at),
            "not at any time"
        );
        assert_eq!(memory.proposals().unwrap()[0].state, ProposalState::Undone);
        let again = memory.undo_batch(batch, "me", ruling(Effect::Allow));
        assert_eq!(again, Err(UndoError::Already(batch)));
        assert_eq!(
            run(&memory, Effect::Allow).proposed,
            0,
            "what was taken back does not come again"
        );
    }
}

#[test]
fn what_changed_since_is_named_and_nothing_is_undone() {
    let (memory, _) = memory();
    let source = put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let batch = run(&memory, Effect::Allow).batch.unwrap();
    let derived = memory.proposals().unwrap()[0].derived.unwrap();
    for (changed, what) in [(source, "source"), (derived, "derived")] {
        replace(&memory, changed);
        let before = state(&memory);
        let error = memory.undo_batch(batch, "me", ruling(Effect::Allow)).unwrap_err();
        let named = error.to_string().contains(&format!("`{changed}`"));
        assert!(named, "{what}: {error}");
        assert_eq!(state(&memory), before);
    }
}

#[test]
fn a_forgotten_source_is_in_the_way() {
    let (memory, log) = memory();
    let source = put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let batch = run(&memory, Effect::Allow).batch.unwrap();
    log.erase(&[source], Vec::new(), memory.now()).unwrap();
    let error = memory.undo_batch(batch, "me", ruling(Effect::Allow)).unwrap_err();
    assert!(error.to_string().contains(&format!("`{source}` was forgotten")), "{error}");
}

#[test]
fn a_later_batch_is_undone_first() {
    let (memory, _) = memory();
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let before = state(&memory);
    let first = run(&memory, Effect::Allow).batch.unwrap();
    let derived = memory.proposals().unwrap()[0].derived.unwrap();
    let metadata = memory.record(&derived).unwrap().metadata;
    let alike = MemoryMetadata { supersedes: Vec::new(), batch: None, ..metadata };
    let between = state(&memory);
    put_all(&memory, vec![(Area::Solutions, OTHER, alike)]);
    let with_more = state(&memory);
    let second = run(&memory, Effect::Allow).batch.unwrap();
    let refused = memory.undo_batch(first, "me", ruling(Effect::Allow)).unwrap_err();
    assert!(refused.to_string().contains(&format!("`{second}`: undo that first")), "{refused}");
    memory.undo_batch(second, "me", ruling(Effect::Allow)).unwrap();
    assert_eq!(state(&memory), with_more);
    assert!(with_more.starts_with(&between) && between != before);
}

#[test]
fn an_unknown_batch_and_a_refusal_change_nothing() {
    let (memory, _) = memory();
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let batch = run(&memory, Effect::Allow).batch.unwrap();
    let other = crate::contracts::BatchId::from_uuid(uuid::Uuid::from_u128(7));
    let before = state(&memory);
    assert_eq!(
        memory.undo_batch(other, "me", ruling(Effect::Allow)),
        Err(UndoError::NotFound(other))
    );
    let denied = memory.undo_batch(batch, "me", ruling(Effect::Deny));
    assert_eq!(denied, Err(UndoError::Denied("a test".to_owned())));
    assert_eq!(state(&memory), before);
}
