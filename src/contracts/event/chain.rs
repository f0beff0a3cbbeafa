//! One entry of a journal and its place in the hash chain.

use super::{EventBody, EventKind};
use crate::contracts::{Hash, Timestamp};

/// What begins the input of every event's hash.
const EVENT_DOMAIN: &[u8] = b"bailiwick.event.v1";

/// One entry of a run's journal.
#[derive(Debug, Clone)]
pub struct Event {
    /// The run, or [`crate::contracts::RunId::SYSTEM_TEXT`].
    pub run_id: String,
    /// 1, 2, 3… without holes, per run.
    pub seq: u64,
    /// Store-wide cursor; not part of the hash.
    pub global_seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// What kind of thing happened.
    pub kind: EventKind,
    /// JSON, byte for byte as it was written.
    pub payload: Box<str>,
    /// The hash of the event before it in this run; zeros for the first.
    pub prev_hash: Hash,
    /// The hash of this event.
    pub hash: Hash,
}

impl Event {
    /// Reads the payload as the type that belongs to the kind.
    ///
    /// # Errors
    /// When the payload does not fit the kind, or this build does not know the kind's payload.
    pub fn body(&self) -> Result<EventBody, serde_json::Error> {
        EventBody::parse(self.kind, &self.payload)
    }

    /// Whether the stored hash is the hash of what is stored.
    #[must_use]
    pub fn hash_holds(&self) -> bool {
        event_hash(&self.prev_hash, &self.run_id, self.seq, self.at, self.kind, &self.payload)
            == self.hash
    }
}

/// `BLAKE3("bailiwick.event.v1" ‖ prev ‖ run_id ‖ seq ‖ at_ms ‖ kind ‖ payload)`, where each of the
/// last five is preceded by its length in bytes as a little-endian `u64`, and the two numbers are
/// little-endian 64-bit integers.
#[must_use]
pub fn event_hash(
    prev: &Hash,
    run_id: &str,
    seq: u64,
    at: Timestamp,
    kind: EventKind,
    payload: &str,
) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(EVENT_DOMAIN);
    hasher.update(prev.as_bytes());
    let fields: [&[u8]; 5] = [
        run_id.as_bytes(),
        &seq.to_le_bytes(),
        &at.ms().to_le_bytes(),
        kind.as_str().as_bytes(),
        payload.as_bytes(),
    ];
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    Hash::from_bytes(*hasher.finalize().as_bytes())
}
