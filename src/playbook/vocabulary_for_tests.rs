//! The tools of the first version, described by hand for tests.

use serde_json::{Value, json};

use crate::contracts::{CallEffect, Risk};
use crate::ports::{PathAccess, PathArg, ToolDescriptor, Vocabulary};

fn tool(
    name: &str,
    effect: CallEffect,
    risk: Risk,
    args: Value,
    required: &[&str],
    data: Value,
) -> ToolDescriptor {
    let access = if effect == CallEffect::Read { PathAccess::Read } else { PathAccess::Write };
    let has_path = args.get("path").is_some();
    ToolDescriptor {
        name: name.to_owned(),
        aliases: Vec::new(),
        description: format!("{name} of the tests"),
        risk,
        effect,
        category: None,
        schema: json!({ "type": "object", "properties": args, "required": required, "additionalProperties": false }),
        output_schema: json!({ "type": "object", "properties": data, "additionalProperties": false }),
        paths: has_path.then(|| PathArg { arg: "path".to_owned(), access }).into_iter().collect(),
        hosts: Vec::new(),
        command: (name == "shell_exec").then(|| "command".to_owned()),
        sinks: Vec::new(),
        labels: Vec::new(),
        sends_network: false,
        timeout_ms: 60_000,
        profile: String::new(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}

/// The vocabulary.
pub(crate) fn vocabulary() -> Vocabulary {
    use CallEffect::{Idempotent, NonIdempotent, Read};
    let (text, count, flag) =
        (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "boolean"}));
    let list = json!({"type": "array"});
    Vocabulary::new([
        tool(
            "read_text",
            Read,
            Risk::Low,
            json!({"path": text, "max_bytes": count}),
            &["path"],
            json!({"text": text, "bytes": count, "truncated": flag}),
        ),
        tool(
            "write_text",
            Idempotent,
            Risk::Medium,
            json!({"path": text, "text": text, "mode": {"type": "string", "enum": ["create", "overwrite", "append"]}}),
            &["path", "text"],
            json!({"path": text, "bytes": count, "created": flag}),
        ),
        tool(
            "list_dir",
            Read,
            Risk::Low,
            json!({"path": text, "depth": count, "limit": count}),
            &["path"],
            json!({"entries": list, "truncated": flag, "files": count, "dirs": count, "bytes": count}),
        ),
        tool(
            "search_text",
            Read,
            Risk::Low,
            json!({"path": text, "pattern": text, "glob": text, "exclude": text, "limit": count, "ignore_case": flag}),
            &["path", "pattern"],
            json!({"matches": list, "files_searched": count, "truncated": flag}),
        ),
        tool(
            "git_status",
            Read,
            Risk::Low,
            json!({"path": text}),
            &["path"],
            json!({"branch": text, "head": text, "upstream": text, "ahead": count, "behind": count, "clean": flag, "changed": list, "repository": flag}),
        ),
        tool(
            "git_diff",
            Read,
            Risk::Low,
            json!({"path": text, "staged": flag, "max_bytes": count}),
            &["path"],
            json!({"diff": text, "files": list, "truncated": flag}),
        ),
        tool(
            "shell_exec",
            NonIdempotent,
            Risk::High,
            json!({"command": {"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}]}, "workdir": text, "stdin": text, "env": {"type": "object"}}),
            &["command"],
            json!({"exit_code": count, "stdout": text, "stderr": text}),
        ),
        tool(
            "sandbox_worker_run",
            Idempotent,
            Risk::Medium,
            json!({"action": text, "url": text, "sha256": text, "limit": count}),
            &["action"],
            json!({"name": text, "url": text, "sha256": text, "blake3": text, "media_type": text, "format": text, "bytes": count, "files": count, "dirs": count, "links": count, "stripped": list, "kinds": {"type": "object"}, "listed": list, "dependencies": list, "dependencies_total": count, "findings": list, "findings_total": count, "truncated": flag}),
        ),
        tool(
            "memory_search",
            Read,
            Risk::Low,
            json!({"query": text, "subject": text, "k": count}),
            &["query"],
            json!({"items": list, "degraded": list}),
        ),
        tool(
            "user_notification",
            NonIdempotent,
            Risk::Low,
            json!({"text": text, "severity": {"type": "string", "enum": ["info", "warning", "error"]}, "title": text}),
            &["text"],
            json!({"delivered_to": list}),
        ),
    ])
}
