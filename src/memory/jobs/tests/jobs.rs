//! What a job does with records that say the same, and with areas that hold too much.

use crate::contracts::{
    Area, Effect, EventBody, MemoryMetadata, MemoryOrigin, ProposalState, Timestamp,
};
use crate::memory::jobs::{AreaBudget, ConsolidateSettings, Due, ProposalError, Triggers, due};
use crate::ports::{EmbedError, Embedder};

use super::*;

const ONE: &str = "Backups run every night at 02:00 on db1";
const OTHER: &str = "Every night at 02:00 backups run on db1";

#[test]
fn what_says_the_same_becomes_one_solution_and_its_sources_stay() {
    let (memory, log) = memory();
    let sources = [put(&memory, ONE, said()), put(&memory, OTHER, said())];
    let apart = put(&memory, "Backups run every night at 03:00 on db1", said());
    let report = run(&memory, Effect::Allow);
    assert_eq!((report.clusters, report.applied, report.kept_apart), (1, 1, 2), "{report:?}");
    assert_eq!(report.similar_by, "words");
    assert_eq!(report.notes, ["there is no embedder, so words in common decide"]);
    let proposal = memory.proposals().unwrap().remove(0);
    assert_eq!(proposal.state, ProposalState::Applied);
    let derived = memory.record(&proposal.derived.unwrap()).unwrap();
    assert_eq!((derived.area, derived.text.as_str()), (Area::Solutions, ONE));
    assert_eq!(derived.metadata.supersedes, sources);
    assert_eq!((derived.metadata.origin, derived.metadata.trust), (MemoryOrigin::Consolidation, 3));
    for source in sources {
        let source = memory.record(&source).unwrap();
        assert_eq!(source.metadata.superseded_by, Some(derived.id));
        assert_eq!(source.metadata.superseded_at, Some(derived.created_at));
    }
    assert_eq!(memory.record(&apart).unwrap().metadata.superseded_by, None);
    let named = log.events().into_iter().any(|event| match event {
        EventBody::MemoryConsolidated(event) => {
            event.batch == report.batch && event.sources == sources
        }
        _ => false,
    });
    assert!(named);
    let (before, after) = (report.before[1], report.after[1]);
    assert_eq!((before.records, after.records, after.superseded), (3, 1, 2));
}

#[test]
fn what_policy_says_decides_what_becomes_of_a_proposal() {
    for (effect, state, applied) in [
        (Effect::Allow, ProposalState::Applied, 1),
        (Effect::Ask, ProposalState::Proposed, 0),
        (Effect::Deny, ProposalState::Proposed, 0),
    ] {
        let (memory, _) = memory();
        put(&memory, ONE, said());
        put(&memory, OTHER, said());
        let before = state_of(&memory);
        let report = run(&memory, effect);
        assert_eq!((report.proposed, report.applied), (1, applied));
        assert_eq!(memory.proposals().unwrap()[0].state, state);
        assert_eq!(state_of(&memory) == before, applied == 0);
        let again = run(&memory, effect);
        assert_eq!(again.proposed, 0, "what waits is not proposed again");
    }
}

fn state_of(memory: &Memory) -> String {
    super::state(memory)
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let (memory, log) = memory();
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let (before, events) = (state_of(&memory), log.events().len());
    let report = run_with(&memory, &ConsolidateSettings::default(), Effect::Allow, true);
    assert_eq!((report.dry_run, report.applied), (true, 1));
    assert_eq!((state_of(&memory), log.events().len()), (before, events));
    assert!(memory.proposals().unwrap().is_empty());
}

#[test]
fn a_person_accepts_or_rejects_once() {
    let (memory, _) = memory();
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    run(&memory, Effect::Ask);
    let id = memory.proposals().unwrap()[0].id;
    let view = memory.proposal(id).unwrap();
    assert_eq!(view.diff, [format!("  {ONE}"), format!("- {OTHER}")]);
    let denied = memory.answer_proposal(id, true, "me", ruling(Effect::Deny), &[]);
    assert_eq!(denied, Err(ProposalError::Denied("a test".to_owned())));
    let answered = memory.answer_proposal(id, true, "me", ruling(Effect::Allow), &[]).unwrap();
    assert_eq!(answered.proposal.state, ProposalState::Applied);
    let again = memory.answer_proposal(id, false, "me", ruling(Effect::Allow), &[]).unwrap_err();
    assert_eq!(again.to_string(), format!("the proposal `{id}` is applied already, by me"));
}

