//! Texts beside the journal. Short ones are in the database; long ones are files named by their
//! salted hash, durable before the row that names them.

use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::contracts::{Hash, Stored, TextRef, Timestamp};
use crate::durable::{PRIVATE, replace_from};

use super::error::{Context, PathContext, StoreError};
use super::layout::{make_private_dir, private_file, sync_dir};
use super::rows;

/// Longest text kept in the database, in bytes.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;

/// The files of long texts.
#[derive(Debug, Clone)]
pub(super) struct BlobFiles {
    dir: PathBuf,
}

impl BlobFiles {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where a text lies: `blobs/ab/ab12…`.
    pub(super) fn path(&self, salted_hash: &Hash) -> PathBuf {
        let hex = salted_hash.to_string();
        self.dir.join(hex.get(..2).unwrap_or("00")).join(hex)
    }

    /// Makes the directories and removes what a crash left half written.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        make_private_dir(&self.dir)?;
        let unfinished = self.unfinished();
        make_private_dir(&unfinished)?;
        let entries = std::fs::read_dir(&unfinished).at("could not list", &unfinished)?;
        for entry in entries {
            let path = entry.at("could not list", &unfinished)?.path();
            std::fs::remove_file(&path).at("could not remove", &path)?;
        }
        sync_dir(&self.dir)
    }

    fn unfinished(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Makes a long text durable. Nothing for a short one.
    pub(super) fn write(&self, text: &Stored) -> Result<(), StoreError> {
        if text.content.len() <= INLINE_BYTES_MAX {
            return Ok(());
        }
        let path = self.path(&text.reference.salted_hash);
        let Some(parent) = path.parent() else { return Ok(()) };
        if !parent.is_dir() {
            make_private_dir(parent)?;
            sync_dir(&self.dir)?;
        }
        replace_from(&self.unfinished(), &path, &text.content, PRIVATE).at("could not write", &path)
    }

    fn read(&self, reference: &TextRef) -> Result<Vec<u8>, StoreError> {
        let path = self.path(&reference.salted_hash);
        let file = match private_file().read(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::corrupt(
                    format!("the text `{}`", reference.blob),
                    format_args!("its file `{}` is missing", path.display()),
                ));
            }
            other => other.at("could not open", &path)?,
        };
        let mut content = Vec::new();
        // One byte more than there should be, so that a longer file is noticed.
        let limit = reference.bytes.saturating_add(1);
        file.take(limit).read_to_end(&mut content).at("could not read", &path)?;
        Ok(content)
    }

    /// Removes the file of a forgotten text, durably. It may be gone already.
    pub(super) fn remove(&self, salted_hash: &Hash) -> Result<(), StoreError> {
        let path = self.path(salted_hash);
        match std::fs::remove_file(&path) {
            Ok(()) => path.parent().map_or(Ok(()), sync_dir),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("could not remove", &path, &error)),
        }
    }

    /// Every file, as the hash that it is named by; anything else is named by its path.
    pub(super) fn list(&self) -> Result<Vec<Result<Hash, PathBuf>>, StoreError> {
        let mut found = Vec::new();
        for dir in entries(&self.dir)? {
            if dir == self.unfinished() {
                continue;
            }
            for file in entries(&dir)? {
                let hash = file.file_name().and_then(|name| name.to_str()?.parse().ok());
                found.push(hash.filter(|hash| self.path(hash) == file).ok_or(file));
            }
        }
        Ok(found)
    }
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listing = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        other => other.at("could not list", dir)?,
    };
    listing.map(|entry| entry.map(|entry| entry.path()).at("could not list", dir)).collect()
}

/// Writes the row of a text whose file, if it needs one, is durable.
pub(super) fn insert(db: &Connection, text: &Stored) -> Result<(), StoreError> {
    let action = "could not store a text";
    let inline = (text.content.len() <= INLINE_BYTES_MAX).then_some(text.content.as_slice());
    let values = params![
        text.reference.blob,
        text.reference.salted_hash.as_bytes(),
        text.salt,
        rows::int(text.reference.bytes),
        inline,
    ];
    let sql = "INSERT OR IGNORE INTO blobs (blob, salted_hash, salt, bytes, content)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql).doing(action)?.execute(values).doing(action)?;
    let sql = "DELETE FROM forgotten WHERE blob = ?1";
    db.prepare_cached(sql).doing(action)?.execute([&text.reference.blob]).doing(action)?;
    Ok(())
}

