//! From a command to the programs it runs: the walk over the parsed line.
//!
//! Everything that may run is visited, whether it does run or not. What cannot be seen is said with
//! [`Walker::hide`]: the command is then opaque, and what was seen stays.

mod builtin;
mod compound;
mod expand;
mod fetched;
mod inner;
mod line;
mod link;
mod loads;
mod nested;
mod output;
mod parameter;
mod parser;
mod pipeline;
mod run;
mod scope;
mod script;
mod simple;
mod word;

use std::collections::BTreeSet;

use super::danger;
use super::fact::{Access, Analysis, Deed, Leaf};
use super::limits::{DEPTH_MAX, LEAVES_MAX, NODES_MAX};

pub(super) use scope::Scope;
pub use scope::decides_what_runs;
pub(super) use word::{Source, Stdin, Word};

/// What a command writes to its standard output, where it is known.
pub(super) type Output = Option<String>;

/// The facts of an argument vector.
pub(super) fn argv(argv: &[String], text: String) -> Analysis {
    let mut walker = Walker::default();
    let mut scope = Scope::default();
    let words: Vec<Word> = argv.iter().map(|word| Word::known(word)).collect();
    if words.first().is_none_or(|first| first.text.is_empty()) {
        walker.hide("no program is named");
    } else if argv.iter().any(|word| word.contains('\0')) {
        walker.hide("an argument has a NUL character");
    } else {
        walker.run(&mut scope, words, &Stdin::default(), Vec::new());
    }
    walker.finish(text)
}

/// The facts of a command line.
pub(super) fn line(line: &str) -> Analysis {
    let mut walker = Walker::default();
    walker.text(&mut Scope::default(), line, &Stdin::default());
    walker.finish(line.to_owned())
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Walker {
    pub(super) leaves: Vec<Leaf>,
    opaque: Option<String>,
    nodes: usize,
    depth: usize,
    /// How the program that is looked at was reached.
    pub(super) via: Vec<String>,
    /// Files that the command itself wrote, and whether from the network.
    written: Vec<(String, bool)>,
    /// Directories that the command cloned.
    cloned: Vec<String>,
    /// Whether the command unpacked what came from the network: any file may be from there.
    pub(super) unpacked: bool,
    /// Names of functions and aliases that the command made.
    defined: BTreeSet<String>,
}

impl Walker {
    /// Says that what follows cannot be seen. The first reason is kept.
    pub(super) fn hide(&mut self, why: impl Into<String>) {
        if self.opaque.is_none() {
            self.opaque = Some(why.into());
        }
    }

    /// Counts one step; `false` when there were too many.
    pub(super) fn step(&mut self) -> bool {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.leaves.len() > LEAVES_MAX {
            self.hide(format!("it has more than {NODES_MAX} parts or {LEAVES_MAX} programs"));
            return false;
        }
        true
    }

    /// Does `work` one level deeper, reached by `via`; `None` when that is too deep.
    pub(super) fn inside<T>(&mut self, via: &str, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= DEPTH_MAX || !self.step() {
            self.hide(format!("it has more than {DEPTH_MAX} commands inside each other"));
            return None;
        }
        self.depth += 1;
        if !via.is_empty() {
            self.via.push(via.to_owned());
        }
        let result = work(self);
        if !via.is_empty() {
            self.via.pop();
        }
        self.depth -= 1;
        Some(result)
    }

    /// Whether a program that was seen since `from` gets something from the network.
    pub(super) fn fetched_since(&self, from: usize) -> bool {
        self.leaves.iter().skip(from).any(|leaf| leaf.does.contains(&Deed::Fetch))
    }

    /// Remembers what a program writes, for when it is run later in the same command.
    pub(super) fn remember_writes(&mut self, leaf: &Leaf, fetched: bool) {
        // A link is what it leads to.
        let links = matches!(leaf.program.as_str(), "ln" | "link")
            && !leaf.files.iter().any(|file| self.wrote(&file.text).is_some());
        for file in leaf.files.iter().filter(|file| !links || file.redirect) {
            if file.access == Access::Write {
                self.written.push((plain(&file.text).to_owned(), fetched));
            }
        }
    }

    /// Whether the command itself wrote `path`, and whether from the network.
    pub(super) fn wrote(&self, path: &str) -> Option<bool> {
        let path = plain(path);
        let mut found = self.written.iter().filter(|(written, _)| written == path).peekable();
        if found.peek().is_none() {
            return self.is_cloned(path).then_some(false);
        }
        Some(found.any(|(_, fetched)| *fetched))
    }

    /// Whether `path` is a directory that the command cloned, or stands below one.
    pub(super) fn is_cloned(&self, path: &str) -> bool {
        let path = plain(path);
        self.cloned.iter().any(|root| {
            path.strip_prefix(root.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn finish(mut self, text: String) -> Analysis {
        if let Some(why) = link::follow(&mut self.leaves) {
            self.hide(why);
        }
        self.leaves.iter_mut().for_each(danger::note);
        let shows = |leaf: &Leaf| leaf.does.contains(&Deed::Credential);
        if self.leaves.iter().any(shows) {
            let networked = |leaf: &&mut Leaf| {
                leaf.does.contains(&Deed::Send) || leaf.does.contains(&Deed::Fetch)
            };
            self.leaves.iter_mut().filter(networked).for_each(|leaf| leaf.note(Deed::Leak));
        }
        let mut leaves: Vec<Leaf> = Vec::with_capacity(self.leaves.len());
        for leaf in self.leaves {
            if leaves.last() != Some(&leaf) {
                leaves.push(leaf);
            }
        }
        Analysis { text, leaves, opaque: self.opaque }
    }
}

/// A path as it is compared with another of the same command.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}
