//! Fragments: steps in files of their own, which stand where they are included.
//!
//! They are fetched before anything is read, because what is read refers to their trees.

use std::collections::BTreeMap;

use crate::contracts::Diagnostic;
use crate::playbook::Library;
use crate::yaml::{self, Node};

/// The directory they are in, as the user would write it.
const DIRECTORY: &str = "playbooks/";

/// Most fragments of one playbook.
pub(super) const FRAGMENTS_MAX: usize = 100;

/// Keys behind which steps stand.
const LISTS: [&str; 5] = ["steps", "on_failure", "always", "block", "rescue"];

/// A fragment's file.
#[derive(Debug)]
pub(in crate::playbook) struct Fragment {
    /// Its file, as the user would write it.
    pub(in crate::playbook) file: String,
    pub(in crate::playbook) text: String,
    /// Its tree, or why there is none.
    pub(in crate::playbook) root: Result<Node, Vec<Diagnostic>>,
}

/// Every fragment that a playbook includes, by path, and why one is not there.
#[derive(Debug, Default)]
pub(in crate::playbook) struct Fragments {
    found: BTreeMap<String, Result<Fragment, String>>,
}

impl Fragments {
    /// Fetches what `root` includes, directly or not.
    pub(in crate::playbook) fn fetch(
        root: &Node,
        library: &dyn Library,
        limits: yaml::Limits,
    ) -> Self {
        let mut found = BTreeMap::new();
        let mut wanted = Vec::new();
        included(root, &mut wanted);
        while let Some(path) = wanted.pop() {
            if found.contains_key(&path) || found.len() >= FRAGMENTS_MAX {
                continue;
            }
            let fragment = library.fragment(&path).map(|text| {
                let file = format!("{DIRECTORY}{path}");
                let root = yaml::parse(&file, &text, limits);
                Fragment { file, text, root }
            });
            if let Ok(Fragment { root: Ok(root), .. }) = &fragment {
                included(root, &mut wanted);
            }
            found.insert(path, fragment);
        }
        Self { found }
    }

    /// The fragment at `path`; `None` when there were too many.
    pub(super) fn get(&self, path: &str) -> Option<Result<&Fragment, &str>> {
        self.found.get(path).map(|found| found.as_ref().map_err(String::as_str))
    }

    /// Those that are there, with their paths.
    pub(in crate::playbook) fn there(&self) -> impl Iterator<Item = (&str, &Fragment)> {
        self.found.iter().filter_map(|(path, found)| {
            found.as_ref().ok().map(|fragment| (path.as_str(), fragment))
        })
    }
}

/// The paths in the step lists of `node`. Other mappings with a key `include`, such as arguments, are
/// none of them.
fn included(node: &Node, wanted: &mut Vec<String>) {
    let lists = LISTS.iter().filter_map(|key| node.get(key)?.as_list()).flatten();
    for step in lists {
        let path = step.get("include").and_then(Node::as_text);
        wanted.extend(path.filter(|path| fault(path).is_none()).map(str::to_owned));
        included(step, wanted);
    }
}

/// What is wrong with a path, if it is no plain one below the directory.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if path.starts_with('/') || path.contains('\\') || path.contains(':') || path.contains('\0') {
        return Some("is not relative to `playbooks/`");
    }
    let up = path.split('/').any(|part| part == "..");
    let odd = path.split('/').any(|part| part.is_empty() || part == ".");
    match (up, odd) {
        (true, _) => Some("leads out of `playbooks/`"),
        (false, true) => Some("has a part that is empty or `.`"),
        (false, false) if !path.ends_with(".yaml") && !path.ends_with(".yml") => {
            Some("does not end in `.yaml`")
        }
        (false, false) => None,
    }
}
