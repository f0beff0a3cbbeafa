//! One host per state directory: an advisory lock that the system drops with the process, whose
//! content tells people who holds it. Reading needs no lock.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{PathContext, StoreError};
use super::layout::{Layout, private_file};
use crate::contracts::Timestamp;

/// Longest lock file that is read, in bytes.
const LOCK_BYTES_MAX: u64 = 4 * 1024;

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    pid: u32,
    boot_id: String,
    started_at: Timestamp,
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct HostLock(File);

impl Drop for HostLock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started has a copy of the descriptor
        // until it executes its program, and the lock would live as long.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the host's lock could not be given back");
        }
    }
}

impl HostLock {
    /// Takes the lock at `path`, or says who has it.
    pub(super) fn take(path: &Path, boot_id: &str, now: Timestamp) -> Result<Self, StoreError> {
        let mut file = private_file()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .at("could not open", path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(held(&mut file, path)),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(StoreError::io("could not lock", path, &error));
            }
        }
        let holder =
            Holder { pid: std::process::id(), boot_id: boot_id.to_owned(), started_at: now };
        write_holder(&mut file, &holder).at("could not write", path)?;
        Ok(Self(file))
    }
}

/// Whether a process is the host of the state directory `dir` now. Nothing is made or changed; a host
/// that starts in this very moment may be told that it is busy.
///
/// # Errors
/// When the lock is there and cannot be looked at.
pub fn is_held(dir: &Path) -> Result<bool, StoreError> {
    let path = Layout::new(dir).lock();
    let file = match private_file().read(true).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.at("could not open", &path)?,
    };
    match file.try_lock_shared() {
        Ok(()) => file.unlock().at("could not unlock", &path).map(|()| false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(StoreError::io("could not lock", &path, &error))
        }
    }
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let text = serde_json::to_string(holder).map_err(std::io::Error::other)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// Says who holds the lock, or why that cannot be told.
fn held(file: &mut File, path: &Path) -> StoreError {
    let path = path.display().to_string();
    match holder(file) {
        Ok(holder) => StoreError::Locked {
            path,
            pid: Some(holder.pid),
            started_at: Some(holder.started_at.to_string()),
            boot_id: Some(holder.boot_id),
            unread: None,
        },
        Err(why) => {
            let unread = Some(why.to_string());
            StoreError::Locked { path, pid: None, started_at: None, boot_id: None, unread }
        }
    }
}

/// Who holds the lock. It may be writing that just now: then the file is empty or cut off.
fn holder(file: &mut File) -> std::io::Result<Holder> {
    let mut text = String::new();
    file.take(LOCK_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(std::io::Error::other)
}
