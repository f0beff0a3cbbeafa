//! JSON Schemas (2020-12) of everything that crosses the program's border.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{
    Decision, Diagnostic, EventBody, ExecutionFile, MemoryRecord, RunReport, TaskEnvelope,
    TaskSubmission, ToolCall, ToolResult,
};

/// The name of each schema, which is its file's name without `.json`, and the schema.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("task-envelope", of::<TaskEnvelope>()),
        ("task-submission", of::<TaskSubmission>()),
        ("tool-call", of::<ToolCall>()),
        ("decision", of::<Decision>()),
        ("tool-result", of::<ToolResult>()),
        ("memory-record", of::<MemoryRecord>()),
        ("run-report", of::<RunReport>()),
        ("diagnostic", of::<Diagnostic>()),
        ("execution-layer-config", of::<ExecutionFile>()),
        ("event-payloads", events()),
    ]
}

fn of<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// One schema for all kinds: `kind` decides what `payload` holds.
fn events() -> Value {
    let mut generator = SchemaGenerator::default();
    let kinds: Vec<Value> = EventBody::schemas(&mut generator)
        .into_iter()
        .map(|(kind, payload)| {
            json!({
                "type": "object",
                "properties": { "kind": { "const": kind }, "payload": payload },
                "required": ["kind", "payload"],
            })
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "EventPayloads",
        "description": "What the payload of each kind of event holds.",
        "oneOf": kinds,
        "$defs": generator.take_definitions(true),
    })
}
