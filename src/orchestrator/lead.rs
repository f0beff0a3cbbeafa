//! Leading a goal to a playbook or to a single tool, ready to be taken as a run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::direct::{DirectPlaybook, direct_playbook};
use super::goal::{GOAL, goal_input};
use crate::contracts::Map;
use crate::live::playbooks::{Catalogue, Entry};
use crate::ports::{Embedder, ToolDescriptor, Vocabulary};
use crate::route::{Candidate, Offers, Routed, route};

/// Most names at the top of the workspace that a goal may mention as they are.
const ENTRIES_MAX: usize = 1_000;

/// What a goal was led to, ready to run.
#[derive(Debug, Clone)]
pub struct Led {
    /// The playbook; for a single call, one that makes it.
    pub entry: Entry,
    /// Its inputs: what was given, else what the goal says.
    pub inputs: Map,
    /// Why it, in a sentence.
    pub why: String,
}

/// What a goal can be led to.
#[derive(Clone, Copy)]
pub struct Leads<'a> {
    /// The playbooks.
    pub catalogue: &'a Catalogue,
    /// The tools that playbooks may call; none where a model plans what no playbook fits.
    pub tools: Option<&'a Vocabulary>,
    /// The text of the playbook of a bare goal, where a model plans what no playbook fits.
    pub planned: Option<&'a str>,
    /// Which of them are switched on or off.
    pub enabled: &'a BTreeMap<String, bool>,
    /// The workspace.
    pub root: &'a Path,
    /// What compares meanings; without it words alone count.
    pub embedder: Option<&'a dyn Embedder>,
}

impl std::fmt::Debug for Leads<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leads").field("root", &self.root).finish_non_exhaustive()
    }
}

/// The playbook or the single tool for a goal. What is in `given` counts before what the goal says.
///
/// # Errors
/// The reasons why nothing fits well enough.
pub fn lead(goal: &str, given: &Map, leads: Leads<'_>) -> Result<Led, Vec<String>> {
    let Leads { catalogue, tools, planned, enabled, root, embedder } = leads;
    let on = |tool: &&Arc<ToolDescriptor>| enabled.get(&tool.name).copied().unwrap_or(tool.enabled);
    let tools = tools.into_iter().flat_map(Vocabulary::tools).filter(on);
    let tools: Vec<&ToolDescriptor> = tools.map(AsRef::as_ref).collect();
    let (indexes, playbooks): (Vec<usize>, Vec<Candidate>) = catalogue.candidates().unzip();
    let entries = entries(root);
    let offers = Offers { playbooks: &playbooks, tools: &tools, entries: &entries };
    match route(goal, given, offers, embedder) {
        Routed::Playbook { index, mut inputs, why } => {
            let entry = indexes.get(index).and_then(|index| catalogue.entries.get(*index));
            let entry = entry.ok_or_else(|| vec!["the chosen playbook is gone".to_owned()])?;
            inputs.extend(given.clone());
            Ok(Led { entry: entry.clone(), inputs, why })
        }
        Routed::Tool { index, args, why } => {
            let tool =
                tools.get(index).ok_or_else(|| vec!["the chosen tool is gone".to_owned()])?;
            let DirectPlaybook { name, source } = direct_playbook(tool, args.keys());
            let inputs = Map::from_iter([("args".to_owned(), args.into())]);
            Ok(Led { entry: Entry::of_text(name, source), inputs, why })
        }
        Routed::Unsure { .. } if planned.is_some() => {
            let source = planned.unwrap_or_default();
            let mut inputs = goal_input(goal.into());
            inputs.extend(given.clone());
            let entry = Entry::of_text(GOAL.to_owned(), source.to_owned());
            let why = "no playbook fits the goal; a model plans it".to_owned();
            Ok(Led { entry, inputs, why })
        }
        Routed::Unsure { mut reasons, nearest } => {
            let names: Vec<String> = nearest
                .iter()
                .filter_map(|index| playbooks.get(*index))
                .map(|playbook| format!("`{}`", playbook.name))
                .collect();
            if !names.is_empty() {
                reasons.push(format!("nearest: {}", names.join(", ")));
            }
            Err(reasons)
        }
    }
}

/// The names at the top of the workspace; without them only paths that look like paths are known.
fn entries(root: &Path) -> Vec<String> {
    let listed = match std::fs::read_dir(root) {
        Ok(listed) => listed,
        Err(error) => {
            tracing::debug!("`{}` cannot be listed: {error}", root.display());
            return Vec::new();
        }
    };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.take(ENTRIES_MAX).collect();
    names.sort();
    names
}
