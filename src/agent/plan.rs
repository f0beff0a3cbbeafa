//! Where each step of a program stands, worked out once for a run: nothing is searched per event.

use std::collections::{BTreeMap, BTreeSet};

use super::locate::{Part, indexed};
use super::program::{Block, Order, Program, Step, StepKind};
use super::state::Section;

/// Every step by its id, which is unique in a program.
#[derive(Debug, Default)]
pub(super) struct Plan {
    spots: BTreeMap<String, Spot>,
}

/// Where a step stands.
#[derive(Debug)]
pub(super) struct Spot {
    /// The block it stands in; `None` in a section of the program.
    pub owner: Option<String>,
    /// Which list of that block, or of the program.
    pub part: Part,
    /// Its position in the list.
    pub position: u32,
    /// Positions, in the same list, of the steps that wait for it.
    pub dependents: Vec<u32>,
    /// How many steps of the list it waits for.
    pub waits: u32,
    /// What it may do when the run is being stopped: as a section does. What stands in an `always`
    /// is as protected as the run's own.
    pub mode: Section,
    /// The way to it through the program.
    trail: Vec<(Part, u32)>,
}

/// What a path names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Where its step stands.
    pub spot: &'a Spot,
    /// Its step.
    pub step: &'a Step,
    /// The item's position, when it is one of the step's own `foreach`.
    pub item: Option<u32>,
    /// The path of what it is inside of: the loop of an item, else the block; empty for the run.
    pub parent: &'a str,
}

impl Plan {
    pub(super) fn of(program: &Program) -> Self {
        let mut plan = Self::default();
        let root = [
            (Part::Steps, Section::Main),
            (Part::Rescue, Section::OnFailure),
            (Part::Always, Section::Always),
        ];
        for (part, mode) in root {
            plan.list(list(program, part), None, part, mode, &[]);
        }
        plan
    }

    fn list(
        &mut self,
        block: &Block,
        owner: Option<&str>,
        part: Part,
        mode: Section,
        around: &[(Part, u32)],
    ) {
        let needs = needs(block);
        let mut dependents = vec![Vec::new(); block.steps.len()];
        for (position, needed) in (0_u32..).zip(&needs) {
            for index in needed {
                if let Some(waiting) = dependents.get_mut(*index as usize) {
                    waiting.push(position);
                }
            }
        }
        let rows = block.steps.iter().zip((0_u32..).zip(needs.iter().zip(dependents)));
        for (step, (position, (needed, dependents))) in rows {
            let mut trail = around.to_vec();
            trail.push((part, position));
            self.inside(step, mode, &trail);
            let waits = u32::try_from(needed.len()).unwrap_or(u32::MAX);
            let owner = owner.map(str::to_owned);
            let spot = Spot { owner, part, position, dependents, waits, mode, trail };
            self.spots.insert(step.id.clone(), spot);
        }
    }

    fn inside(&mut self, step: &Step, mode: Section, trail: &[(Part, u32)]) {
        let StepKind::Block(body) = &step.kind else { return };
        self.list(&body.steps, Some(&step.id), Part::Steps, mode, trail);
        self.list(&body.rescue, Some(&step.id), Part::Rescue, mode, trail);
        self.list(&body.always, Some(&step.id), Part::Always, Section::Always, trail);
    }

    /// Where the step `id` stands.
    pub(super) fn spot(&self, id: &str) -> Option<&Spot> {
        self.spots.get(id)
    }

    /// What `path` names, going by its last segment; whether the rest fits shows at the parent.
    pub(super) fn place<'a>(&'a self, program: &'a Program, path: &'a str) -> Option<Place<'a>> {
        let (around, segment) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(spot) = self.spots.get(segment) {
            let step = spot.step(program)?;
            return Some(Place { spot, step, item: None, parent: around });
        }
        let (id, index) = indexed(segment)?;
        let spot = self.spots.get(id)?;
        let step = spot.step(program).filter(|step| step.foreach.is_some())?;
        let parent = path.rsplit_once('[')?.0;
        Some(Place { spot, step, item: Some(index), parent })
    }

    /// The block of the program that is the list of `part` in the block `owner`.
    pub(super) fn block<'a>(
        &self,
        program: &'a Program,
        owner: Option<&str>,
        part: Part,
    ) -> Option<&'a Block> {
        let Some(owner) = owner else { return Some(list(program, part)) };
        match &self.spots.get(owner)?.step(program)?.kind {
            StepKind::Block(body) => Some(body.list(part)),
            _ => None,
        }
    }
}

impl Spot {
    /// The step itself.
    pub(super) fn step<'a>(&self, program: &'a Program) -> Option<&'a Step> {
        let (first, rest) = self.trail.split_first()?;
        let mut step = list(program, first.0).steps.get(first.1 as usize)?;
        for (part, position) in rest {
            let StepKind::Block(body) = &step.kind else { return None };
            step = body.list(*part).steps.get(*position as usize)?;
        }
        Some(step)
    }
}

impl Place<'_> {
    /// The id of the block around, which the path's parent must name.
    pub(super) fn owner(&self) -> Option<&str> {
        self.spot.owner.as_deref()
    }
}

fn list(program: &Program, part: Part) -> &Block {
    match part {
        Part::Steps => &program.steps,
        Part::Rescue => &program.on_failure,
        Part::Always => &program.always,
    }
}

/// For each step, the positions of the steps of the list that it waits for: the one before in a
/// sequence, those it names in a graph.
fn needs(block: &Block) -> Vec<BTreeSet<u32>> {
    if block.order == Order::Sequence {
        let before = |position: u32| position.checked_sub(1).into_iter().collect();
        return (0_u32..).take(block.steps.len()).map(before).collect();
    }
    let positions: BTreeMap<&str, u32> =
        block.steps.iter().map(|step| step.id.as_str()).zip(0_u32..).collect();
    let known = |id: &String| positions.get(id.as_str()).copied();
    block.steps.iter().map(|step| step.needs.iter().filter_map(known).collect()).collect()
}
