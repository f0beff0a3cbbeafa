//! The JSON Schema that a reply has to fit. A provider that can has the model held to it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::limits::PlanLimits;
use crate::ports::ToolDescriptor;

/// Up to how many tools their arguments are in the schema: grammars made of it grow with it.
const WITH_ARGS_MAX: usize = 12;

/// The schema of a plan over `tools`, and `others` that are told by their names.
#[must_use]
pub fn schema(tools: &[Arc<ToolDescriptor>], others: &[String], limits: &PlanLimits) -> Value {
    let text = |bytes: u32| json!({ "type": "string", "maxLength": bytes });
    let texts = json!({ "type": "array", "items": text(200), "maxItems": 5 });
    let step = if tools.len() <= WITH_ARGS_MAX {
        let known = tools.iter().map(|tool| step(&json!([tool.name]), &tool.schema));
        let rest = (!others.is_empty()).then(|| step(&json!(others), &json!({ "type": "object" })));
        json!({ "anyOf": known.chain(rest).collect::<Vec<Value>>() })
    } else {
        let names = tools.iter().map(|tool| &tool.name).chain(others);
        let names: Vec<&String> = names.collect();
        step(&json!(names), &json!({ "type": "object" }))
    };
    json!({
        "type": "object",
        "properties": {
            "thought": text(600),
            "done": { "type": "boolean" },
            "answer": text(4_000),
            "tags": { "type": "array", "items": text(32), "maxItems": 5 },
            "steps": { "type": "array", "items": step, "maxItems": limits.steps },
            "stop_when": texts,
            "risks": texts,
        },
        "required": ["thought", "done", "answer", "steps"],
        "additionalProperties": false,
    })
}

fn step(names: &Value, args: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z][a-z0-9]{0,15}$" },
            "tool": { "enum": names },
            "args": args,
            "why": { "type": "string", "maxLength": 300 },
            "needs": { "type": "array", "items": { "type": "string", "maxLength": 16 }, "maxItems": 8 },
            "expect": { "type": "string", "maxLength": 100 },
        },
        "required": ["tool", "args", "why"],
        "additionalProperties": false,
    })
}
