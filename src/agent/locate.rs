//! Which step of the program a path names.

use super::program::{Block, Body, Program, Step, StepKind};
use super::state::Section;

/// Which list of a block, or of the whole program, a step stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `block` or `steps`.
    Steps,
    /// `rescue` or `on_failure`.
    Rescue,
    /// `always`.
    Always,
}

/// A step and what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<'a> {
    /// Which list of the program.
    pub section: Section,
    /// The step.
    pub step: &'a Step,
    /// Positions in the loops around, by the looping step's id, outermost first; the step's own last,
    /// when the path names one of its items.
    pub items: Vec<(String, u32)>,
    /// The blocks around, outermost first.
    pub parents: Vec<Parent<'a>>,
    /// The path of the looping step, when the path names one of its items.
    pub of: Option<String>,
}

/// A block around a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent<'a> {
    /// The step that is the block.
    pub step: &'a Step,
    /// The path of the instance, such as `outer[2]`; siblings of the step stand at `<path>/<id>`.
    pub path: String,
    /// The list of the block that leads to the step.
    pub part: Part,
}

impl Located<'_> {
    /// The item's position, when the path names an item of the step's own `foreach`.
    #[must_use]
    pub fn item(&self) -> Option<u32> {
        self.of.as_ref().and_then(|_| self.items.last().map(|(_, index)| *index))
    }

    /// The path of a sibling in the same instance.
    #[must_use]
    pub fn sibling(&self, id: &str) -> String {
        join(self.parents.last().map_or("", |parent| parent.path.as_str()), id)
    }
}

/// The path of the step `id` inside of the instance at `path`; of the run when that is empty.
#[must_use]
pub fn join(path: &str, id: &str) -> String {
    if path.is_empty() { id.to_owned() } else { format!("{path}/{id}") }
}

/// The path of an item.
pub(super) fn item(path: &str, index: u32) -> String {
    format!("{path}[{index}]")
}

impl Program {
    /// The steps of a section.
    #[must_use]
    pub const fn section(&self, section: Section) -> &Block {
        match section {
            Section::Main => &self.steps,
            Section::OnFailure => &self.on_failure,
            Section::Always => &self.always,
        }
    }

    /// The step at `path` and what stands around it; `None` when no step can have this path.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<Located<'_>> {
        [Section::Main, Section::OnFailure, Section::Always]
            .into_iter()
            .find_map(|section| within(section, self.section(section), path))
    }
}

/// Follows the segments of `path` from a section inwards.
fn within<'a>(section: Section, block: &'a Block, path: &str) -> Option<Located<'a>> {
    let mut walk = Walk::default();
    let (first, mut rest) = split(path);
    let mut step = named(block, first)?;
    let mut segment = first;
    loop {
        let own = walk.enter(step, segment)?;
        let Some(tail) = rest else {
            let of = own.and_then(|_| path.rsplit_once('[')).map(|(of, _)| of.to_owned());
            let Walk { items, parents, .. } = walk;
            return Some(Located { section, step, items, parents, of });
        };
        if own.is_none() && step.foreach.is_some() {
            return None;
        }
        let StepKind::Block(body) = &step.kind else { return None };
        (segment, rest) = split(tail);
        let (part, next) = child(body, segment)?;
        walk.parents.push(Parent { step, path: walk.at.clone(), part });
        step = next;
    }
}

/// What a walk along a path has passed.
#[derive(Default)]
struct Walk<'a> {
    at: String,
    items: Vec<(String, u32)>,
    parents: Vec<Parent<'a>>,
}

impl Walk<'_> {
    /// Takes a segment that names `step`, or one of its items; gives the item's position.
    fn enter(&mut self, step: &Step, segment: &str) -> Option<Option<u32>> {
        self.at = join(&self.at, segment);
        if segment == step.id {
            return Some(None);
        }
        let (_, index) = indexed(segment)?;
        self.items.push((step.id.clone(), index));
        Some(Some(index))
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

/// A segment's id and position, when it ends in one.
#[must_use]
pub fn indexed(segment: &str) -> Option<(&str, u32)> {
    let (id, rest) = segment.rsplit_once('[')?;
    let digits = rest.strip_suffix(']')?;
    let index: u32 = digits.parse().ok()?;
    (index.to_string() == digits).then_some((id, index))
}

/// The step that a segment names, itself or one of its items. An id may end like an item's position
/// (`always[0]`): the whole id goes first.
fn named<'a>(block: &'a Block, segment: &str) -> Option<&'a Step> {
    block.steps.iter().find(|step| step.id == segment).or_else(|| {
        let (id, _) = indexed(segment)?;
        block.steps.iter().find(|step| step.id == id && step.foreach.is_some())
    })
}

fn child<'a>(body: &'a Body, segment: &str) -> Option<(Part, &'a Step)> {
    [Part::Steps, Part::Rescue, Part::Always]
        .into_iter()
        .find_map(|part| Some((part, named(body.list(part), segment)?)))
}
