//! Rules that somebody thinks of putting in the place of the workspace's.

use std::path::Path;

use super::LayerDirs;
use super::accepted::fingerprint;
use super::snapshot::read_rules;
use crate::contracts::{Diagnostic, Hash, Severity};
use crate::policy::{Layer, Options, PolicySet, Source, built_in, compile};
use crate::ports::Vocabulary;

/// Rules that were read beside those in force.
#[derive(Debug)]
pub struct Candidate {
    /// The set that would decide.
    pub set: PolicySet,
    /// Names what its own files say.
    pub files: Hash,
}

/// The set that decides when the rules of `candidate` are those of the workspace. Layers above stay.
///
/// # Errors
/// With the mistakes of any file, and when there are no rules.
pub fn compile_candidate(
    dirs: &LayerDirs,
    candidate: &Path,
    shown: &str,
    vocabulary: &Vocabulary,
    options: &Options,
) -> Result<Candidate, Vec<Diagnostic>> {
    let (mut sources, mut mistakes) = read_rules(candidate, shown);
    if sources.is_empty() && mistakes.is_empty() {
        let message = "there are no rules here: nothing would be compared";
        mistakes.push(Diagnostic::error("zero-rules", message, shown, 1, 1));
    }
    let files = fingerprint(&sources);
    let above = [(Layer::System, Some(&dirs.system)), (Layer::User, dirs.user.as_ref())];
    for (layer, dir) in above.into_iter().filter_map(|(layer, dir)| Some((layer, dir?))) {
        if dir.is_dir() {
            let (found, wrong) = read_rules(dir, &dir.display().to_string());
            sources.extend(found.into_iter().map(|source| Source { layer, ..source }));
            mistakes.extend(wrong);
        }
    }
    mistakes.retain(|mistake| mistake.severity == Severity::Error);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    sources.extend(built_in());
    let set = compile(&sources, vocabulary, options)?;
    Ok(Candidate { set, files })
}
