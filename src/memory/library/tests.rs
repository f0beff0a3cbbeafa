use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A row as a test says it: which record, which text, which episode and place, when replaced.
#[derive(Debug, Clone)]
struct Said {
    id: u8,
    text: Option<u8>,
    episode: Option<(u8, Option<u64>)>,
    superseded_at: Option<i64>,
}

fn said() -> impl Strategy<Value = Said> {
    let episode = proptest::option::of((0_u8..3, proptest::option::of(0_u64..6)));
    let replaced = proptest::option::of(0_i64..100);
    (0_u8..12, proptest::option::weighted(0.9, 0_u8..6), episode, replaced)
        .prop_map(|(id, text, episode, superseded_at)| Said { id, text, episode, superseded_at })
}

fn id(number: u8) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(u128::from(number)))
}

fn row(place: usize, said: &Said) -> RecordRow {
    let content = format!("text {:?}", said.text);
    let metadata = MemoryMetadata {
        episode_id: said.episode.map(|(episode, _)| format!("episode-{episode}")),
        seq: said.episode.and_then(|(_, seq)| seq),
        superseded_at: said.superseded_at.map(Timestamp::from_ms),
        ..MemoryMetadata::default()
    };
    RecordRow {
        record_seq: place as u64 + 1,
        id: id(said.id),
        area: Area::Fragments,
        text: crate::contracts::Stored::new(content.clone().into_bytes(), [0; 32]).reference,
        metadata,
        created_at: Timestamp::from_ms(i64::from(said.id)),
        updated_at: Timestamp::from_ms(place as i64),
        content_hash: said.text.map(|_| Hash::of(content.as_bytes())),
    }
}

/// Everything that can be asked of a library, in text.
fn answers(library: &Library) -> Vec<String> {
    let mut said = vec![format!("{} {}", library.len(), library.last_seq())];
    for entry in library.iter() {
        let neighbours: Vec<_> =
            library.neighbours(entry, 2).iter().map(|(far, it)| (*far, it.number)).collect();
        let same = entry.content_hash.iter().flat_map(|hash| library.with_content(hash));
        let mut same: Vec<u64> = same.map(|entry| entry.number).collect();
        same.sort_unstable();
        said.push(format!("{entry:?} {neighbours:?} {same:?}"));
    }
    for episode in 0..3 {
        let episode = format!("episode-{episode}");
        let inside = library.episode(&episode);
        said.push(format!("{:?}", inside.map(|(seq, it)| (seq, it.number)).collect::<Vec<_>>()));
    }
    said
}

proptest! {
    #[test]
    fn a_library_folded_in_pieces_is_the_one_folded_at_once(
        rows in proptest::collection::vec(said(), 0..60),
        cuts in proptest::collection::vec(0_usize..60, 0..4),
    ) {
        let rows: Vec<RecordRow> = rows.iter().enumerate().map(|(at, said)| row(at, said)).collect();
        let mut whole = Library::default();
        rows.iter().cloned().for_each(|row| whole.apply(row));
        let mut pieces = Library::default();
        // Each piece begins again somewhere before where the last one ended.
        for cut in cuts {
            rows.iter().take(cut).cloned().for_each(|row| pieces.apply(row));
        }
        rows.iter().cloned().for_each(|row| pieces.apply(row));
        prop_assert_eq!(answers(&whole), answers(&pieces));
        for number in 0..70 {
            let listed = whole.iter().find(|entry| entry.number == number).map(|it| it.id);
            prop_assert_eq!(whole.numbered(number).map(|it| it.id), listed);
        }
        for entry in whole.iter() {
            let newest = rows.iter().rfind(|row| row.id == entry.id).unwrap();
            prop_assert_eq!(entry.record_seq, newest.record_seq);
            prop_assert_eq!(&entry.content_hash, &newest.content_hash);
        }
    }
}

fn library(rows: &[Said]) -> Library {
    let mut library = Library::default();
    rows.iter().enumerate().for_each(|(at, said)| library.apply(row(at, said)));
    library
}

#[test]
fn neighbours_stand_beside_a_record_in_its_episode_and_nowhere_else() {
    let said = |id, episode, seq| Said {
        id,
        text: Some(id),
        episode: Some((episode, Some(seq))),
        superseded_at: None,
    };
    let library =
        library(&[said(1, 0, 30), said(2, 0, 10), said(3, 1, 20), said(4, 0, 20), said(5, 0, 40)]);
    let near = |number: u8, hops| {
        let entry = library.get(&id(number)).unwrap();
        let found = library.neighbours(entry, hops);
        found.iter().map(|(far, it)| (*far, it.id)).collect::<Vec<_>>()
    };
    assert_eq!(near(4, 1), [(1, id(2)), (1, id(1))]);
    assert_eq!(near(2, 2), [(1, id(4)), (2, id(1))]);
    assert_eq!(near(5, 9), [(3, id(2)), (2, id(4)), (1, id(1))]);
    assert_eq!(near(3, 5), []);
}

#[test]
fn what_was_replaced_still_counts_for_questions_about_earlier_times() {
    let said = |superseded_at| Said { id: 5, text: Some(1), episode: None, superseded_at };
    let library = library(&[said(None), said(Some(50))]);
    let entry = library.get(&id(5)).unwrap();
    let counts = [4, 5, 49, 50, 51].map(|ms| entry.counts_at(Timestamp::from_ms(ms)));
    assert_eq!(counts, [false, true, true, false, false]);
    let forgotten = library_with_forgotten();
    assert!(!forgotten.get(&id(5)).unwrap().counts_at(Timestamp::from_ms(49)));
}

fn library_with_forgotten() -> Library {
    let said = |text| Said { id: 5, text, episode: None, superseded_at: None };
    library(&[said(Some(1)), said(None)])
}
