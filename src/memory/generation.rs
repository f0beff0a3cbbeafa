//! Generations of an index on disk: `CURRENT` names a directory, its manifest names every file with its digest.
//!
//! A generation is made beside the one in use and swapped in by replacing `CURRENT`. Inside a generation files
//! are added, and one that was not yet published is nobody's. What does not fit its digest is not read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contracts::Hash;
use crate::durable::{PRIVATE, replace};

const FORMAT: u32 = 1;
const CURRENT: &str = "CURRENT";
const MANIFEST: &str = "MANIFEST";
const FILES: &str = "files";

/// One file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub digest: Hash,
}

/// What a generation says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// Which generation.
    pub generation: u64,
    /// How often it was published.
    pub commit: u64,
    /// How many records it holds.
    pub records: u64,
    /// The last row of the log that it has seen.
    pub last_seq: u64,
    /// What made it: an embedder's id, or the languages of words. Another maker needs another generation.
    pub maker: String,
    /// How many numbers a vector has; 0 for words.
    pub dimension: u64,
    /// Its files.
    pub files: Vec<Listed>,
}

/// Why a generation cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsound {
    /// It is damaged.
    #[error("{0}")]
    Damaged(String),
    /// It cannot be read at all.
    #[error("`{0}` cannot be read: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// A generation in use, or in the making.
#[derive(Debug, Clone)]
pub(super) struct Generation {
    root: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
}

impl Generation {
    /// The one that `root` names as current; nothing when there is none or it is of another maker.
    /// Only its manifest is checked: its files are, one by one, as they are read.
    pub(super) fn current(root: &Path, maker: &str) -> Result<Option<Self>, Unsound> {
        let Some(name) = read_if_there(&root.join(CURRENT))? else { return Ok(None) };
        let number = String::from_utf8(name).ok().and_then(|name| numbered(name.trim()));
        let Some(number) = number else {
            return Err(Unsound::Damaged(format!("`{CURRENT}` names no generation")));
        };
        let path = directory(root, number).join(MANIFEST);
        let Some(bytes) = read_if_there(&path)? else {
            return Err(Unsound::Damaged(format!("generation {number} has no manifest")));
        };
        let manifest =
            parse(&bytes).filter(|it| it.format == FORMAT && it.generation == number).ok_or_else(
                || Unsound::Damaged(format!("the manifest of generation {number} is damaged")),
            )?;
        let own = manifest.maker == maker;
        Ok(own.then(|| Self { root: root.to_owned(), manifest }))
    }

    /// Makes the next generation, of nothing, and not yet current.
    pub(super) fn begin(root: &Path, maker: &str, dimension: u64) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let last = generations(root)?.into_iter().max().unwrap_or(0);
        let generation = last + 1;
        fs::create_dir_all(directory(root, generation).join(FILES))?;
        let manifest = Manifest {
            format: FORMAT,
            generation,
            commit: 0,
            records: 0,
            last_seq: 0,
            maker: maker.to_owned(),
            dimension,
            files: Vec::new(),
        };
        Ok(Self { root: root.to_owned(), manifest })
    }

    /// Where its files are.
    pub(super) fn files(&self) -> PathBuf {
        directory(&self.root, self.manifest.generation).join(FILES)
    }

    /// The content of a listed file, if it fits its digest.
    pub(super) fn read(&self, listed: &Listed) -> Result<Vec<u8>, Unsound> {
        let path = self.files().join(&listed.name);
        let bytes = fs::read(&path).map_err(|error| Unsound::Io(path, error))?;
        if Hash::of(&bytes) == listed.digest {
            Ok(bytes)
        } else {
            Err(Unsound::Damaged(format!("`{}` is not what was written", listed.name)))
        }
    }

    /// The names of listed files that are missing or not what was written.
    pub(super) fn damaged(&self) -> Vec<String> {
        let files = self.manifest.files.iter();
        files.filter(|it| self.read(it).is_err()).map(|it| it.name.clone()).collect()
    }

    /// Says that exactly the files `names` make it up now. Digests are taken of those in `changed` and of what
    /// was not listed before. When this returns, it survives a crash.
    pub(super) fn publish(
        &mut self,
        names: Vec<String>,
        changed: &[&str],
        records: u64,
        last_seq: u64,
    ) -> io::Result<()> {
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let known = self.manifest.files.iter().find(|it| it.name == name);
            files.push(match known.filter(|_| !changed.contains(&name.as_str())) {
                Some(listed) => listed.clone(),
                None => {
                    let bytes = fs::read(self.files().join(&name))?;
                    Listed { name, bytes: bytes.len() as u64, digest: Hash::of(&bytes) }
                }
            });
        }
        let commit = self.manifest.commit + 1;
        let manifest = Manifest { commit, records, last_seq, files, ..self.manifest.clone() };
        let path = directory(&self.root, manifest.generation).join(MANIFEST);
        replace(&path, &text(&manifest)?, PRIVATE)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Makes it the current one and deletes all others.
    pub(super) fn activate(&self) -> io::Result<()> {
        let own = self.manifest.generation;
        replace(&self.root.join(CURRENT), format!("{}\n", named(own)).as_bytes(), PRIVATE)?;
        for other in generations(&self.root)?.into_iter().filter(|other| *other != own) {
            fs::remove_dir_all(directory(&self.root, other))?;
        }
        Ok(())
    }
}

