//! The playbooks of a workspace: reading the files, keeping mistakes beside what is good.
//!
//! Owns reading `playbooks/*.yaml`, the shipped playbooks and templates inside the program, and
//! finding one by name or path. What a playbook means is the business of [`crate::playbook`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::contracts::{Diagnostic, Severity};
use crate::playbook::{Candidate, LintLimits, Playbook, lint};
use crate::ports::Vocabulary;
use crate::yaml::did_you_mean;

/// The directory inside a workspace.
pub const DIRECTORY: &str = "playbooks";

/// Most files that are read.
const FILES_MAX: usize = 1_000;

/// The playbooks inside the program, by the path they have in a new workspace.
pub const SHIPPED: [(&str, &str); 2] = [
    ("playbooks/edit-test-report.yaml", include_str!("../../playbooks/edit-test-report.yaml")),
    ("playbooks/repo-health.yaml", include_str!("../../playbooks/repo-health.yaml")),
];

/// The templates inside the program, by the path they have in a new workspace.
pub const SHIPPED_TEMPLATES: [(&str, &str); 2] = [
    ("playbooks/templates/edit-test.md", include_str!("../../playbooks/templates/edit-test.md")),
    ("playbooks/templates/health.md", include_str!("../../playbooks/templates/health.md")),
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
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The playbooks of a workspace, sorted by path.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// Each file, good or not.
    pub entries: Vec<Entry>,
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
        let mut entries = Vec::new();
        for name in names(&root.join(DIRECTORY))? {
            let path = format!("{DIRECTORY}/{name}");
            entries.push(load(&root.join(&path), &path, vocabulary, limits));
        }
        if entries.is_empty() {
            entries = SHIPPED
                .iter()
                .map(|(path, source)| {
                    linted(format!("{BUILT_IN}{path}"), (*source).to_owned(), vocabulary, limits)
                })
                .collect();
        }
        Ok(Self { entries })
    }

    /// The entry called `name`: a playbook's name, a file's name without its ending, or a path as in
    /// [`Entry::path`].
    ///
    /// # Errors
    /// When there is none, or more than one of the same name.
    pub fn find(&self, name: &str) -> Result<&Entry, FindError> {
        let plain = name.strip_prefix("./").unwrap_or(name);
        let by_path = |entry: &&Entry| {
            entry.path == plain || entry.path.strip_prefix(BUILT_IN) == Some(plain)
        };
        if let Some(entry) = self.entries.iter().find(by_path) {
            return Ok(entry);
        }
        let named: Vec<&Entry> = self.entries.iter().filter(|entry| entry.name() == name).collect();
        match named.as_slice() {
            [entry] => Ok(entry),
            [] => {
                let names = || self.entries.iter().map(Entry::name);
                let all = || format!("there are {}", names().collect::<Vec<_>>().join(", "));
                let suggestion =
                    did_you_mean(name, names()).or_else(|| (!self.entries.is_empty()).then(all));
                Err(FindError::Unknown { name: name.to_owned(), suggestion })
            }
            several => Err(FindError::Several {
                name: name.to_owned(),
                paths: several.iter().map(|entry| entry.path.clone()).collect(),
            }),
        }
    }

    /// What can be chosen for a goal, with the index of its entry.
    pub fn candidates(&self) -> impl Iterator<Item = (usize, Candidate)> {
        self.entries.iter().enumerate().filter_map(|(index, entry)| {
            let playbook = entry.playbook.as_ref()?;
            let (name, description) = (playbook.name.clone(), playbook.description.clone());
            Some((index, Candidate { name, description, path: entry.path.clone() }))
        })
    }
}

impl Entry {
    /// The playbook's name; of a file with mistakes, the file's name without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        if let Some(playbook) = &self.playbook {
            return &playbook.name;
        }
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        file.trim_end_matches(".yaml").trim_end_matches(".yml")
    }
}

/// Reads the one playbook at `path`, which the user wrote as `shown`.
#[must_use]
pub fn load(path: &Path, shown: &str, vocabulary: &Vocabulary, limits: &LintLimits) -> Entry {
    match text(path, limits.file_bytes) {
        Ok(source) => linted(shown.to_owned(), source, vocabulary, limits),
        Err(why) => Entry {
            path: shown.to_owned(),
            source: String::new(),
            playbook: None,
            diagnostics: vec![Diagnostic::error("unreadable", why, shown, 1, 1)],
        },
    }
}

fn linted(path: String, source: String, vocabulary: &Vocabulary, limits: &LintLimits) -> Entry {
    let linted = lint(&path, &source, vocabulary, limits);
    Entry { path, source, playbook: linted.playbook, diagnostics: linted.diagnostics }
}

/// The names of the YAML files in `directory`, sorted; none when there is no such directory.
fn names(directory: &Path) -> Result<Vec<String>, FindError> {
    let fail = |source| FindError::List { path: directory.to_owned(), source };
    let list = match fs::read_dir(directory) {
        Ok(list) => list,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut names = Vec::new();
    for entry in list {
        let name = entry.map_err(fail)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        if is_yaml && !name.starts_with('.') && names.len() < FILES_MAX {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The text of a regular file of at most `bytes_max` bytes. Anything else at the path, such as a
/// pipe that would never end, is refused before it is opened.
fn text(path: &Path, bytes_max: u64) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("cannot be read: it is no regular file".to_owned());
    }
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(format!("the file has more than {bytes_max} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("the file is no UTF-8 text: byte {} is wrong", at + 1)
    })
}

/// Whether a playbook with these diagnostics may be used.
#[must_use]
pub fn is_good(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
}

#[cfg(test)]
#[path = "playbooks_tests.rs"]
mod tests;