/// Removes the row of a text and notes that it was forgotten; its file, if it has one, is pending.
/// Unsalted hashes of the text go as well.
pub(super) fn forget(
    db: &Connection,
    reference: &TextRef,
    at: Timestamp,
) -> Result<(), StoreError> {
    let action = "could not forget a text";
    let sql = "UPDATE records SET content_hash = NULL WHERE blob = ?1";
    db.prepare_cached(sql).doing(action)?.execute([&reference.blob]).doing(action)?;
    let sql = "DELETE FROM blobs WHERE blob = ?1";
    db.prepare_cached(sql).doing(action)?.execute([&reference.blob]).doing(action)?;
    let sql = "INSERT OR IGNORE INTO forgotten (blob, salted_hash, at_ms, file_pending)
               VALUES (?1, ?2, ?3, 1)";
    let values = params![reference.blob, reference.salted_hash.as_bytes(), at.ms()];
    db.prepare_cached(sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Removes the files of forgotten texts and notes that they are gone. A crash in between leaves
/// them pending for the next start.
pub(super) fn erase_pending(db: &Connection, files: &BlobFiles) -> Result<(), StoreError> {
    let action = "could not erase forgotten texts";
    let pending: Vec<Hash> = db
        .prepare_cached("SELECT salted_hash FROM forgotten WHERE file_pending = 1")
        .doing(action)?
        .query_map([], |row| rows::hash(row, 0))
        .doing(action)?
        .collect::<Result<_, _>>()
        .doing(action)?;
    if pending.is_empty() {
        return Ok(());
    }
    pending.iter().try_for_each(|salted_hash| files.remove(salted_hash))?;
    // The write-ahead log still has the pages as they were. While somebody reads it cannot be
    // emptied: then the texts stay pending.
    let busy: bool =
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).doing(action)?;
    if busy {
        return Ok(());
    }
    db.execute("UPDATE forgotten SET file_pending = 0 WHERE file_pending = 1", [])
        .doing(action)
        .map(drop)
}

/// Whether a text that is about to be named is stored.
pub(super) fn is_stored(db: &Connection, reference: &TextRef) -> Result<bool, StoreError> {
    let action = "could not look for a text";
    let sql = "SELECT salted_hash, bytes FROM blobs WHERE blob = ?1";
    let found = db
        .prepare_cached(sql)
        .doing(action)?
        .query_row([&reference.blob], |row| Ok((rows::hash(row, 0)?, rows::count(row, 1)?)))
        .optional()
        .doing(action)?;
    Ok(found == Some((reference.salted_hash, reference.bytes)))
}

/// Whether a text was forgotten on purpose.
pub(super) fn is_forgotten(db: &Connection, reference: &TextRef) -> Result<bool, StoreError> {
    let action = "could not look for a forgotten text";
    let sql = "SELECT salted_hash FROM forgotten WHERE blob = ?1";
    let found = db
        .prepare_cached(sql)
        .doing(action)?
        .query_row([&reference.blob], |row| rows::hash(row, 0))
        .optional()
        .doing(action)?;
    Ok(found == Some(reference.salted_hash))
}

/// The content of a text, checked against its salted hash.
pub(super) fn load(
    db: &Connection,
    files: &BlobFiles,
    reference: &TextRef,
) -> Result<Vec<u8>, StoreError> {
    let action = "could not read a text";
    let sql = "SELECT salt, content FROM blobs WHERE blob = ?1";
    let row: Option<([u8; 32], Option<Vec<u8>>)> = db
        .prepare_cached(sql)
        .doing(action)?
        .query_row([&reference.blob], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .doing(action)?;
    let Some((salt, inline)) = row else {
        return Err(if is_forgotten(db, reference)? {
            StoreError::Forgotten(reference.blob.clone())
        } else {
            StoreError::NotFound(format!("text `{}`", reference.blob))
        });
    };
    let content = match inline {
        Some(content) => content,
        None => files.read(reference)?,
    };
    let sound = content.len() as u64 == reference.bytes
        && Stored::salted_hash(&salt, &content) == reference.salted_hash;
    if sound {
        return Ok(content);
    }
    let what = format!("the text `{}`", reference.blob);
    Err(StoreError::corrupt(what, "it does not fit its hash"))
}