fn named(generation: u64) -> String {
    format!("gen-{generation:06}")
}

fn numbered(name: &str) -> Option<u64> {
    let number = name.strip_prefix("gen-")?.parse().ok()?;
    (named(number) == name).then_some(number)
}

fn directory(root: &Path, generation: u64) -> PathBuf {
    root.join(named(generation))
}

fn generations(root: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        found.extend(entry?.file_name().to_str().and_then(numbered));
    }
    Ok(found)
}

/// The manifest as JSON on one line, and its own digest on the next.
fn text(manifest: &Manifest) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(manifest)?;
    Ok(format!("{json}\n{}\n", Hash::of(json.as_bytes())).into_bytes())
}

fn parse(bytes: &[u8]) -> Option<Manifest> {
    let (json, digest) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let fits = digest.trim().parse::<Hash>().ok()? == Hash::of(json.as_bytes());
    if fits { serde_json::from_str(json).ok() } else { None }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Unsound> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unsound::Io(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(root: &Path, content: &str) -> Generation {
        let mut made = Generation::begin(root, "m", 0).unwrap();
        fs::write(made.files().join("a"), content).unwrap();
        made.publish(vec!["a".to_owned()], &[], 1, 7).unwrap();
        made.activate().unwrap();
        made
    }

    #[test]
    fn the_last_one_that_was_activated_is_current_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Generation::current(dir.path(), "m").unwrap().is_none());
        made(dir.path(), "one");
        let two = made(dir.path(), "two");
        Generation::begin(dir.path(), "m", 0).unwrap();
        let current = Generation::current(dir.path(), "m").unwrap().unwrap();
        assert_eq!(current.manifest, two.manifest);
        assert_eq!(current.read(&current.manifest.files[0]).unwrap(), b"two");
        assert_eq!(generations(dir.path()).unwrap().len(), 2);
        assert!(Generation::current(dir.path(), "other").unwrap().is_none());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let made = made(dir.path(), "one");
        let manifest = directory(dir.path(), 1).join(MANIFEST);
        for path in [dir.path().join(CURRENT), manifest, made.files().join("a")] {
            let whole = fs::read(&path).unwrap();
            for place in 0..whole.len() - 1 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1;
                fs::write(&path, bytes).unwrap();
                let sound = Generation::current(dir.path(), "m")
                    .is_ok_and(|it| it.is_some_and(|it| it.damaged().is_empty()));
                assert!(!sound, "byte {place} of {}", path.display());
            }
            fs::write(&path, whole).unwrap();
        }
    }
}
