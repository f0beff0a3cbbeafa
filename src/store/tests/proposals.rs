//! Proposals as rows: over each other, forgotten with their sources, and noticed when they were changed.

use uuid::Uuid;

use super::fixture::*;
use crate::contracts::{
    Area, Consolidated, EventBody, MemoryConsolidated, MemoryId, MemoryMetadata, MemoryProposal,
    ProposalId, ProposalState,
};
use crate::ports::RecordAppend;
use crate::store::{FindingKind, Store};

fn event(proposal: &MemoryProposal) -> EventBody {
    EventBody::MemoryConsolidated(MemoryConsolidated {
        what: Consolidated::Job,
        by: "test".to_owned(),
        batch: None,
        proposals: vec![proposal.id],
        derived: Vec::new(),
        sources: Vec::new(),
        archived: Vec::new(),
        decision: None,
        report: None,
    })
}

/// A proposal whose one source is the record with this number.
pub(super) fn append_proposal(store: &Store, number: u128) -> MemoryProposal {
    let stored = text(&format!("proposal {number}"), u8::try_from(number).unwrap());
    let proposal = MemoryProposal {
        schema_version: 1,
        id: ProposalId::from_uuid(Uuid::from_u128(number)),
        state: ProposalState::Proposed,
        sources: vec![MemoryId::from_uuid(Uuid::from_u128(number))],
        area: Area::Solutions,
        text: stored.reference.clone(),
        metadata: MemoryMetadata { tags: vec!["mine".to_owned()], ..MemoryMetadata::default() },
        span: None,
        similarity: 0.9,
        similar_by: "words".to_owned(),
        written_by: "extract".to_owned(),
        reasons: vec!["the name `alice`".to_owned()],
        batch: None,
        derived: None,
        decided_by: None,
        created_at: at(1),
        updated_at: at(1),
    };
    let append = RecordAppend {
        at: at(1),
        records: Vec::new(),
        texts: vec![stored],
        events: vec![event(&proposal)],
        proposals: vec![proposal.clone()],
    };
    store.append_records(append).unwrap();
    proposal
}

#[test]
fn a_later_state_stands_over_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = append_proposal(&store, 1);
    let second = append_proposal(&store, 2);
    assert_eq!(store.reader().proposals().unwrap(), [first.clone(), second.clone()]);
    let rejected = MemoryProposal { state: ProposalState::Rejected, ..first };
    let (records, texts) = (Vec::new(), Vec::new());
    let (events, proposals) = (vec![event(&rejected)], vec![rejected.clone()]);
    store.append_records(RecordAppend { at: at(2), records, texts, events, proposals }).unwrap();
    assert_eq!(store.reader().proposals().unwrap(), [rejected, second]);
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn a_forgotten_source_takes_along_what_its_proposals_say() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    super::forgetting::append_record(&store, 1, MemoryMetadata::default(), &text("source", 90));
    let proposal = append_proposal(&store, 1);
    let other = append_proposal(&store, 2);
    store.erase_records(&proposal.sources, vec![paused("me")], at(9)).unwrap();
    let now = store.reader().proposals().unwrap();
    assert_eq!(now[0].reasons, ["a source was forgotten"]);
    assert_eq!(now[0].metadata.tags, Vec::<String>::new());
    assert!(store.reader().blob(&proposal.text).is_err());
    assert_eq!(now[1], other);
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn a_changed_row_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_proposal(&store, 1);
    drop(store);
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    let sql =
        "UPDATE proposals SET state = 'applied', entry = replace(entry, 'proposed', 'applied')";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
    drop(db);
    let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [FindingKind::Proposal]);
}
