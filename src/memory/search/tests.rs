//! The engine over a log in memory.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{Engine, Settings};
use crate::contracts::{
    Area, Hash, MemoryAnswer, MemoryId, MemoryMetadata, MemoryOrigin, MemoryProposal, MemoryQuery,
    RecordRow, SearchMode, TextRef, Timestamp,
};
use crate::memory::{Library, VectorSearch};
use crate::ports::{EmbedError, Embedder, Erased, LogError, RecordAppend, RecordLog};

/// A log in memory.
#[derive(Debug, Default)]
pub(super) struct Ram {
    rows: Mutex<Vec<RecordRow>>,
    texts: Mutex<std::collections::HashMap<String, String>>,
}

impl RecordLog for Ram {
    fn rows_after(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, LogError> {
        let rows = self.rows.lock().unwrap();
        let after = rows.iter().filter(|row| row.record_seq > after);
        Ok(after.take(limit as usize).cloned().collect())
    }

    fn text(&self, text: &TextRef) -> Result<Option<String>, LogError> {
        Ok(self.texts.lock().unwrap().get(&text.blob).cloned())
    }

    fn append(&self, _: RecordAppend) -> Result<(), LogError> {
        Err(LogError("written to by hand alone".to_owned()))
    }

    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError> {
        Ok(Vec::new())
    }

    fn erase(
        &self,
        _: &[MemoryId],
        _: Vec<crate::contracts::EventBody>,
        _: Timestamp,
    ) -> Result<Erased, LogError> {
        Err(LogError("written to by hand alone".to_owned()))
    }
}

impl Ram {
    pub(super) fn write(
        &self,
        library: &mut Library,
        area: Area,
        text: &str,
        metadata: MemoryMetadata,
    ) -> u64 {
        let mut rows = self.rows.lock().unwrap();
        let seq = rows.len() as u64 + 1;
        let blob = format!("t{seq}");
        self.texts.lock().unwrap().insert(blob.clone(), text.to_owned());
        let hash = Hash::of(text.as_bytes());
        let row = RecordRow {
            record_seq: seq,
            id: MemoryId::from_uuid(uuid::Uuid::from_u128(u128::from(seq))),
            area,
            text: TextRef { salted_hash: hash, bytes: text.len() as u64, blob },
            metadata,
            created_at: now(),
            updated_at: now(),
            content_hash: Some(hash),
        };
        rows.push(row.clone());
        library.apply(row);
        seq
    }

    fn change(&self, library: &mut Library, number: u64, change: impl FnOnce(&mut RecordRow)) {
        let mut rows = self.rows.lock().unwrap();
        let id = MemoryId::from_uuid(uuid::Uuid::from_u128(u128::from(number)));
        let mut row = rows.iter().rev().find(|row| row.id == id).unwrap().clone();
        row.record_seq = rows.len() as u64 + 1;
        change(&mut row);
        rows.push(row.clone());
        library.apply(row);
    }
}

/// Words as directions: texts that share words are near.
#[derive(Debug)]
pub(super) struct Bag;

impl Embedder for Bag {
    fn id(&self) -> &str {
        "bag-1"
    }

