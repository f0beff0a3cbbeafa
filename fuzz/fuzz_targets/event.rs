//! Any payload is an event that writes itself back, or an error.
#![no_main]

use bailiwick::contracts::{EventBody, EventKind};

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (kind, payload) = input;
    let Some(kind) = EventKind::ALL.get(usize::from(kind) % EventKind::ALL.len()) else { return };
    if let Ok(body) = EventBody::parse(*kind, payload) {
        let Ok(written) = body.payload() else { panic!("{kind:?} cannot be written") };
        assert_eq!(EventBody::parse(*kind, &written).ok(), Some(body));
    }
});
