//! What a state wants: what the run's own lists want, then verification, then its end.

use super::bounds;
use super::commands::Command;
use super::inside::Progress;
use super::lists::Wants;
use super::locate::Part;
use super::planning;
use super::state::{RunState, Section};

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
    if let Some(said) = planning::to_say(state) {
        return vec![said];
    }
    let mut wants = Wants::of(state);
    for section in [Section::Main, Section::OnFailure, Section::Always] {
        if skips(state, section) {
            continue;
        }
        if !wants.list("", state.program.section(section), list(state, section), section) {
            return wants.commands;
        }
        if section == Section::Main
            && let Some(command) = planning::wanted(state).or_else(|| verification(state))
        {
            return vec![command];
        }
    }
    vec![Command::Conclude(super::verdict::verdict(state))]
}

/// Whether a section is not entered at all, or left: what is at work in it has to end first. A run that
/// is stopped before it did anything has nothing to clean up.
fn skips(state: &RunState, section: Section) -> bool {
    match section {
        _ if !state.root.idle(part(section)) => false,
        Section::Main => false,
        Section::OnFailure => {
            state.cancels > 0 || !state.root.entered(Part::Rescue) && !main_failed(state)
        }
        Section::Always => state.cancels > 1 || state.cancels > 0 && state.nodes.is_empty(),
    }
}

/// Whether `steps` and `verify:` went wrong. Judged once `always` has begun by whether `on_failure`
/// was entered then: what goes wrong while cleaning up starts no further handler.
fn main_failed(state: &RunState) -> bool {
    !state.root.entered(Part::Always)
        && (state.root.failure_in(Part::Steps).is_some()
            || state.exhausted.is_some()
            || state.plans.failure().is_some()
            || state.verified.contains(&false))
}

const fn list(state: &RunState, section: Section) -> Option<&Progress> {
    state.root.list(part(section))
}

const fn part(section: Section) -> Part {
    match section {
        Section::Main => Part::Steps,
        Section::OnFailure => Part::Rescue,
        Section::Always => Part::Always,
    }
}

/// Which expression of `verify:` is next, once every step did well; `None` when it is over or there
/// is no use.
fn verification(state: &RunState) -> Option<Command> {
    let index = state.verified.len();
    let pending = index < state.program.verify.len() && state.verified.iter().all(|ok| *ok);
    let clean = state.root.failure_in(Part::Steps).is_none()
        && state.plans.failure().is_none()
        && bounds::stops(state, Section::Main).is_none();
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    (pending && clean).then_some(Command::Verify { index })
}
