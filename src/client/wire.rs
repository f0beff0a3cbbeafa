//! Events as they come over the wire.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::contracts::{Event, EventKind, Hash, Timestamp};

/// An event of a run. Its payload is kept byte for byte, so that its hash can be checked.
#[derive(Debug, Clone, Deserialize)]
pub struct WireEvent {
    /// The run.
    pub run_id: String,
    /// 1, 2, 3… without holes.
    pub seq: u64,
    /// The cursor over all runs.
    pub global_seq: u64,
    /// When it was journalled.
    pub at: Timestamp,
    /// The kind, which may be newer than this program.
    pub kind: String,
    /// The payload.
    pub payload: Box<RawValue>,
    /// The hash of the event before.
    pub prev_hash: Hash,
    /// Its hash.
    pub hash: Hash,
}

impl WireEvent {
    /// The event as it stands in the journal, unless its kind is newer than this program.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        Some(Event {
            run_id: self.run_id.clone(),
            seq: self.seq,
            global_seq: self.global_seq,
            at: self.at,
            kind: EventKind::parse(&self.kind)?,
            payload: self.payload.get().into(),
            prev_hash: self.prev_hash,
            hash: self.hash,
        })
    }
}
