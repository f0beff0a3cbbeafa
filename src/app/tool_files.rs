//! Keeping a daemon up with `config/tools/`: an edit that a person vouches for counts within a second; one
//! with mistakes leaves in force what was good last, and is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::App;
use super::overrides::{Stamp, stamp};
use crate::contracts::{ConfigChanged, Diagnostic, EventBody, Hash, SettingChanged};
use crate::orchestrator::{Services, ToolsNow};
use crate::scheduler::Engine;
use crate::tools::PROCESS_TOOLS;
use crate::workspace::Workspace;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Most files whose times are looked at.
const FILES_MAX: usize = 1_000;
/// What the warning is known by.
const WARNING: &str = "tool-files";

/// Declarations by path relative to the root.
type Files = BTreeMap<String, Vec<u8>>;

/// What keeps the tools of a daemon up.
pub(super) struct ToolFiles {
    /// As it was at the start; all but the declarations stays so.
    workspace: Workspace,
    services: Arc<Services>,
    /// Those in force, each as it was last good.
    good: Files,
    /// Those that were looked at last.
    seen: Option<Files>,
    /// What the files looked like then; `None` while they may change and look the same.
    looks: Option<BTreeMap<PathBuf, Option<Stamp>>>,
    /// Why they do not count as they stand.
    wrong: Option<String>,
}

impl App {
    /// Keeps the tools of `services` up with their files.
    pub(super) fn tool_files(&self, services: &Arc<Services>) -> ToolFiles {
        let good = self.workspace.tool_files.clone().unwrap_or_default();
        let wrong = said(self.declared_mistakes());
        ToolFiles {
            workspace: self.workspace.clone(),
            services: Arc::clone(services),
            seen: Some(good.clone()),
            good,
            looks: None,
            wrong,
        }
    }
}

/// Looks until the handle is aborted, and warns of what does not count.
pub(super) fn follow(mut files: ToolFiles, engine: Engine) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let engine = engine.clone();
            let looking = tokio::task::spawn_blocking(move || {
                files.look();
                engine.warn(WARNING, files.wrong.clone());
                files
            });
            files = match looking.await {
                Ok(files) => files,
                Err(error) => {
                    tracing::error!("`{PROCESS_TOOLS}` is no longer looked at: {error}");
                    return;
                }
            };
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

impl ToolFiles {
    /// Takes over what was edited since the last look. Blocks.
    fn look(&mut self) {
        // In a workspace that was not trusted at the start no declaration counts before the next one.
        if !self.workspace.trusted {
            return;
        }
        let looks = self.stamps();
        if self.looks.as_ref() == Some(&looks) {
            return;
        }
        self.looks = looks.values().flatten().all(Stamp::is_settled).then_some(looks);
        let Some(files) = self.workspace.read_tools() else {
            if self.seen.take().is_some() {
                tracing::warn!("what governs the runner changed: no edit of tools counts");
            }
            self.wrong = Some(format!(
                "what governs the runner is not trusted as it is now, so edits of `{PROCESS_TOOLS}` do not \
                 count: look at them, then run `bailiwick trust`"
            ));
            return;
        };
        if self.seen.as_ref() != Some(&files) {
            self.take_over(&files);
            self.seen = Some(files);
        }
    }

    /// Puts every file in force that has no mistakes, and in the place of one that has some what it was
    /// last.
    fn take_over(&mut self, files: &Files) {
        let seen = self.opened(files);
        let mistakes = seen.declared_mistakes().to_vec();
        let broken = |path: &String| mistakes.iter().any(|mistake| mistake.file == *path);
        let mut good = files.clone();
        for (path, before) in &self.good {
            if broken(path)
                && let Some(bytes) = good.get_mut(path)
            {
                bytes.clone_from(before);
            }
        }
        let changes = changes(&self.good, &good);
        self.wrong = said(&mistakes);
        // Other processes see the files as they are: by these they agree with this one.
        let now = ToolsNow { config: seen.config_hash(), ..self.opened(&good).tools_now() };
        self.put_in_force(now, !changes.is_empty());
        self.good = good;
        self.tell(changes, &mistakes);
    }

    fn put_in_force(&self, now: ToolsNow, others: bool) {
        // Rules first: a tool that they do not know yet would be refused.
        if others {
            let (vocabulary, tools) = (now.vocabulary.as_ref().clone(), now.tools.as_ref().clone());
            self.services.policy.set_vocabulary(vocabulary.clone());
            if let Some(trial) = &self.services.trial {
                trial.set_vocabulary(vocabulary);
            }
            self.services.playbooks.set_vocabulary(tools);
        }
        self.services.tools.set(now);
    }

    /// The workspace with these declarations.
    fn opened(&self, files: &Files) -> App {
        let mut workspace = self.workspace.clone();
        workspace.tool_files = Some(files.clone());
        App { workspace, declared: OnceLock::new() }
    }

    fn tell(&self, changes: Vec<SettingChanged>, mistakes: &[Diagnostic]) {
        if changes.is_empty() && mistakes.is_empty() {
            return;
        }
        let names: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        if !names.is_empty() {
            tracing::info!("tools: in force: {}", names.join(", "));
        }
        if let Some(first) = mistakes.first() {
            tracing::warn!("tools: {first}; what was good last stays");
        }
        let errors = mistakes.iter().map(ToString::to_string).collect();
        let (file, by) = (PROCESS_TOOLS.to_owned(), "file".to_owned());
        let event = EventBody::ConfigChanged(ConfigChanged { file, by, changes, errors });
        if let Err(error) =
            self.services.store.append_system(vec![event], self.services.clock.now())
        {
            tracing::warn!("a change of the tools could not be journalled: {error}");
        }
    }

    /// The directory, its files and the record of trust, by what can be seen without reading them.
    fn stamps(&self) -> BTreeMap<PathBuf, Option<Stamp>> {
        let dir = self.workspace.root.join(PROCESS_TOOLS);
        let inside = listed(&dir);
        let all = inside.into_iter().chain([dir]).chain(self.workspace.ledger_path());
        all.map(|path| (path.clone(), stamp(&path))).collect()
    }
}

/// The names in the directory; none where it cannot be listed, which its stamp or reading it tells.
fn listed(dir: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(dir) else { return Vec::new() };
    list.filter_map(Result::ok).map(|entry| entry.path()).take(FILES_MAX).collect()
}

/// Which files say something else, by the hash of what they say.
fn changes(before: &Files, after: &Files) -> Vec<SettingChanged> {
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let others = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let shown = |bytes: &Vec<u8>| serde_json::Value::String(Hash::of(bytes).to_string());
    others
        .map(|path| SettingChanged {
            key: path.clone(),
            before: before.get(path).map(shown),
            after: after.get(path).map(shown),
        })
        .collect()
}

/// What stands in `/readyz`; `None` where nothing is wrong.
fn said(mistakes: &[Diagnostic]) -> Option<String> {
    let first = mistakes.first()?;
    let more = match mistakes.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more mistakes)"),
    };
    Some(format!("{first}{more}; such a tool stays as it was last good, or refuses every call"))
}
