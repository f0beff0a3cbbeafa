//! The way of a goal: first playbooks, which people wrote for such goals, then single tools.

use super::fill::fill;
use super::playbooks::{Candidate, Selection, select};
use super::slots;
use super::spans::{Parts, parts};
use super::tools;
use crate::contracts::Map;
use crate::ports::{Embedder, ToolDescriptor};

/// Longest goal that is looked at, in bytes: more is no goal but a document.
const GOAL_BYTES_MAX: usize = 4_096;

/// What a goal can be led to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offers<'a> {
    /// Playbooks.
    pub playbooks: &'a [Candidate],
    /// Tools that are switched on; none where a model plans what no playbook fits.
    pub tools: &'a [&'a ToolDescriptor],
    /// Names at the top of the workspace, which may stand in a goal as they are.
    pub entries: &'a [String],
}

/// Where a goal goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Routed {
    /// To a playbook.
    Playbook {
        /// Its index among the playbooks.
        index: usize,
        /// Inputs that the goal clearly says.
        inputs: Map,
        /// Why, in a sentence.
        why: String,
    },
    /// To a single call.
    Tool {
        /// Its index among the tools.
        index: usize,
        /// The arguments, all of them from the goal or without harm.
        args: Map,
        /// Why, in a sentence.
        why: String,
    },
    /// Back to the person.
    Unsure {
        /// Why, and what to do.
        reasons: Vec<String>,
        /// Indexes of the nearest playbooks, best first; at most three.
        nearest: Vec<usize>,
    },
}

/// Leads `goal` to one of `offers`. `given` are inputs that the person gave beside it.
#[must_use]
pub fn route(
    goal: &str,
    given: &Map,
    offers: Offers<'_>,
    embedder: Option<&dyn Embedder>,
) -> Routed {
    if goal.len() > GOAL_BYTES_MAX {
        let reason = format!("a goal has at most {GOAL_BYTES_MAX} bytes");
        return Routed::Unsure { reasons: vec![reason], nearest: Vec::new() };
    }
    let parts = parts(goal, offers.entries);
    let (index, why, named) = match select(goal, &parts.words, offers.playbooks, embedder) {
        Selection::Chosen { index, why, named } => (index, why, named),
        Selection::Refused { reasons, nearest } => {
            // Inputs are for playbooks: whoever gives some means one.
            let tools = if given.is_empty() { offers.tools } else { &[] };
            return single(goal, &parts, tools, embedder, reasons, nearest);
        }
    };
    let Some(playbook) = offers.playbooks.get(index) else {
        return Routed::Unsure { reasons: Vec::new(), nearest: Vec::new() };
    };
    match inputs(playbook, &parts, given) {
        Inputs::Whole(inputs) => Routed::Playbook { index, inputs, why },
        Inputs::Part(inputs) if named => Routed::Playbook { index, inputs, why },
        // Where no tool does all of it, whoever takes the run in says which inputs are missing.
        Inputs::Part(inputs) => match tools::choose(goal, &parts, offers.tools, embedder) {
            Ok(fit) => Routed::Tool { index: fit.index, args: fit.args, why: fit.why },
            Err(_) => Routed::Playbook { index, inputs, why },
        },
        Inputs::Misfit(reason) => {
            single(goal, &parts, offers.tools, embedder, vec![reason], vec![(index, 1.0)])
        }
    }
}

/// A single tool, or all the reasons why nothing is chosen.
fn single(
    goal: &str,
    parts: &Parts,
    tools: &[&ToolDescriptor],
    embedder: Option<&dyn Embedder>,
    mut reasons: Vec<String>,
    nearest: Vec<(usize, f64)>,
) -> Routed {
    match tools::choose(goal, parts, tools, embedder) {
        Ok(fit) => Routed::Tool { index: fit.index, args: fit.args, why: fit.why },
        Err(why) => {
            reasons.extend(why);
            Routed::Unsure { reasons, nearest: nearest.iter().map(|(index, _)| *index).collect() }
        }
    }
}

/// What a goal says for a playbook.
enum Inputs {
    /// Everything that it needs.
    Whole(Map),
    /// Less than it needs.
    Part(Map),
    /// Something for which it has no place.
    Misfit(String),
}

fn inputs(playbook: &Candidate, parts: &Parts, given: &Map) -> Inputs {
    let slots = slots::of_playbook(&playbook.inputs, &playbook.writes);
    let open: Vec<_> = slots.into_iter().filter(|slot| !given.contains_key(&slot.name)).collect();
    // Its own name is no value.
    let name = playbook.name.to_lowercase();
    let mut parts = parts.clone();
    parts.spans.retain(|span| span.text.to_lowercase() != name);
    let filled = fill(&open, &parts, false);
    // Whoever gives inputs has said what is meant.
    if !given.is_empty() {
        return Inputs::Whole(filled.values);
    }
    let unplaced: Vec<String> = filled.unplaced.iter().map(|text| format!("`{text}`")).collect();
    if !unplaced.is_empty() {
        let unplaced = unplaced.join(", ");
        return Inputs::Misfit(format!(
            "`{}` fits, and has no place for {unplaced}",
            playbook.name
        ));
    }
    if filled.missing.is_empty() {
        Inputs::Whole(filled.values)
    } else {
        Inputs::Part(filled.values)
    }
}
