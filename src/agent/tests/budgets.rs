//! What called runs may spend.

use std::sync::Arc;

use super::make::{call, each, journal, program, scripts};
use crate::agent::program::Program;
use crate::agent::simulation::{Child, Script, folded};
use crate::contracts::{Budget, EventBody};

fn with_steps(steps: u32, program: Program) -> Program {
    Program { budget: Budget { steps, ..program.budget }, ..program }
}

fn shares(journal: &[EventBody]) -> Vec<u32> {
    let share = |event: &EventBody| match event {
        EventBody::StepStarted(started) => started.share.as_ref().map(|share| share.steps),
        _ => None,
    };
    journal.iter().filter_map(share).collect()
}

fn child(steps: u32) -> Script {
    Script { items: 4, child: Child { ok: true, kind: None, steps }, ..Script::default() }
}

#[test]
fn runs_one_after_the_other_get_what_is_left() {
    let program = with_steps(10, program(vec![call("a"), call("b")]));
    let journal =
        journal(program.clone(), &scripts([("a", child(3)), ("b", child(9))]), Vec::new());
    // Calling costs one.
    assert_eq!(shares(&journal), [9, 5]);
    let state = folded(&Arc::new(program), &journal);
    assert_eq!((state.used.steps, state.lent.steps), (10, 0));
}

#[test]
fn runs_side_by_side_share_it() {
    let program = with_steps(10, program(vec![each(4, call("a"))]));
    let journal = journal(program, &scripts([("a", child(1))]), Vec::new());
    let shares = shares(&journal);
    assert!(shares.len() == 4 && shares[0] == 1, "{shares:?}");
}
