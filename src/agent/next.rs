//! What a state wants. Sequential steps; the items of a `foreach` side by side.

use super::commands::Command;
use super::program::{Foreach, Step};
use super::retry;
use super::state::{Node, Phase, RunState, Section, Verdict};
use crate::contracts::{
    BudgetKind, BudgetMet, CallNamed, Effect, ErrorKind, EventBody, Outcome, StepFinished,
};

/// Everything that can be done now.
pub(super) fn wanted(state: &RunState) -> Vec<Command> {
    if state.reported || state.started_at.is_none() {
        return Vec::new();
    }
    if let Some(outcome) = state.outcome {
        return vec![Command::Report { outcome }];
    }
    if state.paused {
        return Vec::new();
    }
    for section in [Section::Main, Section::OnFailure, Section::Always] {
        if skips(state, section) {
            continue;
        }
        if let Some(commands) = in_section(state, section) {
            return commands;
        }
        if section == Section::Main
            && let Some(commands) = verification(state)
        {
            return commands;
        }
    }
    vec![Command::Conclude(verdict(state))]
}

/// Whether a section is not entered at all.
fn skips(state: &RunState, section: Section) -> bool {
    match section {
        Section::Main => false,
        Section::OnFailure => {
            state.cancels > 0 || !entered_on_failure(state) && !main_failed(state)
        }
        Section::Always => state.cancels > 1,
    }
}

/// Whether `steps` and `verify:` went wrong. Judged once `always` has begun by whether `on_failure`
/// was entered then: what goes wrong while cleaning up starts no further handler.
fn main_failed(state: &RunState) -> bool {
    let cleaning = state.program.always.iter().any(|step| state.nodes.contains_key(&step.id));
    !cleaning
        && (failure_in(state, Section::Main).is_some()
            || state.exhausted.is_some()
            || state.verified.contains(&false))
}

fn entered_on_failure(state: &RunState) -> bool {
    state.program.on_failure.iter().any(|step| state.nodes.contains_key(&step.id))
}

/// What a section wants, or `None` when it is over.
fn in_section(state: &RunState, section: Section) -> Option<Vec<Command>> {
    let steps = state.program.section(section);
    let closed = closed(state, section);
    for step in steps {
        match state.nodes.get(&step.id) {
            None if closed.is_some() => return None,
            None => return Some(vec![enter(state, section, step)]),
            Some(Node { phase: Phase::Done { .. }, .. }) => {
                if let Some((_, kind)) = failed(state, step)
                    && !survives(step, kind)
                {
                    return None;
                }
            }
            Some(node) => return Some(work(state, section, step, &step.id, node)),
        }
    }
    None
}

/// Why no new step of this section may begin, if so.
fn closed(state: &RunState, section: Section) -> Option<ErrorKind> {
    let spent = section != Section::Main && calls_left(state, section) == 0;
    stops(state, section).or_else(|| spent.then_some(ErrorKind::Budget))
}

/// Why what is at work in this section must end, if so.
fn stops(state: &RunState, section: Section) -> Option<ErrorKind> {
    match section {
        Section::Always if state.cancels > 1 => Some(ErrorKind::Cancelled),
        Section::Always => None,
        Section::OnFailure => (state.cancels > 0).then_some(ErrorKind::Cancelled),
        Section::Main if state.cancels > 0 => Some(ErrorKind::Cancelled),
        Section::Main => state.exhausted.map(|_| ErrorKind::Budget),
    }
}

/// Calls that handlers may make beyond the budget: cleaning up is not stopped by what was used up
/// before, and is not without bound either.
const HANDLER_CALLS: u32 = 20;

/// Begins a step, unless the budget has no call left for it.
fn enter(state: &RunState, section: Section, step: &Step) -> Command {
    match out_of_steps(state, section) {
        Some(exhausted) => exhausted,
        None => open(&step.id, 1, 0),
    }
}

fn open(path: &str, attempt: u32, delay_ms: u64) -> Command {
    Command::Open { path: path.to_owned(), attempt, delay_ms }
}

/// The calls of a section that are left, and what to record when there are none.
fn calls_left(state: &RunState, section: Section) -> u32 {
    let reserve = if section == Section::Main { 0 } else { HANDLER_CALLS };
    state.budget.steps.saturating_add(reserve).saturating_sub(state.used.steps)
}