    fn dimension(&self) -> usize {
        64
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let one = |text: &&str| {
            let mut row = vec![0.0_f32; 64];
            for (_, word) in crate::recall::words(text) {
                let place = blake3::hash(word.to_lowercase().as_bytes()).as_bytes()[0] % 64;
                row[usize::from(place)] += 1.0;
            }
            let length = row.iter().map(|it| it * it).sum::<f32>().sqrt();
            row.iter_mut().for_each(|it| *it /= length.max(1e-9));
            row
        };
        Ok(texts.iter().map(one).collect())
    }
}

pub(super) fn now() -> Timestamp {
    "2026-05-13T09:00:00Z".parse().unwrap()
}

/// The ways of searching vectors: what is true of one is true of the other.
pub(super) const WAYS: [VectorSearch; 2] = [VectorSearch::Exact, VectorSearch::Hnsw];

pub(super) fn open(dir: &Path, log: &Arc<Ram>, vector: VectorSearch) -> Engine {
    let log: Arc<dyn RecordLog> = Arc::<Ram>::clone(log);
    let settings = Settings { gather: std::time::Duration::ZERO, vector, ..Settings::default() };
    Engine::open(dir, log, Some(Arc::new(Bag)), settings)
}

pub(super) fn ask(text: &str) -> MemoryQuery {
    MemoryQuery { text: text.to_owned(), k: 5, ..MemoryQuery::default() }
}

pub(super) fn texts(answer: &MemoryAnswer) -> Vec<&str> {
    answer.items.iter().map(|hit| hit.text.as_str()).collect()
}

pub(super) fn search(engine: &Engine, library: &Library, query: &MemoryQuery) -> MemoryAnswer {
    engine.search(library, query, now()).unwrap()
}

pub(super) const TEXTS: [&str; 6] = [
    "The deployment script needs the staging token",
    "Grace prefers tea over coffee",
    "Running the migrations took eleven minutes",
    "The printer on the second floor is broken",
    "Coffee beans are ordered every second Monday",
    "The staging server moved to a new address",
];

pub(super) fn filled(log: &Ram) -> Library {
    let mut library = Library::default();
    for text in TEXTS {
        log.write(&mut library, Area::Fragments, text, MemoryMetadata::default());
    }
    library
}

#[test]
fn a_record_is_found_at_once_and_after_the_indexes_have_it() {
    WAYS.into_iter().for_each(a_record_is_found_at_once_and_after_the_indexes_have_it_with);
}

fn a_record_is_found_at_once_and_after_the_indexes_have_it_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let library = filled(&log);
    let engine = open(dir.path(), &log, way);
    for mode in [SearchMode::Lexical, SearchMode::Hybrid, SearchMode::Vector] {
        let query = MemoryQuery { mode, ..ask("migration run") };
        if mode != SearchMode::Vector {
            assert_eq!(texts(&search(&engine, &library, &query))[0], TEXTS[2], "{mode:?}");
        }
        assert!(engine.wait_for_vectors(&library));
        let answer = search(
            &engine,
            &library,
            &MemoryQuery { text: "migrations minutes".to_owned(), ..query },
        );
        assert_eq!(texts(&answer)[0], TEXTS[2], "{mode:?}");
        assert_eq!(answer.degraded, Vec::<String>::new());
    }
}

#[test]
fn fresh_records_score_as_the_index_scores_them() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let library = filled(&log);
    let query = MemoryQuery { mode: SearchMode::Lexical, ..ask("second staging coffee server") };
    let scores = |engine: &Engine| -> Vec<(String, f32)> {
        let answer = search(engine, &library, &query);
        answer.items.iter().map(|it| (it.text.clone(), it.why.lexical_score.unwrap())).collect()
    };
    let reading = Settings { writes: false, ..Settings::default() };
    let engine =
        Engine::open(dir.path(), Arc::<Ram>::clone(&log) as Arc<dyn RecordLog>, None, reading);
    let fresh = scores(&engine);
    drop(engine);
    let engine = open(dir.path(), &log, VectorSearch::Exact);
    engine.wait_for_vectors(&library);
    for (fresh, indexed) in fresh.iter().zip(scores(&engine)) {
        assert_eq!(fresh.0, indexed.0);
        assert!((fresh.1 - indexed.1).abs() < 0.05 * indexed.1, "{fresh:?} {indexed:?}");
    }
}

#[test]
fn indexes_are_there_after_a_restart_and_know_what_changed_meanwhile() {
    WAYS.into_iter()
        .for_each(indexes_are_there_after_a_restart_and_know_what_changed_meanwhile_with);
}

