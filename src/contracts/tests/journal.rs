//! The journal's hash, fixed for ever: a chain that was written once must verify in every version.

use crate::contracts::*;

const RUN: &str = "run_0190a0b1c2d37e4f8a9b0c1d2e3f4a5b";
const PAYLOAD: &str = "{\"path\":\"status\",\"attempt\":1}";

fn hash_of(prev: &Hash, run: &str, seq: u64, at_ms: i64, kind: EventKind, payload: &str) -> Hash {
    event_hash(prev, run, seq, Timestamp::from_ms(at_ms), kind, payload)
}

#[test]
fn the_hash_of_an_event_is_exactly_this() {
    let first = hash_of(&Hash::ZERO, RUN, 1, 1_777_618_800_000, EventKind::StepStarted, PAYLOAD);
    let second = hash_of(&first, RUN, 2, 1_777_618_800_001, EventKind::RunResumed, "{}");
    let system = hash_of(&Hash::ZERO, RunId::SYSTEM_TEXT, 1, 0, EventKind::PolicyReloaded, "");
    assert_eq!(
        [first, second, system].map(|hash| hash.to_string()),
        [
            "87eb512c2f07431d036c6e46b05166ccc4c47df23a237027c721dfb51cf80a56",
            "48af83b326a33bcab4ccb58b63196f8fba7a01b376e10aff38cdbe79efb40782",
            "881a9d364f6cf90967903f6acc525ea97901efbb73692b3f684a25bde8aa2ebc",
        ]
    );
}

#[test]
fn the_hash_is_over_the_bytes_that_the_contract_names() {
    let mut bytes = b"bailiwick.event.v1".to_vec();
    bytes.extend([0; 32]);
    bytes.extend((RUN.len() as u64).to_le_bytes());
    bytes.extend(RUN.as_bytes());
    bytes.extend([8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([8, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0]);
    bytes.extend([12, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(b"step.started");
    bytes.extend((PAYLOAD.len() as u64).to_le_bytes());
    bytes.extend(PAYLOAD.as_bytes());
    assert_eq!(
        hash_of(&Hash::ZERO, RUN, 7, 1_000, EventKind::StepStarted, PAYLOAD),
        Hash::of(&bytes)
    );
}

#[test]
fn every_part_of_an_event_is_in_its_hash() {
    let kind = EventKind::StepStarted;
    let event = Event {
        run_id: RUN.to_owned(),
        seq: 1,
        global_seq: 9,
        at: Timestamp::from_ms(1),
        kind,
        payload: PAYLOAD.into(),
        prev_hash: Hash::ZERO,
        hash: hash_of(&Hash::ZERO, RUN, 1, 1, kind, PAYLOAD),
    };
    assert!(event.hash_holds());
    assert!(Event { global_seq: 10, ..event.clone() }.hash_holds(), "the cursor is not hashed");
    for changed in [
        Event { run_id: RUN.replace('b', "c"), ..event.clone() },
        Event { seq: 2, ..event.clone() },
        Event { at: Timestamp::from_ms(2), ..event.clone() },
        Event { kind: EventKind::StepFinished, ..event.clone() },
        Event { payload: PAYLOAD.replace(':', ": ").into(), ..event.clone() },
        Event { prev_hash: Hash::of(b"x"), ..event.clone() },
        Event { hash: Hash::ZERO, ..event.clone() },
    ] {
        assert!(!changed.hash_holds(), "{changed:?}");
    }
}

#[test]
fn what_stands_in_one_field_cannot_move_into_the_next() {
    let one = hash_of(&Hash::ZERO, "run_a", 1, 1, EventKind::RunPaused, "{}");
    let other = hash_of(&Hash::ZERO, "run_", 1, 1, EventKind::RunPaused, "a{}");
    assert_ne!(one, other);
}

#[test]
fn a_payload_that_does_not_fit_its_kind_is_refused() {
    for (kind, payload) in [
        (EventKind::StepStarted, "{\"path\":\"a\"}"),
        (EventKind::StepStarted, "{\"path\":\"a\",\"attempt\":-1}"),
        (EventKind::StepStarted, "{\"path\":\"a\",\"attempt\":1,\"x\":1}"),
        (EventKind::StepStarted, "{\"path\":\"a\",\"attempt\":1} {}"),
        (EventKind::StepStarted, ""),
        (EventKind::ModelAsked, "{}"),
    ] {
        assert!(EventBody::parse(kind, payload).is_err(), "{kind:?} {payload}");
    }
    assert!(EventBody::parse(EventKind::StepStarted, PAYLOAD).is_ok());
}

#[test]
fn a_stored_text_can_be_forgotten_without_its_hash_giving_it_away() {
    let (one, other) =
        (Stored::new(b"yes".to_vec(), [1; 32]), Stored::new(b"yes".to_vec(), [2; 32]));
    assert_ne!(one.reference.salted_hash, other.reference.salted_hash);
    assert_ne!(one.reference.salted_hash, Hash::of(b"yes"));
    assert_eq!(one.reference.bytes, 3);
    let salted = [&[1; 32][..], b"yes"].concat();
    assert_eq!(one.reference.salted_hash, Hash::of(&salted));
    assert_eq!(one.reference.blob, format!("blob_{}", &Hash::of(&salted).to_string()[..32]));
}
