//! Remembering what a person or a program hands in.

use std::collections::BTreeMap;

use serde_json::json;

use super::govern::{Asker, MemoryRefusal, allowed, call, noted};
use crate::contracts::{Area, Effect, Map, MemoryId, NewMemory, Written};
use crate::memory::{Entrusted, SaidBy};
use crate::orchestrator::services::Services;

/// The name under which policy decides about remembering.
pub(in crate::orchestrator) const MEMORY_WRITE: &str = "memory_write";

/// Remembers, if policy lets every one of them. All are looked at before the first is written. A single one
/// may have an `id`: done again under it, nothing changes. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn remember(
    services: &Services,
    asker: &Asker,
    wanted: Vec<NewMemory>,
    id: Option<MemoryId>,
) -> Result<Vec<Written>, MemoryRefusal> {
    let mut areas: BTreeMap<Area, usize> = BTreeMap::new();
    for NewMemory { draft, .. } in &wanted {
        let mut args = Map::new();
        args.insert("area".to_owned(), json!(draft.area));
        args.insert("text".to_owned(), json!(draft.text));
        args.insert("tags".to_owned(), json!(draft.tags));
        allowed(services, asker, &call(services, MEMORY_WRITE, args))?;
        *areas.entry(draft.area).or_default() += 1;
    }
    let by = if asker.person { SaidBy::Person } else { SaidBy::Program };
    let entrusted = wanted.into_iter().map(|NewMemory { draft, supersedes }| Entrusted {
        id,
        supersedes,
        ..Entrusted::new(draft, by)
    });
    let written = services.memory.remember(entrusted.collect())?;
    for (area, records) in areas {
        let mut args = Map::new();
        args.insert("area".to_owned(), json!(area));
        args.insert("records".to_owned(), json!(records));
        noted(services, asker, &call(services, MEMORY_WRITE, args), Effect::Allow, None)?;
    }
    Ok(written)
}
