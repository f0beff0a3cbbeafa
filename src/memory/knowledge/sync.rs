//! Keeping records up with the files that they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::PoisonError;

use super::file::drafts;
use super::folder::{KnowledgeFile, content, files};
use crate::contracts::{Hash, MemoryDraft, MemoryId, MemoryOrigin, NewRecord, Provenance, Synced};
use crate::memory::{Entrusted, Memory, MemoryError, SaidBy, event};

/// Records of one transaction.
const CHUNK: usize = 512;

/// What decides whether a record is still what its file says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said(String, Hash, String);

impl Memory {
    /// Takes over what changed in the files of knowledge below `dir`, which is `memory/` of a workspace
    /// that is trusted. Reads nothing when no file looks different from the last time.
    ///
    /// # Errors
    /// When the log cannot be read or written. What is wrong with a file is a problem, not an error.
    pub fn sync_files(&self, dir: &Path) -> Result<Synced, MemoryError> {
        let mut synced = Synced::default();
        let (found, mark) = files(dir, &mut synced.problems);
        let mut last = self.files_mark.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == Some(mark) {
            return Ok(Synced::default());
        }
        let mut broken = BTreeSet::new();
        let mut wanted: BTreeMap<Said, Entrusted> = BTreeMap::new();
        for file in &found {
            match self.wanted_of(file) {
                Ok(all) => wanted.extend(all),
                Err(why) => {
                    synced.problems.push(why);
                    broken.insert(file.name.clone());
                }
            }
        }
        let gone = self.no_longer_said(&mut wanted, &broken)?;
        synced.replaced = self.end(&gone)?;
        synced.added = wanted.len();
        self.remember(wanted.into_values().collect())?;
        *last = Some(mark);
        Ok(synced)
    }

    fn wanted_of(&self, file: &KnowledgeFile) -> Result<Vec<(Said, Entrusted)>, String> {
        let text = content(file)?;
        let mut all = Vec::new();
        for draft in drafts(&file.name, file.area, &text)? {
            let source = Provenance { file: Some(file.name.clone()), ..Provenance::default() };
            // As it will be written, so that a secret that is struck out is not new each time.
            let struck = (self.strike)(&draft.text);
            let draft = MemoryDraft { text: struck, ..draft };
            let entrusted = Entrusted { source, ..Entrusted::new(draft, SaidBy::File) };
            self.check_draft(&entrusted).map_err(|error| format!("`{}`: {error}", file.name))?;
            all.push((said_by(&file.name, &entrusted.draft), entrusted));
        }
        Ok(all)
    }

    /// Records of files that no file says any more; what is still said is taken out of `wanted`.
    fn no_longer_said(
        &self,
        wanted: &mut BTreeMap<Said, Entrusted>,
        broken: &BTreeSet<String>,
    ) -> Result<Vec<MemoryId>, MemoryError> {
        let (library, now) = (self.library()?, self.now());
        let mut gone = Vec::new();
        for entry in library.iter() {
            let about = &entry.metadata;
            let (Some(file), Some(hash)) = (&about.source.file, entry.content_hash) else {
                continue;
            };
            let stands = about.origin == MemoryOrigin::File && about.superseded_at.is_none();
            if !stands || broken.contains(file) || entry.created_at > now {
                continue;
            }
            let draft = MemoryDraft {
                tags: about.tags.clone(),
                subject: about.subject.clone(),
                event_time: about.event_time,
                valid_from: about.valid_from,
                valid_to: about.valid_to,
                expires_at: about.expires_at,
                importance: Some(about.importance),
                pinned: about.pinned,
                ..MemoryDraft::new(entry.area, String::new())
            };
            if wanted.remove(&Said(file.clone(), hash, around(&draft))).is_none() {
                gone.push(entry.id);
            }
        }
        Ok(gone)
    }

    /// Says of records that they are replaced, by nothing.
    fn end(&self, ids: &[MemoryId]) -> Result<usize, MemoryError> {
        let mut ended = 0;
        for chunk in ids.chunks(CHUNK) {
            let _alone = self.writing();
            let now = self.now();
            let rows: Vec<NewRecord> = {
                let library = self.library()?;
                let found = chunk.iter().filter_map(|id| library.get(id)?.later(now));
                found
                    .map(|mut row| {
                        row.metadata.superseded_at = Some(now);
                        row
                    })
                    .collect()
            };
            let events: Vec<_> =
                rows.iter().map(|row| event(row.id, row.area, row.text.clone())).collect();
            ended += rows.len();
            if !events.is_empty() {
                self.append(rows, Vec::new(), events)?;
            }
        }
        Ok(ended)
    }
}

