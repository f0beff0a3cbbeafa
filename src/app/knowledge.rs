//! Files of knowledge: read when a daemon starts, and kept up with while it works.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::App;
use crate::contracts::Synced;
use crate::memory::Memory;
use crate::scheduler::Engine;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where they are, from the root of the workspace.
const DIRECTORY: &str = "memory";

impl App {
    /// The directory with files of knowledge; none in a workspace that is not trusted, for whoever wrote
    /// them has said nothing that anybody vouched for.
    #[must_use]
    pub fn knowledge_dir(&self) -> Option<PathBuf> {
        let workspace = &self.workspace;
        workspace.trusted.then(|| workspace.root.join(DIRECTORY))
    }
}

/// Keeps memory up with the files until the handle is aborted.
pub(super) fn follow(dir: Option<PathBuf>, memory: Arc<Memory>, engine: Engine) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Some(dir) = dir else { return };
        loop {
            let (dir, memory, engine) = (dir.clone(), Arc::clone(&memory), engine.clone());
            let looking = tokio::task::spawn_blocking(move || look(&dir, &memory, &engine));
            if let Err(error) = looking.await {
                tracing::error!("the files of knowledge are no longer looked at: {error}");
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

fn look(dir: &std::path::Path, memory: &Memory, engine: &Engine) {
    match memory.sync_files(dir) {
        Ok(Synced { added, replaced, problems }) => {
            if added + replaced > 0 {
                tracing::info!(
                    "files of knowledge changed: {added} records added, {replaced} replaced"
                );
            }
            for problem in &problems {
                tracing::warn!("{problem}");
            }
            if !problems.is_empty() {
                engine.warn("knowledge-files", Some(problems.join("; ")));
            } else if added + replaced > 0 {
                engine.warn("knowledge-files", None);
            }
        }
        Err(error) => tracing::warn!("the files of knowledge cannot be taken over: {error}"),
    }
}
