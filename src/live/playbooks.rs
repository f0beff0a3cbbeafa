//! The playbooks of a workspace: reading the files, keeping mistakes beside what is good.
//!
//! Owns reading `playbooks/*.yaml`, the shipped playbooks and templates inside the program, and
//! finding one by name or path. What a playbook means is the business of [`crate::playbook`].

mod files;
mod shelf;
mod watched;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::shelf::{Shelf, Volume};
pub use self::watched::LivePlaybooks;
use crate::contracts::{Diagnostic, Severity};
use crate::playbook::{Library, LibraryPlaybook, LintLimits, Linted, Pinned, Playbook, Used, lint};
use crate::ports::Vocabulary;
use crate::route::Candidate;

/// The directory inside a workspace.
pub const DIRECTORY: &str = "playbooks";

/// The playbooks inside the program, by the path they have in a new workspace.
pub const SHIPPED: [(&str, &str); 5] = [
    ("playbooks/edit-test-report.yaml", include_str!("../../playbooks/edit-test-report.yaml")),
    ("playbooks/list-matches.yaml", include_str!("../../playbooks/list-matches.yaml")),
    ("playbooks/memory-digest.yaml", include_str!("../../playbooks/memory-digest.yaml")),
    ("playbooks/repo-health.yaml", include_str!("../../playbooks/repo-health.yaml")),
    ("playbooks/vet-archive.yaml", include_str!("../../playbooks/vet-archive.yaml")),
];

/// The templates inside the program, by the path they have in a new workspace.
pub const SHIPPED_TEMPLATES: [(&str, &str); 5] = [
    ("playbooks/templates/edit-test.md", include_str!("../../playbooks/templates/edit-test.md")),
    ("playbooks/templates/health.md", include_str!("../../playbooks/templates/health.md")),
    (
        "playbooks/templates/list-matches.md",
        include_str!("../../playbooks/templates/list-matches.md"),
    ),
    (
        "playbooks/templates/memory-digest.md",
        include_str!("../../playbooks/templates/memory-digest.md"),
    ),
    (
        "playbooks/templates/vet-archive.md",
        include_str!("../../playbooks/templates/vet-archive.md"),
    ),
];

/// What stands before the path of something inside the program.
pub const BUILT_IN: &str = "<built-in>/";

/// One file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its path as the user would write it: inside the workspace relative to its root, with
    /// [`BUILT_IN`] before it when it is inside the program.
    pub path: String,
    /// Its content; empty when it could not be read.
    pub source: String,
    /// The playbook, when the file has no error.
    pub playbook: Option<Playbook>,
    /// Errors and warnings; of a broken edit, when the entry is `stale`.
    pub diagnostics: Vec<Diagnostic>,
    /// What it includes and calls, as it was read for `playbook`.
    pub sources: Vec<Used>,
    /// The playbooks it calls, directly or not, by their names as written.
    pub called: BTreeMap<String, Arc<Playbook>>,
    /// Whether the file was edited and is broken now, and `source` and `playbook` are its last good
    /// version.
    pub stale: bool,
}

/// The playbooks of a workspace, sorted by path.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// Each file, good or not.
    pub entries: Vec<Entry>,
    shelf: Shelf,
}

/// Why no playbook was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The directory of playbooks cannot be listed.
    #[error("cannot list `{}`: {source}", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such playbook.
    #[error("there is no playbook `{name}`{}", suggestion.as_ref().map(|s| format!("; {s}")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant, or what there is.
        suggestion: Option<String>,
    },
    /// Several files have the name.
    #[error("several playbooks are called `{name}`: {}; give the path", paths.join(", "))]
    Several {
        /// The name.
        name: String,
        /// Their paths.
        paths: Vec<String>,
    },
}