fn said_by(file: &str, draft: &MemoryDraft) -> Said {
    Said(file.to_owned(), Hash::of(draft.text.as_bytes()), around(draft))
}

/// Everything that a file says of a record beside its text.
fn around(draft: &MemoryDraft) -> String {
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {} {}",
        draft.area.name(),
        draft.tags,
        draft.subject,
        draft.event_time,
        draft.valid_from,
        draft.valid_to,
        draft.expires_at,
        draft.importance.unwrap_or_default(),
        draft.pinned
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::contracts::{Area, MemoryQuery};
    use crate::memory::WriteLimits;
    use crate::memory::ram_log::RamLog;
    use crate::memory::tests_clock::Ticking;

    fn memory() -> Memory {
        Memory::new(
            Arc::new(RamLog::default()),
            Arc::new(Ticking::default()),
            WriteLimits::default(),
        )
    }

    fn texts(memory: &Memory) -> Vec<String> {
        let mut texts = Vec::new();
        let each = |draft: &MemoryDraft| {
            texts.push(draft.text.clone());
            Ok::<bool, MemoryError>(true)
        };
        memory.export(None, each).unwrap();
        texts
    }

    #[test]
    fn files_are_taken_over_and_what_is_no_longer_in_them_is_replaced() {
        let (dir, memory) = (tempfile::tempdir().unwrap(), memory());
        let main = dir.path().join("main");
        fs::create_dir(&main).unwrap();
        let sync = || memory.sync_files(dir.path()).unwrap();
        let counts = |synced: &Synced| (synced.added, synced.replaced, synced.problems.len());
        fs::write(main.join("a.md"), "# One\nfirst\n# Two\nsecond\n").unwrap();
        fs::write(main.join("README.md"), "nothing").unwrap();
        fs::write(main.join(".hidden.md"), "nothing").unwrap();
        assert_eq!(counts(&sync()), (2, 0, 0));
        assert_eq!(counts(&sync()), (0, 0, 0));
        let about = memory.library().unwrap().iter().next().unwrap().metadata.clone();
        assert_eq!((about.origin, about.trust), (MemoryOrigin::File, 2));
        assert_eq!(about.source.file.as_deref(), Some("memory/main/a.md"));
        fs::write(main.join("a.md"), "# One\nfirst\n# Two\nthird and longer\n").unwrap();
        assert_eq!(counts(&sync()), (1, 1, 0));
        assert_eq!(texts(&memory), ["One\nfirst", "Two\nthird and longer"]);
        // A file that cannot be read leaves its records as they are.
        fs::write(main.join("a.md"), "---\ncolour: red\n---\n# One\nfirst\n").unwrap();
        assert_eq!(counts(&sync()), (0, 0, 1));
        fs::write(main.join("a.md"), [0xff, 0xfe, 0x00]).unwrap();
        assert!(sync().problems[0].contains("not UTF-8"));
        assert_eq!(texts(&memory).len(), 2);
        fs::remove_file(main.join("a.md")).unwrap();
        assert_eq!(counts(&sync()), (0, 2, 0));
        assert_eq!(texts(&memory), Vec::<String>::new());
        // What comes back is a record again.
        fs::write(main.join("a.md"), "# One\nfirst\n").unwrap();
        assert_eq!(counts(&sync()), (1, 0, 0));
        let query = MemoryQuery { text: "first".into(), k: 9, ..MemoryQuery::default() };
        assert_eq!(memory.search(&query).unwrap().items.len(), 1);
    }

    #[test]
    fn links_and_large_files_are_not_read() {
        let (dir, memory) = (tempfile::tempdir().unwrap(), memory());
        let area = dir.path().join(Area::Fragments.name());
        fs::create_dir(&area).unwrap();
        fs::write(dir.path().join("outside.md"), "a secret").unwrap();
        std::os::unix::fs::symlink("../outside.md", area.join("link.md")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("main")).unwrap();
        fs::write(area.join("large.md"), "x".repeat(2 << 20)).unwrap();
        let problems = memory.sync_files(dir.path()).unwrap().problems;
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(texts(&memory), Vec::<String>::new());
    }
}