/// What to record when the run wants a call for which nothing is left.
fn out_of_steps(state: &RunState, section: Section) -> Option<Command> {
    (section == Section::Main && calls_left(state, section) == 0).then(|| {
        record(EventBody::BudgetExhausted(BudgetMet {
            budget: BudgetKind::Steps,
            used: f64::from(state.used.steps),
            limit: f64::from(state.budget.steps),
        }))
    })
}

/// What a step that has begun and is not over wants.
fn work(state: &RunState, section: Section, step: &Step, path: &str, node: &Node) -> Vec<Command> {
    if let (Phase::Looping { items }, Some(foreach)) = (node.phase, step.foreach) {
        return looping(state, section, step, items, foreach);
    }
    let stopping = stops(state, section);
    let call = node.call;
    match (node.phase, call) {
        (Phase::Running { interrupted: false }, _) | (Phase::Done { .. }, _) => Vec::new(),
        (Phase::Running { interrupted: true }, Some(call)) if !call.effect.is_repeatable() => {
            let named = CallNamed { call_id: call.id, path: path.to_owned() };
            vec![record(EventBody::CallInDoubt(named))]
        }
        (Phase::Returned { ok, kind, .. }, _) => {
            match retry::delay_ms(state, step, path, node).filter(|_| stopping.is_none()) {
                Some(delay_ms) => {
                    let (path, attempt) = (path.to_owned(), node.attempt + 1);
                    vec![Command::Open { path, attempt, delay_ms }]
                }
                None => vec![done(path, node, ok, kind)],
            }
        }
        (Phase::InDoubt, _) if state.cancels == 0 => Vec::new(),
        (Phase::InDoubt, _) => vec![done(path, node, false, Some(ErrorKind::InDoubt))],
        _ if stopping.is_some() => vec![done(path, node, false, stopping)],
        (Phase::Answered { approved: false }, _) => {
            vec![done(path, node, false, Some(ErrorKind::Rejected))]
        }
        (Phase::Answered { approved: true }, None) => vec![done(path, node, true, None)],
        (Phase::Decided(Effect::Deny | Effect::Depends), _) => {
            vec![done(path, node, false, Some(ErrorKind::Denied))]
        }
        (Phase::Asked(approval_id), _) => vec![Command::Ask { path: path.to_owned(), approval_id }],
        (Phase::Requested | Phase::Decided(Effect::Ask), Some(call)) => {
            vec![Command::Decide { path: path.to_owned(), call_id: call.id }]
        }
        (
            Phase::Decided(Effect::Allow)
            | Phase::Answered { approved: true }
            | Phase::Running { interrupted: true },
            Some(call),
        ) => vec![Command::Execute { path: path.to_owned(), call_id: call.id }],
        // A step that was opened and nothing more, or a phase whose call is missing: open it again.
        _ => vec![Command::Open { path: path.to_owned(), attempt: node.attempt, delay_ms: 0 }],
    }
}

fn record(body: EventBody) -> Command {
    Command::Record(Box::new(body))
}

fn done(path: &str, node: &Node, ok: bool, error_kind: Option<ErrorKind>) -> Command {
    record(EventBody::StepFinished(StepFinished {
        path: path.to_owned(),
        ok,
        skipped: false,
        attempt: node.attempt,
        error_kind,
        message: None,
    }))
}

/// The items of a `foreach`: at most `parallel` at once, none begun after one failed for good.
fn looping(
    state: &RunState,
    section: Section,
    step: &Step,
    items: u32,
    foreach: Foreach,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let (mut busy, mut first_failure) = (0_u32, None);
    let mut unopened = Vec::new();
    for item in 0..items {
        let path = format!("{}[{item}]", step.id);
        match state.nodes.get(&path) {
            None => unopened.push(path),
            Some(Node { phase: Phase::Done { ok, skipped, kind }, .. }) => {
                if !ok && !skipped && first_failure.is_none_or(|kind| !is_final(kind)) {
                    first_failure = Some(*kind);
                }
            }
            Some(node) => {
                busy += 1;
                commands.extend(work(state, section, step, &path, node));
            }
        }
    }
    let closed = closed(state, section);
    let halted = closed.is_some() || first_failure.is_some_and(|kind| !survives(step, kind));
    if !halted {
        let room = foreach.parallel.saturating_sub(busy);
        let room = room.min(calls_left(state, section)) as usize;
        match out_of_steps(state, section) {
            Some(exhausted) if !unopened.is_empty() => commands.push(exhausted),
            _ => commands.extend(unopened.iter().take(room).map(|path| open(path, 1, 0))),
        }
    }
    if busy == 0 && (halted || unopened.is_empty()) {
        let kind = first_failure.flatten().or(closed);
        let ok = first_failure.is_none() && unopened.is_empty();
        return vec![over(&step.id, ok, if ok { None } else { kind })];
    }
    commands
}

