//! What must hold for every journal, worked out from the journal and the program alone.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::events;
use super::scripts::World;
use crate::agent::program::{Block, Order, Program, Step, StepKind};
use crate::agent::{Located, PLAN, Part, Section};
use crate::contracts::{CallId, ErrorKind, EventBody, Outcome, StepFinished};

type Checked = Result<(), TestCaseError>;

/// `program` is what the run went by in the end: with everything that was planned.
pub fn all(program: &Program, journal: &[EventBody], world: &World<'_>) -> Checked {
    let watched = || {
        effects(world, journal)?;
        enough_people(program, journal)?;
        let mut watch = Watch::new(program);
        for event in journal {
            watch.take(event)?;
        }
        prop_assert!(matches!(journal.last(), Some(EventBody::ReportReady(_))), "has no report");
        watch.end()
    };
    watched().map_err(|why| {
        TestCaseError::fail(format!("{why}\n{program:#?}\n{:#?}", events::told(journal)))
    })
}

/// What was asked goes on only after as many different people as needed said yes, and after none of
/// them said no.
fn enough_people(program: &Program, journal: &[EventBody]) -> Checked {
    let mut open = BTreeMap::new();
    for event in journal {
        match event {
            EventBody::ApprovalRequested(asked) => {
                let people = BTreeSet::new();
                open.insert(asked.path.clone(), (asked.approval_id, asked.approvers, people, true));
            }
            EventBody::ApprovalResolved(answer) => {
                let asked = open.values_mut().find(|(id, ..)| *id == answer.approval_id);
                let Some((_, _, people, willing)) = asked else { continue };
                *willing &= answer.approved;
                prop_assert!(people.insert(answer.by.clone()), "{} answered twice", answer.by);
            }
            EventBody::CallStarted(named) => {
                if let Some((_, needed, people, willing)) = open.get(&named.path) {
                    let enough = people.len() >= *needed as usize && *willing;
                    prop_assert!(enough, "{} ran with {people:?} of {needed}", named.path);
                }
            }
            EventBody::StepFinished(end) if end.ok => {
                let at = program.locate(&end.path).expect("the journal names known steps");
                let gate = matches!(at.step.kind, StepKind::Approval(_));
                if let Some((_, needed, people, willing)) = open.get(&end.path).filter(|_| gate) {
                    let enough = people.len() >= *needed as usize && *willing;
                    prop_assert!(enough, "{} opened with {people:?} of {needed}", end.path);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A call that may not be repeated happened at most once, and neither did a step that was not
/// rewound; a call that returned was never run again.
fn effects(world: &World<'_>, journal: &[EventBody]) -> Checked {
    let mut effects = BTreeMap::new();
    let (mut returned, mut rewinds) = (BTreeSet::new(), 0_u32);
    for event in journal {
        match event {
            EventBody::CallRequested(call) => {
                effects.insert(call.call_id, call.effect);
            }
            EventBody::CallStarted(named) => {
                prop_assert!(!returned.contains(&named.call_id), "a finished call ran again");
            }
            EventBody::CallFinished(finished) => {
                returned.insert(finished.call_id);
            }
            EventBody::ApprovalResolved(answer) if answer.reason.is_some() => rewinds += 1,
            _ => {}
        }
    }
    let mut per_path: BTreeMap<&str, u32> = BTreeMap::new();
    for (call, times) in &world.happened {
        let once = |call: &CallId| effects.get(call).is_some_and(|it| !it.is_repeatable());
        if once(call) {
            prop_assert!(*times <= 1, "{call} happened {times} times");
            *per_path.entry(world.paths[call].as_str()).or_default() += times;
        }
    }
    for (path, times) in per_path {
        prop_assert!(times <= 1 + rewinds, "{path} happened {times} times, {rewinds} rewinds");
    }
    Ok(())
}

/// What was seen of a run so far.
struct Watch<'a> {
    program: &'a Program,
    at_work: BTreeSet<String>,
    /// Steps of which something was asked: a rewind may take them away while they are open.
    asked: BTreeSet<String>,
    over: BTreeMap<String, StepFinished>,
    cancels: u32,
    calls: u32,
    outcome: Option<(Outcome, Option<String>)>,
}

impl<'a> Watch<'a> {
    fn new(program: &'a Program) -> Self {
        Self {
            program,
            at_work: BTreeSet::new(),
            asked: BTreeSet::new(),
            over: BTreeMap::new(),
            cancels: 0,
            calls: 0,
            outcome: None,
        }
    }

    fn take(&mut self, event: &EventBody) -> Checked {
        match event {
            EventBody::StepStarted(started) => {
                self.begins(&started.path)?;
                self.at_work.insert(started.path.clone());
                self.room(&started.path)?;
            }
            EventBody::StepFinished(finished) => {
                self.begins(&finished.path)?;
                self.ends(finished)?;
                self.at_work.remove(&finished.path);
                self.over.insert(finished.path.clone(), finished.clone());
                self.calls += finished.used.as_ref().map_or(0, |used| used.steps);
            }
            EventBody::CallRequested(_) => self.calls += 1,
            EventBody::ApprovalRequested(asked) => {
                self.asked.insert(asked.path.clone());
            }
            EventBody::RunCancelRequested(_) => self.cancels += 1,
            EventBody::RunFinished(finished) => {
                let left: Vec<&String> = self.at_work.difference(&self.asked).collect();
                prop_assert!(left.is_empty(), "at the end at work: {left:?}");
                self.outcome = Some((finished.outcome, finished.cause.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    /// A step that was not at work begins: what it needs is over, and nothing failed before.
    fn begins(&mut self, path: &str) -> Checked {
        if self.at_work.contains(path) {
            return Ok(());
        }
        let program = self.program;
        let at = program.locate(path).expect("the journal names known steps");
        if self.over.contains_key(path) {
            self.rewound(&at, path);
        }
        if let Some(of) = &at.of {
            prop_assert!(self.at_work.contains(of), "{path} begins outside of its loop");
            return Ok(());
        }
        if let Some(parent) = at.parents.last() {
            prop_assert!(self.at_work.contains(&parent.path), "{path} begins outside of its block");
        }
        let block = list(program, &at);
        for step in needed(block, at.step) {
            let sibling = at.sibling(&step.id);
            let over = self.over.contains_key(&sibling) && !self.at_work.contains(&sibling);
            prop_assert!(over, "{path} begins before {sibling} is over");
        }
        for step in &block.steps {
            let sibling = at.sibling(&step.id);
            let failed = self.over.get(&sibling).is_some_and(|end| counts(step, end));
            prop_assert!(!failed, "{path} begins after {sibling} failed");
        }
        self.turn(&at, path)
    }

    /// `rescue` and `always` begin when what goes before is over.
    fn turn(&self, at: &Located<'_>, path: &str) -> Checked {
        let Some(parent) = at.parents.last() else { return Ok(()) };
        let StepKind::Block(body) = &parent.step.kind else { unreachable!("a parent is a block") };
        let before: &[Part] = match parent.part {
            Part::Steps => &[],
            Part::Rescue => &[Part::Steps],
            Part::Always => &[Part::Steps, Part::Rescue],
        };
        for step in before.iter().flat_map(|part| &body.list(*part).steps) {
            prop_assert!(!self.at_work.contains(&at.sibling(&step.id)), "{path} begins too early");
        }
        if parent.part == Part::Rescue {
            let failed = body.steps.steps.iter().any(|step| {
                self.over.get(&at.sibling(&step.id)).is_some_and(|end| counts(step, end))
            });
            prop_assert!(failed, "{path} rescues nothing");
        }
        Ok(())
    }

    /// The step is done again: what comes after it in its list has to be, too.
    fn rewound(&mut self, at: &Located<'_>, path: &str) {
        let block = list(self.program, at);
        let mut gone = BTreeSet::from([at.step.id.clone()]);
        loop {
            let more: Vec<String> = block
                .steps
                .iter()
                .filter(|step| !gone.contains(&step.id))
                .filter(|step| needed(block, step).iter().any(|it| gone.contains(&it.id)))
                .map(|step| step.id.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            gone.extend(more);
        }
        let gone: Vec<String> = gone.iter().map(|id| at.sibling(id)).collect();
        let undone = |inner: &str| {
            gone.iter().any(|path| {
                inner.strip_prefix(path.as_str()).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with('/') || rest.starts_with('[')
                })
            })
        };
        debug_assert!(gone.iter().any(|it| it == path));
        self.over.retain(|inner, _| !undone(inner));
        // A gate that sends the run back is taken out while it is open.
        self.at_work.retain(|inner| !undone(inner));
    }

    /// Not more at work than there is room for.
    fn room(&self, path: &str) -> Checked {
        let at = self.program.locate(path).expect("the journal names known steps");
        let (busy, most) = match &at.of {
            Some(of) => {
                let item = |inner: &&String| {
                    let rest = inner.strip_prefix(of.as_str());
                    rest.is_some_and(|rest| rest.starts_with('[') && !rest.contains('/'))
                };
                let foreach = at.step.foreach.expect("items are of a loop");
                (self.at_work.iter().filter(item).count(), foreach.parallel)
            }
            None => {
                let block = list(self.program, &at);
                let most = match block.order {
                    Order::Sequence => 1,
                    Order::Graph { parallel } => parallel,
                };
                let busy = |step: &&Step| self.at_work.contains(&at.sibling(&step.id));
                (block.steps.iter().filter(busy).count(), most)
            }
        };
        prop_assert!(busy <= most as usize, "{path}: {busy} at work, at most {most}");
        Ok(())
    }

    /// What must be true of a block that is over: its `always` ran, once, and it failed if and only
    /// if something failed that was not rescued.
    fn ends(&self, end: &StepFinished) -> Checked {
        let at = self.program.locate(&end.path).expect("the journal names known steps");
        let whole_loop = at.step.foreach.is_some() && at.of.is_none();
        let StepKind::Block(body) = &at.step.kind else { return Ok(()) };
        if whole_loop || !self.at_work.contains(&end.path) {
            return Ok(());
        }
        let inner = |step: &Step| self.over.get(&format!("{}/{}", end.path, step.id));
        let failed = |part: Part| {
            let steps = &body.list(part).steps;
            steps.iter().any(|step| inner(step).is_some_and(|end| counts(step, end)))
        };
        let whole = |part: Part| body.list(part).steps.iter().all(|step| inner(step).is_some());
        let stopped = self.cancels > 1 || self.calls >= self.program.budget.steps;
        if let Some(first) = body.always.steps.first().filter(|_| !stopped) {
            prop_assert!(inner(first).is_some(), "`always` of {} did not run", end.path);
        }
        let rescued = whole(Part::Rescue) && !body.rescue.steps.is_empty() && !failed(Part::Rescue);
        let well = (rescued || !failed(Part::Steps) && whole(Part::Steps))
            && !failed(Part::Always)
            && whole(Part::Always);
        prop_assert_eq!(end.ok, well, "{:?} of {}", end, end.path);
        Ok(())
    }

    fn end(&self) -> Checked {
        let Some((outcome, cause)) = &self.outcome else {
            return Err(TestCaseError::fail("there is no `run.finished`"));
        };
        let all = [Section::Main, Section::OnFailure, Section::Always];
        let steps = all.into_iter().flat_map(|section| &self.program.section(section).steps);
        let failed = |step: &Step| self.over.get(&step.id).is_some_and(|end| counts(step, end));
        let failures: Vec<&Step> = steps.filter(|step| failed(step)).collect();
        if *outcome == Outcome::Succeeded {
            prop_assert!(failures.is_empty(), "succeeded, and {:?} failed", failures[0].id);
        }
        if *outcome == Outcome::Failed
            && let Some(cause) =
                cause.as_ref().filter(|cause| !cause.starts_with("budget") && *cause != PLAN)
        {
            // What decided it failed, and no `rescue` around made up for it.
            let at = self.program.locate(cause).expect("a cause is a step");
            prop_assert!(self.over.get(cause).is_some_and(|end| !end.ok && !end.skipped));
            for parent in &at.parents {
                prop_assert!(!self.over[&parent.path].ok, "{cause} was rescued");
            }
        }
        Ok(())
    }
}

fn list<'a>(program: &'a Program, at: &Located<'a>) -> &'a Block {
    match at.parents.last() {
        None => program.section(at.section),
        Some(parent) => match &parent.step.kind {
            StepKind::Block(body) => body.list(parent.part),
            _ => unreachable!("a parent is a block"),
        },
    }
}

/// The steps of the list that `step` waits for.
fn needed<'a>(block: &'a Block, step: &Step) -> Vec<&'a Step> {
    match block.order {
        Order::Graph { .. } => {
            block.steps.iter().filter(|other| step.needs.contains(&other.id)).collect()
        }
        Order::Sequence => {
            let index = block.steps.iter().position(|other| other.id == step.id);
            index
                .and_then(|index| index.checked_sub(1))
                .map(|index| &block.steps[index])
                .into_iter()
                .collect()
        }
    }
}

/// Whether a step's end is a failure of its list.
fn counts(step: &Step, end: &StepFinished) -> bool {
    let last = matches!(
        end.error_kind,
        Some(ErrorKind::Denied | ErrorKind::Rejected | ErrorKind::Cancelled | ErrorKind::Budget)
    );
    !end.ok && !end.skipped && (last || !step.continue_on_error)
}