fn indexes_are_there_after_a_restart_and_know_what_changed_meanwhile_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = filled(&log);
    let engine = open(dir.path(), &log, way);
    assert!(engine.wait_for_vectors(&library));
    drop(engine);
    log.write(&mut library, Area::Main, "The printer was repaired", MemoryMetadata::default());
    log.change(&mut library, 4, |row| row.metadata.superseded_at = Some(now()));
    log.change(&mut library, 1, |row| row.metadata.archived = true);
    let engine = open(dir.path(), &log, way);
    assert_eq!(texts(&search(&engine, &library, &ask("printer")))[0], "The printer was repaired");
    assert!(!texts(&search(&engine, &library, &ask("broken printer"))).contains(&TEXTS[3]));
    assert!(!texts(&search(&engine, &library, &ask("deployment script"))).contains(&TEXTS[0]));
    assert!(engine.wait_for_vectors(&library));
    assert_eq!(engine.verify(&library), []);
}

#[test]
fn questions_filter_by_everything_they_name() {
    WAYS.into_iter().for_each(questions_filter_by_everything_they_name_with);
}

fn questions_filter_by_everything_they_name_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = Library::default();
    let about = |subject: &str, tags: &[&str], trust: u8, day: &str| MemoryMetadata {
        subject: Some(subject.to_owned()),
        tags: tags.iter().map(|it| (*it).to_owned()).collect(),
        trust,
        event_time: Some(format!("{day}T12:00:00Z").parse().unwrap()),
        ..MemoryMetadata::default()
    };
    log.write(&mut library, Area::Main, "a note on tea", about("Ada", &["x"], 3, "2026-01-01"));
    log.write(
        &mut library,
        Area::Fragments,
        "another note on tea",
        about("Bob", &["x", "y"], 1, "2026-02-01"),
    );
    log.write(
        &mut library,
        Area::Main,
        "tea, and tea",
        MemoryMetadata { pinned: true, ..about("Ada", &[], 3, "2026-01-01") },
    );
    let engine = open(dir.path(), &log, way);
    engine.wait_for_vectors(&library);
    let day = |day: &str| Some(format!("{day}T00:00:00Z").parse().unwrap());
    let tea = || ask("tea note");
    for (query, count) in [
        (tea(), 2),
        (MemoryQuery { areas: vec![Area::Main], ..tea() }, 1),
        (MemoryQuery { tags: vec!["x".to_owned(), "y".to_owned()], ..tea() }, 1),
        (MemoryQuery { subject: Some("ada".to_owned()), ..tea() }, 1),
        (MemoryQuery { trust_min: Some(2), ..tea() }, 1),
        (MemoryQuery { from: day("2026-01-15"), ..tea() }, 1),
        (MemoryQuery { to: day("2026-01-15"), ..tea() }, 1),
        (MemoryQuery { as_of: day("2020-01-01"), ..tea() }, 0),
        (MemoryQuery { k: 1, ..tea() }, 1),
    ] {
        assert_eq!(search(&engine, &library, &query).items.len(), count, "{query:?}");
    }
}

#[test]
fn each_hit_says_why_and_each_cut_why_not() {
    WAYS.into_iter().for_each(each_hit_says_why_and_each_cut_why_not_with);
}

fn each_hit_says_why_and_each_cut_why_not_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = filled(&log);
    let ada = MemoryMetadata {
        subject: Some("Ada".to_owned()),
        origin: MemoryOrigin::User,
        ..MemoryMetadata::default()
    };
    log.write(&mut library, Area::Main, "The staging token is in the vault", ada);
    let engine = open(dir.path(), &log, way);
    engine.wait_for_vectors(&library);
    let query = MemoryQuery { explain: true, k: 1, ..ask("where has Ada put the staging token?") };
    let answer = search(&engine, &library, &query);
    let why = &answer.items[0].why;
    assert_eq!((why.lexical_rank, why.vector_rank), (Some(1), Some(1)));
    let names: Vec<&str> = why.boosts.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(names, ["words", "meaning", "subject", "provenance", "recency"]);
    let sum: f32 = why.boosts.iter().map(|it| it.1).sum();
    assert!((sum - answer.items[0].score).abs() < 1e-3);
    assert_eq!(answer.cut[0].why.cut.as_deref(), Some("only 1 were asked for"));
    assert_eq!(answer.embedder.as_deref(), Some("bag-1"));
}

