//! The core: what a run does next, as a pure function of what happened.
//!
//! `step(state, event) -> (state, commands)` knows no files, clock, randomness, network or async
//! runtime: time, ids and facts come in as events. Commands are level-triggered: they follow from the
//! state alone, so that after a crash the same state wants the same things. The driver executes them,
//! journals what came of them and feeds the events back.

pub mod program;

mod bounds;
mod commands;
mod failure;
mod fold;
mod follows;
mod inside;
mod leaf;
mod lists;
mod locate;
mod next;
mod nodes;
mod plan;
mod planning;
mod retry;
mod rewind;
mod share;
#[cfg(test)]
mod simulation;
mod state;
#[cfg(test)]
mod tests;
mod verdict;

pub use commands::Command;
pub use failure::{Failure, failure_around};
pub use fold::FoldError;
pub use locate::{Located, Parent, Part, indexed, join};
pub use planning::{Plans, block_of, gate_of, round_of};
pub use share::share;
pub use state::{Call, Node, Phase, RunState, Section, Verdict};
pub use verdict::{PLAN, verdict};

use crate::contracts::{EventBody, Timestamp};

/// Takes one event into the state and says what is wanted now.
///
/// # Errors
/// When the event cannot follow what happened before: the journal is not one this core wrote.
pub fn step(
    mut state: RunState,
    at: Timestamp,
    event: &EventBody,
) -> Result<(RunState, Vec<Command>), FoldError> {
    fold(&mut state, at, event)?;
    let commands = next::wanted(&state);
    Ok((state, commands))
}

/// Takes one event into the state.
///
/// # Errors
/// As [`step`].
pub fn fold(state: &mut RunState, at: Timestamp, event: &EventBody) -> Result<(), FoldError> {
    fold::apply(state, at, event)
}

/// Whether `event` can still follow: what was begun before a step ended, or for a call that is no
/// longer the step's, comes too late and is dropped by the driver.
#[must_use]
pub fn follows(state: &RunState, event: &EventBody) -> bool {
    follows::follows(state, event)
}

/// What is wanted in a state: the same for the same state, however it came about.
#[must_use]
pub fn wanted(state: &RunState) -> Vec<Command> {
    next::wanted(state)
}
