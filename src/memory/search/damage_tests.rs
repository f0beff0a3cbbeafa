//! Files of the indexes that are damaged while nobody looks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tests::{Ram, WAYS, ask, files, now, open};
use crate::contracts::{Area, MemoryMetadata};
use crate::memory::{Library, VectorSearch};

const USUAL: u64 = 20;

/// What is done to a file.
fn damage(all: &[PathBuf], random: &mut impl FnMut(usize) -> usize) -> String {
    let path = &all[random(all.len())];
    let mut bytes = std::fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    match random(5) {
        0 if !bytes.is_empty() => {
            let at = random(bytes.len());
            bytes[at] ^= 1 << random(8);
            std::fs::write(path, bytes).unwrap();
            format!("bit of byte {at} of {name}")
        }
        1 if !bytes.is_empty() => {
            let keep = random(bytes.len());
            std::fs::write(path, &bytes[..keep]).unwrap();
            format!("{name} cut to {keep} bytes")
        }
        2 => {
            let more = random(64) + 1;
            bytes.extend((0..more).map(|_| random(256) as u8));
            std::fs::write(path, bytes).unwrap();
            format!("{more} bytes behind {name}")
        }
        3 => {
            std::fs::remove_file(path).unwrap();
            format!("{name} deleted")
        }
        _ => {
            let other = &all[random(all.len())];
            let others = std::fs::read(other).unwrap();
            std::fs::write(path, others).unwrap();
            std::fs::write(other, bytes).unwrap();
            format!("{name} and {} swapped", other.file_name().unwrap().to_string_lossy())
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(path, target).unwrap();
    }
}

/// 20 times with each way of searching vectors; as often as `BAILIWICK_SOAK_CORRUPTIONS` says.
#[test]
fn damaged_indexes_give_no_wrong_text_and_are_whole_again_soon() {
    WAYS.into_iter().for_each(damaged_indexes_are_whole_again);
}

fn damaged_indexes_are_whole_again(way: VectorSearch) {
    #[allow(clippy::disallowed_methods, reason = "how long to go on is said by hand")]
    let said = std::env::var("BAILIWICK_SOAK_CORRUPTIONS").ok();
    let times = said.map_or(USUAL, |text| text.parse().unwrap());
    let (whole, log) = (tempfile::tempdir().unwrap(), Arc::new(Ram::default()));
    let mut library = Library::default();
    let nouns = ["harbour", "teapot", "ledger", "violin", "glacier", "saddle", "lantern", "orchid"];
    for number in 0..64 {
        let text = format!(
            "note {number} tells of the {} and the {}",
            nouns[number % 8],
            nouns[number / 8]
        );
        log.write(&mut library, Area::Fragments, &text, MemoryMetadata::default());
        if number == 40 {
            // A second commit, so that there are several segments and files of vectors.
            assert!(open(whole.path(), &log, way).wait_for_vectors(&library));
        }
    }
    let engine = open(whole.path(), &log, way);
    assert!(engine.wait_for_vectors(&library));
    let query = ask("the violin and the glacier");
    let expected = engine.search(&library, &query, now()).unwrap();
    drop(engine);
    for seed in 0..times {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = |most: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % most
        };
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let all = files(dir.path());
        let what = damage(&all, &mut random);
        let engine = open(dir.path(), &log, way);
        let answer = engine.search(&library, &query, now()).unwrap();
        for hit in &answer.items {
            let entry = library.get(&hit.id).unwrap();
            let text = format!("t{}", entry.number);
            assert_eq!(entry.text.blob, text, "{seed}: {what}");
        }
        assert!(answer.items.iter().any(|it| it.id == expected.items[0].id), "{seed}: {what}");
        assert!(engine.wait_for_vectors(&library), "{seed}: {what}");
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let found = engine.verify(&library);
            if found.is_empty() {
                break;
            }
            assert!(Instant::now() < until, "{seed}: {what}: {found:?}");
        }
        let answer = engine.search(&library, &query, now()).unwrap();
        assert_eq!(answer.degraded, Vec::<String>::new(), "{seed}: {what}");
        let ids = |it: &crate::contracts::MemoryAnswer| {
            it.items.iter().map(|it| it.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&answer), ids(&expected), "{seed}: {what}");
    }
    println!("{times} times damaged with {way:?}, every time whole again");
}
