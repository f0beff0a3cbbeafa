//! What a run looks like while it goes on: one line per thing that happened, on standard error.

use std::sync::Arc;

use super::output;
use super::shown::one_line;
use crate::contracts::{Effect, Event, EventBody, PlanRevised, ProposedStep};
use crate::orchestrator::Observer;

/// Longest text that is shown, in characters.
const TEXT_CHARS: usize = 400;

/// An observer that prints progress for people, or nothing when `quiet`.
pub(super) fn observer(quiet: bool, color: bool) -> Observer {
    if quiet {
        return Arc::new(|_, _| {});
    }
    Arc::new(move |event, body| {
        let Some(line) = line(event, body, color) else { return };
        // Progress is a courtesy: a closed terminal must not end the run.
        if let Err(error) = output::painted(&mut std::io::stderr(), &format!("{line}\n")) {
            tracing::trace!("nobody reads the progress: {}", error.message);
        }
    })
}

fn line(event: &Event, body: &EventBody, color: bool) -> Option<String> {
    let paint = |code: &str, text: &str| {
        if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let shown = |text: &str| one_line(text, TEXT_CHARS);
    Some(match body {
        EventBody::RunStarted(_) => paint("2", &format!("run {}", event.run_id)),
        EventBody::CallDecided(decided) if decided.decision.effect != Effect::Allow => {
            let verdict = paint("33", decided.decision.effect.as_str());
            format!("  {verdict} {} ({})", shown(&decided.path), shown(&decided.decision.reason))
        }
        EventBody::StepStarted(started) if started.attempt > 1 => {
            format!(
                "  {} {} again, try {}",
                paint("33", "…"),
                shown(&started.path),
                started.attempt
            )
        }
        EventBody::StepFinished(finished) if finished.skipped => {
            format!("  {} {}", paint("2", "-"), paint("2", &shown(&finished.path)))
        }
        EventBody::StepFinished(finished) if finished.ok => {
            format!("  {} {}", paint("32", "✓"), shown(&finished.path))
        }
        EventBody::StepFinished(finished) => {
            let kind = finished.error_kind.map_or("failed", crate::contracts::ErrorKind::as_str);
            format!("  {} {} ({kind})", paint("31", "✗"), shown(&finished.path))
        }
        EventBody::StepVerified(verified) if !verified.ok => {
            format!("  {} verify `{}`", paint("31", "✗"), shown(&verified.expression))
        }
        EventBody::CallInDoubt(named) => {
            format!("  {} {} may or may not have happened", paint("31", "?"), shown(&named.path))
        }
        EventBody::ModelAsked(asked) => {
            let again = if asked.attempt > 1 { "again " } else { "" };
            let (model, round) = (shown(&asked.model), asked.round);
            format!("  {} {model} is asked {again}for plan {round}", paint("2", "…"))
        }
        EventBody::PlanProposed(proposed) => {
            let step = |step: &ProposedStep| {
                let (verdict, why) = (step.effect.as_str(), shown(&step.reason));
                format!("\n    {} {}: {verdict}, {why}", step.id, shown(&step.tool))
            };
            let steps: String = proposed.steps.iter().map(step).collect();
            format!("  plan {} of {}{steps}", proposed.round, shown(&proposed.by))
        }
        EventBody::PlanRevised(PlanRevised { error_kind: Some(kind), .. }) => {
            format!("  {} planning ended ({})", paint("31", "✗"), kind.as_str())
        }
        EventBody::BudgetWarned(met) => {
            let (used, limit) = (met.used, met.limit);
            format!(
                "  {} {used} of {limit} of the {:?} budget are used",
                paint("33", "!"),
                met.budget
            )
        }
        EventBody::BudgetExhausted(met) => {
            format!("  {} the {:?} budget is used up", paint("31", "!"), met.budget)
        }
        _ => return None,
    })
}
