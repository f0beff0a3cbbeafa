//! A tool of another server, as this program sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::answer;
use super::link::{Answered, Server};
use super::offer::Offered;
use super::server::Reach;
use crate::contracts::{CallEffect, Confinement, ErrorKind, Map, ToolCall, ToolError};
use crate::ports::{Tool, ToolContext, ToolDescriptor, ToolOutput, Undo};
use crate::tools::watch::Watch;

/// `mcp:SERVER/TOOL`.
pub(super) struct McpTool {
    server: Arc<Server>,
    offered: Offered,
    descriptor: ToolDescriptor,
    answers: Option<Validator>,
}

impl McpTool {
    pub(super) fn new(server: Arc<Server>, offered: Offered) -> Self {
        let descriptor = describe(&server, &offered);
        // It compiled when it was listed; where it does not any more, nothing fits it.
        let answers = offered.output_schema.as_ref();
        let answers = answers.and_then(|schema| jsonschema::validator_for(schema).ok());
        Self { server, offered, descriptor, answers }
    }

    fn try_run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        if let Reach::Command { confinement, .. } = &self.server.about.reach {
            within(&self.server.about.name, confinement, &context.confinement, &context.root)?;
        }
        let watch = Watch::start(context.cancel.clone(), call.timeout_ms);
        let answered = self.server.call(&self.offered, &call.args, &context.sandbox, &watch)?;
        let Answered { result, receipt } = answered;
        let output = answer::output(&self.descriptor.name, result, self.answers.as_ref());
        Ok(ToolOutput { receipt, ..output })
    }
}

/// Everything that policy is told. Nothing of what the server says of itself makes the tool less
/// dangerous: not its hints, and not its words.
fn describe(server: &Server, offered: &Offered) -> ToolDescriptor {
    let about = &server.about;
    let profile = match &about.reach {
        Reach::Command { confinement, .. } => confinement.profile.clone(),
        Reach::Http { .. } => String::new(),
    };
    let schema = closed(offered.input_schema.clone());
    let properties = schema.get("properties").and_then(Value::as_object);
    ToolDescriptor {
        name: format!("mcp:{}/{}", about.name, offered.name),
        description: match offered.description.as_str() {
            "" => format!("A tool of the MCP server `{}`, which says nothing of it.", about.name),
            said => format!("A tool of the MCP server `{}`, which says: {said}", about.name),
        },
        risk: about.risk,
        effect: CallEffect::NonIdempotent,
        sinks: properties.into_iter().flat_map(|all| all.keys().cloned()).collect(),
        output_schema: answer::schema(offered.output_schema.as_ref()),
        schema,
        labels: vec![format!("untrusted:mcp:{}", about.name)],
        sends_network: about.sends_network,
        timeout_ms: about.timeout_ms,
        profile,
        ..ToolDescriptor::default()
    }
}

/// The schema as the server told it, closed where it leaves open what else may be given: policy sees
/// only arguments that are named.
fn closed(mut schema: Value) -> Value {
    const OPEN: [&str; 9] = [
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "$ref",
        "$dynamicRef",
    ];
    if let Some(keys) = schema.as_object_mut() {
        keys.entry("type").or_insert_with(|| "object".into());
        keys.entry("properties").or_insert_with(|| json!({}));
        if !OPEN.iter().any(|key| keys.contains_key(*key)) {
            keys.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    schema
}

/// A server lives longer than a call, in walls that configuration names. A call that may touch less of
/// the workspace than its server is refused: the server would not know. What a profile gives its
/// programs elsewhere is not asked of calls.
fn within(
    server: &str,
    cell: &Confinement,
    call: &Confinement,
    workspace: &Path,
) -> Result<(), ToolError> {
    let covered = |places: &[PathBuf], by: &[PathBuf]| -> Option<PathBuf> {
        let mut inside = places
            .iter()
            .filter(|place| place.starts_with(workspace) || workspace.starts_with(place));
        inside.find(|place| !by.iter().any(|root| place.starts_with(root))).cloned()
    };
    let refused = |place: &Path, key: &str| {
        let message = format!(
            "the MCP server `{server}` may {key} `{}`, and this call may not: widen `permissions.{key}` of the playbook, or give the server less",
            place.display()
        );
        Err(ToolError::new(ErrorKind::Forbidden, message))
    };
    if let Some(place) = covered(&cell.write, &call.write) {
        return refused(&place, "write");
    }
    if let Some(place) = covered(&cell.read, &call.read) {
        return refused(&place, "read");
    }
    Ok(())
}

impl Tool for McpTool {
    fn descriptor(&self) -> ToolDescriptor {
        self.descriptor.clone()
    }

    /// The schema says it all.
    fn check(&self, _: &Map) -> Result<(), ToolError> {
        Ok(())
    }

    fn dry_run(&self, call: &ToolCall) -> String {
        let (server, tool) = (&self.server.about.name, &self.offered.name);
        format!(
            "would ask the MCP server `{server}` for `{tool}` with {} arguments",
            call.args.len()
        )
    }

    /// What it changes is not known here.
    fn snapshot(&self, _: &ToolCall, _: &ToolContext) -> Result<Option<Undo>, ToolError> {
        Ok(None)
    }

    fn run(&self, call: &ToolCall, context: &ToolContext) -> ToolOutput {
        self.try_run(call, context)
            .unwrap_or_else(|error| ToolOutput { error: Some(error), ..ToolOutput::default() })
    }
}
