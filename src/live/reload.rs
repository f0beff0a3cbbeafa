//! Taking over an edit: one snapshot of all files, every check, and then all of it or nothing.
//!
//! A layer with a mistake stays as it was last good by itself, so that nobody loosens the rules of a
//! higher layer by breaking those of a lower one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::accepted::{self, fingerprint};
use super::check::{Checks, deciding};
use super::elapsed::{elapsed_ms, wall_clock};
use super::kept;
use super::layers::Signing;
use super::sets::Sets;
use super::signed;
use super::snapshot::{LayerDir, Signature, Snapshot, mistake, read, signature};
use crate::contracts::{Diagnostic, Hash, Severity};
use crate::policy::{Layer, Options, PolicySet, Source, built_in};
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
    sets: Sets,
    options: Options,
    gate: Option<Gate>,
    /// Files that change what is in force without being rules: what a person accepted.
    beside: Vec<PathBuf>,
    signature: Signature,
    /// Whether the files were still when they were looked at: else the same signature may stand for
    /// others.
    settled: bool,
    /// What was seen then.
    seen: Vec<Snapshot>,
    good: Good,
    /// Whether the workspace's good files are those of the state directory and not of `policies/`.
    /// Nobody said to trust these: trust is bound to `policies/` alone.
    borrowed: bool,
    in_force: Option<Arc<PolicySet>>,
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
            sets: Sets::new(vocabulary),
            options,
            gate: None,
            beside: state_dir.map(accepted::place).into_iter().collect(),
            signature: Signature::default(),
            settled: true,
            seen: Vec::new(),
            good,
            borrowed: true,
            in_force: None,
        };
        (reloader, errors)
    }

    pub(super) fn set_options(&mut self, options: Options) {
        self.options = options;
        self.sets.forget();
    }

    pub(super) fn set_vocabulary(&mut self, vocabulary: Vocabulary) {
        self.sets.set_vocabulary(vocabulary);
    }

    pub(super) fn set_gate(&mut self, gate: Gate) {
        self.gate = Some(gate);
    }

    /// Whether the files are not those that were looked at last. Those that may be others and look the
    /// same are read to tell.
    pub(super) fn is_changed(&mut self) -> bool {
        match self.changed() {
            None => false,
            Some(now) if now != self.signature => true,
            Some(_) => {
                let began = wall_clock();
                let (snapshots, signature) = read(&self.dirs, &self.signing, &self.beside);
                let same = signature == self.signature && snapshots == self.seen;
                self.settled = same && signature.is_settled(began);
                !same
            }
        }
    }

    /// The signature of the files, if they may be others than those that were looked at last.
    pub(super) fn changed(&self) -> Option<Signature> {
        Some(signature(&self.dirs, &self.signing, &self.beside))
            .filter(|now| *now != self.signature || !self.settled)
    }

    /// Takes over every layer whose files are sound, if what they make together is.
    pub(super) fn reload(&mut self) -> Taken {
        let taken = self.take_over();
        self.sets.keep(self.good.values().flatten().chain(&built_in()));
        taken
    }

    fn take_over(&mut self) -> Taken {
        let began = wall_clock();
        let (snapshots, signature) = read(&self.dirs, &self.signing, &self.beside);
        self.settled = signature.is_settled(began);
        self.signature = signature;
        self.seen.clone_from(&snapshots);
        let (mut errors, mut good, mut lost) = (Vec::new(), Good::new(), false);
        let mut borrowed = self.borrowed;
        for (dir, snapshot) in self.dirs.clone().iter().zip(snapshots) {
            let sound = self.sound(dir, snapshot, &mut errors);
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
        let mut compiled = self.compile(&good, borrowed);
        if compiled.is_err() && good.remove(&Layer::Workspace).is_some() {
            // What was kept is not for this program, or never was good.
            errors.extend(compiled.err().into_iter().flatten().filter(is_error));
            compiled = self.compile(&good, borrowed);
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
    fn against(&mut self, good: &Good) -> Vec<Diagnostic> {
        let workspace =
            |good: &Good| fingerprint(good.get(&Layer::Workspace).map_or(&[][..], Vec::as_slice));
        let files = workspace(good);
        let Some(gate) = self.gate.clone().filter(|_| files != workspace(&self.good)) else {
            return Vec::new();
        };
        let mut above = good.clone();
        above.remove(&Layer::Workspace);
        // What was kept may not be for this program any more: then it is the built-in rules that decide.
        let known = self.with_known(good.clone());
        let known = self.compile_trusted(&known);
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
    pub(super) fn as_trusted(&mut self) -> Result<PolicySet, Vec<Diagnostic>> {
        let good = self.good.clone();
        self.compile_trusted(&good)
    }

    fn compile_trusted(&mut self, good: &Good) -> Result<PolicySet, Vec<Diagnostic>> {
        let options = Options { trusted: true, ..self.options.clone() };
        self.compile_as(good, &options)
    }

    fn compile(&mut self, good: &Good, borrowed: bool) -> Result<PolicySet, Vec<Diagnostic>> {
        let mut options = self.options.clone();
        options.trusted &= !borrowed;
        self.compile_as(good, &options)
    }

    fn compile_as(&mut self, good: &Good, options: &Options) -> Result<PolicySet, Vec<Diagnostic>> {
        let set = self.sets.of(deciding(good.values().flatten()), options)?;
        Ok(set.as_ref().clone().with_watch(elapsed_ms))
    }

    /// The files of a layer, if all of them are sound; their mistakes are noted else.
    fn sound(
        &mut self,
        dir: &LayerDir,
        snapshot: Snapshot,
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
            let mut checks = Checks { sets: &mut self.sets, options: &self.options };
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
