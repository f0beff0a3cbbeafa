//! Keeping the configuration up with the run-time override. It is looked at whenever something is decided,
//! so that an edit counts at once; a broken one leaves in force what was, and is told.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::App;
use super::execution::{about_override, change_overrides};
use super::rules::policy_options;
use crate::config::{Kind, Resolved, Setting, key_of};
use crate::contracts::{ConfigChanged, Diagnostic, EventBody, Hash, SettingChanged};
use crate::live::LivePolicy;
use crate::live::playbooks::LivePlaybooks;
use crate::orchestrator::{Change, ChangeError, LiveConfig, LiveTools, Overrides, Services};
use crate::playbook::LintLimits;
use crate::ports::Clock;
use crate::store::Store;
use crate::workspace::{OVERRIDE_FILE, Workspace};

/// Who changed a file that somebody edited.
const BY_FILE: &str = "file";
/// A file that changed so shortly ago may change again and look the same.
const TICK: Duration = Duration::from_secs(2);
/// Most mistakes that are journalled.
const ERRORS_MAX: usize = 20;

impl App {
    /// Keeps the configuration of `services` up with the run-time override.
    pub(super) fn keep_overrides_up(&self, services: &Arc<Services>) {
        let state = State {
            // Looked at once more before anything is decided: it may have changed since it was read.
            seen: None,
            content: None,
            values: self.workspace.values.clone(),
            mistakes: Vec::new(),
            told: Vec::new(),
        };
        let kept = KeptUp {
            workspace: self.workspace.clone(),
            tools: Arc::clone(&services.tools),
            settings: Arc::downgrade(&services.settings),
            policy: Arc::clone(&services.policy),
            playbooks: Arc::clone(&services.playbooks),
            store: Arc::clone(&services.store),
            clock: Arc::clone(&services.clock),
            state: Mutex::new(state),
        };
        services.settings.keep_up(Box::new(kept));
    }
}

/// Keeps a configuration up with the run-time override.
struct KeptUp {
    /// As it was at the start; all but the override stays so.
    workspace: Workspace,
    tools: Arc<LiveTools>,
    settings: Weak<LiveConfig>,
    policy: Arc<LivePolicy>,
    playbooks: Arc<LivePlaybooks>,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// The files as they looked when they were read and still.
    seen: Option<[Option<Stamp>; 2]>,
    /// What was read then, and whether it was vouched for.
    content: Option<(Option<Hash>, bool)>,
    /// Every value in force.
    values: BTreeMap<String, Setting>,
    mistakes: Vec<Diagnostic>,
    /// The mistakes that were told last.
    told: Vec<Diagnostic>,
}

/// What can be seen of a file without reading it: device, inode, size and time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([i128; 4]);

impl Overrides for KeptUp {
    fn look(&self) {
        let mut state = self.lock();
        let ledger = self.workspace.ledger_path();
        let paths = [Some(self.workspace.override_path()), ledger];
        let now = paths.map(|path| path.and_then(|path| stamp(&path)));
        if state.seen.as_ref() == Some(&now) {
            return;
        }
        self.take_over(&mut state, BY_FILE);
        state.seen = now.iter().flatten().all(Stamp::is_settled).then_some(now);
    }

    fn change(&self, change: &Change, by: &str) -> Result<(), ChangeError> {
        let mut state = self.lock();
        // What was edited before is taken over by itself, so that the journal tells who did what.
        self.take_over(&mut state, BY_FILE);
        let changed = change_overrides(
            &self.workspace,
            &self.tools.current().tools,
            change,
            self.clock.now(),
        )?;
        if changed.changed {
            self.take_over(&mut state, by);
        }
        state.seen = None;
        Ok(())
    }

    fn mistakes(&self) -> Vec<Diagnostic> {
        self.lock().mistakes.clone()
    }
}

