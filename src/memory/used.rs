//! When records were last of use: one line for each time that some were given to somebody. A hint and no truth: it
//! may be deleted at any time, names records only, and what cannot be read of it counts for nothing.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::contracts::{MemoryId, Timestamp};
use crate::durable;

/// With so many bytes the file is written anew, with one line for each record.
const BYTES_MAX: u64 = 4 << 20;
/// It is for its owner.
const MODE: u32 = 0o600;

/// A time at which records were of use.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    ids: Vec<MemoryId>,
}

/// The last use of records.
#[derive(Debug)]
pub(super) struct Used {
    path: PathBuf,
    writing: Mutex<()>,
}

impl Used {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, writing: Mutex::default() }
    }

    /// These were of use.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn note(&self, ids: Vec<MemoryId>, at: Timestamp) -> std::io::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut line = serde_json::to_vec(&Line { at, ids })?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.write_all(&line)?;
        if file.metadata()?.len() > BYTES_MAX { self.shorten() } else { Ok(()) }
    }

    /// When each record was last of use.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn last(&self) -> std::io::Result<HashMap<MemoryId, Timestamp>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
            Err(error) => return Err(error),
        };
        let mut last = HashMap::new();
        // A line that a crash cut off is none.
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(Line { at, ids }) = serde_json::from_slice(line) else { continue };
            for id in ids {
                let known = last.entry(id).or_insert(at);
                *known = at.max(*known);
            }
        }
        Ok(last)
    }

    fn shorten(&self) -> std::io::Result<()> {
        let mut text = Vec::new();
        for (id, at) in self.last()? {
            serde_json::to_writer(&mut text, &Line { at, ids: vec![id] })?;
            text.push(b'\n');
        }
        durable::replace(&self.path, &text, MODE)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_newest_use_counts_and_what_is_damaged_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let used = Used::new(dir.path().join("deep/used.jsonl"));
        assert!(used.last().unwrap().is_empty());
        let id = |number| MemoryId::from_uuid(Uuid::from_u128(number));
        let at = Timestamp::from_ms;
        used.note(vec![id(1), id(2)], at(10)).unwrap();
        used.note(vec![id(1)], at(30)).unwrap();
        used.note(vec![id(1)], at(20)).unwrap();
        used.note(Vec::new(), at(40)).unwrap();
        let mut file = OpenOptions::new().append(true).open(&used.path).unwrap();
        file.write_all(b"{\"at\":\"2026-").unwrap();
        let expected = HashMap::from([(id(1), at(30)), (id(2), at(10))]);
        assert_eq!(used.last().unwrap(), expected);
        used.shorten().unwrap();
        assert_eq!(used.last().unwrap(), expected);
        assert_eq!(fs::read_to_string(&used.path).unwrap().lines().count(), 2);
    }
}
