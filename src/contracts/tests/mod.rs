//! What the contracts promise: schemas that agree with the types, documents that read back the same,
//! and old documents that still load.

mod arbitrary;
mod golden;
mod journal;
mod refusals;
mod schemas;
mod words;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

/// Reads a document of the contract, writes it and reads it again; the answer is what was written.
type Reload = fn(&Value) -> Result<Value, String>;

/// Every contract that is one JSON document, by the name of its schema.
const CONTRACTS: &[(&str, Reload)] = &[
    ("task-envelope", reload::<TaskEnvelope>),
    ("task-submission", reload::<TaskSubmission>),
    ("tool-call", reload::<ToolCall>),
    ("decision", reload::<Decision>),
    ("tool-result", reload::<ToolResult>),
    ("memory-record", reload::<MemoryRecord>),
    ("run-report", reload::<RunReport>),
    ("diagnostic", reload::<Diagnostic>),
    ("execution-layer-config", reload::<ExecutionFile>),
    ("event-payloads", reload_event),
];

fn reload<T>(document: &Value) -> Result<Value, String>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    // Through text, as it is stored.
    let first: T = serde_json::from_str(&document.to_string()).map_err(|e| e.to_string())?;
    let text = serde_json::to_string(&first).unwrap();
    let second: T = serde_json::from_str(&text).unwrap();
    assert_eq!(first, second);
    Ok(serde_json::from_str(&text).unwrap())
}

fn reload_event(document: &Value) -> Result<Value, String> {
    let kind = document["kind"].as_str().and_then(EventKind::parse).ok_or("no such kind")?;
    let first =
        EventBody::parse(kind, &document["payload"].to_string()).map_err(|e| e.to_string())?;
    let text = first.payload().unwrap();
    assert_eq!(EventBody::parse(first.kind(), &text).unwrap(), first);
    let payload: Value = serde_json::from_str(&text).unwrap();
    Ok(serde_json::json!({ "kind": kind.as_str(), "payload": payload }))
}

fn schema(name: &str) -> Value {
    super::schemas().into_iter().find(|(own, _)| *own == name).unwrap().1
}

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
