//! `block:` with `rescue:` and `always:` beside it.

use super::foreach::PARALLEL_MAX;
use super::reader::{Context, Reader};
use super::steps::{Home, bounded, entries};
use super::tree::Part;
use crate::playbook::model::{Action, Body, Step};
use crate::yaml::{Fields, Node};

/// Steps of a graph at work at once where the playbook does not say.
pub(super) const PARALLEL: u32 = 8;

/// What a list of steps stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'h> {
    /// The step that is a block.
    pub(super) step: usize,
    pub(super) id: &'h str,
    /// The list that step stands in.
    pub(super) home: &'h Home,
}

/// Reads the lists of a block.
pub(super) fn block<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    context: &Context,
    owner: Owner<'_>,
) -> Option<Action> {
    let parallel = bounded(reader, fields, "parallel", PARALLEL_MAX);
    let deep = owner.home.depth >= reader.limits.nesting;
    if let (true, Some(entry)) = (deep, fields.entry("block")) {
        let message = format!("blocks stand in blocks more than {} deep", reader.limits.nesting);
        reader.error(entry.place, "too-deep", message);
        return None;
    }
    let mut body = Body {
        steps: Vec::new(),
        rescue: Vec::new(),
        always: Vec::new(),
        parallel: parallel.unwrap_or(PARALLEL),
    };
    body.steps = list(reader, fields, ("block", Part::Main), context, owner);
    body.rescue = list(reader, fields, ("rescue", Part::Rescue), context, owner);
    body.always = list(reader, fields, ("always", Part::Always), context, owner);
    if parallel.is_some() && !body.steps.iter().any(|step| !step.needs.is_empty()) {
        idle_parallel(reader, fields);
    }
    Some(Action::Block(Box::new(body)))
}

/// Notes that `parallel` changes nothing.
pub(super) fn idle_parallel<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) {
    if let Some(entry) = fields.entry("parallel") {
        let message = "`parallel` changes nothing: steps without `needs` run one after the other";
        let suggestion = "say what steps need with `needs`, or remove `parallel`";
        reader.warning(entry.place, "parallel-without-needs", message, suggestion);
    }
}

fn list<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    (key, part): (&'static str, Part),
    context: &Context,
    owner: Owner<'_>,
) -> Vec<Step> {
    let Some(entry) = fields.entry(key) else { return Vec::new() };
    let nodes = match fields.node(key) {
        Some(_) => fields.list(key, &mut reader.mistakes),
        None => Some(&[] as &[Node]),
    };
    let Some(nodes) = nodes else { return Vec::new() };
    if nodes.is_empty() && part == Part::Main {
        reader.error(entry.place, "empty", "`block` is empty; it has at least one step");
    }
    let home = Home {
        list: reader.tree.open(Some(owner.step), part),
        key: format!("{}.{key}", owner.id),
        named: part == Part::Main,
        items: context.items.clone(),
        depth: owner.home.depth + 1,
    };
    let mut steps = Vec::new();
    entries(reader, nodes, &home, &mut steps);
    steps
}
