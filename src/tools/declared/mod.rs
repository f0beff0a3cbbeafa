//! Tools without code: a file in `config/tools/` names a command that takes its arguments as one line of
//! JSON and answers with one.
//!
//! Owns reading such files, the mistakes in them, and the tools that they make. A file with mistakes
//! makes a tool that refuses every call and says why: what rules and playbooks say about the name
//! then still means something.

mod broken;
mod file;
mod process;
mod published;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contracts::{Diagnostic, Network};
use crate::ports::Tool;

pub use broken::Broken;
pub use file::DeclaredFile;
pub use published::json_schema;

/// The sandbox profiles there are, and the network of each.
pub type Profiles = BTreeMap<String, Network>;

/// Directory of the files, relative to the workspace.
pub const DIRECTORY: &str = "config/tools";

/// The tools that `files` declare. Every mistake goes to `mistakes` with its place.
pub(super) fn tools(
    files: &[DeclaredFile<'_>],
    profiles: &Profiles,
    mistakes: &mut Vec<Diagnostic>,
) -> Vec<Arc<dyn Tool>> {
    let read: Vec<file::Read> = files.iter().map(|file| file::read(file, profiles)).collect();
    let twice = twice(&read);
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    let mut there = BTreeSet::new();
    for file in read {
        let file::Read { name, spec, mut found } = file;
        if let Some((name, place)) = &name
            && twice.contains(name)
        {
            let message =
                format!("more than one file declares a tool `{name}`: none of them is used");
            found.push(place.clone().with("duplicate-tool", message));
        }
        mistakes.extend(found.iter().cloned());
        match (spec, found.first(), name) {
            (Some(spec), None, _) => tools.push(Arc::new(process::ProcessTool::of(spec))),
            (_, Some(first), Some((name, _))) if there.insert(name.clone()) => {
                tools.push(Arc::new(Broken::of(&name, first)));
            }
            _ => {}
        }
    }
    tools
}

/// Names that more than one file has.
fn twice(read: &[file::Read]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let names = read.iter().filter_map(|file| file.name.as_ref()).map(|(name, _)| name);
    names.filter(|name| !seen.insert((*name).clone())).cloned().collect()
}

#[cfg(test)]
mod tests;