#[test]
fn a_rejected_proposal_changes_nothing_and_does_not_come_again() {
    let (memory, _) = memory();
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    let before = state_of(&memory);
    run(&memory, Effect::Ask);
    let id = memory.proposals().unwrap()[0].id;
    memory.answer_proposal(id, false, "me", ruling(Effect::Allow), &[]).unwrap();
    assert_eq!(run(&memory, Effect::Allow).proposed, 0);
    assert_eq!(state_of(&memory), before);
}

#[test]
fn a_proposal_whose_source_changed_is_stale() {
    let (memory, _) = memory();
    let source = put(&memory, ONE, said());
    put(&memory, OTHER, said());
    run(&memory, Effect::Ask);
    let id = memory.proposals().unwrap()[0].id;
    replace(&memory, source);
    let stale = memory.answer_proposal(id, true, "me", ruling(Effect::Allow), &[]).unwrap_err();
    assert!(stale.to_string().contains(&format!("`{source}` no longer counts")), "{stale}");
}

/// As if somebody had corrected a record.
pub(super) fn replace(memory: &Memory, id: MemoryId) {
    let record = memory.record(&id).unwrap();
    let entry = memory.library().unwrap().get(&id).unwrap().clone();
    let metadata = MemoryMetadata { superseded_at: Some(memory.now()), ..record.metadata };
    let row = NewRecord {
        id,
        area: record.area,
        text: entry.text.clone(),
        metadata,
        created_at: record.created_at,
        updated_at: memory.now(),
        content_hash: record.content_hash,
    };
    let event =
        MemoryWritten { memory_id: id, area: record.area, text: entry.text, tags: Vec::new() };
    memory.append(vec![row], Vec::new(), vec![EventBody::MemoryWritten(event)]).unwrap();
}

#[test]
fn a_model_s_text_is_a_proposal_like_any_other() {
    let cases = [
        (Ok("Backups run every night at 02:00 on db1."), "model", ProposalState::Applied, ""),
        (
            Ok("Backups run every night on db1."),
            "model",
            ProposalState::Quarantined,
            "`02:00` of a source is missing",
        ),
        (
            Ok("Backups never run at 02:00 every night on db1"),
            "model",
            ProposalState::Quarantined,
            "is not said as in the sources",
        ),
        (
            Ok("Nice backups run every night at 02:00 on db1"),
            "model",
            ProposalState::Proposed,
            "words that no source has: nice",
        ),
        (Err("no model is there"), "extract", ProposalState::Applied, ""),
    ];
    for (written, by, state, reason) in cases {
        let (memory, _) = memory();
        put(&memory, ONE, said());
        put(&memory, OTHER, said());
        let settings = ConsolidateSettings::default();
        let job = Consolidation {
            memory: &memory,
            settings: &settings,
            embedder: None,
            writer: Some(crate::memory::jobs::Writer {
                name: "model".to_owned(),
                write: Box::new(move |_| written.map(str::to_owned).map_err(str::to_owned)),
            }),
            decide: &|_| ruling(Effect::Allow),
            last_used: &|_| None,
            by: "test".to_owned(),
        };
        job.run(false).unwrap();
        let proposal = memory.proposals().unwrap().remove(0);
        assert_eq!((proposal.written_by.as_str(), proposal.state), (by, state), "{written:?}");
        assert!(proposal.reasons.join("; ").contains(reason), "{:?}", proposal.reasons);
    }
}

/// Gives every text the same vector, or none at all.
struct Constant(bool);

impl Embedder for Constant {
    fn id(&self) -> &str {
        "constant"
    }

    fn dimension(&self) -> usize {
        1
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let unavailable =
            EmbedError::Unavailable { embedder: "constant".to_owned(), reason: "off".to_owned() };
        if self.0 { Ok(vec![vec![1.0]; texts.len()]) } else { Err(unavailable) }
    }
}

#[test]
fn vectors_say_where_to_look_and_never_what_is_the_same() {
    for (works, similar_by) in [(true, "constant"), (false, "words")] {
        let (memory, _) = memory();
        put(&memory, ONE, said());
        put(&memory, OTHER, said());
        put(&memory, "The door is red", said());
        put(&memory, "The door is blue", said());
        let settings = ConsolidateSettings::default();
        let embedder = Constant(works);
        let job = Consolidation {
            memory: &memory,
            settings: &settings,
            embedder: Some(&embedder),
            writer: None,
            decide: &|_| ruling(Effect::Allow),
            last_used: &|_| None,
            by: "test".to_owned(),
        };
        let report = job.run(false).unwrap();
        assert_eq!((report.similar_by.as_str(), report.applied), (similar_by, 1), "{report:?}");
        assert_eq!(report.notes.is_empty(), works);
    }
}

