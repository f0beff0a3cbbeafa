//! The report of a run: a fold over what its journal says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::call;
use super::driver::Work;
use super::error::RunError;
use super::failure;
use super::journal::{Batch, Progress};
use super::planning;
use super::services::blocking;
use crate::agent::PLAN;
use crate::contracts::views::DecisionView;
use crate::contracts::{
    ArtifactRef, DecisionLine, ErrorKind, EventBody, MemoryId, Outcome, ReportReady, RunReport,
    SCHEMA_VERSION, StepFinished, StepLine, TaskId, Telemetry, ToolResult,
};

/// Writes `report.ready`, the last event of a run.
pub(super) async fn write(
    work: Work,
    task_id: TaskId,
    outcome: Outcome,
) -> Result<Progress, RunError> {
    let journal = work.journal.clone();
    let report = blocking(move || build(&work, task_id, outcome)).await??;
    let events = vec![EventBody::ReportReady(ReportReady { report })];
    journal.append(Batch::of(events)).await?;
    Ok(Progress::Made)
}

fn build(work: &Work, task_id: TaskId, outcome: Outcome) -> Result<RunReport, RunError> {
    let run = work.run_id.to_string();
    let record = &work.record;
    let incomplete = |what| RunError::Incomplete { run: run.clone(), what };
    let (finished, head, at) =
        record.finished.as_ref().ok_or_else(|| incomplete("`run.finished`"))?;
    let (started, began) = record.started.as_ref().ok_or_else(|| incomplete("`run.started`"))?;
    let steps = record.ends().map(|step| line(work, step)).collect::<Result<Vec<_>, _>>()?;
    let outputs: BTreeMap<String, Value> = match &finished.outputs {
        Some(reference) => {
            call::document(work.services.store.reader(), &run, "outputs", reference)?
        }
        None => BTreeMap::new(),
    };
    let mut used = work.state.used.clone();
    used.wall_ms = at.since_ms(*began);
    let policy_hash =
        record.decisions.last().map_or(started.policy_hash, |last| last.decision.policy_hash);
    Ok(RunReport {
        schema_version: SCHEMA_VERSION,
        task_id,
        run_id: work.run_id,
        playbook: Some(work.playbook.name.clone()),
        outcome,
        error_kind: finished.error_kind,
        summary: summary(work, outcome, finished.cause.as_deref(), &steps)?,
        next_steps: next_steps(work, outcome, finished.cause.as_deref()),
        steps,
        outputs,
        artifacts: artifacts(work)?,
        decisions: decisions(work),
        telemetry: Telemetry {
            duration_ms: used.wall_ms,
            tokens: used.tokens,
            cost_usd: used.cost_usd,
            calls_by_tool: record
                .answered
                .iter()
                .map(|(tool, times)| (tool.clone(), *times))
                .collect(),
            recalled: recalled(work),
            budget_used: used,
        },
        policy_hash,
        journal_head: *head,
    })
}

/// Every record that it was given, once.
fn recalled(work: &Work) -> Vec<MemoryId> {
    let mut ids = Vec::new();
    for record in work.record.recalled.values().flat_map(|recalled| recalled.records()) {
        if !ids.contains(&record.memory_id) {
            ids.push(record.memory_id);
        }
    }
    ids
}

/// Every file that calls produced, in order. The results name them.
fn artifacts(work: &Work) -> Result<Vec<ArtifactRef>, RunError> {
    let mut produced = work.record.produced.clone();
    produced.dedup();
    let run = work.run_id.to_string();
    let mut found = Vec::new();
    for call in produced.iter().filter_map(|id| work.record.calls.get(id)) {
        let Some(finished) = &call.finished else { continue };
        let store = work.services.store.reader();
        let result: ToolResult = call::document(store, &run, "a result", &finished.result)?;
        found.extend(result.artifacts);
    }
    Ok(found)
}

