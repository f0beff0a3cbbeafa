//! What lists of steps want: those of the run, of blocks, and the items of loops. Goes only to what is
//! at work, and to as much of what waits as may begin.

use std::collections::BTreeSet;

use super::bounds;
use super::commands::{Command, open, record};
use super::failure::Failure;
use super::inside::{Body, Inside, Loop, Progress, width};
use super::leaf;
use super::locate::{Part, item, join};
use super::nodes::Names;
use super::program::{self, Block, Foreach, Step, StepKind};
use super::rewind;
use super::state::{Node, RunState, Section};
use crate::contracts::{BudgetKind, BudgetMet, ErrorKind, EventBody, StepFinished};

/// What is wanted, as it is gathered.
pub(super) struct Wants<'a> {
    state: &'a RunState,
    /// What is wanted so far, in program order.
    pub commands: Vec<Command>,
    /// Steps that are wanted to begin: each may need a call.
    begun: u32,
    /// Whether it is said that no call is left.
    spent: bool,
}

impl<'a> Wants<'a> {
    pub(super) const fn of(state: &'a RunState) -> Self {
        Self { state, commands: Vec::new(), begun: 0, spent: false }
    }

    /// Gathers what a list wants; true when it is over. `path` is that of the block it belongs to.
    pub(super) fn list(
        &mut self,
        path: &str,
        block: &Block,
        list: Option<&Progress>,
        mode: Section,
    ) -> bool {
        let fresh;
        let list = match list {
            Some(list) => list,
            None => {
                fresh = Progress::fresh(&self.state.plan, block);
                &fresh
            }
        };
        let goes_on = list.failure.is_none() && bounds::closed(self.state, mode).is_none();
        let back = self.going_back(block, list, goes_on);
        let waits = list.ready.iter().copied().filter(|position| !back.contains(position));
        let room = width(block).saturating_sub(busy(&list.at_work));
        let begin = if goes_on { self.may_begin(waits, room, mode) } else { BTreeSet::new() };
        for position in merged(&list.at_work, &begin) {
            let Some(step) = block.steps.get(position as usize) else { continue };
            let path = join(path, &step.id);
            if begin.contains(&position) {
                self.commands.push(open(&path, self.tries(&path), 0));
            } else if !(goes_on && list.rewinding.contains(&position)) {
                self.step(step, &path, false, mode);
            }
        }
        list.at_work.is_empty() && (!goes_on || list.ready.is_empty())
    }

    /// The positions that wait to be undone.
    fn going_back(&self, block: &Block, list: &Progress, goes_on: bool) -> BTreeSet<u32> {
        if list.rewinding.is_empty() || !goes_on {
            return BTreeSet::new();
        }
        rewind::undone(&Names::of(self.state), block, list)
    }

    /// Those of `waiting` that may begin now: as many as there is room and calls are left for. Says so
    /// when none is left at all.
    fn may_begin(
        &mut self,
        waiting: impl Iterator<Item = u32>,
        room: u32,
        mode: Section,
    ) -> BTreeSet<u32> {
        let mut waiting = waiting.peekable();
        if waiting.peek().is_none() {
            return BTreeSet::new();
        }
        if bounds::is_spent(self.state, mode) {
            self.exhausted();
            return BTreeSet::new();
        }
        let left = bounds::calls_left(self.state, mode).saturating_sub(self.begun);
        let begin: BTreeSet<u32> = waiting.take(room.min(left) as usize).collect();
        self.begun = self.begun.saturating_add(busy(&begin));
        begin
    }

    fn exhausted(&mut self) {
        if std::mem::replace(&mut self.spent, true) {
            return;
        }
        self.commands.push(record(EventBody::BudgetExhausted(BudgetMet {
            budget: BudgetKind::Steps,
            used: f64::from(self.state.used.steps),
            limit: f64::from(self.state.budget.steps),
        })));
    }

    /// The number of the next try of a step that was not reached.
    fn tries(&self, path: &str) -> u32 {
        self.state.bases.get(path).copied().unwrap_or(0).saturating_add(1)
    }

