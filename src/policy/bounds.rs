//! Permissions as an upper bound - the playbook's, and those of the runs above it -, and the walls that follow from a request.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding::Finding;
use super::host::host_matches;
use super::predicate::access_word;
use super::zone::{ENV_FILE, is_secret};
use super::{Permissions, Reach, Request, Walls};
use crate::contracts::{Confinement, Effect, FsAccess, Network};
use crate::ports::{PathAccess, ToolDescriptor};

/// The id of what is found when a playbook, or a run above it, allows itself less.
pub(super) const PERMISSIONS: &str = "playbook.permissions";

/// What a request wants beyond its playbook's permissions, or beyond those of a run above it.
pub(super) fn beyond_permissions(
    request: &Request,
    tool: Option<&Arc<ToolDescriptor>>,
) -> Vec<Finding> {
    let each = request.permissions.iter().enumerate();
    each.flat_map(|(above, bound)| beyond(request, tool, bound, above)).collect()
}

/// Something that one bound does not cover.
struct Lack {
    key: &'static str,
    /// What would have to stand there.
    item: String,
    reason: String,
}

/// What a request wants beyond one bound; the first is the playbook's own.
fn beyond(
    request: &Request,
    tool: Option<&Arc<ToolDescriptor>>,
    permissions: &Permissions,
    above: usize,
) -> Vec<Finding> {
    let lacks = lacks(request, tool, permissions);
    lacks.into_iter().map(|lack| refused(permissions, above, &lack.reason)).collect()
}

/// Lines to add to the `permissions` of each playbook that allows itself less, with its file: a hint for
/// a person, who decides whether the call belongs to the playbook.
pub(super) fn to_add(request: &Request, tool: Option<&Arc<ToolDescriptor>>) -> Vec<String> {
    let each = request.permissions.iter().flat_map(|bound| {
        let file = bound.file.as_str();
        let file = if file.is_empty() { "the playbook" } else { file };
        lacks(request, tool, bound).into_iter().map(move |Lack { key, item, .. }| {
            format!("in {file}, add to `permissions`: `{key}: [{}]`", serde_json::json!(item))
        })
    });
    let mut lines: Vec<String> = each.collect();
    lines.dedup();
    lines
}

fn lacks(
    request: &Request,
    tool: Option<&Arc<ToolDescriptor>>,
    permissions: &Permissions,
) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if let Some(tools) = &permissions.tools {
        let names = |name: &String| {
            *name == request.tool || tool.is_some_and(|tool| tool.aliases.contains(name))
        };
        if !tools.iter().any(names) {
            let reason = format!("`permissions.tools` does not name `{}`", request.tool);
            lacks.push(Lack { key: "tools", item: request.tool.clone(), reason });
        }
    }
    for path in &request.paths {
        let (key, places) = match path.access {
            PathAccess::Read | PathAccess::Exec => ("read", &permissions.read),
            PathAccess::Write | PathAccess::Delete => ("write", &permissions.write),
        };
        if places.as_ref().is_some_and(|places| !under_any(&path.resolved, places)) {
            let access = access_word(path.access);
            let reason = format!("`permissions.{key}` does not cover `{}` ({access})", path.text);
            let item = path.relative.clone().unwrap_or_else(|| path.resolved.display().to_string());
            lacks.push(Lack { key, item, reason });
        }
    }
    for host in &request.hosts {
        let allowed = |patterns: &Vec<String>| {
            patterns.iter().any(|pattern| host_matches(pattern, &host.name))
        };
        if permissions.network.as_ref().is_some_and(|patterns| !allowed(patterns)) {
            let reason = format!("`permissions.network` does not name `{}`", host.name);
            lacks.push(Lack { key: "network", item: host.name.clone(), reason });
        }
    }
    lacks
}

fn refused(permissions: &Permissions, above: usize, reason: &str) -> Finding {
    let who = if above == 0 { "the playbook allows itself" } else { "the calling run may do" };
    let reason = format!("{who} less: {reason}");
    let mut finding = Finding::own(PERMISSIONS, Effect::Deny, reason);
    if !permissions.file.is_empty() {
        finding.rule.file.clone_from(&permissions.file);
    }
    finding
}

