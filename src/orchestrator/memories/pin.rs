//! Putting a record into every context, or taking it out of them.

use serde_json::json;

use super::govern::{Asker, MemoryRefusal, allowed, call, noted};
use crate::contracts::{CallEffect, Effect, Map, MemoryId, MemoryRecord, Risk};
use crate::orchestrator::services::Services;
use crate::ports::ToolDescriptor;

/// The name under which policy decides about pinning.
const MEMORY_PIN: &str = "memory_pin";

/// What policy knows about it. No step calls it: it is asked for here.
#[must_use]
pub fn memory_pin() -> ToolDescriptor {
    ToolDescriptor {
        name: MEMORY_PIN.to_owned(),
        description: "Puts a record of `main` into every context, or takes it out again."
            .to_owned(),
        risk: Risk::Low,
        effect: CallEffect::Idempotent,
        schema: json!({
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "pinned": { "type": "boolean" },
                "area": { "type": "string" },
                "trust": { "type": "integer" },
                "labels": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["id", "pinned"],
            "additionalProperties": false,
        }),
        labels: vec!["workspace".to_owned()],
        ..ToolDescriptor::default()
    }
}

/// Pins a record or takes that back, if policy lets it; gives the record as it is then. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn pin(
    services: &Services,
    asker: &Asker,
    id: MemoryId,
    pinned: bool,
) -> Result<MemoryRecord, MemoryRefusal> {
    let record = services.memory.record(&id)?;
    let mut args = Map::new();
    args.insert("id".to_owned(), json!(id));
    args.insert("pinned".to_owned(), json!(pinned));
    args.insert("area".to_owned(), json!(record.area));
    args.insert("trust".to_owned(), json!(record.metadata.trust));
    args.insert("labels".to_owned(), json!(record.metadata.labels));
    let call = call(services, MEMORY_PIN, args);
    allowed(services, asker, &call)?;
    let done = services.memory.pin(&id, pinned);
    let told = done.as_ref().err().map(ToString::to_string);
    noted(services, asker, &call, Effect::Allow, told.as_deref())?;
    Ok(done?)
}