impl Catalogue {
    /// Reads every `playbooks/*.yaml` and `*.yml` below `root`. Where there is none, the shipped
    /// playbooks. A file that cannot be read is an entry with a mistake.
    ///
    /// # Errors
    /// When the directory is there and cannot be listed.
    pub fn read(
        root: &Path,
        vocabulary: &Vocabulary,
        limits: &LintLimits,
    ) -> Result<Self, FindError> {
        let directory = root.join(DIRECTORY);
        let mut read: Vec<(String, Result<String, String>)> = files::names(&directory)?
            .into_iter()
            .map(|name| {
                let text = files::listed(&directory, &name, limits.file_bytes);
                (format!("{DIRECTORY}/{name}"), text)
            })
            .collect();
        if read.is_empty() {
            let shipped = SHIPPED.iter();
            read = shipped
                .map(|(path, text)| (format!("{BUILT_IN}{path}"), Ok((*text).to_owned())))
                .collect();
        }
        let volumes = read.iter().filter_map(|(path, text)| {
            let text = text.as_ref().ok()?;
            Some(Volume::new(path.clone(), text.clone(), limits))
        });
        let shelf = Shelf::new(volumes.collect(), Some(directory), limits.file_bytes);
        let entry = |(path, text)| entry(path, text, vocabulary, limits, &shelf);
        let entries = read.into_iter().map(entry).collect();
        Ok(Self { entries, shelf })
    }

    /// The entry called `name`: a playbook's name, a file's name without its ending, or a path as in
    /// [`Entry::path`].
    ///
    /// # Errors
    /// When there is none, or more than one of the same name.
    pub fn find(&self, name: &str) -> Result<&Entry, FindError> {
        let all = self.entries.iter().map(|entry| (entry.path.as_str(), entry.name()));
        let unknown = || FindError::Unknown { name: name.to_owned(), suggestion: None };
        self.entries.get(shelf::find(all, name)?).ok_or_else(unknown)
    }

    /// What can be chosen for a goal, with the index of its entry.
    pub fn candidates(&self) -> impl Iterator<Item = (usize, Candidate)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| Some((index, Candidate::from(entry.playbook.as_ref()?))))
    }
}

impl Entry {
    /// One that was not read from a file and stands in no catalogue, such as that of a single call.
    #[must_use]
    pub fn of_text(path: String, source: String) -> Self {
        Self {
            path,
            source,
            playbook: None,
            diagnostics: Vec::new(),
            sources: Vec::new(),
            called: BTreeMap::new(),
            stale: false,
        }
    }

    /// The playbook's name; of a file with mistakes, the file's name without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        self.playbook.as_ref().map_or_else(|| shelf::stem(&self.path), |it| it.name.as_str())
    }

    /// What it includes and calls, as it was when `playbook` was good: a run of it works by these.
    #[must_use]
    pub fn library(&self) -> Pinned {
        Pinned::from(self.sources.clone())
    }
}

impl Library for Catalogue {
    fn fragment(&self, path: &str) -> Result<String, String> {
        self.shelf.fragment(path)
    }

    fn playbook(&self, name: &str) -> Result<LibraryPlaybook, String> {
        self.shelf.playbook(name)
    }

    fn names(&self) -> Vec<String> {
        self.shelf.names()
    }
}

/// Reads the one playbook at `path`, which the user wrote as `shown`. What it calls and includes comes
/// from `library`.
#[must_use]
pub fn load(
    path: &Path,
    shown: &str,
    vocabulary: &Vocabulary,
    limits: &LintLimits,
    library: &dyn Library,
) -> Entry {
    entry(shown.to_owned(), files::text(path, limits.file_bytes), vocabulary, limits, library)
}

fn entry(
    path: String,
    text: Result<String, String>,
    vocabulary: &Vocabulary,
    limits: &LintLimits,
    library: &dyn Library,
) -> Entry {
    match text {
        Ok(source) => {
            let Linted { playbook, diagnostics, sources, called } =
                lint(&path, &source, vocabulary, limits, library);
            Entry { path, source, playbook, diagnostics, sources, called, stale: false }
        }
        Err(why) => Entry {
            diagnostics: vec![Diagnostic::error("unreadable", why, &path, 1, 1)],
            path,
            source: String::new(),
            playbook: None,
            sources: Vec::new(),
            called: BTreeMap::new(),
            stale: false,
        },
    }
}

/// Whether a playbook with these diagnostics may be used.
#[must_use]
pub fn is_good(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
}

#[cfg(test)]
#[path = "playbooks_tests.rs"]
mod tests;
