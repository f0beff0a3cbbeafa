//! What clients of the execution layer send and are sent: tools, direct calls, settings, artifacts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApprovalId, ApprovalMode, CallEffect, CallId, Decision, Effect, Hash, Map, Risk, RunId,
    Timestamp,
};

/// `config/execution_layer_config.json`: what may change while the program runs. What is absent is as
/// the layers below say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionFile {
    /// Tools switched on or off, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_enabled: BTreeMap<String, bool>,
    /// Whether the rules decide, or medium and high risk ask as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_mode: Option<ApprovalMode>,
    /// Whether tools of high risk ask in mode `auto` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_approval_for_risky: Option<bool>,
    /// Most tool calls of a run, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_steps_per_run: Option<u32>,
    /// Most retries of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_retries_per_tool: Option<u32>,
    /// Whether a run or a call only shows what it would do, unless it is asked to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_default: Option<bool>,
    /// Whether questions and refusals about downloads and builds in a shell name the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer_sandbox: Option<bool>,
}

/// The settings that are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionConfig {
    /// Whether the rules decide, or medium and high risk ask as well.
    pub approval_mode: ApprovalMode,
    /// Whether tools of high risk ask in mode `auto` too.
    pub require_approval_for_risky: bool,
    /// Most tool calls of a run, retries included.
    pub max_steps_per_run: u32,
    /// Most retries of one call.
    pub max_retries_per_tool: u32,
    /// Whether a run or a call only shows what it would do, unless it is asked to act.
    pub dry_run_default: bool,
    /// Whether questions and refusals about downloads and builds in a shell name the worker.
    pub prefer_sandbox: bool,
}

/// A change of settings; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionChange {
    /// Whether the rules decide, or medium and high risk ask as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_mode: Option<ApprovalMode>,
    /// Whether tools of high risk ask in mode `auto` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_approval_for_risky: Option<bool>,
    /// Most tool calls of a run, retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_steps_per_run: Option<u32>,
    /// Most retries of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_retries_per_tool: Option<u32>,
    /// Whether a run or a call only shows what it would do, unless it is asked to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_default: Option<bool>,
    /// Whether questions and refusals about downloads and builds in a shell name the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer_sandbox: Option<bool>,
}

impl ExecutionFile {
    /// Takes a change over; what it does not name stays.
    pub fn apply(&mut self, change: &ExecutionChange) {
        fn put<T: Clone>(here: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *here = Some(new.clone());
            }
        }
        put(&mut self.approval_mode, change.approval_mode.as_ref());
        put(&mut self.require_approval_for_risky, change.require_approval_for_risky.as_ref());
        put(&mut self.max_steps_per_run, change.max_steps_per_run.as_ref());
        put(&mut self.max_retries_per_tool, change.max_retries_per_tool.as_ref());
        put(&mut self.dry_run_default, change.dry_run_default.as_ref());
        put(&mut self.prefer_sandbox, change.prefer_sandbox.as_ref());
    }
}

/// A tool as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// Whether calls of it are possible at all.
    pub enabled: bool,
    /// How much harm it can do.
    pub risk: Risk,
    /// What may be done about a call that a crash cut off.
    pub effect: CallEffect,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// Every tool, sorted by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolList {
    /// The tools.
    pub tools: Vec<ToolView>,
}

/// A tool that was switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolSwitched {
    /// Its name.
    pub name: String,
    /// Whether calls of it are possible now.
    pub enabled: bool,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// The tool, by name or alias.
    #[serde(alias = "name")]
    pub tool_name: String,
    /// Its arguments. With the approval of a question they may be left out: those that were asked about.
    #[serde(default)]
    pub args: Option<Map>,
    /// Whether it is only shown what would happen; `dry_run_default` when absent.
    #[serde(default)]
    pub dry_run: Option<bool>,
    /// A yes that somebody gave, of `…/approve` or of the inbox.
    #[serde(default)]
    pub approval_id: Option<ApprovalId>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallAnswer {
    /// Whether the tool did what it was asked; of a dry run, whether it would be let.
    pub ok: bool,
    /// The result of the call; of a dry run `{ok, data: {dry_run, would}}`.
    pub result: Value,
    /// What policy answered.
    pub decision: Decision,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The run that made the call; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The approval that would count, in a dry run that named one. It is not used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEntry {
    /// When the call ended or was refused.
    pub at: Timestamp,
    /// The run, if the call belongs to one.
    pub run_id: Option<RunId>,
    /// The call.
    pub call_id: Option<CallId>,
    /// The tool.
    pub tool: String,
    /// The arguments, cut and with secrets struck out.
    pub args_summary: String,
    /// What policy answered.
    pub decision: Effect,
    /// Whether nothing was executed.
    pub dry_run: bool,
    /// Whether the tool did what it was asked.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The hash of this entry and all before it.
    pub hash: Hash,
}

/// Entries of the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
}

/// How a remote node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeHealth {
    /// Whether it can be used.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A file that a run produced, or that came with its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactView {
    /// Its name.
    pub name: String,
    /// BLAKE3 of its content, by which it is fetched.
    pub hash: Hash,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type, as the tool said it.
    pub media_type: String,
    /// The call that produced it; absent of a file that came with the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The step that made the call, or where in the task the file stood.
    pub step: String,
    /// Where its content came from.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What the call was planned for, where a model planned it: its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words that the model found for what the goal came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether its content was forgotten on purpose.
    pub forgotten: bool,
}

/// The files of a run, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactList {
    /// The files.
    pub items: Vec<ArtifactView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_over_what_it_names_and_leaves_the_rest() {
        let text =
            r#"{"tool_enabled": {"a": false}, "max_steps_per_run": 9, "prefer_sandbox": true}"#;
        let mut file: ExecutionFile = serde_json::from_str(text).unwrap();
        let change: ExecutionChange = serde_json::from_str(
            r#"{"approval_mode": "require_approval", "max_steps_per_run": 3}"#,
        )
        .unwrap();
        file.apply(&change);
        let expected = serde_json::json!({
            "tool_enabled": { "a": false },
            "approval_mode": "require_approval",
            "max_steps_per_run": 3,
            "prefer_sandbox": true,
        });
        assert_eq!(serde_json::to_value(&file).unwrap(), expected);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            r#"{"tools_enabled": {}}"#,
            r#"{"approval_mode": "never"}"#,
            r#"{"max_steps_per_run": -1}"#,
        ] {
            assert!(serde_json::from_str::<ExecutionFile>(text).is_err(), "{text}");
            assert!(serde_json::from_str::<ExecutionChange>(text).is_err(), "{text}");
        }
        let call = serde_json::from_str::<NewCall>(r#"{"tool_name": "a", "arguments": {}}"#);
        assert!(call.is_err());
    }
}
