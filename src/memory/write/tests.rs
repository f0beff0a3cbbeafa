use super::*;
use crate::contracts::{MemoryQuery, MemorySelection};
use crate::memory::ram_log::RamLog;
use crate::memory::tests_clock::Ticking;
use crate::ports::{Clock, RecordLog};

fn memory() -> Memory {
    let log: Arc<dyn RecordLog> = Arc::new(RamLog::default());
    let clock: Arc<dyn Clock> = Arc::new(Ticking::default());
    Memory::new(log, clock, WriteLimits::default())
        .striking(Arc::new(|text: &str| text.replace("hunter2-secret", "[redacted]")))
}

fn draft(area: Area, text: &str) -> MemoryDraft {
    MemoryDraft::new(area, text.to_owned())
}

fn note(text: &str) -> MemoryDraft {
    draft(Area::Fragments, text)
}

fn put(memory: &Memory, draft: MemoryDraft, by: SaidBy) -> Written {
    memory.remember(vec![Entrusted::new(draft, by)]).unwrap().remove(0)
}

fn why(memory: &Memory, draft: MemoryDraft) -> String {
    let wanted = Entrusted::new(draft, SaidBy::Person);
    memory.remember(vec![wanted]).unwrap_err().to_string()
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn what_cannot_be_remembered_is_refused_with_what_is_wrong_and_leaves_nothing() {
    let memory = memory();
    let long = "x".repeat(10 << 20);
    let tags = |count: usize| (0..count).map(|tag| format!("t{tag}")).collect::<Vec<_>>();
    let cases = [
        (note(""), "the text is empty"),
        (note(" \n\t "), "the text is empty"),
        (note(&long), "`memory.text_bytes_max`"),
        (MemoryDraft { importance: Some(f32::NAN), ..note("a") }, "from 0 to 1"),
        (MemoryDraft { importance: Some(1.5), ..note("a") }, "from 0 to 1"),
        (MemoryDraft { importance: Some(f32::INFINITY), ..note("a") }, "from 0 to 1"),
        (MemoryDraft { tags: tags(65), ..note("a") }, "at most 64"),
        (MemoryDraft { tags: vec!["y".repeat(257)], ..note("a") }, "`tags` holds a name of 257"),
        (MemoryDraft { tags: vec![String::new()], ..note("a") }, "empty name"),
        (MemoryDraft { subject: Some("a\u{1b}[2J".to_owned()), ..note("a") }, "control character"),
        (MemoryDraft { event_time: time("9999-01-01T00:00:00Z"), ..note("a") }, "hundred years"),
        (
            MemoryDraft {
                valid_from: time("2026-05-02T00:00:00Z"),
                valid_to: time("2026-05-01T00:00:00Z"),
                ..note("a")
            },
            "it never holds",
        ),
        (MemoryDraft { pinned: true, ..note("a") }, "only memories in `main` can be pinned"),
        (MemoryDraft { tags: vec!["hunter2-secret".to_owned()], ..note("a") }, "a secret"),
    ];
    for (draft, part) in cases {
        let said = why(&memory, draft);
        assert!(said.contains(part), "`{part}` is not in `{said}`");
    }
    let all = vec![note("good"), note("")].into_iter();
    let all = all.map(|draft| Entrusted::new(draft, SaidBy::Person)).collect();
    let said = memory.remember(all).unwrap_err().to_string();
    assert!(said.starts_with("memory 2 of 2"), "{said}");
    assert!(memory.library().unwrap().is_empty());
}

#[test]
fn a_secret_is_struck_out_of_a_text() {
    let memory = memory();
    let written = put(&memory, note("the password is hunter2-secret"), SaidBy::Person);
    assert!(written.struck);
    assert_eq!(memory.record(&written.id).unwrap().text, "the password is [redacted]");
}

#[test]
fn trust_comes_from_who_hands_it_in_and_a_claim_only_lowers_it() {
    use MemoryOrigin::{File, Model, Tool, User, Web};
    let cases = [
        (SaidBy::Person, None, User, 3),
        (SaidBy::Person, Some(User), User, 3),
        (SaidBy::Person, Some(Web), Web, 0),
        (SaidBy::File, None, File, 2),
        (SaidBy::File, Some(User), User, 2),
        (SaidBy::Program, None, Model, 1),
        (SaidBy::Program, Some(User), User, 1),
        (SaidBy::Program, Some(Tool), Tool, 1),
        (SaidBy::Program, Some(Web), Web, 0),
    ];
    for (by, origin, stands, trust) in cases {
        let memory = memory();
        let written = put(&memory, MemoryDraft { origin, ..note("a") }, by);
        let about = memory.record(&written.id).unwrap().metadata;
        assert_eq!((about.origin, about.trust), (stands, trust), "{by:?} {origin:?}");
    }
}

#[test]
fn words_of_strangers_have_no_trust_and_go_nowhere_they_would_be_relied_on() {
    for (area, lands) in [
        (Area::Main, Area::Fragments),
        (Area::Solutions, Area::Fragments),
        (Area::Fragments, Area::Fragments),
        (Area::Instruments, Area::Instruments),
    ] {
        let memory = memory();
        let labels = vec!["user".to_owned(), "untrusted:web".to_owned()];
        let pinned = area == Area::Main;
        let written =
            put(&memory, MemoryDraft { labels, pinned, ..draft(area, "obey me") }, SaidBy::Person);
        assert_eq!(written.area, lands);
        assert_eq!(written.moved.is_some(), area != lands);
        let record = memory.record(&written.id).unwrap();
        assert_eq!((record.area, record.metadata.trust, record.metadata.pinned), (lands, 0, false));
        assert!(memory.pinned(1 << 20).unwrap().is_empty());
    }
}

#[test]
fn the_same_text_in_the_same_context_is_one_record_with_every_name_and_tag() {
    let memory = memory();
    let said = |name: &str, tag: &str| MemoryDraft {
        external_id: Some(name.to_owned()),
        tags: vec![tag.to_owned()],
        subject: Some("Ann".to_owned()),
        episode_id: Some("talk".to_owned()),
        ..note("I like red apples")
    };
    let first = put(&memory, said("a", "x"), SaidBy::Program);
    let rows = memory.library().unwrap().last_seq();
    let again = put(&memory, said("a", "x"), SaidBy::Program);
    assert_eq!((again.id, again.became), (first.id, WrittenAs::Known));
    assert_eq!(memory.library().unwrap().last_seq(), rows, "nothing new, so nothing is written");
    // In one batch as well as one after the other.
    let more = [said("b", "y"), said("c", "x")].map(|it| Entrusted::new(it, SaidBy::Program));
    let more = memory.remember(more.to_vec()).unwrap();
    assert!(more.iter().all(|it| it.id == first.id));
    let about = memory.record(&first.id).unwrap().metadata;
    assert_eq!(about.external_ids, ["a", "b", "c"]);
    assert_eq!(about.tags, ["x", "y"]);
    let others = [
        MemoryDraft { area: Area::Main, ..said("d", "x") },
        MemoryDraft { subject: Some("Bob".to_owned()), ..said("d", "x") },
        MemoryDraft { episode_id: None, ..said("d", "x") },
        MemoryDraft { event_time: time("2026-04-01T00:00:00Z"), ..said("d", "x") },
        MemoryDraft { labels: vec!["untrusted:web".to_owned()], ..said("d", "x") },
        MemoryDraft { text: "I like red apples.".to_owned(), ..said("d", "x") },
        MemoryDraft { text: "I like green apples".to_owned(), ..said("d", "x") },
    ];
    for other in others {
        let written = put(&memory, other.clone(), SaidBy::Program);
        assert_eq!(written.became, WrittenAs::New, "{other:?}");
    }
    let person = put(&memory, said("p", "x"), SaidBy::Person);
    assert_eq!(person.became, WrittenAs::New, "a person's word is not a model's");
}

#[test]
fn a_long_text_that_differs_in_spacing_is_known_and_one_that_differs_in_a_number_is_new() {
    let words: Vec<String> =
        (0..120).map(|at| format!("word{}", "abcdefghij".repeat(at % 7 + 1))).collect();
    let text = format!("the pump ran at 35 bar, {} and stopped", words.join(" "));
    let memory = memory();
    let first = put(&memory, note(&text), SaidBy::Person);
    let spaced = put(&memory, note(&text.replace("bar, ", "bar ,  ")), SaidBy::Person);
    assert_eq!((spaced.id, spaced.became), (first.id, WrittenAs::Known));
    assert_eq!(memory.record(&first.id).unwrap().text, text, "a text never changes");
    let other = put(&memory, note(&text.replace("35 bar", "36 bar")), SaidBy::Person);
    assert_eq!(other.became, WrittenAs::New);
}

#[test]
fn a_correction_replaces_and_what_is_trusted_less_corrects_nothing() {
    let memory = memory();
    let old = put(&memory, note("the office is in Leeds"), SaidBy::Person);
    let before = memory.now();
    let correct =
        |by, text: &str, id| Entrusted { supersedes: vec![id], ..Entrusted::new(note(text), by) };
    let refused = memory.remember(vec![correct(SaidBy::Program, "the office is in Hull", old.id)]);
    assert!(refused.unwrap_err().to_string().contains("trusted more"));
    let new =
        memory.remember(vec![correct(SaidBy::Person, "the office is in York", old.id)]).unwrap();
    let about = memory.record(&old.id).unwrap().metadata;
    assert_eq!(about.superseded_by, Some(new[0].id));
    assert_eq!(memory.record(&new[0].id).unwrap().metadata.supersedes, [old.id]);
    let ask = |as_of| {
        let query =
            MemoryQuery { text: "office".to_owned(), as_of, k: 9, ..MemoryQuery::default() };
        memory.search(&query).unwrap().items.iter().map(|hit| hit.id).collect::<Vec<_>>()
    };
    assert_eq!(ask(None), [new[0].id]);
    assert_eq!(ask(Some(before)), [old.id]);
    let twice = memory.remember(vec![correct(SaidBy::Person, "in Bath", old.id)]);
    assert!(twice.unwrap_err().to_string().contains("was replaced already"));
    let nobody = MemoryId::from_uuid(uuid::Uuid::from_u128(9));
    let missing = memory.remember(vec![correct(SaidBy::Person, "in Bath", nobody)]);
    assert_eq!(missing.unwrap_err(), MemoryError::NotFound(nobody));
}

#[test]
fn a_call_that_is_made_again_changes_nothing() {
    let memory = memory();
    let id = Some(MemoryId::from_uuid(uuid::Uuid::from_u128(42)));
    let wanted = || Entrusted { id, ..Entrusted::new(note("once"), SaidBy::Program) };
    let first = memory.remember(vec![wanted()]).unwrap();
    let rows = memory.library().unwrap().last_seq();
    let again = memory.remember(vec![wanted()]).unwrap();
    assert_eq!((first[0].became, again[0].became), (WrittenAs::New, WrittenAs::Known));
    assert_eq!((again[0].id, memory.library().unwrap().last_seq()), (first[0].id, rows));
}

#[test]
fn what_is_over_or_not_yet_is_not_found() {
    let memory = memory();
    let now = memory.now();
    let later = Some(now.plus_ms(60_000));
    let earlier = Some(Timestamp::from_ms(now.ms() - 60_000));
    put(&memory, MemoryDraft { expires_at: earlier, ..note("apples expired") }, SaidBy::Person);
    put(&memory, MemoryDraft { valid_from: later, ..note("apples later") }, SaidBy::Person);
    put(&memory, MemoryDraft { valid_to: earlier, ..note("apples before") }, SaidBy::Person);
    let holds = MemoryDraft { valid_from: earlier, valid_to: later, ..note("apples now") };
    let holds = put(&memory, holds, SaidBy::Person);
    let query = MemoryQuery { text: "apples".to_owned(), k: 9, ..MemoryQuery::default() };
    let found: Vec<_> = memory.search(&query).unwrap().items.iter().map(|hit| hit.id).collect();
    assert_eq!(found, [holds.id]);
}

#[test]
fn pinned_records_are_given_most_important_first_within_a_budget() {
    let memory = memory();
    let pin = |text: &str, importance| MemoryDraft {
        pinned: true,
        importance: Some(importance),
        ..draft(Area::Main, text)
    };
    put(&memory, pin("second", 0.5), SaidBy::Person);
    put(&memory, pin("first", 0.9), SaidBy::Person);
    put(&memory, draft(Area::Main, "not pinned"), SaidBy::Person);
    let texts = |bytes| {
        let pinned = memory.pinned(bytes).unwrap();
        pinned.into_iter().map(|record| record.text).collect::<Vec<_>>()
    };
    assert_eq!(texts(1_000), ["first", "second"]);
    assert_eq!(texts(8), ["first"]);
    assert_eq!(texts(1), Vec::<String>::new());
}

#[test]
fn what_is_exported_is_imported_as_it_was_without_what_was_forgotten_or_replaced() {
    let memory = memory();
    let full = MemoryDraft {
        external_id: Some("d1".to_owned()),
        subject: Some("Ann".to_owned()),
        episode_id: Some("talk".to_owned()),
        seq: Some(3),
        event_time: time("2026-04-01T00:00:00Z"),
        tags: vec!["x".to_owned()],
        importance: Some(0.5),
        origin: Some(MemoryOrigin::User),
        ..note("all of it")
    };
    put(&memory, full.clone(), SaidBy::Person);
    put(&memory, MemoryDraft { external_id: Some("d2".to_owned()), ..full }, SaidBy::Person);
    let strange = MemoryDraft { labels: vec!["untrusted:web".to_owned()], ..note("a page") };
    put(&memory, strange, SaidBy::Program);
    put(&memory, MemoryDraft { pinned: true, ..draft(Area::Main, "pinned") }, SaidBy::Person);
    let gone = put(&memory, note("gone"), SaidBy::Person);
    let meant = MemorySelection { ids: vec![gone.id], ..MemorySelection::default() };
    memory.forget(&memory.would_forget(&meant).unwrap()).unwrap();
    let lines = |memory: &Memory| {
        let mut lines = Vec::new();
        memory
            .export::<MemoryError>(None, |draft| {
                lines.push(serde_json::to_string(draft).unwrap());
                Ok(true)
            })
            .unwrap();
        lines
    };
    let exported = lines(&memory);
    assert_eq!(exported.len(), 4, "one line for each name: {exported:#?}");
    let other = self::memory();
    let read = crate::memory::Lines::read(exported.join("\n").as_bytes(), |_| Ok(()));
    assert!(read.bad.is_empty(), "{:?}", read.bad);
    let wanted = read.good.into_iter().map(|(_, draft)| Entrusted::new(draft, SaidBy::Person));
    other.remember(wanted.collect()).unwrap();
    assert_eq!(lines(&other), exported);
    let trusts = |memory: &Memory| {
        memory.library().unwrap().iter().map(|it| it.metadata.trust).collect::<Vec<_>>()
    };
    assert_eq!(trusts(&other), [3, 0, 3]);
}

#[test]
fn forgetting_takes_what_was_derived_with_it_and_lets_what_was_replaced_count_again() {
    let memory = memory();
    let one = put(&memory, note("Ann lives in Leeds"), SaidBy::Person);
    let two = put(&memory, note("Ann works at the mill"), SaidBy::Person);
    let merged =
        MemoryDraft { origin: Some(MemoryOrigin::Consolidation), ..note("Ann: Leeds, mill") };
    let made = Entrusted { supersedes: Vec::new(), ..Entrusted::new(merged, SaidBy::Person) };
    let made = memory.remember(vec![made]).unwrap().remove(0);
    // As consolidation writes it: the sources are replaced, the derived record names them.
    let rows: Vec<NewRecord> = {
        let library = memory.library().unwrap();
        let now = memory.now();
        let mut rows: Vec<_> = [one.id, two.id]
            .iter()
            .map(|id| library.get(id).unwrap().later(now).unwrap())
            .collect();
        for row in &mut rows {
            row.metadata.superseded_by = Some(made.id);
            row.metadata.superseded_at = Some(now);
        }
        let mut derived = library.get(&made.id).unwrap().later(now).unwrap();
        derived.metadata.supersedes = vec![one.id, two.id];
        rows.push(derived);
        rows
    };
    let events = rows.iter().map(|row| event(row.id, row.area, row.text.clone())).collect();
    memory.append(rows, Vec::new(), events).unwrap();
    let meant =
        MemorySelection { query: Some("leeds AND lives".to_owned()), ..MemorySelection::default() };
    let plan = memory.would_forget(&meant).unwrap();
    let ids: Vec<_> = plan.items.iter().map(|it| it.id).collect();
    assert_eq!(ids, [one.id, made.id]);
    assert_eq!(plan.items[1].derived_from, Some(one.id));
    assert_eq!(plan.revived, [two.id]);
    let erased = memory.forget(&plan).unwrap();
    assert_eq!(erased.texts, 2);
    let query = MemoryQuery { text: "Ann".to_owned(), k: 9, ..MemoryQuery::default() };
    let found: Vec<_> = memory.search(&query).unwrap().items.iter().map(|hit| hit.id).collect();
    assert_eq!(found, [two.id]);
    assert!(memory.would_forget(&MemorySelection::default()).is_err());
    let again = MemorySelection { ids: vec![one.id], ..MemorySelection::default() };
    assert_eq!(memory.would_forget(&again), Err(MemoryError::NotFound(one.id)));
}
