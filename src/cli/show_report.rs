//! A run report as people read it on a terminal.

use super::shown::one_line;
use crate::contracts::{DecisionLine, Effect, Outcome, RunReport, StepLine};

/// Longest text of a playbook, a tool or a rule that is shown, in characters.
const TEXT_CHARS: usize = 200;
/// Longest reason for an outcome that is shown, in characters.
const REASON_CHARS: usize = 1_000;

/// The report in a screenful. Whatever stands in it, it cannot speak to the terminal.
pub(super) fn text(report: &RunReport, color: bool) -> String {
    let paint = |code: &str, text: &str| {
        if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let name = one_line(report.playbook.as_deref().unwrap_or("run"), TEXT_CHARS);
    let outcome = match report.outcome {
        Outcome::Succeeded => paint("1;32", "succeeded"),
        outcome => paint("1;31", outcome.as_str()),
    };
    let seconds = std::time::Duration::from_millis(report.telemetry.duration_ms).as_secs_f64();
    let mut lines = vec![format!("{} {outcome} in {seconds:.2} s", paint("1", &name))];
    if report.outcome != Outcome::Succeeded {
        lines.push(format!("  {}", one_line(&report.summary, REASON_CHARS)));
    }
    lines.push(String::new());
    let width = report.steps.iter().map(|step| step.path.chars().count()).max().unwrap_or(0);
    let tools = report.steps.iter().map(|step| tool(step, report).chars().count());
    let widths = (width, tools.max().unwrap_or(0));
    lines.extend(report.steps.iter().map(|step| step_line(step, report, widths, &paint)));
    lines.extend(outputs(report, &paint));
    lines.push(String::new());
    lines.push(decisions(report));
    lines.extend(report.decisions.iter().filter(|line| line.effect == Effect::Deny).map(refusal));
    for next in &report.next_steps {
        lines.push(format!("next       {}", one_line(next, REASON_CHARS)));
    }
    lines.push(format!("run        {}", report.run_id));
    lines.push(format!("policy     {}", short(&report.policy_hash.to_string())));
    lines.push(format!("journal    {}", short(&report.journal_head.to_string())));
    lines.join("\n") + "\n"
}

fn step_line(
    step: &StepLine,
    report: &RunReport,
    (width, tools): (usize, usize),
    paint: &dyn Fn(&str, &str) -> String,
) -> String {
    let mark = match (step.skipped, step.ok) {
        (true, _) => paint("2", "-"),
        (false, true) => paint("32", "✓"),
        (false, false) => paint("31", "✗"),
    };
    let tool = tool(step, report);
    let error = step.error.as_ref().map(|error| format!("  {}", one_line(error, TEXT_CHARS)));
    let path = one_line(&step.path, TEXT_CHARS);
    let line = format!("  {mark} {path:width$}  {tool:tools$}{}", error.unwrap_or_default());
    line.trim_end().to_owned()
}

/// The tool of a step, or the run that it called, and how often it was tried.
fn tool(step: &StepLine, report: &RunReport) -> String {
    let line = report.decisions.iter().find(|line| line.path == step.path);
    let tool = line.map(|line| one_line(&line.tool, TEXT_CHARS));
    let tool = tool.or_else(|| step.run_id.map(|run| run.to_string())).unwrap_or_default();
    if step.attempts > 1 { format!("{tool} ({} tries)", step.attempts) } else { tool }
}

fn outputs(report: &RunReport, paint: &dyn Fn(&str, &str) -> String) -> Vec<String> {
    if report.outputs.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new()];
    for (name, value) in &report.outputs {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push(format!(
            "  {} = {}",
            paint("1", &one_line(name, TEXT_CHARS)),
            one_line(&value, TEXT_CHARS)
        ));
    }
    lines
}

/// A refusal with the rules behind it: what to change, and where.
fn refusal(line: &DecisionLine) -> String {
    let refusing = line.rules.iter().filter(|rule| rule.effect == Effect::Deny);
    let rules: Vec<String> =
        refusing.map(|rule| format!("{} ({}:{})", rule.id, rule.file, rule.line)).collect();
    let refused = one_line(
        &format!("refused    {}: {}; {}", line.path, line.reason, rules.join(", ")),
        REASON_CHARS,
    );
    match line.call_id {
        Some(call) => format!("{refused}\n           why: bailiwick policy explain {call}"),
        None => refused,
    }
}

fn decisions(report: &RunReport) -> String {
    let count = |effect| report.decisions.iter().filter(|line| line.effect == effect).count();
    format!(
        "decisions  {} allowed, {} asked, {} denied",
        count(Effect::Allow),
        count(Effect::Ask),
        count(Effect::Deny)
    )
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::super::shown::printable;
    use super::*;

    #[test]
    fn a_playbook_a_tool_and_a_rule_cannot_speak_to_the_terminal() {
        let golden = include_str!("../../tests/fixtures/contracts/v1/run-report.json");
        let mut report: RunReport = serde_json::from_str(golden).unwrap();
        let evil = || "x\u{1b}[2J\u{9b}1m\r\n\u{202e}y".to_owned();
        report.playbook = Some(evil());
        report.summary = evil();
        report.outputs.insert(evil(), evil().into());
        report.next_steps = vec![evil()];
        for step in &mut report.steps {
            (step.path, step.error) = (evil(), Some(evil()));
        }
        for line in &mut report.decisions {
            (line.path, line.tool, line.reason) = (evil(), evil(), evil());
            line.effect = Effect::Deny;
            (line.rules[0].id, line.rules[0].effect) = (evil(), Effect::Deny);
        }
        let shown = text(&report, false);
        assert_eq!(printable(&shown), shown);
        assert!(shown.lines().all(|line| !line.starts_with('y') && !line.starts_with('\u{fffd}')));
        assert!(shown.matches("[2J").count() >= 10, "{shown}");
        let painted = text(&report, true);
        assert!(painted.contains("\u{1b}[1;31m") && !painted.contains("\u{1b}[2J"), "{painted:?}");
    }
}