#[test]
fn what_consolidation_wrote_itself_triggers_nothing() {
    let (memory, _) = memory();
    let triggers = Triggers { records: 2, bytes: u64::MAX, cluster: u64::MAX };
    let asked = |memory: &Memory| due(&memory.library().unwrap(), 0, triggers, memory.now());
    assert_eq!(asked(&memory), None);
    put(&memory, ONE, said());
    put(&memory, OTHER, said());
    assert_eq!(asked(&memory), Some(Due::Records(2)));
    run(&memory, Effect::Allow);
    assert_eq!(asked(&memory), None, "its own records and the states it wrote do not count");
    put(&memory, "one more", said());
    assert_eq!(asked(&memory), None);
    put(&memory, "and another", said());
    assert_eq!(asked(&memory), Some(Due::Records(2)));
}

#[test]
fn what_was_looked_at_is_not_new_even_where_nothing_was_made_of_it() {
    let (memory, _) = memory();
    put(&memory, "the door is red", said());
    put(&memory, "the mill is loud", said());
    let asked = |triggers| {
        due(&memory.library().unwrap(), memory.consolidated_up_to(), triggers, memory.now())
    };
    assert_eq!(asked(Triggers::ANYTHING), Some(Due::Records(2)));
    let report = run_with(&memory, &ConsolidateSettings::default(), Effect::Allow, true);
    assert_eq!((report.applied, asked(Triggers::ANYTHING)), (0, Some(Due::Records(2))));
    run(&memory, Effect::Allow);
    assert_eq!(asked(Triggers::ANYTHING), None);
    let never = Triggers { records: 0, bytes: 0, cluster: 0 };
    put(&memory, "one more", said());
    assert_eq!((asked(Triggers::ANYTHING), asked(never)), (Some(Due::Records(1)), None));
}

#[test]
fn bytes_and_many_about_one_subject_are_reasons_as_well() {
    let about = |subject: &str| MemoryMetadata { subject: Some(subject.to_owned()), ..said() };
    let (memory, _) = memory();
    put(&memory, "alpha", about("a"));
    put(&memory, "beta", about("a"));
    let never = Triggers { records: u64::MAX, bytes: u64::MAX, cluster: u64::MAX };
    let asked = |triggers| due(&memory.library().unwrap(), 0, triggers, memory.now());
    assert_eq!(asked(never), None);
    assert_eq!(asked(Triggers { bytes: 9, ..never }), Some(Due::Bytes(9)));
    assert_eq!(asked(Triggers { cluster: 2, ..never }), Some(Due::Cluster(2)));
}

#[test]
fn what_is_over_budget_is_archived_in_a_stated_order() {
    let trusted = |trust: u8| MemoryMetadata { trust, ..said() };
    let (memory, _) = memory();
    let low = put(&memory, "one", trusted(1));
    let old = put(&memory, "two", trusted(2));
    let new = put(&memory, "three", trusted(2));
    let replaced = put(&memory, "four", trusted(3));
    replace(&memory, replaced);
    let pinned = put(&memory, "five", MemoryMetadata { pinned: true, ..trusted(0) });
    let order = [replaced, low, old, new];
    for most in (0..=3).rev() {
        let budget = AreaBudget { records: Some(most), ..AreaBudget::default() };
        let settings = ConsolidateSettings {
            budgets: vec![(Area::Fragments, budget)],
            ..ConsolidateSettings::default()
        };
        let report = run_with(&memory, &settings, Effect::Allow, false);
        assert_eq!(report.archived, 1, "one more than before");
        for (place, id) in order.iter().enumerate() {
            let archived = memory.record(id).unwrap().metadata.archived;
            assert_eq!(archived, place < 4 - usize::try_from(most).unwrap(), "{most}: {place}");
        }
    }
    assert!(!memory.record(&pinned).unwrap().metadata.archived);
    assert_eq!(memory.record(&new).unwrap().text, "three", "kept for good");
}

#[test]
fn age_alone_archives_nothing_that_still_counts() {
    let (memory, _) = memory();
    let old =
        put(&memory, "one", MemoryMetadata { event_time: Some(Timestamp::from_ms(0)), ..said() });
    let replaced = put(&memory, "two", said());
    replace(&memory, replaced);
    let budget = AreaBudget { superseded_age_ms: Some(0), ..AreaBudget::default() };
    let settings = ConsolidateSettings {
        budgets: vec![(Area::Fragments, budget)],
        ..ConsolidateSettings::default()
    };
    assert_eq!(run_with(&memory, &settings, Effect::Allow, false).archived, 1);
    assert!(!memory.record(&old).unwrap().metadata.archived);
    assert!(memory.record(&replaced).unwrap().metadata.archived);
}
