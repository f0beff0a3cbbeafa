//! Records that were found, as a tool answers them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::contracts::{MemoryAnswer, MemoryHit};
use crate::tools::typed::Answer;

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::tools) struct Found {
    /// The record.
    id: String,
    /// Where it belongs: `main`, `fragments`, `solutions` or `instruments`.
    area: String,
    /// Its text.
    text: String,
    /// Who or what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// When what it tells happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
    /// Who or what said it first: `user`, `file`, `tool`, `web`, `model` or `consolidation`.
    origin: String,
    /// How far it is trusted: 0 for a stranger's words, 3 for a person's.
    trust: u8,
    /// Its score; only scores of one answer compare.
    score: f32,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// What was found, the best first.
    items: Vec<Found>,
    /// What could not be asked, and why: the answer is of what is sound.
    degraded: Vec<String>,
}

/// An answer with where it came from.
pub(super) fn answer(answer: MemoryAnswer) -> Answer<Data> {
    let mut labels = BTreeSet::new();
    for hit in &answer.items {
        labels.extend(hit.labels.iter().cloned());
        labels.extend(hit.origin.label(&hit.labels).map(str::to_owned));
    }
    let items = answer.items.into_iter().map(found).collect();
    let answer = Answer::of(Data { items, degraded: answer.degraded });
    Answer { labels: labels.into_iter().collect(), ..answer }
}

fn found(hit: MemoryHit) -> Found {
    Found {
        id: hit.id.to_string(),
        area: hit.area.name().to_owned(),
        text: hit.text,
        subject: hit.subject,
        event_time: hit.event_time.map(|time| time.to_string()),
        origin: hit.origin.name().to_owned(),
        trust: hit.trust,
        score: hit.score,
    }
}
