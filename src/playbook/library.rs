//! What a playbook may refer to beside itself: fragments it includes and playbooks it calls.
//!
//! Owns the question and the answer from texts that were kept. Reading files is the business of
//! `live`.

use std::fmt::Debug;

use crate::contracts::SourceKind;

/// Where fragments and playbooks come from.
pub trait Library: Debug + Send + Sync {
    /// The text of the fragment at `path`, which is relative to `playbooks/`.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    fn fragment(&self, path: &str) -> Result<String, String>;

    /// The playbook called `name`: a name, or a path such as `playbooks/x.yaml`.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    fn playbook(&self, name: &str) -> Result<LibraryPlaybook, String>;

    /// The names that [`Library::playbook`] knows, to suggest one.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A playbook of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryPlaybook {
    /// Its file, as the user would write it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A library with nothing in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLibrary;

impl Library for NoLibrary {
    fn fragment(&self, _: &str) -> Result<String, String> {
        Err("there are no fragments here".to_owned())
    }

    fn playbook(&self, _: &str) -> Result<LibraryPlaybook, String> {
        Err("there are no other playbooks here".to_owned())
    }
}

/// A source that a playbook includes or calls, directly or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// What it is.
    pub kind: SourceKind,
    /// As it is named where it is used; of a fragment, its path below `playbooks/`.
    pub name: String,
    /// Its file, as the user would write it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A library of texts that were kept, such as those a run started with.
#[derive(Debug, Clone, Default)]
pub struct Pinned(Vec<Used>);

impl Pinned {
    /// A library of these sources: kind, name, path and text.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = (SourceKind, String, String, String)>) -> Self {
        let used = |(kind, name, path, text)| Used { kind, name, path, text };
        Self(sources.into_iter().map(used).collect())
    }

    fn find(&self, kind: SourceKind, name: &str) -> Option<&Used> {
        self.0.iter().find(|used| used.kind == kind && used.name == name)
    }
}

impl From<Vec<Used>> for Pinned {
    fn from(sources: Vec<Used>) -> Self {
        Self(sources)
    }
}

impl Library for Pinned {
    fn fragment(&self, path: &str) -> Result<String, String> {
        let found = self.find(SourceKind::Fragment, path);
        let missing = || format!("the fragment `{path}` was not kept");
        found.map(|used| used.text.clone()).ok_or_else(missing)
    }

    fn playbook(&self, name: &str) -> Result<LibraryPlaybook, String> {
        let found = self.find(SourceKind::Playbook, name);
        let missing = || format!("the playbook `{name}` was not kept");
        found
            .map(|used| LibraryPlaybook { path: used.path.clone(), text: used.text.clone() })
            .ok_or_else(missing)
    }

    fn names(&self) -> Vec<String> {
        let playbooks = self.0.iter().filter(|used| used.kind == SourceKind::Playbook);
        playbooks.map(|used| used.name.clone()).collect()
    }
}
