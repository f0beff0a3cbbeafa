//! Programs in few words, and their runs.

use std::sync::Arc;

use crate::agent::program::{
    Block, Body, Foreach, Gate, Order, Program, Retry, Rewind, Step, StepKind,
};
use crate::agent::simulation::{Driver, Script, Scripts, Signal, World, events};
use crate::contracts::{Budget, ErrorKind, EventBody};

pub fn tool(id: &str) -> Step {
    Step {
        id: id.to_owned(),
        needs: Vec::new(),
        kind: StepKind::Tool,
        foreach: None,
        retry: Retry { initial_ms: 1, ..Retry::default() },
        continue_on_error: false,
    }
}

pub fn call(id: &str) -> Step {
    Step { kind: StepKind::Call, ..tool(id) }
}

pub fn gate(id: &str, to: &str, attempts: u32) -> Step {
    let rewind = Some(Rewind { to: to.to_owned(), attempts });
    Step { kind: StepKind::Approval(Gate { ttl_ms: 1, approvers: 1, rewind }), ..tool(id) }
}

pub fn block(id: &str, body: Body) -> Step {
    Step { kind: StepKind::Block(Box::new(body)), ..tool(id) }
}

pub fn body(steps: Vec<Step>, rescue: Vec<Step>, always: Vec<Step>) -> Body {
    Body { steps: list(steps), rescue: list(rescue), always: list(always) }
}

/// Steps in a list: a graph, two at once, as soon as one of them needs another.
pub fn list(steps: Vec<Step>) -> Block {
    let graph = steps.iter().any(|step| !step.needs.is_empty());
    let order = if graph { Order::Graph { parallel: 2 } } else { Order::Sequence };
    Block { steps, order }
}

pub fn each(parallel: u32, step: Step) -> Step {
    Step { foreach: Some(Foreach { parallel, limit: 100_000 }), ..step }
}

pub fn after(needs: &[&str], step: Step) -> Step {
    Step { needs: needs.iter().map(|id| (*id).to_owned()).collect(), ..step }
}

pub fn program(steps: Vec<Step>) -> Program {
    Program {
        steps: list(steps),
        on_failure: Block::default(),
        always: Block::default(),
        verify: Vec::new(),
        budget: Budget { steps: 1_000_000, ..Budget::default() },
        planned: false,
    }
}

pub fn fails(kind: ErrorKind) -> Script {
    Script { fails: 1_000, error: kind, ..Script::default() }
}

pub fn scripts<const N: usize>(of: [(&str, Script); N]) -> Scripts {
    of.into_iter().map(|(id, script)| (id.to_owned(), script)).collect()
}

/// The journal of a run, in short words. `signals` come once there are so many events.
pub fn told(program: Program, scripts: &Scripts, signals: Vec<(usize, Signal)>) -> Vec<String> {
    events::told(&journal(program, scripts, signals))
}

pub fn journal(
    program: Program,
    scripts: &Scripts,
    signals: Vec<(usize, Signal)>,
) -> Vec<EventBody> {
    let started = events::with_budget(program.budget.clone());
    let program = Arc::new(program);
    let mut driver = Driver::new(&program, World::new(scripts), vec![started], &[1, 0], signals);
    driver.run();
    assert!(driver.state.reported, "it ends");
    driver.journal
}