impl KeptUp {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left is whole: it is replaced field by field, and read again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the file says in force, if it has no mistakes.
    fn take_over(&self, state: &mut State, by: &str) {
        let read = match self.workspace.read_override() {
            Ok(read) => read,
            Err(error) => {
                let why = error.to_string();
                state.content = None;
                return self.refuse(state, by, vec![mistake(&why)]);
            }
        };
        let trusted = self.workspace.trusted && read.trusted;
        let content = (read.text.as_ref().map(|text| Hash::of(text.as_bytes())), trusted);
        if state.content == Some(content) {
            return;
        }
        state.content = Some(content);
        match self.workspace.with_override(read.text.map(|text| (text, trusted))) {
            Ok(resolved) => self.put_in_force(state, by, resolved),
            Err(mistakes) => self.refuse(state, by, mistakes),
        }
    }

    fn put_in_force(&self, state: &mut State, by: &str, resolved: Resolved) {
        let mistakes = about_override(&resolved);
        let changes = changes(&state.values, &resolved.values);
        if !changes.is_empty() {
            let Some(settings) = self.settings.upgrade() else { return };
            let Resolved { config, values, provenance, .. } = resolved;
            state.values.clone_from(&values);
            self.playbooks.set_limits(LintLimits::from(&config));
            let mut workspace = self.workspace.clone();
            (workspace.values, workspace.provenance) = (values, provenance);
            workspace.config.clone_from(&config);
            settings.set(config);
            self.policy.reconfigure(policy_options(&workspace));
            let names: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
            tracing::info!("{OVERRIDE_FILE}: in force by {by}: {}", names.join(", "));
        }
        self.tell(state, by, changes, mistakes);
    }

    fn refuse(&self, state: &mut State, by: &str, mistakes: Vec<Diagnostic>) {
        self.tell(state, by, Vec::new(), mistakes);
    }

    /// Journals what is another than before, mistakes included.
    fn tell(
        &self,
        state: &mut State,
        by: &str,
        changes: Vec<SettingChanged>,
        mistakes: Vec<Diagnostic>,
    ) {
        state.mistakes.clone_from(&mistakes);
        if changes.is_empty() && state.told == mistakes {
            return;
        }
        if let Some(first) = mistakes.first().filter(|_| state.told != mistakes) {
            tracing::warn!("{first}; what was in force stays");
        }
        let errors = mistakes.iter().take(ERRORS_MAX).map(ToString::to_string).collect();
        let (file, by) = (OVERRIDE_FILE.to_owned(), by.to_owned());
        let event = EventBody::ConfigChanged(ConfigChanged { file, by, changes, errors });
        // What is in force does not depend on whether it could be written down.
        if let Err(error) = self.store.append_system(vec![event], self.clock.now()) {
            tracing::warn!("a change of the configuration could not be journalled: {error}");
        }
        state.told = mistakes;
    }
}

fn mistake(why: &str) -> Diagnostic {
    Diagnostic::error("unreadable", why, OVERRIDE_FILE, 1, 1)
}

/// Which values are others.
fn changes(
    before: &BTreeMap<String, Setting>,
    after: &BTreeMap<String, Setting>,
) -> Vec<SettingChanged> {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let others = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    others
        .map(|key| {
            let shown = |setting: &Setting| setting.to_json(kind_of(key));
            let (before, after) = (before.get(key).map(shown), after.get(key).map(shown));
            SettingChanged { key: key.clone(), before, after }
        })
        .collect()
}

fn kind_of(path: &str) -> Kind {
    let parts: Vec<&str> = path.split('.').collect();
    key_of(&parts).map_or(Kind::Bool, |key| key.kind)
}

pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::symlink_metadata(path).ok()?;
    let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    Some(Stamp([found.dev().into(), found.ino().into(), found.size().into(), changed]))
}

impl Stamp {
    /// Whether the file was still for so long that nothing else can look the same. Times that lie ahead come
    /// from the clock of another machine and tell nothing.
    #[allow(clippy::disallowed_methods, reason = "compares with the clock of the file system")]
    pub(super) fn is_settled(&self) -> bool {
        let Self([_, _, _, changed]) = self;
        let changed = u64::try_from(*changed).map(Duration::from_nanos).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(changed).is_none_or(|ago| ago > TICK)
    }
}
