//! What the audit log says of a call: one entry when it ended, or was refused.

use super::services::Services;
use crate::contracts::{Decision, Effect, RunId, Timestamp, ToolCall};
use crate::store::AuditEntry;

/// Longest summary of arguments, in characters.
const SUMMARY_CHARS_MAX: usize = 400;

/// What became of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate {
    /// Whether nothing was executed.
    pub dry_run: bool,
    /// Whether the tool did what it was asked.
    pub ok: bool,
    /// Why not.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The entry for a call.
pub(super) fn entry(
    services: &Services,
    run_id: Option<RunId>,
    call: &ToolCall,
    effect: Effect,
    fate: Fate,
) -> AuditEntry {
    let at: Timestamp = services.clock.now();
    AuditEntry {
        at,
        run_id,
        call_id: Some(call.id),
        tool: call.name.clone(),
        args_summary: summary(services, call),
        decision: effect,
        dry_run: fate.dry_run,
        ok: fate.ok,
        error: fate.error.map(|error| services.redactor.redact(&error).into_owned()),
        duration_ms: fate.duration_ms,
    }
}

/// The entry for a call that was refused.
pub(super) fn refused(services: &Services, call: &ToolCall, decision: &Decision) -> AuditEntry {
    let fate = Fate { error: Some(decision.reason.clone()), ..Fate::default() };
    entry(services, Some(call.run_id), call, decision.effect, fate)
}

fn summary(services: &Services, call: &ToolCall) -> String {
    let text = serde_json::to_string(&call.args)
        .unwrap_or_else(|error| format!("arguments that are no JSON: {error}"));
    let text = services.redactor.redact(&text).into_owned();
    match text.char_indices().nth(SUMMARY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}
