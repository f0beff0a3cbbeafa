//! Files that are read at the start only: whether they are still what they were then.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::App;
use crate::contracts::Hash;
use crate::scheduler::Engine;
use crate::workspace::{Governed, Ledger, Standing};

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Every so many looks it is asked whether the workspace would still be trusted: everything that governs
/// the runner is read for that.
const TRUST_EVERY: u32 = 15;
/// Read at the start, from the root of the workspace.
const FILES: [&str; 2] = ["config/bailiwick.yaml", ".env"];
/// Larger files are compared by their beginnings and sizes.
const BYTES_MAX: u64 = 1 << 20;

/// What was read at the start.
#[derive(Debug, Clone)]
pub(super) struct ReadAtStart {
    root: PathBuf,
    user_dir: Option<PathBuf>,
    trusted: bool,
    files: [Option<Hash>; 2],
}

impl App {
    /// What was read at the start.
    pub(super) fn read_at_start(&self) -> ReadAtStart {
        let root = self.workspace.root.clone();
        let files = FILES.map(|name| fingerprint(&root.join(name)));
        let (user_dir, trusted) = (self.workspace.user_dir.clone(), self.workspace.trusted);
        ReadAtStart { root, user_dir, trusted, files }
    }
}

impl ReadAtStart {
    /// What counts only from the next start on.
    fn changed_files(&self) -> Option<String> {
        let now = FILES.map(|name| fingerprint(&self.root.join(name)));
        let pairs = FILES.iter().zip(self.files.iter().zip(&now));
        let changed: Vec<String> = pairs
            .filter(|(_, (then, now))| then != now)
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let names = changed.join(", ");
        (!changed.is_empty())
            .then(|| format!("{names} changed since the start, and is read by the next one only"))
    }

    /// Whether the trust that was there at the start would be there no more, or the other way round.
    fn changed_trust(&self) -> Option<String> {
        let now = Ledger::of(self.user_dir.as_deref(), &self.root)
            .and_then(|ledger| {
                ledger
                    .standing(&self.root, &Governed::read(&self.root))
                    .map_err(|it| it.to_string())
            })
            .is_ok_and(|standing| matches!(standing, Standing::Trusted { .. }));
        match (self.trusted, now) {
            (true, false) => Some(
                "what governs the runner changed since the start: from the next one on the \
                 workspace is not trusted until you run `bailiwick trust`"
                    .to_owned(),
            ),
            (false, true) => Some(
                "the workspace is trusted by now, which counts from the next start on".to_owned(),
            ),
            _ => None,
        }
    }
}

/// Warns about such files until the handle is aborted.
pub(super) fn follow(start: ReadAtStart, engine: Engine) -> JoinHandle<()> {
    tokio::spawn(async move {
        for look in 0_u32.. {
            tokio::time::sleep(LOOK_EVERY).await;
            let (start, engine) = (start.clone(), engine.clone());
            let looking = tokio::task::spawn_blocking(move || {
                engine.warn("governing-files", start.changed_files());
                engine.warn("execution-config", engine.execution_mistakes());
                if look % TRUST_EVERY == 0 {
                    engine.warn("governing-trust", start.changed_trust());
                }
            });
            if let Err(error) = looking.await {
                tracing::error!("what governs the runner is no longer looked at: {error}");
                return;
            }
        }
    })
}

/// Tells two contents apart; `None` where there is no file.
fn fingerprint(path: &std::path::Path) -> Option<Hash> {
    match read(path) {
        Ok(bytes) => Some(Hash::of(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Hash::of(error.kind().to_string().as_bytes())),
    }
}

fn read(path: &std::path::Path) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let found = std::fs::symlink_metadata(path)?;
    // Before it is opened: opening a pipe would wait for a writer.
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = found.len().to_le_bytes().to_vec();
    std::fs::File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
