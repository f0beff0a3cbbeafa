//! What files carry from call to call and from run to run: where their content came from, if that is a
//! stranger or a secret.
//!
//! Labels are added before a call writes, so that no crash lets a file lose them, and are never taken from a
//! path again. What a command does beyond the files that it names is not seen.

use std::path::Path;

use super::services::Services;
use super::taken::{Labels, SECRET_FILE, is_secret, is_strange};
use crate::contracts::ToolCall;
use crate::policy::{PathFact, Request};
use crate::ports::{PathAccess, ToolDescriptor};
use crate::store::FileLabels;

/// Of a file of which it cannot be said.
const STRANGE_FILE: &str = "untrusted:file";

/// What comes with the content of the files that a call reads, and of everything beneath directories that it
/// reads.
pub(super) fn read(services: &Services, tool: &ToolDescriptor, request: &Request) -> Labels {
    if tool.names_only {
        return Labels::new();
    }
    held(services, named(request).filter(|path| path.access == PathAccess::Read))
}

/// What the files will have in them that a call writes: what it was given, what it reads, and what its tool
/// brings.
pub(super) fn left(
    services: &Services,
    tool: &ToolDescriptor,
    call: &ToolCall,
    request: &Request,
) -> Vec<FileLabels> {
    let mut labels = held(services, named(request));
    labels.extend(call.labels.iter().cloned());
    labels.extend(services.policy.current().output_labels(tool));
    labels.extend(request.reads_secret.then(|| SECRET_FILE.to_owned()));
    labels.retain(|label| is_strange(label) || is_secret(label));
    if labels.is_empty() {
        return Vec::new();
    }
    let written = named(request).filter(|path| path.access == PathAccess::Write);
    let file = |path: &PathFact| FileLabels { path: text(&path.resolved), labels: labels.clone() };
    written.map(file).collect()
}

/// What `paths` have in them. What cannot be looked up may be anything.
fn held<'a>(services: &Services, paths: impl Iterator<Item = &'a PathFact>) -> Labels {
    let mut labels = Labels::new();
    for path in paths {
        match services.store.reader().file_labels(&text(&path.resolved)) {
            Ok(found) => labels.extend(found),
            Err(error) => {
                tracing::warn!("`{}` counts as a stranger's and a secret: {error}", path.text);
                labels.extend([STRANGE_FILE, SECRET_FILE].map(str::to_owned));
            }
        }
    }
    labels
}

/// The files of a call. The directory that a command starts in is not one of them.
fn named(request: &Request) -> impl Iterator<Item = &PathFact> {
    let leaves = request.command.iter().flat_map(|command| &command.leaves);
    let own = request.paths.iter().filter(|_| request.command.is_none());
    own.chain(leaves.flat_map(|leaf| leaf.paths.iter().chain(&leaf.redirects)))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
