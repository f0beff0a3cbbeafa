//! What policy knows about writing a memory. It is no tool that a step can call yet; `remember:` is
//! decided under its name.

use serde_json::json;

use crate::contracts::{CallEffect, Risk};
use crate::ports::ToolDescriptor;

/// The name under which policy decides about memories.
pub(super) const MEMORY_WRITE: &str = "memory_write";

/// The descriptor of writing a memory.
#[must_use]
pub fn memory_write() -> ToolDescriptor {
    ToolDescriptor {
        name: MEMORY_WRITE.to_owned(),
        aliases: Vec::new(),
        description: "Writes a memory record.".to_owned(),
        risk: Risk::Low,
        effect: CallEffect::Idempotent,
        category: None,
        schema: json!({
            "type": "object",
            "properties": {
                "area": { "enum": ["main", "fragments", "solutions", "instruments"] },
                "text": { "type": "string" },
                "tags": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["area", "text"],
            "additionalProperties": false,
        }),
        output_schema: json!({ "type": "object" }),
        paths: Vec::new(),
        hosts: Vec::new(),
        command: None,
        sinks: Vec::new(),
        labels: vec!["workspace".to_owned()],
        sends_network: false,
        timeout_ms: 10_000,
        profile: String::new(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}
