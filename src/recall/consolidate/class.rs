//! Which records may be held together at all: those of one class. Never across owners, trust, labels or
//! what bounds a record in time.

use std::collections::BTreeSet;

use crate::contracts::{Area, MemoryId, MemoryMetadata, Timestamp};

/// One day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What records that become one have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    area: Area,
    subject: Option<String>,
    trust: u8,
    labels: BTreeSet<String>,
    /// The UTC day on which it happened: the same words about two days are two memories.
    day: Option<i64>,
    holds: [Option<Timestamp>; 3],
}

impl Class {
    /// The class of a record.
    #[must_use]
    pub fn of(area: Area, metadata: &MemoryMetadata) -> Self {
        Self {
            area,
            subject: metadata.subject.clone(),
            trust: metadata.trust,
            labels: metadata.labels.iter().cloned().collect(),
            day: metadata.event_time.map(|time| time.ms().div_euclid(DAY_MS)),
            holds: [metadata.valid_from, metadata.valid_to, metadata.expires_at],
        }
    }

    /// Where its records are.
    #[must_use]
    pub const fn area(&self) -> Area {
        self.area
    }
}

/// Whether a record may become part of another at all: nothing that is pinned, replaced, archived or in
/// `main`, which only people change; and no stranger's words that stand among solutions, because what would
/// be made of them would stand there too.
#[must_use]
pub fn may_be_merged(area: Area, metadata: &MemoryMetadata) -> bool {
    let is_peoples = area == Area::Main || metadata.pinned;
    let is_strange_solution = area == Area::Solutions && is_untrusted(metadata);
    let is_over =
        metadata.archived || metadata.superseded_by.is_some() || metadata.superseded_at.is_some();
    !(is_peoples || is_strange_solution || is_over)
}

/// Whether a record holds a stranger's words, by its trust or by any of its labels.
#[must_use]
pub fn is_untrusted(metadata: &MemoryMetadata) -> bool {
    let stranger = |label: &String| label == "untrusted" || label.starts_with("untrusted:");
    metadata.trust == 0 || metadata.labels.iter().any(stranger)
}

/// Where what is made of records of `area` goes. Fragments become solutions; a stranger's words stay where
/// they are, and nothing is ever made into `main`.
#[must_use]
pub const fn target_area(area: Area, untrusted: bool) -> Area {
    match area {
        Area::Fragments if !untrusted => Area::Solutions,
        other => other,
    }
}

/// A record as consolidation looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which.
    pub id: MemoryId,
    /// Its place in the log: what is older stands first.
    pub number: u64,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: String,
    /// Everything else about it.
    pub metadata: MemoryMetadata,
}

impl Candidate {
    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::of(self.area, &self.metadata)
    }
}