fn over(path: &str, ok: bool, error_kind: Option<ErrorKind>) -> Command {
    record(EventBody::StepFinished(StepFinished {
        path: path.to_owned(),
        ok,
        skipped: false,
        attempt: 1,
        error_kind,
        message: None,
    }))
}

/// The failure of a step that is over, if it failed.
fn failed<'a>(state: &RunState, step: &'a Step) -> Option<(&'a str, Option<ErrorKind>)> {
    match state.phase(&step.id)? {
        Phase::Done { ok: false, skipped: false, kind } => Some((&step.id, kind)),
        _ => None,
    }
}

/// Whether the run goes on after this failure. Refusals and stops are not errors to be continued.
fn survives(step: &Step, kind: Option<ErrorKind>) -> bool {
    step.continue_on_error && !is_final(kind)
}

const fn is_final(kind: Option<ErrorKind>) -> bool {
    matches!(
        kind,
        Some(ErrorKind::Denied | ErrorKind::Rejected | ErrorKind::Cancelled | ErrorKind::Budget)
    )
}

/// What `verify:` wants, once every step did well; `None` when it is over or there is no use.
fn verification(state: &RunState) -> Option<Vec<Command>> {
    let index = state.verified.len();
    let pending = index < state.program.verify.len() && state.verified.iter().all(|ok| *ok);
    let clean = failure_in(state, Section::Main).is_none()
        && state.cancels == 0
        && state.exhausted.is_none();
    (pending && clean)
        .then(|| vec![Command::Verify { index: u32::try_from(index).unwrap_or(u32::MAX) }])
}

fn failure_in(state: &RunState, section: Section) -> Option<(&str, Option<ErrorKind>)> {
    state
        .program
        .section(section)
        .iter()
        .filter_map(|step| failed(state, step).filter(|(_, kind)| !survives(step, *kind)))
        .next()
}

/// How the run ends, as far as its steps tell. A refusal anywhere outweighs a failure.
pub fn verdict(state: &RunState) -> Verdict {
    let failures: Vec<(&str, Option<ErrorKind>)> =
        [Section::Main, Section::OnFailure, Section::Always]
            .into_iter()
            .filter_map(|section| failure_in(state, section))
            .collect();
    let refused =
        |kind: Option<ErrorKind>| matches!(kind, Some(ErrorKind::Denied | ErrorKind::Rejected));
    let ends = |outcome, (path, kind): (&str, Option<ErrorKind>)| Verdict {
        outcome,
        cause: Some(path.to_owned()),
        kind,
    };
    if let Some(refusal) = failures.iter().find(|(_, kind)| refused(*kind)) {
        return ends(Outcome::Denied, *refusal);
    }
    // A run that used up its budget failed, also when its handlers had to be stopped afterwards.
    if let Some(budget) = state.exhausted {
        let cause = Some(format!("budget.{}", budget_name(budget)));
        return Verdict { outcome: Outcome::Failed, cause, kind: Some(ErrorKind::Budget) };
    }
    if state.cancels > 0 {
        let kind = Some(ErrorKind::Cancelled);
        return Verdict { outcome: Outcome::Cancelled, cause: None, kind };
    }
    if let Some(failure) = failures.first() {
        return ends(Outcome::Failed, *failure);
    }
    if let Some(index) = state.verified.iter().position(|ok| !ok) {
        let cause = Some(format!("verify[{index}]"));
        return Verdict { outcome: Outcome::Failed, cause, kind: None };
    }
    Verdict { outcome: Outcome::Succeeded, cause: None, kind: None }
}

const fn budget_name(budget: BudgetKind) -> &'static str {
    match budget {
        BudgetKind::Steps => "steps",
        BudgetKind::Retries => "retries",
        BudgetKind::Wall => "wall",
        BudgetKind::Tokens => "tokens",
        BudgetKind::Cost => "cost",
    }
}
