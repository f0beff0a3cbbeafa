//! `bailiwick run --dry-run`: what would happen, and what policy says of it.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::run::{self, Ways};
use super::shown::one_line;
use super::{CliError, Cx, Exit, output, signals};
use crate::app::{App, OpenHost};
use crate::contracts::{Decision, Effect, ErrorKind};
use crate::host::{HostError, RunRequest};
use crate::orchestrator::{DryStep, IntakeError, NobodyAnswers, attach, check, dry_run_with};

/// Shows it. Exit code 3 when a step would be refused, 2 when its arguments cannot be worked out, 5 when the
/// model that plans cannot be asked, 1 when it has no plan.
///
/// # Errors
/// When the playbook or its inputs have mistakes.
pub(super) fn show(
    app: &App,
    request: &RunRequest,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (playbook, steps) = match app.open_host()? {
        OpenHost::Host(host) => {
            let checked = check(&host.services, &request.wanted())
                .map_err(|error| super::host_error(HostError::from(error)))?;
            let attached = attach(&host.services, &request.attachments);
            let attached = attached
                .map_err(super::run_error)?
                .map_err(|wrong| super::host_error(IntakeError::Attachments(wrong).into()))?;
            let steps = dry_run_with(&host.services, &checked, &attached);
            let steps = steps.map_err(super::run_error)?;
            (checked.playbook.name, steps)
        }
        OpenHost::Busy { .. } => through_host(app, request)?,
    };
    if cx.json {
        output::json(out, &json!({ "playbook": playbook, "dry_run": true, "items": steps }))?;
    } else {
        output::text(out, &text(&playbook, &steps))?;
    }
    Ok(exit(&steps))
}

/// Another process holds the workspace: it makes a run of it that does nothing, and reports the same.
fn through_host(app: &App, request: &RunRequest) -> Result<(String, Vec<DryStep>), CliError> {
    let request = RunRequest { dry_run: true, attended: false, ..request.clone() };
    let runtime = super::remote::runtime()?;
    let end = runtime.block_on(async {
        let (answerer, observer) = (Arc::new(NobodyAnswers), Arc::new(|_: &_, _: &_| {}));
        run::anywhere(app, request, Ways { answerer, observer, stop: signals::stop()? }).await
    })?;
    let report = end.report.ok_or_else(|| {
        CliError::new(Exit::Failed, format!("{} has not ended: bailiwick runs show it", end.run_id))
    })?;
    let items = report.outputs.get("items").cloned().unwrap_or_default();
    let steps = serde_json::from_value(items).map_err(|error| {
        CliError::new(
            Exit::Failed,
            format!("the host answers otherwise than this version: {error}"),
        )
    })?;
    Ok((report.playbook.unwrap_or_default(), steps))
}

fn exit(steps: &[DryStep]) -> Exit {
    let denied =
        |step: &DryStep| step.decision.as_ref().is_some_and(|it| it.effect == Effect::Deny);
    if steps.iter().any(denied) {
        return Exit::Denied;
    }
    match steps.iter().find(|step| step.error.is_some()).map(|step| step.error_kind) {
        None => Exit::Done,
        Some(None) => Exit::Usage,
        Some(Some(ErrorKind::Unavailable | ErrorKind::NoModel)) => Exit::Unavailable,
        Some(Some(_)) => Exit::Failed,
    }
}

fn text(playbook: &str, steps: &[DryStep]) -> String {
    let mut lines = vec![format!("{playbook}: dry run, nothing was executed"), String::new()];
    for step in steps {
        let runs = match step.runs {
            Some(true) => "",
            Some(false) => " (skipped: its `if` does not hold)",
            None => " (depends on steps before)",
        };
        lines.push(format!("{}  {}: {}{runs}", step.path, step.action, step.would));
        for (name, value) in &step.args {
            lines.push(format!("    {name}: {}", one_line(&value.to_string(), 160)));
        }
        if let Some(error) = &step.error {
            lines.push(format!("    error: {}", one_line(error, 160)));
        }
        lines.extend(step.decision.iter().flat_map(decision_lines));
    }
    lines.join("\n") + "\n"
}

fn decision_lines(decision: &Decision) -> Vec<String> {
    let mut lines = vec![format!("    {}: {}", decision.effect.as_str(), decision.reason)];
    for rule in &decision.rules {
        lines.push(format!("      {} ({}:{})", rule.id, rule.file, rule.line));
    }
    lines
}
