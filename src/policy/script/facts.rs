//! A request as scripts get it: made once for a decision, and handed to each rule by reference. Lists
//! are made when a rule first asks for them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rhai::{Array, Dynamic, ImmutableString};

use super::views::{HostView, Leaf, PathView};
use crate::contracts::Risk;
use crate::policy::case::Case;
use crate::policy::vocabulary::{CALL_EFFECTS, CATEGORIES, ORIGINS, RISKS, word};
use crate::policy::{HostFact, LeafFact, PathFact, Request};
use crate::ports::Category;

/// What `req` and `ctx.run` are made of.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) request: Request,
    pub(super) tool: ImmutableString,
    pub(super) risk: ImmutableString,
    pub(super) category: ImmutableString,
    pub(super) effect: ImmutableString,
    pub(super) origin: ImmutableString,
    /// Whether the goal asks for such a call, in the words of the tool.
    pub(super) asked_for: bool,
    /// Arguments that are sinks.
    pub(super) sinks: Vec<String>,
    root: Arc<PathBuf>,
    paths: OnceLock<Array>,
    hosts: OnceLock<Array>,
    leaves: OnceLock<Array>,
}

impl Facts {
    pub(super) fn of(case: &Case<'_>) -> Self {
        let request = case.request.clone();
        Self {
            tool: request.tool.as_str().into(),
            risk: word::<Risk>(&RISKS, &case.risk).into(),
            category: case.category.map_or("", |it| word::<Category>(&CATEGORIES, &it)).into(),
            effect: word(&CALL_EFFECTS, &request.effect).into(),
            origin: word(&ORIGINS, &request.origin).into(),
            asked_for: case.asked_for,
            sinks: case.sinks().map(str::to_owned).collect(),
            root: Arc::new(request.walls.root.clone()),
            paths: OnceLock::new(),
            hosts: OnceLock::new(),
            leaves: OnceLock::new(),
            request,
        }
    }

    pub(super) fn paths(&self) -> Array {
        self.paths.get_or_init(|| paths(&self.request.paths, &self.root)).clone()
    }

    pub(super) fn hosts(&self) -> Array {
        self.hosts.get_or_init(|| hosts(&self.request.hosts)).clone()
    }

    /// The programs of the command; none for a call that has none.
    pub(super) fn leaves(&self) -> Array {
        let make = || {
            let leaves = self.request.command.iter().flat_map(|command| &command.leaves);
            let view = |leaf: &LeafFact| {
                Dynamic::from(Leaf(Arc::new(Program::of(leaf.clone(), Arc::clone(&self.root)))))
            };
            leaves.map(view).collect()
        };
        self.leaves.get_or_init(make).clone()
    }
}

/// One program of a command.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) fact: LeafFact,
    root: Arc<PathBuf>,
    paths: OnceLock<Array>,
    redirects: OnceLock<Array>,
    hosts: OnceLock<Array>,
    argv: OnceLock<Array>,
    flags: OnceLock<Array>,
}

impl Program {
    fn of(fact: LeafFact, root: Arc<PathBuf>) -> Self {
        Self {
            fact,
            root,
            paths: OnceLock::new(),
            redirects: OnceLock::new(),
            hosts: OnceLock::new(),
            argv: OnceLock::new(),
            flags: OnceLock::new(),
        }
    }

    pub(super) fn paths(&self) -> Array {
        self.paths.get_or_init(|| paths(&self.fact.paths, &self.root)).clone()
    }

    pub(super) fn redirects(&self) -> Array {
        self.redirects.get_or_init(|| paths(&self.fact.redirects, &self.root)).clone()
    }

    pub(super) fn hosts(&self) -> Array {
        self.hosts.get_or_init(|| hosts(&self.fact.hosts)).clone()
    }

    pub(super) fn argv(&self) -> Array {
        self.argv.get_or_init(|| texts(&self.fact.words.argv)).clone()
    }

    pub(super) fn flags(&self) -> Array {
        self.flags.get_or_init(|| texts(&self.fact.words.flags)).clone()
    }
}

/// A list of texts.
pub(super) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Array {
    texts.into_iter().map(|text| Dynamic::from(ImmutableString::from(text.as_ref()))).collect()
}

fn paths(facts: &[PathFact], root: &Arc<PathBuf>) -> Array {
    let view = |fact: &PathFact| {
        Dynamic::from(PathView { fact: Arc::new(fact.clone()), root: Arc::clone(root) })
    };
    facts.iter().map(view).collect()
}

fn hosts(facts: &[HostFact]) -> Array {
    facts.iter().map(|host| Dynamic::from(HostView(Arc::new(host.clone())))).collect()
}
