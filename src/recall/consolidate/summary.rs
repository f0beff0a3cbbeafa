//! One text for a cluster, without a model: sentences that stand in the sources, as they stand there.

use std::collections::BTreeSet;

use crate::contracts::{Area, MemoryId, MemoryMetadata, MemoryOrigin, Timestamp};

use super::class::{Candidate, is_untrusted, target_area};
use super::reading::{Reading, sentences};
use super::same::same;

/// Most characters of the text that stands for a cluster; longer ones are no summary.
pub const SUMMARY_CHARS_MAX: usize = 8_000;

/// What may stand for a cluster, and what it has from its sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Sentences of the sources.
    pub text: String,
    /// Where it would go.
    pub area: Area,
    /// Everything else about it: the least trust, every label and tag.
    pub metadata: MemoryMetadata,
    /// When the first and the last of it happened.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What it was made of, in the order of the log.
    pub sources: Vec<MemoryId>,
}

/// Sums up records that say the same; `None` for none of them. `text` is what stands for them: absent, it is
/// taken from their own sentences. What is not of one class is the caller's mistake, and still nothing is
/// gained by it: trust is the least, and labels are those of all.
#[must_use]
pub fn summary(members: &[&Candidate], text: Option<String>) -> Option<Summary> {
    let first = members.first()?;
    let untrusted = members.iter().any(|member| is_untrusted(&member.metadata));
    let text = text.unwrap_or_else(|| representative(members));
    let times = || members.iter().filter_map(|member| member.metadata.event_time);
    let span = times().min().zip(times().max());
    Some(Summary {
        text,
        area: target_area(first.area, untrusted),
        metadata: derived(members, span.map(|(from, _)| from)),
        span,
        sources: members.iter().map(|member| member.id).collect(),
    })
}

/// What a record that stands for `members` has from them.
fn derived(members: &[&Candidate], event_time: Option<Timestamp>) -> MemoryMetadata {
    let all = || members.iter().map(|member| &member.metadata);
    let shared = |pick: fn(&MemoryMetadata) -> Option<&String>| {
        let mut values = all().map(pick);
        let first = values.next().flatten();
        first.filter(|first| values.all(|other| other == Some(*first))).cloned()
    };
    let union = |pick: fn(&MemoryMetadata) -> &Vec<String>| {
        let set: BTreeSet<String> = all().flat_map(pick).cloned().collect();
        set.into_iter().collect::<Vec<_>>()
    };
    let episode_id = shared(|it| it.episode_id.as_ref());
    MemoryMetadata {
        tags: union(|it| &it.tags),
        origin: MemoryOrigin::Consolidation,
        trust: all().map(|it| it.trust).min().unwrap_or(0),
        importance: all().map(|it| it.importance).fold(0.0, f32::max),
        subject: shared(|it| it.subject.as_ref()),
        seq: episode_id.as_ref().and_then(|_| all().filter_map(|it| it.seq).min()),
        episode_id,
        event_time,
        valid_from: all().filter_map(|it| it.valid_from).max(),
        valid_to: all().filter_map(|it| it.valid_to).min(),
        expires_at: all().filter_map(|it| it.expires_at).min(),
        labels: union(|it| &it.labels),
        external_ids: union(|it| &it.external_ids),
        supersedes: members.iter().map(|member| member.id).collect(),
        ..MemoryMetadata::default()
    }
}

/// The sentences of all members without those that another one says as well, in the order of the log.
fn representative(members: &[&Candidate]) -> String {
    let all: Vec<(&str, Reading)> = members
        .iter()
        .flat_map(|member| sentences(&member.text))
        .map(|sentence| (sentence, Reading::of(sentence)))
        .collect();
    let length = |at: &usize| all.get(*at).map_or(0, |(_, reading)| reading.tokens().count());
    let mut by_length: Vec<usize> = (0..all.len()).collect();
    by_length.sort_by_key(|at| (std::cmp::Reverse(length(at)), *at));
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    for at in by_length {
        let Some((sentence, reading)) = all.get(at) else { continue };
        let said = |other: &usize| {
            all.get(*other).is_some_and(|(text, it)| text == sentence || same(reading, it).is_ok())
        };
        if !kept.iter().any(said) {
            kept.insert(at);
        }
    }
    let sentences: Vec<&str> = kept.iter().filter_map(|at| all.get(*at)).map(|it| it.0).collect();
    sentences.join("\n")
}
