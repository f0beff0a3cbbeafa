//! What the audit log says of a call: one entry when it ended, or was refused by rules or people.

use std::borrow::Cow;

use serde_json::Value;

use super::call;
use super::error::RunError;
use super::obliged;
use super::record::{CallRecord, RunRecord};
use super::services::Services;
use crate::contracts::{Decision, Effect, EventBody, Map, Obligation, RunId, Timestamp, ToolCall};
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
    /// What the rules demand of what is written down.
    pub obligations: Vec<Obligation>,
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
        args_summary: summary(services, &forgettable(call), &fate.obligations),
        decision: effect,
        dry_run: fate.dry_run,
        ok: fate.ok,
        error: fate.error.map(|error| {
            let error = obliged::told(&error, &call.args, &fate.obligations);
            services.redactor.redact(&error).into_owned()
        }),
        duration_ms: fate.duration_ms,
    }
}

/// Arguments that stand in the audit log in no word, because what they say may have to be forgotten: the
/// log is a chain, and nothing leaves it.
const REMEMBERED: [&str; 5] = ["text", "subject", "tags", "query", "value"];

/// The arguments of a call, without what may have to be forgotten.
fn forgettable(call: &ToolCall) -> Cow<'_, Map> {
    let tools = ["memory_write", "memory_forget", "memory_search", "memory_kv"];
    if !tools.contains(&call.name.as_str()) {
        return Cow::Borrowed(&call.args);
    }
    let mut args = call.args.clone();
    for name in REMEMBERED {
        if let Some(value) = args.get_mut(name) {
            let bytes = value.to_string().len();
            *value = Value::String(format!("[{bytes} bytes, not written down]"));
        }
    }
    Cow::Owned(args)
}

/// The entry for a call that was refused.
pub(super) fn refused(services: &Services, call: &ToolCall, decision: &Decision) -> AuditEntry {
    let (error, obligations) = (Some(decision.reason.clone()), decision.obligations.clone());
    let fate = Fate { error, obligations, ..Fate::default() };
    entry(services, Some(call.run_id), call, decision.effect, fate)
}

/// The entries for calls that people refuse with what is about to become durable. Blocks.
///
/// # Errors
/// When a call cannot be read back.
pub(super) fn declined(
    services: &Services,
    run: &str,
    record: &RunRecord,
    bodies: &[EventBody],
) -> Result<Vec<AuditEntry>, RunError> {
    let mut entries = Vec::new();
    for body in bodies {
        let EventBody::ApprovalResolved(answer) = body else { continue };
        let mut asked = record.calls.values();
        let is_asked = |asked: &&CallRecord| {
            asked.question.as_ref().is_some_and(|it| it.approval_id == answer.approval_id)
        };
        let Some(asked) = asked.find(is_asked).filter(|_| !answer.approved) else { continue };
        let reference = &asked.requested.call;
        let call: ToolCall = call::document(services.store.reader(), run, "a call", reference)?;
        let why = answer.reason.as_deref().map_or(String::new(), |why| format!(": {why}"));
        let error = Some(format!("{} said no{why}", answer.by));
        let decision = asked.decision.clone();
        let obligations = decision.map(|it| it.obligations).unwrap_or_default();
        let fate = Fate { error, obligations, ..Fate::default() };
        entries.push(entry(services, Some(call.run_id), &call, Effect::Ask, fate));
    }
    Ok(entries)
}

/// Arguments as the audit log has them: cut, and with secrets struck out.
pub(super) fn summary(services: &Services, args: &Map, obligations: &[Obligation]) -> String {
    let text = serde_json::to_string(&*obliged::arguments(args, obligations))
        .unwrap_or_else(|error| format!("arguments that are no JSON: {error}"));
    let text = services.redactor.redact(&text).into_owned();
    match text.char_indices().nth(SUMMARY_CHARS_MAX) {
        Some((end, _)) if !obligations.contains(&Obligation::LogFull) => {
            format!("{}…", text.get(..end).unwrap_or(&text))
        }
        _ => text,
    }
}
