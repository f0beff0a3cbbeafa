//! Records as other programs have them: chats with a model, long documents without anything beside their text.

use std::sync::Arc;

use super::tests::{Ram, ask, search, texts};
use super::{Engine, Settings};
use crate::contracts::{Area, MemoryMetadata, MemoryOrigin};
use crate::memory::Library;
use crate::ports::RecordLog;

/// The texts that are found with the built-in embedder, best first.
fn first_of(records: &[(&str, MemoryMetadata)], question: &str) -> Vec<String> {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = Library::default();
    for (text, metadata) in records {
        log.write(&mut library, Area::Fragments, text, metadata.clone());
    }
    let embedder = crate::providers::embed::Static::shared().unwrap();
    let shared: Arc<dyn RecordLog> = Arc::<Ram>::clone(&log);
    let engine = Engine::open(dir.path(), shared, Some(Arc::new(embedder)), Settings::default());
    assert!(engine.wait_for_vectors(&library));
    texts(&search(&engine, &library, &ask(question))).into_iter().map(str::to_owned).collect()
}

#[test]
fn in_a_chat_what_the_person_said_comes_before_what_the_model_made_of_it() {
    let turn = |seq: u64, origin: MemoryOrigin| MemoryMetadata {
        origin,
        trust: origin.trust(),
        episode_id: Some("chat".to_owned()),
        seq: Some(seq),
        ..MemoryMetadata::default()
    };
    let (user, model) = (MemoryOrigin::User, MemoryOrigin::Model);
    let records = [
        ("I am planning the harvest festival. Which tents would you rent?", turn(0, user)),
        (
            "For a harvest festival, large tents are best. Consider pole tents and frame tents.",
            turn(1, model),
        ),
        (
            "We moved the harvest festival to the quarry because the meadow floods. Can you adjust the plan?",
            turn(2, user),
        ),
        (
            "Of course! Here is the adjusted plan for the harvest festival: rent tents, hire a band, order food.",
            turn(3, model),
        ),
        ("Thanks. What should a band cost?", turn(4, user)),
        (
            "A band costs between four hundred and two thousand, depending on its size.",
            turn(5, model),
        ),
    ];
    let found = first_of(&records, "Where did I move the harvest festival to?");
    assert_eq!(found[0], records[2].0, "{found:?}");
    let found = first_of(&records, "What did you say a band costs?");
    assert!(found[..2].contains(&records[5].0.to_owned()), "{found:?}");
}

#[test]
fn long_texts_without_a_date_subject_or_episode_are_found_by_what_they_say_anywhere() {
    let filler =
        "The flow along the plate was recorded at several stations and compared with theory. ";
    let about = [
        "Heat transfer to a blunt cone in a rarefied gas stream was measured in a shock tube.",
        "Buckling loads of thin cylindrical shells under axial compression scatter widely.",
        "The boundary layer on a rotating propeller separates earlier near the hub.",
        "Flutter of swept wings at transonic speed depends on the mass ratio.",
    ];
    let long = |place: usize, said: &str| {
        let mut parts = vec![filler; 24];
        parts.insert(place, said);
        parts.join(" ")
    };
    // At the beginning, in the middle and at the end.
    for place in [0, 12, 24] {
        let texts: Vec<String> = about.iter().map(|said| long(place, said)).collect();
        let records: Vec<(&str, MemoryMetadata)> =
            texts.iter().map(|text| (text.as_str(), MemoryMetadata::default())).collect();
        for (question, wanted) in [
            ("what is known about heating of blunt cones in low density hypersonic streams", 0),
            (
                "why do experimental results for the buckling of cylindrical shells differ so much",
                1,
            ),
            (
                "does rotation of propeller blades delay or hasten separation of the boundary layer",
                2,
            ),
            ("which parameters govern transonic flutter of wings with sweep", 3),
        ] {
            assert_eq!(first_of(&records, question)[0], texts[wanted], "{place}: {question}");
        }
    }
}
