//! Which step stands where, and which results an expression can see from there.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::reader::Section;
use crate::yaml::Place;

/// A list of a block or of the playbook itself, in the order in which they are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::playbook) enum Part {
    /// `steps`, or `block`.
    Main,
    /// `verify`, which has no steps.
    Verify,
    /// `on_failure`, or `rescue`.
    Rescue,
    /// `always`.
    Always,
    /// `outputs` and `remember`.
    End,
}

/// A list of steps.
#[derive(Debug)]
pub(in crate::playbook) struct List {
    /// The block it belongs to; `None` for a list of the playbook itself.
    pub(in crate::playbook) owner: Option<usize>,
    pub(in crate::playbook) part: Part,
    /// Its steps, as written.
    pub(in crate::playbook) steps: Vec<usize>,
}

/// A step, also one that could not be read.
#[derive(Debug)]
pub(in crate::playbook) struct Known {
    pub(in crate::playbook) id: String,
    pub(in crate::playbook) list: usize,
    /// Its place in the list, from 0.
    pub(in crate::playbook) position: usize,
    pub(in crate::playbook) file: usize,
    pub(in crate::playbook) place: Place,
    pub(in crate::playbook) needs: Vec<(String, Place)>,
    pub(in crate::playbook) repeats: bool,
    /// Where a denial with a comment leads.
    pub(in crate::playbook) rewind: Option<(String, Place)>,
    /// The steps of a graph that are over before it begins; `None` where there is no order to rely
    /// on, because the graph has a mistake.
    pub(in crate::playbook) before: Option<Bits>,
}

/// Every list and every step.
#[derive(Debug, Default)]
pub(in crate::playbook) struct Tree {
    pub(in crate::playbook) lists: Vec<List>,
    pub(in crate::playbook) steps: Vec<Known>,
    by_id: BTreeMap<String, usize>,
}

/// Whether a step's result can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::playbook) enum Sight {
    Seen,
    /// It is the step that asks.
    Itself,
    /// It is a block around the step that asks.
    Around,
    /// It stands inside the step that asks.
    Inside,
    Later,
    /// Neither is before the other: the step that would have to need the other, and the other.
    Unordered(usize, usize),
    /// It stands inside this block, which repeats.
    InLoop(usize),
}

/// A step, or what has none, in a list around it.
#[derive(Debug, Clone, Copy)]
struct Spot {
    owner: Option<usize>,
    part: Part,
    step: Option<usize>,
}

impl Tree {
    /// Begins a list.
    pub(super) fn open(&mut self, owner: Option<usize>, part: Part) -> usize {
        self.lists.push(List { owner, part, steps: Vec::new() });
        self.lists.len() - 1
    }

    /// Adds a step at the end of `list`.
    pub(super) fn add(&mut self, list: usize, id: String, file: usize, place: Place) -> usize {
        let index = self.steps.len();
        let steps = self.lists.get_mut(list).map(|list| &mut list.steps);
        let position = steps.map_or(0, |steps| {
            steps.push(index);
            steps.len() - 1
        });
        self.by_id.entry(id.clone()).or_insert(index);
        let (needs, rewind) = (Vec::new(), None);
        let before = Some(Bits::default());
        self.steps.push(Known {
            id,
            list,
            position,
            file,
            place,
            needs,
            repeats: false,
            rewind,
            before,
        });
        index
    }

    /// The first step called `id`.
    pub(in crate::playbook) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The step at `index`.
    pub(in crate::playbook) fn step(&self, index: usize) -> Option<&Known> {
        self.steps.get(index)
    }

    /// The id of the step at `index`.
    pub(in crate::playbook) fn id(&self, index: usize) -> &str {
        self.step(index).map_or("", |step| step.id.as_str())
    }

    /// Whether the list at `index` is a graph: one of its steps says what it needs.
    pub(in crate::playbook) fn is_graph(&self, index: usize) -> bool {
        let needs = |step: &usize| self.step(*step).is_some_and(|step| !step.needs.is_empty());
        self.lists.get(index).is_some_and(|list| list.steps.iter().any(needs))
    }

    /// The step and the blocks around it, the innermost first.
    pub(in crate::playbook) fn chain(&self, index: usize) -> Vec<usize> {
        let above = |index: &usize| self.lists.get(self.step(*index)?.list)?.owner;
        std::iter::successors(Some(index), above).collect()
    }

    /// Whether `error` is there: in a step of `on_failure` or `rescue`, or inside of one.
    pub(in crate::playbook) fn is_rescue(&self, section: Section) -> bool {
        let Section::Step(index) = section else { return false };
        self.chain(index).into_iter().any(|index| {
            let list = self.step(index).and_then(|step| self.lists.get(step.list));
            list.is_some_and(|list| list.part == Part::Rescue)
        })
    }

    fn spots(&self, section: Section) -> Vec<Spot> {
        let nowhere = |part| vec![Spot { owner: None, part, step: None }];
        match section {
            Section::Start => Vec::new(),
            Section::Verify => nowhere(Part::Verify),
            Section::End => nowhere(Part::End),
            Section::Step(index) => {
                let spot = |index: usize| {
                    let list = self.lists.get(self.step(index)?.list)?;
                    Some(Spot { owner: list.owner, part: list.part, step: Some(index) })
                };
                self.chain(index).into_iter().filter_map(spot).collect()
            }
        }
    }

    /// Whether an expression in `section` can see the result of the step `target`.
    pub(in crate::playbook) fn sight(&self, section: Section, target: usize) -> Sight {
        let here = self.spots(section);
        let there = self.spots(Section::Step(target));
        // The innermost block that is around both.
        let common = there.iter().enumerate().find_map(|(depth, there)| {
            let index = here.iter().position(|here| here.owner == there.owner)?;
            Some((depth, *there, index, *here.get(index)?))
        });
        let Some((depth, other, index, own)) = common else { return Sight::Later };
        if other.step == own.step {
            return match (depth, index) {
                (0, 0) => Sight::Itself,
                (0, _) => Sight::Around,
                _ => Sight::Inside,
            };
        }
        match other.part.cmp(&own.part) {
            std::cmp::Ordering::Greater => return Sight::Later,
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => match self.order(own.step, other.step) {
                Sight::Seen => {}
                hidden => return hidden,
            },
        }
        let blocks = there.get(1..=depth).unwrap_or_default();
        let repeats = |spot: &&Spot| {
            spot.step.and_then(|step| self.step(step)).is_some_and(|step| step.repeats)
        };
        match blocks.iter().rev().find(repeats).and_then(|spot| spot.step) {
            Some(block) => Sight::InLoop(block),
            None => Sight::Seen,
        }
    }

    /// The same for two steps of one list.
    pub(in crate::playbook) fn order(&self, own: Option<usize>, other: Option<usize>) -> Sight {
        let (Some(own), Some(other)) = (own, other) else { return Sight::Seen };
        let (Some(here), Some(there)) = (self.step(own), self.step(other)) else {
            return Sight::Seen;
        };
        if !self.is_graph(here.list) {
            return if there.position < here.position { Sight::Seen } else { Sight::Later };
        }
        match (&here.before, &there.before) {
            (Some(before), _) if before.contains(other) => Sight::Seen,
            (_, Some(before)) if before.contains(own) => Sight::Later,
            (Some(_), Some(_)) => Sight::Unordered(own, other),
            _ => Sight::Seen,
        }
    }
}
