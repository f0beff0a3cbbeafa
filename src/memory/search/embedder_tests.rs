//! Embedders that are away or changed, and graphs that are old or damaged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::tests::{Bag, Ram, TEXTS, ask, files, filled, open, search, texts};
use super::{Engine, Settings};
use crate::contracts::{Area, MemoryMetadata, MemoryQuery, SearchMode};
use crate::memory::{Library, VectorSearch};
use crate::ports::{EmbedError, Embedder, RecordLog};

/// Away for as long as a test says so, and never able to embed one word.
#[derive(Debug)]
struct Flaky {
    away: Arc<AtomicBool>,
}

/// One that is away, and what brings it back.
fn away() -> (Flaky, Arc<AtomicBool>) {
    let away = Arc::new(AtomicBool::new(true));
    (Flaky { away: Arc::clone(&away) }, away)
}

impl Embedder for Flaky {
    fn id(&self) -> &str {
        "flaky-1"
    }

    fn dimension(&self) -> usize {
        64
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let unavailable = |reason: &str| EmbedError::Unavailable {
            embedder: "flaky".to_owned(),
            reason: reason.to_owned(),
        };
        if self.away.load(SeqCst) {
            return Err(unavailable("it is away"));
        }
        if texts.iter().any(|it| it.contains("unspeakable")) {
            return Err(unavailable("it cannot say that"));
        }
        Bag.embed(texts)
    }
}

fn open_with(dir: &Path, log: &Arc<Ram>, embedder: impl Embedder + 'static) -> Engine {
    let log: Arc<dyn RecordLog> = Arc::<Ram>::clone(log);
    let settings = Settings { gather: Duration::ZERO, ..Settings::default() };
    Engine::open_after(dir, log, Some(Arc::new(embedder)), Some(Arc::new(Bag)), settings)
}

fn wait_until_whole(engine: &Engine, library: &Library) {
    let until = Instant::now() + Duration::from_secs(20);
    while !engine.wait_for_vectors(library) {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_embedder_that_was_away_is_asked_again() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let library = filled(&log);
    let (flaky, is_away) = away();
    let engine = open_with(dir.path(), &log, flaky);
    assert!(!engine.wait_for_vectors(&library));
    let query = MemoryQuery { mode: SearchMode::Lexical, ..ask("printer") };
    let answer = search(&engine, &library, &query);
    assert_eq!(texts(&answer)[0], TEXTS[3]);
    assert!(answer.degraded.join(" ").contains("it is away"), "{:?}", answer.degraded);
    is_away.store(false, SeqCst);
    wait_until_whole(&engine, &library);
    assert_eq!(search(&engine, &library, &query).degraded, Vec::<String>::new());
    assert_eq!(engine.verify(&library), []);
}

#[test]
fn one_text_that_cannot_be_embedded_keeps_no_other_from_it() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = filled(&log);
    log.write(&mut library, Area::Fragments, "an unspeakable word", MemoryMetadata::default());
    let (flaky, is_away) = away();
    is_away.store(false, SeqCst);
    let engine = open_with(dir.path(), &log, flaky);
    assert!(!engine.wait_for_vectors(&library));
    let query = MemoryQuery { mode: SearchMode::Vector, ..ask("coffee on Monday") };
    let answer = search(&engine, &library, &query);
    assert_eq!(texts(&answer)[0], TEXTS[4]);
    assert!(answer.degraded.join(" ").contains("1 records have no vector"), "{answer:?}");
}

#[test]
fn the_embedder_before_answers_until_the_new_one_can() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let library = filled(&log);
    let engine = open(dir.path(), &log, VectorSearch::Exact);
    assert!(engine.wait_for_vectors(&library));
    drop(engine);
    let (flaky, is_away) = away();
    let engine = open_with(dir.path(), &log, flaky);
    assert!(!engine.wait_for_vectors(&library));
    let query = MemoryQuery { mode: SearchMode::Vector, ..ask("coffee on Monday") };
    let answer = search(&engine, &library, &query);
    assert_eq!((texts(&answer)[0], answer.embedder.as_deref()), (TEXTS[4], Some("bag-1")));
    assert!(answer.degraded.join(" ").contains("6 records have no vector of `flaky-1` yet"));
    is_away.store(false, SeqCst);
    wait_until_whole(&engine, &library);
    let answer = search(&engine, &library, &query);
    assert_eq!((texts(&answer)[0], answer.embedder.as_deref()), (TEXTS[4], Some("flaky-1")));
    engine.forget(&[5]).unwrap();
    let left = files(&dir.path().join("vectors"));
    assert!(left.iter().all(|it| it.to_string_lossy().contains("flaky")), "{left:?}");
}

#[test]
fn an_old_graph_is_drawn_anew_and_a_damaged_one_is_not_followed() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = filled(&log);
    let engine = open(dir.path(), &log, VectorSearch::Hnsw);
    assert!(engine.wait_for_vectors(&library));
    assert_eq!(engine.wait_for_graph(), Some(6));
    for number in 0..1_200 {
        let text = format!("note {number} about matter {}", number % 40);
        log.write(&mut library, Area::Fragments, &text, MemoryMetadata::default());
    }
    assert!(engine.wait_for_vectors(&library));
    assert!(engine.wait_for_graph() >= Some(1_206));
    drop(engine);
    let graph = files(dir.path()).into_iter().find(|it| it.ends_with("files/graph")).unwrap();
    let mut bytes = std::fs::read(&graph).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&graph, bytes).unwrap();
    let reading = Settings { writes: false, vector: VectorSearch::Hnsw, ..Settings::default() };
    let shared: Arc<dyn RecordLog> = Arc::<Ram>::clone(&log);
    let reader = Engine::open(dir.path(), shared, Some(Arc::new(Bag)), reading);
    let answer = search(&reader, &library, &ask("matter 7"));
    assert!(answer.degraded.join(" ").contains("is not what was written"), "{answer:?}");
    assert!(answer.items[0].text.ends_with("matter 7"));
    drop(reader);
    let engine = open(dir.path(), &log, VectorSearch::Hnsw);
    assert!(engine.wait_for_vectors(&library));
    assert_eq!(engine.verify(&library), []);
    let answer = search(&engine, &library, &ask("matter 7"));
    assert!(answer.degraded.is_empty() && answer.items[0].text.ends_with("matter 7"));
}
