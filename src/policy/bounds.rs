//! The playbook's permissions as an upper bound, and the walls that follow from a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding::Finding;
use super::host::host_matches;
use super::predicate::access_word;
use super::{Permissions, Request, Walls};
use crate::contracts::{Confinement, Effect, FsAccess, Network};
use crate::ports::{PathAccess, ToolDescriptor};

/// What a request wants beyond its playbook's permissions.
pub(super) fn beyond_permissions(
    request: &Request,
    tool: Option<&Arc<ToolDescriptor>>,
) -> Vec<Finding> {
    let Some(permissions) = &request.permissions else { return Vec::new() };
    let mut reasons = Vec::new();
    if let Some(tools) = &permissions.tools {
        let names = |name: &String| {
            *name == request.tool || tool.is_some_and(|tool| tool.aliases.contains(name))
        };
        if !tools.iter().any(names) {
            reasons.push(format!("`permissions.tools` does not name `{}`", request.tool));
        }
    }
    for path in &request.paths {
        let (key, places) = match path.access {
            PathAccess::Read | PathAccess::Exec => ("read", &permissions.read),
            PathAccess::Write | PathAccess::Delete => ("write", &permissions.write),
        };
        if places.as_ref().is_some_and(|places| !under_any(&path.resolved, places)) {
            let access = access_word(path.access);
            reasons.push(format!("`permissions.{key}` does not cover `{}` ({access})", path.text));
        }
    }
    for host in &request.hosts {
        let allowed = |patterns: &Vec<String>| {
            patterns.iter().any(|pattern| host_matches(pattern, &host.name))
        };
        if permissions.network.as_ref().is_some_and(|patterns| !allowed(patterns)) {
            reasons.push(format!("`permissions.network` does not name `{}`", host.name));
        }
    }
    reasons.into_iter().map(|reason| refused(permissions, &reason)).collect()
}

fn refused(permissions: &Permissions, reason: &str) -> Finding {
    let reason = format!("the playbook allows itself less: {reason}");
    let mut finding = Finding::own("playbook.permissions", Effect::Deny, reason);
    if !permissions.file.is_empty() {
        finding.rule.file.clone_from(&permissions.file);
    }
    finding
}

/// The walls for a request: what it may touch at most, narrowed by the playbook's permissions.
pub(super) fn confinement(request: &Request) -> Confinement {
    let walls = &request.walls;
    let permissions = request.permissions.as_ref();
    let write = match walls.fs {
        FsAccess::Write => writable(walls, permissions.and_then(|p| p.write.as_ref())),
        FsAccess::None | FsAccess::Read => Vec::new(),
    };
    let read = match walls.fs {
        FsAccess::None => Vec::new(),
        FsAccess::Read | FsAccess::Write => {
            readable(walls, permissions.and_then(|p| p.read.as_ref()), &write)
        }
    };
    let protected = walls.protected.iter().filter(|place| under_any(place, &write));
    Confinement {
        profile: walls.profile.clone(),
        protected: protected.cloned().collect(),
        read,
        write,
        network: Network::None,
    }
}

fn readable(walls: &Walls, allowed: Option<&Vec<PathBuf>>, write: &[PathBuf]) -> Vec<PathBuf> {
    let mut widest = vec![walls.root.clone()];
    widest.extend(walls.read.iter().cloned());
    let mut read = narrowed(&widest, allowed);
    read.extend(write.iter().cloned());
    read.sort();
    read.dedup();
    read
}

/// What governs the program is never a writable root, however it is asked for.
fn writable(walls: &Walls, allowed: Option<&Vec<PathBuf>>) -> Vec<PathBuf> {
    let mut widest = vec![walls.root.clone()];
    widest.extend(walls.write.iter().cloned());
    let mut write = narrowed(&widest, allowed);
    write.retain(|place| !under_any(place, &walls.protected));
    write
}

/// The parts of `widest` that are in `allowed`.
fn narrowed(widest: &[PathBuf], allowed: Option<&Vec<PathBuf>>) -> Vec<PathBuf> {
    let Some(allowed) = allowed else { return widest.to_vec() };
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
