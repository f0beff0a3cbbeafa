//! `bailiwick run --dry-run`: what would happen, and what policy says of it.

use std::io::Write;

use serde_json::json;

use super::shown::one_line;
use super::{CliError, Cx, Exit, output};
use crate::app::{App, OpenHost};
use crate::contracts::{Decision, Effect};
use crate::host::{HostError, RunRequest};
use crate::orchestrator::{DryStep, check, dry_run};

/// Shows it. Exit code 3 when a step would be refused, 2 when its arguments cannot be worked out.
///
/// # Errors
/// When the playbook or its inputs have mistakes, or another process holds the workspace.
pub(super) fn run(
    app: &App,
    request: &RunRequest,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let OpenHost::Host(host) = app.open_host()? else {
        return Err(CliError::new(
            Exit::Unavailable,
            "another process is at work in this workspace",
        )
        .hint("try again when its runs have ended"));
    };
    let checked = check(&host.services, &request.wanted())
        .map_err(|error| super::host_error(HostError::from(error)))?;
    let steps = dry_run(&host.services, &checked).map_err(super::run_error)?;
    if cx.json {
        output::json(
            out,
            &json!({ "playbook": checked.playbook.name, "dry_run": true, "items": steps }),
        )?;
    } else {
        output::text(out, &text(&checked.playbook.name, &steps))?;
    }
    Ok(exit(&steps))
}

fn exit(steps: &[DryStep]) -> Exit {
    let denied =
        |step: &DryStep| step.decision.as_ref().is_some_and(|it| it.effect == Effect::Deny);
    if steps.iter().any(denied) {
        Exit::Denied
    } else if steps.iter().any(|step| step.error.is_some()) {
        Exit::Usage
    } else {
        Exit::Done
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
