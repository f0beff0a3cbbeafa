//! What may be merged and what must never be.

mod clustering;
mod pairs;
mod proposals;

use crate::contracts::{Area, MemoryId, MemoryMetadata, MemoryOrigin};

use super::class::Candidate;

/// A fragment of a person's, as a candidate.
pub(super) fn candidate(number: u64, text: &str) -> Candidate {
    Candidate {
        id: MemoryId::from_uuid(uuid::Uuid::from_u128(u128::from(number))),
        number,
        area: Area::Fragments,
        text: text.to_owned(),
        metadata: MemoryMetadata {
            origin: MemoryOrigin::User,
            trust: 3,
            ..MemoryMetadata::default()
        },
    }
}

/// The candidates of texts, in their order.
pub(super) fn candidates(texts: &[&str]) -> Vec<Candidate> {
    (1..).zip(texts).map(|(number, text)| candidate(number, text)).collect()
}