#[test]
fn what_is_forgotten_is_in_no_file() {
    WAYS.into_iter().for_each(what_is_forgotten_is_in_no_file_with);
}

fn what_is_forgotten_is_in_no_file_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = filled(&log);
    let text = "the word xylophonist";
    let number = log.write(&mut library, Area::Fragments, text, MemoryMetadata::default());
    let engine = open(dir.path(), &log, way);
    assert!(engine.wait_for_vectors(&library));
    let vector: Vec<u8> =
        Bag.embed(&[text]).unwrap()[0].iter().flat_map(|it| it.to_le_bytes()).collect();
    assert_eq!((holds(dir.path(), &vector), holding(dir.path(), "xylophonist")), (true, 1));
    engine.forget(&[number]).unwrap();
    assert_eq!((holds(dir.path(), &vector), holding(dir.path(), "xylophonist")), (false, 0));
    assert_eq!(holding(dir.path(), "coffe"), 2, "the others are there");
    log.change(&mut library, number, |row| row.content_hash = None);
    assert_eq!(engine.verify(&library), []);
}

fn holds(dir: &Path, wanted: &[u8]) -> bool {
    files(dir).iter().any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(wanted.len()).any(|it| it == wanted)
    })
}

/// In how many documents of the index on disk a word stands, deleted ones counted as well.
fn holding(dir: &Path, word: &str) -> u64 {
    let meta = files(dir).into_iter().find(|path| path.ends_with("meta.json")).unwrap();
    let index = tantivy::Index::open_in_dir(meta.parent().unwrap()).unwrap();
    let field = index.schema().get_field("english").unwrap();
    let searcher = index.reader().unwrap().searcher();
    searcher.doc_freq(&tantivy::Term::from_field_text(field, word)).unwrap()
}

pub(super) fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_rebuild_changes_no_answer() {
    WAYS.into_iter().for_each(a_rebuild_changes_no_answer_with);
}

fn a_rebuild_changes_no_answer_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let library = filled(&log);
    let engine = open(dir.path(), &log, way);
    engine.wait_for_vectors(&library);
    let before = search(&engine, &library, &ask("staging coffee"));
    engine.rebuild(&library).unwrap();
    assert_eq!(search(&engine, &library, &ask("staging coffee")), before);
    assert_eq!(engine.verify(&library), []);
}

#[test]
fn an_embedder_that_is_not_in_use_is_refused_by_name() {
    WAYS.into_iter().for_each(an_embedder_that_is_not_in_use_is_refused_by_name_with);
}

fn an_embedder_that_is_not_in_use_is_refused_by_name_with(way: VectorSearch) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let engine = open(dir.path(), &log, way);
    let query = MemoryQuery { embedder: Some("fastembed".to_owned()), ..ask("x") };
    let error = engine.search(&Library::default(), &query, now()).unwrap_err().to_string();
    assert!(error.contains("`fastembed`") && error.contains("`bag-1` is in use"), "{error}");
    let query = MemoryQuery { embedder: Some("bag".to_owned()), ..ask("x") };
    assert!(engine.search(&Library::default(), &query, now()).is_ok());
}

/// Gives what is no vector.
#[derive(Debug)]
struct Broken(f32);

impl Embedder for Broken {
    fn id(&self) -> &str {
        "broken"
    }

    fn dimension(&self) -> usize {
        2
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|_| vec![self.0; if self.0 > 0.0 { 3 } else { 2 }]).collect())
    }
}

#[test]
fn what_is_no_vector_is_refused_and_words_still_answer() {
    for broken in [Broken(f32::NAN), Broken(f32::NEG_INFINITY), Broken(1.0)] {
        let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
        let library = filled(&log);
        let log: Arc<dyn RecordLog> = log;
        let engine = Engine::open(dir.path(), log, Some(Arc::new(broken)), Settings::default());
        assert!(!engine.wait_for_vectors(&library));
        let answer = search(&engine, &library, &ask("printer"));
        assert_eq!(texts(&answer)[0], TEXTS[3]);
        let said = answer.degraded.join("\n");
        assert!(said.contains("no usable vector"), "{said}");
    }
}
