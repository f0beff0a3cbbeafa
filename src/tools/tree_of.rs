//! Everything at a path, kept: a file, a link, or a directory with all that is in it.
//!
//! For tools that take a whole tree away. What could not be put back as it was - a pipe, a file with a
//! second name, a name that is not UTF-8, more than the limits - refuses the whole of it, and so does
//! what usually holds secrets: policy decided about the directory and did not see its files.

use std::path::Path;

use super::changes::{self, PATHS_MAX};
use super::fs::{Jail, Kind, Node, Place, TREE_DEPTH_MAX, Walk, shown, walk};
use super::watch::Watch;
use crate::contracts::{ErrorKind, ToolError};
use crate::policy::is_secret;

/// What is at `place`, outermost first, by the path below it; empty where there is nothing.
pub(super) fn tree_of(
    place: &Place,
    jail: &Jail,
    watch: &Watch,
) -> Result<Vec<(std::path::PathBuf, Node)>, ToolError> {
    let top = changes::current(place)?;
    let mut found = match top {
        Node::Absent => return Ok(Vec::new()),
        top => vec![(std::path::PathBuf::new(), top)],
    };
    if !matches!(found.as_slice(), [(_, Node::Dir(_))]) {
        return Ok(found);
    }
    let (dir, real) = (place.open_dir()?, place.real());
    let mut names = Vec::new();
    let omitted = walk(
        &dir.fd,
        &real,
        &Walk { depth: TREE_DEPTH_MAX, closed: &[], closed_at: &[], watch },
        &mut |visit| {
            let path = real.join(visit.path);
            fits(&path, visit.kind, visit.path)?;
            if names.len() >= PATHS_MAX {
                let message = format!(
                    "`{}` holds more than {PATHS_MAX} names: it could not be undone",
                    shown(&real)
                );
                return Err(ToolError::new(ErrorKind::TooLarge, message));
            }
            names.push(visit.path.to_owned());
            Ok(true)
        },
    )?;
    if let Some(closed) = omitted.unreadable.first() {
        let path = shown(&real.join(closed));
        let message = format!("`{path}` may not be read: it could not be put back");
        return Err(ToolError::new(ErrorKind::Forbidden, message));
    }
    if omitted.cut {
        let message = format!("`{}` is too large: it could not be undone", shown(&real));
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    for name in names {
        watch.check()?;
        let node = changes::current(&jail.place(&real.join(&name))?)?;
        if node != Node::Absent {
            found.push((name, node));
        }
    }
    Ok(found)
}

fn fits(path: &Path, kind: Kind, below: &Path) -> Result<(), ToolError> {
    let no = |kind, why: &str| Err(ToolError::new(kind, format!("`{}` {why}", shown(path))));
    if below.to_str().is_none() {
        return no(ErrorKind::BadContent, "has a name that is not UTF-8: it could not be put back");
    }
    if kind == Kind::Other {
        return no(
            ErrorKind::BadContent,
            "is neither file, directory nor symbolic link: it could not be put back",
        );
    }
    if kind == Kind::File && is_secret(path) {
        return no(
            ErrorKind::Forbidden,
            "usually holds secrets, and a call that names only its directory does not touch it; name \
             it directly",
        );
    }
    let depth = u32::try_from(below.components().count()).unwrap_or(u32::MAX);
    if kind == Kind::Dir && depth >= TREE_DEPTH_MAX {
        return no(ErrorKind::TooLarge, "lies too deep: what is in it could not be put back");
    }
    Ok(())
}