fn line(work: &Work, step: &StepFinished) -> Result<StepLine, RunError> {
    let error = if step.ok || step.skipped {
        None
    } else {
        Some(failure::of_path(work, &step.path)?.to_string())
    };
    Ok(StepLine {
        path: step.path.clone(),
        ok: step.ok,
        skipped: step.skipped,
        attempts: step.attempt,
        run_id: work.record.child_at(&step.path).filter(|_| !step.skipped),
        error,
    })
}

fn decisions(work: &Work) -> Vec<DecisionLine> {
    let line = |it: &DecisionView| DecisionLine {
        call_id: Some(it.call_id),
        path: it.path.clone(),
        tool: it.tool.clone(),
        effect: it.decision.effect,
        reason: it.decision.reason.clone(),
        rules: it.decision.rules.clone(),
    };
    work.record.decisions.iter().map(line).collect()
}

fn summary(
    work: &Work,
    outcome: Outcome,
    cause: Option<&str>,
    steps: &[StepLine],
) -> Result<String, RunError> {
    let unplanned = planning::failure(work)?;
    let answer = Some(planning::answer(work)?).filter(|answer| !answer.is_empty());
    let name = &work.playbook.name;
    if is_dry(work) {
        let at = cause.map(|cause| format!(", and would not get past `{cause}`"));
        return Ok(format!(
            "`{name}` was a dry run: nothing was executed{}",
            at.unwrap_or_default()
        ));
    }
    let did = steps.iter().filter(|step| step.ok).count();
    let skipped = steps.iter().filter(|step| step.skipped).count();
    let counted = format!("{did} of {} steps did well, {skipped} skipped", steps.len());
    let why = cause.map(|cause| {
        let error = steps.iter().find(|step| step.path == cause).and_then(|s| s.error.clone());
        let verified = work.record.verify_errors.join("; ");
        match error {
            Some(error) => format!(" at `{cause}`: {error}"),
            None if cause.starts_with("verify") => format!(" at `{cause}`: {verified}"),
            None => match &unplanned {
                Some(why) if cause == PLAN => format!(": {why}"),
                _ => format!(" at `{cause}`"),
            },
        }
    });
    let answer = answer.map(|answer| format!(": {}", answer.trim())).unwrap_or_default();
    let outcome = outcome.as_str();
    Ok(format!("`{name}` {outcome}{}{answer}; {counted}", why.unwrap_or_default()))
}

/// Whether it only showed what it would do.
fn is_dry(work: &Work) -> bool {
    work.record.started.as_ref().is_some_and(|(started, _)| started.dry_run)
}

/// Whether a person's no ended it.
fn is_rejected(work: &Work) -> bool {
    let finished = work.record.finished.as_ref();
    finished.is_some_and(|(finished, ..)| finished.error_kind == Some(ErrorKind::Rejected))
}

fn next_steps(work: &Work, outcome: Outcome, cause: Option<&str>) -> Vec<String> {
    let run = work.run_id;
    if is_dry(work) {
        return vec!["to have it done, ask for it again with `dry_run: false` (--act)".to_owned()];
    }
    match outcome {
        Outcome::Succeeded => Vec::new(),
        Outcome::Denied | Outcome::Failed if is_rejected(work) => vec![
            format!("a person said no: see what they said: bailiwick runs show {run}"),
            "mend what they said no to and run again".to_owned(),
        ],
        Outcome::Denied => vec![
            format!("see why: bailiwick runs show {run}"),
            "if it should be allowed, change the rule named above and run again".to_owned(),
        ],
        Outcome::Cancelled => vec![format!("see what was done: bailiwick runs show {run}")],
        Outcome::Failed if cause.is_some_and(|cause| cause.starts_with("budget")) => vec![
            "raise `budget:` in the playbook, or `budget.max` in config/bailiwick.yaml".to_owned(),
        ],
        Outcome::Failed => vec![format!("see each step: bailiwick runs show {run}")],
    }
}
