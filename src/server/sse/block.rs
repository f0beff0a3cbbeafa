//! A block: events that follow each other, encoded once for all clients.

use bytes::{Bytes, BytesMut};

use crate::contracts::{Event, EventBody, RunId};

use super::hub::Topic;

/// Encoded events of one stream, in order. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The cursor of the first event.
    first: u64,
    /// Of each event its cursor and where its text ends.
    ends: std::sync::Arc<[(u64, usize)]>,
    text: Bytes,
    /// The last words of a run whose report is in this block.
    farewell: Option<Bytes>,
}

impl Block {
    /// The events of one topic as text. `None` when there are none.
    pub(super) fn encode(topic: Topic, events: &[Event]) -> Option<Self> {
        let first = topic.cursor_of(events.first()?);
        let size = events.iter().map(|event| event.payload.len() + FRAME_BYTES).sum();
        let mut text = BytesMut::with_capacity(size);
        let mut ends = Vec::with_capacity(events.len());
        let mut farewell = None;
        for event in events {
            write_event(&mut text, topic.cursor_of(event), event);
            ends.push((topic.cursor_of(event), text.len()));
            if matches!(topic, Topic::Run(_)) {
                farewell = last_words(event).or(farewell);
            }
        }
        Some(Self { first, ends: ends.into(), text: text.freeze(), farewell })
    }

    /// The cursor of the first event.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// The cursor of the last event.
    pub(super) fn last(&self) -> u64 {
        self.ends.last().map_or(self.first, |(cursor, _)| *cursor)
    }

    /// How many events it has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How much memory its text takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The text of the events behind `cursor`, without copying; empty when there are none.
    pub(super) fn after(&self, cursor: u64) -> Bytes {
        let passed = self.ends.partition_point(|(at, _)| *at <= cursor);
        let start = match passed.checked_sub(1).and_then(|last| self.ends.get(last)) {
            Some((_, end)) => *end,
            None => 0,
        };
        self.text.slice(start..)
    }

    /// What follows the last event of a run that has ended.
    pub(super) fn farewell(&self) -> Option<&Bytes> {
        self.farewell.as_ref()
    }
}

/// About what stands around a payload, in bytes.
const FRAME_BYTES: usize = 384;

/// One event: its cursor as `id`, its kind as `event`, and one line of JSON as `data`. The payload
/// stands there byte for byte as it is stored.
fn write_event(text: &mut BytesMut, cursor: u64, event: &Event) {
    let (kind, run, seq, global) =
        (event.kind.as_str(), &event.run_id, event.seq, event.global_seq);
    let head = format!(
        "id: {cursor}\nevent: {kind}\ndata: {{\"run_id\":\"{run}\",\"seq\":{seq},\
         \"global_seq\":{global},\"at\":\"{}\",\"kind\":\"{kind}\",\"payload\":",
        event.at,
    );
    text.extend_from_slice(head.as_bytes());
    write_line(text, &event.payload);
    let tail = format!(",\"prev_hash\":\"{}\",\"hash\":\"{}\"}}\n\n", event.prev_hash, event.hash);
    text.extend_from_slice(tail.as_bytes());
}

/// A payload on one line. Stored JSON is compact and has no line breaks; where one stands between
/// two tokens all the same, the line goes on in the next `data:`, which a client joins again.
fn write_line(text: &mut BytesMut, payload: &str) {
    let mut parts = payload.split(['\n', '\r']);
    text.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        text.extend_from_slice(b"\ndata: ");
        text.extend_from_slice(part.as_bytes());
    }
}

/// What a stream ends with once the report is there. It has no id, so that the cursor of a client
/// stays on the last event.
fn last_words(event: &Event) -> Option<Bytes> {
    if event.kind != crate::contracts::EventKind::ReportReady {
        return None;
    }
    let status = match event.body() {
        Ok(EventBody::ReportReady(ready)) => ready.report.outcome.status(),
        // Written by a newer version: that it has ended is known, how is in the event itself.
        _ => return Some(farewell(&event.run_id, "ended")),
    };
    Some(farewell(&event.run_id, status.as_str()))
}

pub(super) fn farewell(run: &str, status: &str) -> Bytes {
    let data = format!("event: end\ndata: {{\"run_id\":\"{run}\",\"status\":\"{status}\"}}\n\n");
    Bytes::from(data)
}

impl Topic {
    /// The number that clients of this topic go on from.
    pub(super) const fn cursor_of(self, event: &Event) -> u64 {
        match self {
            Self::Run(_) => event.seq,
            Self::All => event.global_seq,
        }
    }

    /// The name of the run in the journal, if the topic is one run.
    pub(super) fn run_text(self) -> Option<String> {
        match self {
            Self::Run(run) => Some(RunId::to_string(&run)),
            Self::All => None,
        }
    }
}