    /// What a step, or an item of one, wants that has begun and is not over.
    fn step(&mut self, step: &Step, path: &str, is_item: bool, mode: Section) {
        let Some(node) = self.state.nodes.get(path) else { return };
        match (&node.inside, &step.kind, step.foreach) {
            (Inside::Loop(items), _, Some(foreach)) if !is_item => {
                self.items(step, path, node, items, foreach, mode);
            }
            (Inside::Body(lists), StepKind::Block(body), _) => {
                self.block(body, path, node, lists, mode);
            }
            _ => self.commands.extend(leaf::work(self.state, mode, step, path, node)),
        }
    }

    /// The items of a `foreach`: at most `parallel` at once, none begun after one failed for good.
    fn items(
        &mut self,
        step: &Step,
        path: &str,
        node: &Node,
        items: &Loop,
        foreach: Foreach,
        mode: Section,
    ) {
        let closed = bounds::closed(self.state, mode);
        let halts = |failure: &Failure| !failure.is_survived(step);
        let goes_on = closed.is_none() && !items.failure.as_ref().is_some_and(halts);
        if items.at_work.is_empty() && !(goes_on && items.has_unbegun()) {
            let kind = match &items.failure {
                Some(failure) => failure.kind,
                None => closed.filter(|_| items.has_unbegun()),
            };
            let ok = items.failure.is_none() && !items.has_unbegun();
            self.commands.push(over(path, node, ok, kind));
            return;
        }
        let room = foreach.parallel.saturating_sub(busy(&items.at_work));
        let begin =
            if goes_on { self.may_begin(items.unbegun(), room, mode) } else { BTreeSet::new() };
        for index in merged(&items.at_work, &begin) {
            let path = item(path, index);
            if begin.contains(&index) {
                self.commands.push(open(&path, self.tries(&path), 0));
            } else {
                self.step(step, &path, true, mode);
            }
        }
    }

    /// `block`, then `rescue` when that failed, then `always`; then the block is over.
    fn block(
        &mut self,
        body: &program::Body,
        path: &str,
        node: &Node,
        lists: &Body,
        mode: Section,
    ) {
        if !self.list(path, &body.steps, lists.list(Part::Steps), mode) {
            return;
        }
        if rescues(self.state, body, lists, mode)
            && !self.list(path, &body.rescue, lists.list(Part::Rescue), mode)
        {
            return;
        }
        if !self.list(path, &body.always, lists.list(Part::Always), Section::Always) {
            return;
        }
        let (ok, kind) = match lists.failure() {
            Some(failure) => (false, failure.kind),
            None => self.unfinished(body, lists, mode),
        };
        self.commands.push(over(path, node, ok, kind));
    }

    /// Whether a block of which nothing failed did well: it did not when it was stopped midway.
    fn unfinished(
        &self,
        body: &program::Body,
        lists: &Body,
        mode: Section,
    ) -> (bool, Option<ErrorKind>) {
        // Where `rescue` made up for a failure, the steps after it were not reached.
        let rescued = lists.failure_in(Part::Steps).is_some();
        if !rescued && !lists.complete(Part::Steps, &body.steps) {
            (false, bounds::closed(self.state, mode))
        } else if !lists.complete(Part::Always, &body.always) {
            (false, bounds::closed(self.state, Section::Always))
        } else {
            (true, None)
        }
    }
}

/// Whether `rescue` is entered. What goes wrong in `always` starts no further handler.
pub(super) fn rescues(state: &RunState, body: &program::Body, lists: &Body, mode: Section) -> bool {
    let failed = lists.failure_in(Part::Steps).is_some_and(|failure| !failure.is_final());
    let begins = failed
        && !body.rescue.steps.is_empty()
        && !lists.entered(Part::Always)
        && bounds::closed(state, mode).is_none();
    lists.entered(Part::Rescue) || begins
}

fn over(path: &str, node: &Node, ok: bool, error_kind: Option<ErrorKind>) -> Command {
    record(EventBody::StepFinished(StepFinished::new(path, node.attempt, ok, error_kind)))
}

fn busy(positions: &BTreeSet<u32>) -> u32 {
    u32::try_from(positions.len()).unwrap_or(u32::MAX)
}

/// Both, in order.
fn merged(at_work: &BTreeSet<u32>, begin: &BTreeSet<u32>) -> Vec<u32> {
    at_work.union(begin).copied().collect()
}
