//! The rules in force, kept up with their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::kept;
use super::snapshot::{LayerDir, Signature, Snapshot, mistake, read, signature};
use crate::contracts::{Diagnostic, Hash, Severity};
use crate::policy::{Layer, Options, PolicySet, Source, built_in, compile};
use crate::ports::Vocabulary;

/// The directories from which rules are read, highest layer first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDirs {
    /// The machine owner's, such as `/etc/bailiwick/policies`.
    pub system: PathBuf,
    /// The user's, such as `~/.config/bailiwick/policies`.
    pub user: Option<PathBuf>,
    /// The workspace's `policies/`; `None` outside of one.
    pub workspace: Option<PathBuf>,
}

/// The rules in force. Shared between threads; every [`LivePolicy::current`] looks whether a file
/// changed.
#[derive(Debug)]
pub struct LivePolicy {
    dirs: Vec<LayerDir>,
    /// Where the last good rules are kept; nowhere for a set that is not the workspace's.
    state_dir: Option<PathBuf>,
    vocabulary: Vocabulary,
    current: ArcSwap<PolicySet>,
    state: Mutex<State>,
}

/// Says what became of an edit, for whoever reads the log: once, however often it is looked at.
fn tell(before: &[Diagnostic], old: Hash, errors: &[Diagnostic], new: Hash) {
    match errors.first() {
        Some(first) if before != errors => {
            let Diagnostic { file, line, message, .. } = first;
            let more = errors.len() - 1;
            tracing::warn!(
                "policies: {file}:{line}: {message} (and {more} more mistakes); what was good last decides"
            );
        }
        None if old != new => tracing::info!("policies: an edit is in force: {old} -> {new}"),
        None if !before.is_empty() => tracing::info!("policies: the mistakes are mended"),
        _ => {}
    }
}

/// Good files, by layer. The built-in ones are in the program and not among them.
type Good = BTreeMap<Layer, Vec<Source>>;

#[derive(Debug)]
struct State {
    options: Options,
    signature: Signature,
    good: Good,
    /// Whether the workspace's good files are those of the state directory and not of `policies/`.
    /// Nobody said to trust these: trust is bound to `policies/` alone.
    borrowed: bool,
    /// What is wrong with the files as they are now.
    errors: Vec<Diagnostic>,
}

impl LivePolicy {
    /// Reads the rules. Mistakes in files of the workspace are no failure: its last good rules
    /// decide, and where there are none the built-in ones; see [`LivePolicy::errors`]. What is good
    /// is kept in `state_dir` for the next start, and then only tightens until `policies/` is sound.
    ///
    /// # Errors
    /// With the mistakes of the system's or the user's files: without them, less might be refused
    /// than they wish, and no copy of them is kept where a workspace could change it.
    pub fn open(
        dirs: &LayerDirs,
        state_dir: Option<&Path>,
        vocabulary: Vocabulary,
        options: Options,
    ) -> Result<Self, Vec<Diagnostic>> {
        let built_in = compile(&built_in(), &vocabulary, &options)?;
        let mut errors = Vec::new();
        let kept = state_dir.map_or_else(Vec::new, |dir| load(dir, &mut errors));
        let good = Good::from_iter((!kept.is_empty()).then_some((Layer::Workspace, kept)));
        let live = Self {
            dirs: layer_dirs(dirs),
            state_dir: state_dir.map(Path::to_owned),
            vocabulary,
            current: ArcSwap::from_pointee(built_in),
            state: Mutex::new(State {
                options,
                signature: Signature::default(),
                good,
                borrowed: true,
                errors: Vec::new(),
            }),
        };
        let mut state = live.lock();
        let lost = live.reload(&mut state);
        errors.append(&mut state.errors);
        if lost {
            return Err(errors);
        }
        state.errors = errors;
        drop(state);
        Ok(live)
    }

