//! Taking over an edit: one snapshot of all files, every check, and then all of it or nothing.
//!
//! A layer with a mistake stays as it was last good by itself, so that nobody loosens the rules of a
//! higher layer by breaking those of a lower one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::accepted::{self, fingerprint};
use super::check::Checks;
use super::elapsed::elapsed_ms;
use super::kept;
use super::layers::Signing;
use super::signed;
use super::snapshot::{LayerDir, Signature, Snapshot, mistake, read, signature};
use crate::contracts::{Diagnostic, Hash, Severity};
use crate::policy::{
    Layer, Options, PolicySet, ReadFiles, Source, SourceKind, built_in, compile, compile_with,
};
use crate::ports::Vocabulary;

/// An edit of the workspace's rules that is sound by itself. Both sets are those that decide where the
/// workspace is trusted, so that what only trust keeps from counting is judged as well.
#[derive(Debug)]
pub struct Edit<'a> {
    /// The rules that were good last.
    pub before: &'a PolicySet,
    /// Those that would follow.
    pub after: &'a PolicySet,
    /// Names what the workspace's files say.
    pub files: Hash,
}

/// Says what speaks against an edit; nothing when it may be in force.
pub type Gate = Arc<dyn Fn(&Edit<'_>) -> Vec<Diagnostic> + Send + Sync>;

/// Good files, by layer. The built-in ones are in the program and not among them.
type Good = BTreeMap<Layer, Vec<Source>>;

/// What a look at the files came to.
#[derive(Debug)]
pub(super) struct Taken {
    /// The set to be in force; `None`: the one that is stays.
    pub(super) set: Option<Arc<PolicySet>>,
    /// What is wrong with the files.
    pub(super) errors: Vec<Diagnostic>,
    /// Whether rules of the system or the user are missing from the set.
    pub(super) lost: bool,
}

/// Everything that taking over edits needs, and what was good last.
pub(super) struct Reloader {
    dirs: Vec<LayerDir>,
    signing: Signing,
    /// Where the last good rules are kept; nowhere for a set that is not the workspace's.
    state_dir: Option<PathBuf>,
    vocabulary: Vocabulary,
    options: Options,
    gate: Option<Gate>,
    /// Files that change what is in force without being rules: what a person accepted.
    beside: Vec<PathBuf>,
    signature: Signature,
    good: Good,
    /// Whether the workspace's good files are those of the state directory and not of `policies/`.
    /// Nobody said to trust these: trust is bound to `policies/` alone.
    borrowed: bool,
    in_force: Option<Arc<PolicySet>>,
    /// What the files in force say, so that an edit of one reads no other again.
    known: ReadFiles,
}

impl Reloader {
    /// Knows only what was kept, and what was wrong with that.
    pub(super) fn new(
        dirs: Vec<LayerDir>,
        signing: Signing,
        state_dir: Option<&Path>,
        vocabulary: Vocabulary,
        options: Options,
    ) -> (Self, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        let kept = state_dir.map_or_else(Vec::new, |dir| load(dir, &mut errors));
        let good = Good::from_iter((!kept.is_empty()).then_some((Layer::Workspace, kept)));
        let reloader = Self {
            dirs,
            signing,
            state_dir: state_dir.map(Path::to_owned),
            vocabulary,
            options,
            gate: None,
            beside: state_dir.map(accepted::place).into_iter().collect(),
            signature: Signature::default(),
            good,
            borrowed: true,
            in_force: None,
            known: ReadFiles::default(),
        };
        (reloader, errors)
    }

    pub(super) fn set_options(&mut self, options: Options) {
        self.options = options;
        self.known = ReadFiles::default();
    }

    pub(super) fn set_gate(&mut self, gate: Gate) {
        self.gate = Some(gate);
    }

    /// Whether the files are not those that were looked at last.
    pub(super) fn is_changed(&self) -> bool {
        self.changed().is_some()
    }

    pub(super) fn changed(&self) -> Option<Signature> {
        Some(signature(&self.dirs, &self.signing, &self.beside))
            .filter(|now| *now != self.signature)
    }

    /// Takes over every layer whose files are sound, if what they make together is.
    pub(super) fn reload(&mut self) -> Taken {
        let mut known = std::mem::take(&mut self.known);
        let taken = self.reload_with(&mut known);
        // What was refused is read again when it comes again: there may be no end of it.
        known.keep(self.good.values().flatten().chain(&built_in()));
        self.known = known;
        taken
    }

    fn reload_with(&mut self, known: &mut ReadFiles) -> Taken {
        let (snapshots, signature) = read(&self.dirs, &self.signing, &self.beside);
        self.signature = signature;
        let (mut errors, mut good, mut lost) = (Vec::new(), Good::new(), false);
        let mut borrowed = self.borrowed;
        for (dir, snapshot) in self.dirs.iter().zip(snapshots) {
            let sound = self.sound(dir, snapshot, known, &mut errors);
            if dir.layer == Layer::Workspace && sound.is_some() {
                borrowed = false;
            }
            let kept = sound.or_else(|| self.good.get(&dir.layer).cloned());
            lost |= kept.is_none() && dir.layer != Layer::Workspace;
            if let Some(files) = kept.filter(|files| !files.is_empty()) {
                good.insert(dir.layer, files);
            }
        }
        let against = self.against(&good);
        if !against.is_empty() {
            errors.extend(against);
            good = self.with_known(good);
            borrowed = self.borrowed;
        }
        let mut compiled = self.compile(&good, borrowed, known);
        if compiled.is_err() && good.remove(&Layer::Workspace).is_some() {
            // What was kept is not for this program, or never was good.
            errors.extend(compiled.err().into_iter().flatten().filter(is_error));
            compiled = self.compile(&good, borrowed, known);
        }
        // What is in force stays in force.
        let refused = |errors| Taken { set: None, errors, lost: true };
        let set = match compiled {
            Ok(set) => Arc::new(set),
            Err(mistakes) => {
                errors.extend(mistakes.into_iter().filter(is_error));
                return refused(errors);
            }
        };
        self.borrowed = borrowed;
        self.keep(good, &mut errors);
        self.in_force = Some(Arc::clone(&set));
        Taken { set: Some(set), errors, lost }
    }

    /// What the gate says against the workspace's files in `good`, where they decide otherwise than those
    /// that were good before.
    fn against(&self, good: &Good) -> Vec<Diagnostic> {
        let workspace =
            |good: &Good| fingerprint(good.get(&Layer::Workspace).map_or(&[][..], Vec::as_slice));
        let files = workspace(good);
        let Some(gate) = self.gate.as_ref().filter(|_| files != workspace(&self.good)) else {
            return Vec::new();
        };
        let mut above = good.clone();
        above.remove(&Layer::Workspace);
        // What was kept may not be for this program any more: then it is the built-in rules that decide.
        let known = self.compile_trusted(&self.with_known(good.clone()));
        let before = known.or_else(|_| self.compile_trusted(&above));
        match (before, self.compile_trusted(good)) {
            (Ok(before), Ok(after)) => gate(&Edit { before: &before, after: &after, files }),
            // What cannot be used together is refused by itself.
            _ => Vec::new(),
        }
    }

    /// `good` with the workspace's files that were good before in the place of its own.
    fn with_known(&self, mut good: Good) -> Good {
        match self.good.get(&Layer::Workspace) {
            Some(files) => good.insert(Layer::Workspace, files.clone()),
            None => good.remove(&Layer::Workspace),
        };
        good
    }

    /// What is good, as if the workspace were trusted.
    pub(super) fn as_trusted(&self) -> Result<PolicySet, Vec<Diagnostic>> {
        self.compile_trusted(&self.good)
    }

    fn compile_trusted(&self, good: &Good) -> Result<PolicySet, Vec<Diagnostic>> {
        let options = Options { trusted: true, ..self.options.clone() };
        let set = compile(&deciding(good), &self.vocabulary, &options)?;
        Ok(set.with_watch(elapsed_ms))
    }

    fn compile(
        &self,
        good: &Good,
        borrowed: bool,
        known: &mut ReadFiles,
    ) -> Result<PolicySet, Vec<Diagnostic>> {
        let mut options = self.options.clone();
        options.trusted &= !borrowed;
        let set = compile_with(known, &deciding(good), &self.vocabulary, &options)?;
        Ok(set.with_watch(elapsed_ms))
    }

    /// The files of a layer, if all of them are sound; their mistakes are noted else.
    fn sound(
        &self,
        dir: &LayerDir,
        snapshot: Snapshot,
        known: &mut ReadFiles,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<Vec<Source>> {
        let mut mistakes = snapshot.mistakes;
        if dir.layer == Layer::Workspace {
            mistakes.extend(signed::missing(&self.signing, &snapshot.sources, &snapshot.manifest));
            if !snapshot.there && self.taken_from(dir) {
                mistakes.push(gone(&dir.shown));
            }
        }
        // What has a mistake already is not worth the time; what was good is good.
        if mistakes.is_empty() && !self.is_good(dir.layer, &snapshot.sources) {
            let mut checks = Checks { vocabulary: &self.vocabulary, options: &self.options, known };
            mistakes.extend(checks.mistakes(&snapshot.sources));
        }
        let sound = mistakes.is_empty();
        errors.extend(mistakes);
        sound.then_some(snapshot.sources)
    }

    /// Whether rules in force were read from the directory by this process.
    fn taken_from(&self, dir: &LayerDir) -> bool {
        self.in_force.is_some() && !self.borrowed && self.good.contains_key(&dir.layer)
    }

    /// Whether these files passed every check before, also in an earlier process: the document that is
    /// kept holds what passed. That somebody wrote it by hand gains nothing: rules are compiled again
    /// all the same, and tests bind only those who wrote them.
    fn is_good(&self, layer: Layer, sources: &[Source]) -> bool {
        let good = self.good.get(&layer).map_or(&[][..], Vec::as_slice);
        self.in_force.is_none() && !good.is_empty() && good == sources
    }

    fn keep(&mut self, good: Good, errors: &mut Vec<Diagnostic>) {
        if self.good == good {
            return;
        }
        let files = good.get(&Layer::Workspace).map_or(&[][..], Vec::as_slice);
        let saved = self.state_dir.as_ref().map(|dir| (dir, kept::save(dir, files)));
        if let Some((dir, Err(error))) = saved {
            let shown = kept::place(dir).display().to_string();
            let message = format!("the rules in force cannot be kept for the next start: {error}");
            errors.push(mistake(&shown, "last-good", &message));
        }
        self.good = good;
    }
}

/// The files that decide. Tests do not: which set it is does not depend on them.
fn deciding(good: &Good) -> Vec<Source> {
    let decides = |source: &&Source| source.kind() != SourceKind::Tests;
    let mut sources: Vec<Source> = good.values().flatten().filter(decides).cloned().collect();
    sources.extend(built_in());
    sources
}

/// Rules do not go away because their directory does: an editor or a checkout may be at work.
fn gone(shown: &str) -> Diagnostic {
    let message = "the directory is gone: what was good last decides until the next start";
    mistake(shown, "gone", message)
}

fn load(state_dir: &Path, errors: &mut Vec<Diagnostic>) -> Vec<Source> {
    kept::load(state_dir).unwrap_or_else(|error| {
        let shown = kept::place(state_dir).display().to_string();
        let message = format!("the last good rules cannot be read: {error}");
        errors.push(mistake(&shown, "last-good", &message));
        Vec::new()
    })
}

pub(super) fn is_error(mistake: &Diagnostic) -> bool {
    mistake.severity == Severity::Error
}
