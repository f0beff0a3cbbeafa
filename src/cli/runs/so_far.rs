//! A run that has not ended: how far it has come, and what it waits for.

use super::super::shown::{one_line, printable};
use crate::contracts::{RunId, StepFinished};
use crate::orchestrator::RunRecord;

/// Longest path or prompt that is shown, in characters.
const TEXT_CHARS: usize = 200;

/// Its steps so far, the runs they called, and the questions that are open.
pub(super) fn text(record: &RunRecord, run: RunId) -> String {
    let steps: Vec<&StepFinished> = record.ends().collect();
    let width = steps.iter().map(|step| step.path.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for step in steps {
        let mark = match (step.skipped, step.ok) {
            (true, _) => "-",
            (false, true) => "✓",
            (false, false) => "✗",
        };
        let error = step.error_kind.filter(|_| !step.ok && !step.skipped);
        let error = error.map_or("", |kind| kind.as_str());
        let called = record.child_at(&step.path).filter(|_| !step.skipped);
        let called = called.map(|run| run.to_string()).unwrap_or_default();
        let path = one_line(&step.path, TEXT_CHARS);
        let line = format!("  {mark} {path:width$}  {called}{error}");
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    for child in record.open_children() {
        text.push_str(&format!("  … {child} is called: bailiwick runs show {child}\n"));
    }
    for (subject, rules) in record.open_questions() {
        let (path, prompt) =
            (one_line(&subject.path, TEXT_CHARS), one_line(&subject.prompt, TEXT_CHARS));
        let (id, rules) = (subject.approval_id, rules.join(", "));
        text.push_str(&format!("  ? {path} asks: {prompt} ({rules})\n"));
        text.push_str(&format!("    answer: bailiwick approvals approve {id}, or deny {id}\n"));
    }
    if record.paused_by.is_some() {
        text.push_str(&format!("  it is held; go on: bailiwick runs resume {run}\n"));
    }
    printable(&text)
}
