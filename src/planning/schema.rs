//! The JSON Schema that a reply has to fit. A provider that can has the model held to it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::limits::PlanLimits;
use super::narrowed::arguments;
use crate::ports::ToolDescriptor;

/// Up to how many tools their arguments are in the schema: grammars made of it grow with it.
const WITH_ARGS_MAX: usize = 12;
/// Longest answer, in characters: servers refuse bounds from 2,000 on.
const ANSWER_CHARS_MAX: u32 = 1_500;
/// Longest reasons, in characters: small models go on until they are stopped, and then the plan is cut.
const THOUGHT_CHARS_MAX: u32 = 240;
const WHY_CHARS_MAX: u32 = 160;

/// The schema of a plan over `tools`, and `others` that are told by their names: either there are steps, or the
/// goal is reached. A model that is held to it cannot give neither.
#[must_use]
pub fn schema(tools: &[Arc<ToolDescriptor>], others: &[String], limits: &PlanLimits) -> Value {
    let text = |bytes: u32| json!({ "type": "string", "maxLength": bytes });
    let texts = json!({ "type": "array", "items": text(200), "maxItems": 5 });
    let steps = json!({
        "type": "array",
        "items": any_step(tools, others),
        "minItems": 1,
        "maxItems": limits.steps,
    });
    let on = json!({
        "type": "object",
        "properties": {
            "thought": text(THOUGHT_CHARS_MAX),
            "done": { "const": false },
            "steps": steps,
            "stop_when": texts,
            "risks": texts,
        },
        "required": ["thought", "done", "steps"],
        "additionalProperties": false,
    });
    let reached = json!({
        "type": "object",
        "properties": {
            "thought": text(THOUGHT_CHARS_MAX),
            "done": { "const": true },
            "answer": { "type": "string", "minLength": 1, "maxLength": ANSWER_CHARS_MAX },
            "tags": { "type": "array", "items": text(32), "maxItems": 5 },
        },
        "required": ["thought", "done", "answer"],
        "additionalProperties": false,
    });
    json!({ "anyOf": [on, reached] })
}

fn any_step(tools: &[Arc<ToolDescriptor>], others: &[String]) -> Value {
    if tools.len() <= WITH_ARGS_MAX {
        let known = tools.iter().map(|tool| step(&json!([tool.name]), &arguments(&tool.schema)));
        let rest = (!others.is_empty()).then(|| step(&json!(others), &json!({ "type": "object" })));
        return json!({ "anyOf": known.chain(rest).collect::<Vec<Value>>() });
    }
    let names: Vec<&String> = tools.iter().map(|tool| &tool.name).chain(others).collect();
    step(&json!(names), &json!({ "type": "object" }))
}

fn step(names: &Value, args: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z][a-z0-9]{0,15}$" },
            "tool": { "enum": names },
            "args": args,
            "why": { "type": "string", "maxLength": WHY_CHARS_MAX },
            "needs": { "type": "array", "items": { "type": "string", "maxLength": 16 }, "maxItems": 8 },
            "expect": { "type": "string", "maxLength": 100 },
        },
        "required": ["tool", "args", "why"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_steps_or_the_goal_is_reached() {
        let limits =
            PlanLimits { steps: 8, rounds: 3, parallel: 1, context_tokens: 100, reply_tokens: 100 };
        let schema = schema(&[], &["list_dir".to_owned()], &limits);
        let holds = jsonschema::validator_for(&schema).unwrap();
        let step = json!({ "tool": "list_dir", "args": { "path": "." }, "why": "w" });
        for (reply, fits) in [
            (json!({ "thought": "", "done": false, "steps": [step] }), true),
            (json!({ "thought": "", "done": true, "answer": "a", "tags": ["t"] }), true),
            (json!({ "thought": "", "done": false, "steps": [] }), false),
            (json!({ "thought": "", "done": false, "answer": "a" }), false),
            (json!({ "thought": "", "done": true, "answer": "" }), false),
            (json!({ "thought": "", "done": true, "answer": "a", "steps": [step] }), false),
            (
                json!({ "thought": "", "done": false, "steps": [{ "tool": "x", "args": {}, "why": "" }] }),
                false,
            ),
        ] {
            assert_eq!(holds.is_valid(&reply), fits, "{reply}");
        }
    }
}