    /// The rules in force now: an edit that is sound counts from the next call on.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        let mut state = self.lock();
        if signature(&self.dirs) != state.signature {
            let before = (std::mem::take(&mut state.errors), self.current.load().hash());
            self.reload(&mut state);
            tell(&before.0, before.1, &state.errors, self.current.load().hash());
        }
        drop(state);
        self.current.load_full()
    }

    /// What is wrong with the files as they are now; empty when all of them are in force.
    #[must_use]
    pub fn errors(&self) -> Vec<Diagnostic> {
        self.lock().errors.clone()
    }

    /// Decides by other configuration from now on, such as another approval mode.
    pub fn reconfigure(&self, options: Options) {
        let mut state = self.lock();
        state.options = options;
        self.reload(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left is whole: it is replaced field by field, and read again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over every layer whose files are sound. A layer with a mistake stays as it was last
    /// good, so that nobody loosens the rules of a higher layer by breaking those of a lower one.
    /// Says whether rules of the system or the user are missing from what is in force.
    fn reload(&self, state: &mut State) -> bool {
        let (snapshots, signature) = read(&self.dirs);
        state.signature = signature;
        state.errors.clear();
        let (mut good, mut lost) = (Good::new(), false);
        for (dir, snapshot) in self.dirs.iter().zip(snapshots) {
            let sound = self.sound(snapshot, state);
            if dir.layer == Layer::Workspace && sound.is_some() {
                state.borrowed = false;
            }
            let kept = sound.or_else(|| state.good.get(&dir.layer).cloned());
            lost |= kept.is_none() && dir.layer != Layer::Workspace;
            if let Some(files) = kept.filter(|files| !files.is_empty()) {
                good.insert(dir.layer, files);
            }
        }
        let mut compiled = self.compile(&good, state);
        if compiled.is_err() && good.remove(&Layer::Workspace).is_some() {
            // What was kept is not for this program, or never was good.
            state.errors.extend(compiled.err().into_iter().flatten().filter(is_error));
            compiled = self.compile(&good, state);
        }
        match compiled {
            Ok(set) => {
                self.current.store(Arc::new(set));
                self.keep(state, good);
                lost
            }
            // What is in force stays in force.
            Err(mistakes) => {
                state.errors.extend(mistakes.into_iter().filter(is_error));
                true
            }
        }
    }

    fn compile(&self, good: &Good, state: &State) -> Result<PolicySet, Vec<Diagnostic>> {
        let mut sources: Vec<Source> = good.values().flatten().cloned().collect();
        sources.extend(built_in());
        let mut options = state.options.clone();
        options.trusted &= !state.borrowed;
        compile(&sources, &self.vocabulary, &options)
    }

    /// The files of a layer, if all of them are sound; their mistakes are noted else.
    fn sound(&self, snapshot: Snapshot, state: &mut State) -> Option<Vec<Source>> {
        let mut mistakes = snapshot.mistakes;
        if !snapshot.sources.is_empty() {
            let compiled = compile(&snapshot.sources, &self.vocabulary, &state.options);
            mistakes.extend(compiled.err().into_iter().flatten().filter(is_error));
        }
        let sound = mistakes.is_empty();
        state.errors.extend(mistakes);
        sound.then_some(snapshot.sources)
    }

    fn keep(&self, state: &mut State, good: Good) {
        if state.good == good {
            return;
        }
        let files = good.get(&Layer::Workspace).map_or(&[][..], Vec::as_slice);
        let saved = self.state_dir.as_ref().map(|dir| (dir, kept::save(dir, files)));
        if let Some((dir, Err(error))) = saved {
            let shown = kept::place(dir).display().to_string();
            let message = format!("the rules in force cannot be kept for the next start: {error}");
            state.errors.push(mistake(&shown, "last-good", &message).as_warning());
        }
        state.good = good;
    }
}

fn load(state_dir: &Path, errors: &mut Vec<Diagnostic>) -> Vec<Source> {
    kept::load(state_dir).unwrap_or_else(|error| {
        let shown = kept::place(state_dir).display().to_string();
        let message = format!("the last good rules cannot be read: {error}");
        errors.push(mistake(&shown, "last-good", &message));
        Vec::new()
    })
}

fn layer_dirs(dirs: &LayerDirs) -> Vec<LayerDir> {
    let shown = |path: &Path| format!("{}/", path.display());
    let mut all = vec![LayerDir {
        layer: Layer::System,
        path: dirs.system.clone(),
        shown: shown(&dirs.system),
    }];
    all.extend(dirs.user.iter().map(|path| LayerDir {
        layer: Layer::User,
        path: path.clone(),
        shown: shown(path),
    }));
    all.extend(dirs.workspace.iter().map(|path| LayerDir {
        layer: Layer::Workspace,
        path: path.clone(),
        shown: kept::SHOWN.to_owned(),
    }));
    all
}

fn is_error(mistake: &Diagnostic) -> bool {
    mistake.severity == Severity::Error
}
