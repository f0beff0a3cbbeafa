//! The files of knowledge, taken over because somebody says so.

use super::govern::MemoryRefusal;
use crate::contracts::Synced;
use crate::orchestrator::services::Services;

/// Takes over what changed in the files of knowledge. Blocks.
///
/// # Errors
/// [`MemoryRefusal::Invalid`] in a workspace that is not trusted, or when the log cannot be read or written.
pub fn sync(services: &Services) -> Result<Synced, MemoryRefusal> {
    let untrusted = || {
        let why = "the files of `memory/` are not read, because this workspace is not trusted: look at them, \
                   then run `bailiwick trust`";
        MemoryRefusal::Invalid(why.to_owned())
    };
    let dir = services.knowledge.as_ref().ok_or_else(untrusted)?;
    Ok(services.memory.sync_files(dir)?)
}
