//! What each path must become, gone back through the entries of all calls in mind only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::state::{Believed, State, before, checked, is_after, is_before, is_way, look};
use super::{LeftAlone, UndoError};
use crate::ports::{Undo, UndoEntry};
use crate::tools::fs::{Jail, Node, shown};

/// What paths must become; those that are as before already are not among them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) targets: BTreeMap<PathBuf, (State, Node)>,
    pub(super) left: Vec<LeftAlone>,
    /// Why the first of them is left alone.
    pub(super) first: Option<UndoError>,
}

/// An entry, and which call it is of.
type Of<'a> = (usize, &'a UndoEntry);

/// Goes back through all calls. A call is put back as a whole: one of whose paths somebody else changed
/// since is left alone, and with it whatever was done before it at the same paths.
pub(super) fn plan(calls: &[&Undo], jail: &Jail, believed: &Believed) -> Result<Plan, UndoError> {
    let mut by_path: BTreeMap<&Path, Vec<Of<'_>>> = BTreeMap::new();
    for (call, undo) in calls.iter().enumerate() {
        for entry in checked(undo)? {
            // Damage is found before anything is changed.
            before(entry)?;
            by_path.entry(&entry.path).or_default().push((call, entry));
        }
    }
    let mut standing = BTreeMap::new();
    for path in by_path.keys() {
        let state = match believed.0.get(*path) {
            Some(state) => Ok(state.clone()),
            None => look(jail, path),
        };
        standing.insert(*path, state);
    }
    let mut planning =
        Planning { by_path, standing, blocked: BTreeSet::new(), plan: Plan::default() };
    while planning.pass()? {}
    planning.finish()
}

struct Planning<'a> {
    by_path: BTreeMap<&'a Path, Vec<Of<'a>>>,
    standing: BTreeMap<&'a Path, Result<State, UndoError>>,
    blocked: BTreeSet<usize>,
    plan: Plan,
}

impl Planning<'_> {
    /// Looks at each path once. Whether a call was found that has to be left alone: then what shares a
    /// path with it has to be looked at again.
    fn pass(&mut self) -> Result<bool, UndoError> {
        let mut found = Vec::new();
        self.plan.targets.clear();
        for (path, entries) in &self.by_path {
            let open = entries.iter().rposition(|(call, _)| self.blocked.contains(call));
            let (older, newer) = entries.split_at(open.map_or(0, |at| at + 1));
            let after = "something newer at this path is left alone".to_owned();
            let older =
                older.iter().filter(|(call, entry)| !is_way(entry) && !self.blocked.contains(call));
            found.extend(older.map(|(call, _)| (*call, path.to_path_buf(), after.clone())));
            let state = match self.standing.get(path) {
                Some(Ok(state)) => state,
                other => {
                    let why = match other {
                        Some(Err(error)) => error.to_string(),
                        _ => String::new(),
                    };
                    let hard = newer.iter().filter(|(_, entry)| !is_way(entry));
                    found.extend(hard.map(|(call, _)| (*call, path.to_path_buf(), why.clone())));
                    continue;
                }
            };
            match target(path, newer, state) {
                Ok(Some(node)) => {
                    self.plan.targets.insert(path.to_path_buf(), (state.clone(), node));
                }
                Ok(None) => {}
                Err(error @ UndoError::Conflict(_)) => {
                    let hard = newer.iter().filter(|(_, entry)| !is_way(entry));
                    let why = error.to_string();
                    found.extend(hard.map(|(call, _)| (*call, path.to_path_buf(), why.clone())));
                    self.plan.first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        let mut new = false;
        for (call, path, why) in found {
            if self.blocked.insert(call) {
                new = true;
                self.plan.left.push(LeftAlone { call, path, why });
            }
        }
        Ok(new)
    }

    fn finish(self) -> Result<Plan, UndoError> {
        let Self { standing, mut plan, .. } = self;
        let unreachable = standing.into_values().find_map(Result::err);
        if let (Some(error), false) = (unreachable, plan.left.is_empty()) {
            plan.first.get_or_insert(error);
        }
        Ok(plan)
    }
}

/// What the path must become, going back through its entries from the newest; `None` when it is that
/// already.
fn target(path: &Path, entries: &[Of<'_>], state: &State) -> Result<Option<Node>, UndoError> {
    let bits = entries.iter().any(|(_, entry)| entry.after_mode.is_some());
    let mut entries: Vec<&UndoEntry> = entries.iter().map(|(_, entry)| *entry).collect();
    let (mut target, mut standing) = (None, state.clone());
    if let Some(oldest) = entries.first()
        && is_before(&standing, &before(oldest)?, bits)
    {
        return Ok(None);
    }
    while let Some(newest) = entries.last() {
        if is_before(&standing, &before(newest)?, newest.after_mode.is_some()) {
            entries.pop();
            continue;
        }
        // Of calls that began in the same millisecond, nobody knows the order but the file itself.
        let Some(last) = entries.iter().rposition(|entry| is_after(&standing, entry)) else {
            // A directory that was made on the way may be something else by now.
            if entries.iter().all(|entry| is_way(entry)) {
                return Ok(target);
            }
            return Err(UndoError::Conflict(path.to_owned()));
        };
        let node = before(entries.remove(last))?;
        standing = State::of(&node);
        target = Some(node);
    }
    Ok(target)
}

impl LeftAlone {
    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        format!("`{}`: {}", shown(&self.path), self.why)
    }
}
