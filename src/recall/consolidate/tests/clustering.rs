//! Which records are gathered, and which never are.

use proptest::prelude::*;

use crate::contracts::{Area, MemoryMetadata, Timestamp};

use super::super::class::{is_untrusted, target_area};
use super::super::{Bounds, Candidate, check, clusters, summary};
use super::candidates;

const SAID: &str = "Backups run every night at 02:00";

/// Changes one candidate.
type Change = fn(&mut Candidate);

fn day(day: i64) -> Timestamp {
    Timestamp::from_ms(day * 86_400_000)
}

#[test]
fn records_of_different_classes_are_never_merged() {
    let changes: &[(&str, Change)] = &[
        ("area", |it| it.area = Area::Instruments),
        ("main", |it| it.area = Area::Main),
        ("subject", |it| it.metadata.subject = Some("alice".to_owned())),
        ("trust", |it| it.metadata.trust = 2),
        ("label", |it| it.metadata.labels = vec!["untrusted:web".to_owned()]),
        ("day", |it| it.metadata.event_time = Some(day(3))),
        ("from", |it| it.metadata.valid_from = Some(day(3))),
        ("to", |it| it.metadata.valid_to = Some(day(3))),
        ("expires", |it| it.metadata.expires_at = Some(day(3))),
        ("pinned", |it| it.metadata.pinned = true),
        ("archived", |it| it.metadata.archived = true),
        ("superseded", |it| it.metadata.superseded_at = Some(day(3))),
    ];
    let plain = candidates(&[SAID, SAID]);
    assert_eq!(clusters(&plain, &|_, _| 1.0, Bounds::default()).clusters.len(), 1);
    for (what, change) in changes {
        let mut pair = candidates(&[SAID, SAID]);
        pair.iter_mut().skip(1).for_each(change);
        let found = clusters(&pair, &|_, _| 1.0, Bounds::default());
        assert!(found.clusters.is_empty(), "{what}");
    }
}

#[test]
fn what_is_like_a_neighbour_of_a_neighbour_is_not_alike() {
    let texts = [
        "the disk is full",
        "the disk is full on the host",
        "the disk is full on the host in the rack",
    ];
    let found = clusters(
        &candidates(&texts),
        &|a, b| if a.abs_diff(b) == 1 { 0.9 } else { 0.1 },
        Bounds::default(),
    );
    let members: Vec<_> = found.clusters.iter().map(|it| it.members.clone()).collect();
    assert_eq!(members, [vec![0, 1]]);
}

#[test]
fn nothing_is_near_by_a_similarity_that_is_no_number() {
    let found = clusters(&candidates(&[SAID, SAID]), &|_, _| f32::NAN, Bounds::default());
    assert!(found.clusters.is_empty());
}

#[test]
fn what_is_too_much_waits() {
    let pair = candidates(&[SAID; 6]);
    let bounds = Bounds { cluster_max: 2, pairs_max: 100, ..Bounds::default() };
    let found = clusters(&pair, &|_, _| 1.0, bounds);
    assert!(found.clusters.iter().all(|it| it.members.len() == 2), "{found:?}");
    let bounds = Bounds { pairs_max: 3, ..Bounds::default() };
    assert_eq!(clusters(&pair, &|_, _| 1.0, bounds).left, 12);
}

#[test]
fn a_summary_has_the_least_trust_and_every_label_of_its_sources() {
    let mut pair = candidates(&[SAID, "Backups run every night at 02:00 on all hosts"]);
    pair[0].metadata.trust = 1;
    pair[0].metadata.tags = vec!["b".to_owned(), "a".to_owned()];
    pair[0].metadata.event_time = Some(day(2));
    pair[1].metadata.labels = vec!["untrusted:web".to_owned()];
    pair[1].metadata.tags = vec!["c".to_owned()];
    pair[1].metadata.event_time = Some(day(1));
    let members: Vec<&Candidate> = pair.iter().collect();
    let summary = summary(&members, None).unwrap();
    assert_eq!(summary.area, Area::Fragments, "a stranger's words stay where they are");
    assert_eq!(summary.metadata.trust, 1);
    assert_eq!(summary.metadata.labels, ["untrusted:web"]);
    assert_eq!(summary.metadata.tags, ["a", "b", "c"]);
    assert_eq!(summary.metadata.supersedes, [pair[0].id, pair[1].id]);
    assert_eq!(summary.span, Some((day(1), day(2))));
}

#[test]
fn only_trusted_fragments_become_solutions_and_nothing_becomes_main() {
    for area in Area::ALL {
        for untrusted in [true, false] {
            let target = target_area(area, untrusted);
            assert!(target == area || (area == Area::Fragments && !untrusted));
            assert!(target != Area::Main || area == Area::Main);
        }
    }
    let labelled = |trust, label: &str| {
        is_untrusted(&MemoryMetadata {
            trust,
            labels: vec![label.to_owned()],
            ..MemoryMetadata::default()
        })
    };
    assert!(labelled(3, "untrusted:web") && labelled(3, "untrusted") && labelled(0, "workspace"));
    assert!(!labelled(1, "workspace"));
}

proptest! {
    /// Whatever is gathered, its extract may stand for it.
    #[test]
    fn an_extract_always_passes_its_own_check(
        sentences in proptest::collection::vec(prop_oneof![
            Just("Backups run every night at 02:00 on db1."),
            Just("Every night at 02:00 backups run on db1."),
            Just("The pool has 8 connections."),
            Just("The pool has eight connections!"),
            Just("The pool does not have 8 connections."),
            Just("Alice met Bob in Paris."),
            Just("In Paris Alice met Bob."),
            Just("Nothing is in /etc/app.conf"),
        ], 1..12),
        cut in 1_usize..4,
    ) {
        let texts: Vec<String> = sentences.chunks(cut).map(|chunk| chunk.join(" ")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let all = candidates(&texts);
        let found = clusters(&all, &|_, _| 1.0, Bounds::default());
        for cluster in &found.clusters {
            let members: Vec<&Candidate> = cluster.members.iter().map(|at| &all[*at]).collect();
            let summary = summary(&members, None).unwrap();
            let sources: Vec<&str> = members.iter().map(|it| it.text.as_str()).collect();
            let checked = check(&sources, &summary.text, &[]);
            prop_assert!(checked.is_sound(), "{sources:?} -> {:?}: {checked}", summary.text);
        }
    }

    /// Any text can be read, and says the same as itself.
    #[test]
    fn any_text_is_read_and_is_like_itself(text in "\\PC{0,80}") {
        let reading = super::super::Reading::of(&text);
        let alike = super::super::same(&reading, &reading);
        prop_assert!(alike.is_ok() || reading == super::super::Reading::default(), "{alike:?}");
        let _ = super::super::orders(&text, &[]);
        let _ = super::super::characters::disguised(&text);
    }
}
