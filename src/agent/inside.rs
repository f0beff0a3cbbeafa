//! What a run, a block or a loop must remember of the steps inside of it, so that nothing has to be
//! counted again with each event.

use std::collections::BTreeSet;

use super::failure::{Failure, worsen};
use super::locate::Part;
use super::plan::{Plan, Spot};
use super::program::{Block, Order};

/// What stands inside of a step that was begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing: it does its work itself, or is over.
    #[default]
    Nothing,
    /// The items of a `foreach`.
    Loop(Loop),
    /// The lists of a block.
    Body(Box<Body>),
}

/// The items of a `foreach`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loop {
    /// Items in the list.
    pub items: u32,
    /// From here on no item was begun.
    next: u32,
    /// Items before `next` that were not begun: they were opened side by side, and came later.
    gaps: BTreeSet<u32>,
    /// Items that were begun and are not over.
    pub at_work: BTreeSet<u32>,
    /// Items that are over.
    pub over: u32,
    /// What counts of what went wrong.
    pub failure: Option<Failure>,
}

/// The lists of a block, or of the run; those that were entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Body {
    steps: Option<Progress>,
    rescue: Option<Progress>,
    always: Option<Progress>,
}

/// How far a list of steps has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Steps in the list.
    pub total: u32,
    /// Positions that wait for nothing and were not begun.
    pub ready: BTreeSet<u32>,
    /// Positions that were begun and are not over.
    pub at_work: BTreeSet<u32>,
    /// How many are over.
    pub over: u32,
    /// For each position, how many steps it still waits for.
    pub waits: Vec<u32>,
    /// Gates that send the list back as soon as what they undo is no longer at work.
    pub rewinding: BTreeSet<u32>,
    /// What counts of what went wrong.
    pub failure: Option<Failure>,
}

impl Loop {
    pub(super) const fn new(items: u32) -> Self {
        Self {
            items,
            next: 0,
            gaps: BTreeSet::new(),
            at_work: BTreeSet::new(),
            over: 0,
            failure: None,
        }
    }

    /// Items that were not begun, in order.
    pub(super) fn unbegun(&self) -> impl Iterator<Item = u32> + '_ {
        self.gaps.iter().copied().chain(self.next..self.items)
    }

    /// Whether there are any.
    pub(super) fn has_unbegun(&self) -> bool {
        !self.gaps.is_empty() || self.next < self.items
    }

    pub(super) fn is_unbegun(&self, item: u32) -> bool {
        item < self.items && (item >= self.next || self.gaps.contains(&item))
    }

    pub(super) fn begin(&mut self, item: u32) {
        if item >= self.next {
            self.gaps.extend(self.next..item);
            self.next = item.saturating_add(1);
        } else {
            self.gaps.remove(&item);
        }
        self.at_work.insert(item);
    }

    pub(super) fn end(&mut self, item: u32, failure: Option<Failure>) {
        self.begin(item);
        self.at_work.remove(&item);
        self.over = self.over.saturating_add(1);
        worsen(&mut self.failure, failure);
    }
}

impl Body {
    /// How far a list has come; `None` while it was not entered.
    pub(super) const fn list(&self, part: Part) -> Option<&Progress> {
        match part {
            Part::Steps => self.steps.as_ref(),
            Part::Rescue => self.rescue.as_ref(),
            Part::Always => self.always.as_ref(),
        }
    }

    pub(super) const fn list_mut(&mut self, part: Part) -> &mut Option<Progress> {
        match part {
            Part::Steps => &mut self.steps,
            Part::Rescue => &mut self.rescue,
            Part::Always => &mut self.always,
        }
    }

    pub(super) const fn entered(&self, part: Part) -> bool {
        self.list(part).is_some()
    }

    pub(super) fn failure_in(&self, part: Part) -> Option<&Failure> {
        self.list(part).and_then(|list| list.failure.as_ref())
    }

    /// Whether every step of a list is over.
    pub(super) fn complete(&self, part: Part, block: &Block) -> bool {
        self.list(part).map_or(block.steps.is_empty(), |list| list.over == list.total)
    }

    /// Whether nothing in a list is at work.
    pub(super) fn idle(&self, part: Part) -> bool {
        self.list(part).is_none_or(|list| list.at_work.is_empty())
    }

    /// What went wrong, unless `rescue` made up for it: the first failure, or the first refusal.
    pub(super) fn failure(&self) -> Option<Failure> {
        let rescued = self
            .rescue
            .as_ref()
            .is_some_and(|list| list.over == list.total && list.failure.is_none());
        let mut worst = self.failure_in(Part::Steps).filter(|_| !rescued).cloned();
        worsen(&mut worst, self.failure_in(Part::Rescue).cloned());
        worsen(&mut worst, self.failure_in(Part::Always).cloned());
        worst
    }
}

impl Progress {
    /// A list of which nothing was begun.
    pub(super) fn fresh(plan: &Plan, block: &Block) -> Self {
        let waits_of = |id: &str| plan.spot(id).map_or(0, |spot| spot.waits);
        let waits: Vec<u32> = block.steps.iter().map(|step| waits_of(&step.id)).collect();
        let ready = (0_u32..).zip(&waits).filter(|(_, waits)| **waits == 0);
        Self {
            total: u32::try_from(waits.len()).unwrap_or(u32::MAX),
            ready: ready.map(|(position, _)| position).collect(),
            waits,
            ..Self::default()
        }
    }

    /// Takes steps that were put behind those of the sequence `block`, all of which are over.
    pub(super) fn grow(&mut self, block: &Block) {
        let (before, after) = (self.total, u32::try_from(block.steps.len()).unwrap_or(u32::MAX));
        for position in before..after {
            let waits = u32::from(position > before);
            self.waits.push(waits);
            if waits == 0 {
                self.ready.insert(position);
            }
        }
        self.total = after;
    }

    pub(super) fn begin(&mut self, position: u32) {
        self.ready.remove(&position);
        self.at_work.insert(position);
    }

    /// Takes the end of a step: what waited for it may begin.
    pub(super) fn end(&mut self, spot: &Spot, failure: Option<Failure>) {
        self.ready.remove(&spot.position);
        self.at_work.remove(&spot.position);
        self.rewinding.remove(&spot.position);
        self.over = self.over.saturating_add(1);
        worsen(&mut self.failure, failure);
        for position in &spot.dependents {
            if let Some(waits) = self.waits.get_mut(*position as usize) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    self.ready.insert(*position);
                }
            }
        }
    }
}

/// How many steps of a list are at work at once.
pub(super) const fn width(block: &Block) -> u32 {
    match block.order {
        Order::Sequence => 1,
        Order::Graph { parallel } => parallel,
    }
}
