//! The texts of a workspace's playbooks, for those that call or include one another.

use std::path::PathBuf;

use super::{BUILT_IN, DIRECTORY, FindError, files};
use crate::playbook::{Library, LibraryPlaybook, LintLimits};
use crate::yaml::{self, did_you_mean};

/// The texts, found by name or path.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shelf {
    volumes: Vec<Volume>,
    /// Where fragments are; nowhere for the playbooks inside the program.
    fragments: Option<PathBuf>,
    bytes_max: u64,
}

/// One playbook's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) path: String,
    /// The name it gives itself; else the file's name without its ending.
    pub(super) name: String,
    pub(super) text: String,
}

impl Volume {
    /// The text at `path`, with the name that stands in it.
    pub(super) fn new(path: String, text: String, limits: &LintLimits) -> Self {
        let root = yaml::parse(&path, &text, limits.yaml());
        let stated =
            root.as_ref().ok().and_then(|root| root.get("name")).and_then(|it| it.as_text());
        let name = stated.unwrap_or_else(|| stem(&path)).to_owned();
        Self { path, name, text }
    }
}

/// The file's name without its ending.
pub(super) fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.trim_end_matches(".yaml").trim_end_matches(".yml")
}

impl Shelf {
    pub(super) const fn new(
        volumes: Vec<Volume>,
        fragments: Option<PathBuf>,
        bytes_max: u64,
    ) -> Self {
        Self { volumes, fragments, bytes_max }
    }

    /// Puts another text of the same file in its place.
    pub(super) fn replace(&mut self, volume: Volume) {
        if let Some(old) = self.volumes.iter_mut().find(|old| old.path == volume.path) {
            *old = volume;
        }
    }
}

/// The index of what `name` means among `(path, name)`: a path as shown to people, else a name that only
/// one has.
pub(super) fn find<'a>(
    all: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    name: &str,
) -> Result<usize, FindError> {
    let plain = name.strip_prefix("./").unwrap_or(name);
    let is_path = |path: &str| path == plain || path.strip_prefix(BUILT_IN) == Some(plain);
    if let Some(index) = all.clone().position(|(path, _)| is_path(path)) {
        return Ok(index);
    }
    let named: Vec<(usize, &str)> = all
        .clone()
        .enumerate()
        .filter(|(_, (_, known))| *known == name)
        .map(|(index, (path, _))| (index, path))
        .collect();
    match named.as_slice() {
        [(index, _)] => Ok(*index),
        [] => {
            let names: Vec<&str> = all.map(|(_, name)| name).collect();
            let there = || format!("there are {}", names.join(", "));
            let suggestion = did_you_mean(name, names.iter().copied())
                .or_else(|| (!names.is_empty()).then(there));
            Err(FindError::Unknown { name: name.to_owned(), suggestion })
        }
        several => Err(FindError::Several {
            name: name.to_owned(),
            paths: several.iter().map(|(_, path)| (*path).to_owned()).collect(),
        }),
    }
}

impl Library for Shelf {
    fn fragment(&self, path: &str) -> Result<String, String> {
        let Some(directory) = &self.fragments else {
            return Err(format!("there is no `{DIRECTORY}/` here"));
        };
        files::fragment(directory, path, self.bytes_max)
    }

    fn playbook(&self, name: &str) -> Result<LibraryPlaybook, String> {
        let all = self.volumes.iter().map(|volume| (volume.path.as_str(), volume.name.as_str()));
        let index = find(all, name).map_err(|error| match error {
            FindError::Unknown { name, .. } => format!("there is no playbook `{name}`"),
            other => other.to_string(),
        })?;
        let volume = self.volumes.get(index).ok_or_else(|| format!("`{name}` is gone"))?;
        Ok(LibraryPlaybook { path: volume.path.clone(), text: volume.text.clone() })
    }

    fn names(&self) -> Vec<String> {
        self.volumes.iter().map(|volume| volume.name.clone()).collect()
    }
}
