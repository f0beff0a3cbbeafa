//! Large programs: what an event costs must not grow with what is over.

use super::make::{after, each, journal, program, scripts, tool};
use crate::agent::program::Step;
use crate::agent::simulation::Script;
use crate::contracts::EventBody;

fn items(items: u32) -> Script {
    Script { items, ..Script::default() }
}

/// A scan of all items per event would look at 300 million nodes here.
#[test]
fn a_loop_over_many_items_ends_soon() {
    let journal =
        journal(program(vec![each(4, tool("a"))]), &scripts([("a", items(5_000))]), Vec::new());
    let ran = journal.iter().filter(|event| matches!(event, EventBody::CallStarted(_))).count();
    assert_eq!(ran, 5_000);
}

#[test]
fn a_large_graph_of_loops_ends_soon() {
    let step = |index: u32| -> Step {
        let step = each(8, tool(&format!("s{index}")));
        if index == 0 { step } else { after(&[&format!("s{}", index / 2)], step) }
    };
    let steps: Vec<Step> = (0..200).map(step).collect();
    let of = (0..200).map(|index| (format!("s{index}"), items(20))).collect();
    let journal = journal(program(steps), &of, Vec::new());
    let ran = journal.iter().filter(|event| matches!(event, EventBody::CallStarted(_))).count();
    assert_eq!(ran, 4_000);
}