/// The walls of a call: what it may touch at most, narrowed by every bound. They follow from nothing
/// else, which is why they are made once: see [`MadeWalls`](super::walls::MadeWalls).
pub(super) fn confinement(walls: &Walls, bounds: &[Permissions]) -> Confinement {
    let reach = reach(walls, bounds);
    let bounds = bounds.iter();
    let write = match walls.fs {
        FsAccess::Write => writable(walls, bounds.clone().filter_map(|bound| bound.write.as_ref())),
        FsAccess::None | FsAccess::Read => Vec::new(),
    };
    let read = match walls.fs {
        FsAccess::None => Vec::new(),
        FsAccess::Read | FsAccess::Write => {
            readable(walls, bounds.filter_map(|bound| bound.read.as_ref()), &write)
        }
    };
    let protected = walls.protected.iter().filter(|place| under_any(place, &write));
    Confinement {
        profile: walls.profile.clone(),
        protected: protected.cloned().collect(),
        unreadable: unreadable(walls, &read, &write),
        read,
        write,
        network: reach.network,
        hosts: reach.hosts.into_iter().map(String::from).collect(),
    }
}

/// The widest walls of a request. Once its run has read a secret there is no way out for a command: what
/// it does with the network cannot be seen beforehand.
pub(super) fn widest(request: &Request) -> Cow<'_, Walls> {
    let walls = &request.walls;
    if walls.network == Network::Proxy && (request.reads_secret || request.run.read_secret) {
        let closed = Walls { network: Network::None, hosts: Vec::new(), ..walls.clone() };
        return Cow::Owned(closed);
    }
    Cow::Borrowed(walls)
}

/// The network of a command: that of its profile, narrowed by every bound.
fn reach(walls: &Walls, bounds: &[Permissions]) -> Reach {
    let widest = Reach { network: walls.network, hosts: walls.hosts.clone() };
    widest.within(bounds.iter().filter_map(|bound| bound.network.as_deref()))
}

/// What of the roots a command gets nothing of: the places of `walls`, a root that is secret by its
/// own name, and the file of secrets of every root that is only read. Not that of a writable one:
/// a command could then make nothing there, and what it makes itself is none of ours.
fn unreadable(walls: &Walls, read: &[PathBuf], write: &[PathBuf]) -> Vec<PathBuf> {
    let met = |place: &&PathBuf| {
        read.iter().any(|root| place.starts_with(root) || root.starts_with(place))
    };
    let mut places: Vec<PathBuf> = walls.unreadable.iter().filter(met).cloned().collect();
    for root in read {
        if is_secret(root) {
            places.push(root.clone());
        } else if !under_any(root, write) {
            places.push(root.join(ENV_FILE));
        }
    }
    places.sort();
    places.dedup();
    places
}

fn readable<'a>(
    walls: &Walls,
    allowed: impl Iterator<Item = &'a Vec<PathBuf>>,
    write: &[PathBuf],
) -> Vec<PathBuf> {
    let mut widest = vec![walls.root.clone()];
    widest.extend(walls.read.iter().cloned());
    let mut read = allowed.fold(widest, |widest, allowed| narrowed(&widest, allowed));
    read.extend(write.iter().cloned());
    read.sort();
    read.dedup();
    read
}

/// What governs the program is never a writable root, however it is asked for.
fn writable<'a>(walls: &Walls, allowed: impl Iterator<Item = &'a Vec<PathBuf>>) -> Vec<PathBuf> {
    let mut widest = vec![walls.root.clone()];
    widest.extend(walls.write.iter().cloned());
    let mut write = allowed.fold(widest, |widest, allowed| narrowed(&widest, allowed));
    write.retain(|place| !under_any(place, &walls.protected));
    write
}

/// The parts of `widest` that are in `allowed`.
fn narrowed(widest: &[PathBuf], allowed: &[PathBuf]) -> Vec<PathBuf> {
    let mut parts = Vec::new();
    for place in allowed {
        if under_any(place, widest) {
            parts.push(place.clone());
        } else {
            parts.extend(widest.iter().filter(|root| root.starts_with(place)).cloned());
        }
    }
    parts
}

fn under_any(path: &Path, places: &[PathBuf]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}
