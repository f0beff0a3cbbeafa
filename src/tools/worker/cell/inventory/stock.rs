//! Taking stock: one walk, and a look into the files that name dependencies.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::walk::{Found, read_text, walk};
use super::{cargo, kinds, names, npm, python};

/// Most dependencies and findings that are listed; all are counted.
const DEPENDENCIES_MAX: usize = 2_000;
const FINDINGS_MAX: usize = 500;

/// What there is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Scanned {
    /// Regular files.
    pub(in crate::tools::worker) files: u64,
    /// Directories.
    pub(in crate::tools::worker) dirs: u64,
    /// Symbolic links.
    pub(in crate::tools::worker) links: u64,
    /// Bytes of the files.
    pub(in crate::tools::worker) bytes: u64,
    /// How many files there are of each kind.
    pub(in crate::tools::worker) kinds: BTreeMap<String, u64>,
    /// The first files by name.
    pub(in crate::tools::worker) listed: Vec<Listed>,
    /// What lock files and requirements name; at most 2000.
    pub(in crate::tools::worker) dependencies: Vec<Dependency>,
    /// How many of them there are.
    pub(in crate::tools::worker) dependencies_total: u64,
    /// What a person should look at; at most 500.
    pub(in crate::tools::worker) findings: Vec<Finding>,
    /// How many of them there are.
    pub(in crate::tools::worker) findings_total: u64,
    /// Whether something is not in the lists.
    pub(in crate::tools::worker) truncated: bool,
}

/// A file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Listed {
    /// Below the directory.
    pub(in crate::tools::worker) path: String,
    /// `text`, `script`, `elf`, `archive` and so on.
    pub(in crate::tools::worker) kind: String,
    /// Its size.
    pub(in crate::tools::worker) bytes: u64,
}

/// Something that is fetched or linked when this is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Dependency {
    /// `cargo`, `npm` or `pip`.
    pub(in crate::tools::worker) ecosystem: String,
    /// Its name.
    pub(in crate::tools::worker) name: String,
    /// The exact version, or what is asked for; empty where nothing is said.
    pub(in crate::tools::worker) version: String,
    /// Where it comes from: `registry`, or as it is written.
    pub(in crate::tools::worker) source: String,
    /// The file that names it.
    pub(in crate::tools::worker) file: String,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Finding {
    /// What it is: `foreign_source`, `unpinned`, `no_integrity`, `install_script`, `build_script`,
    /// `binary`, `set_id`, `suspicious_name`, `unreadable`.
    pub(in crate::tools::worker) kind: String,
    /// The file.
    pub(in crate::tools::worker) path: String,
    /// What exactly.
    pub(in crate::tools::worker) detail: String,
}

/// Collects dependencies and findings of one file.
pub(super) struct Notes<'a> {
    path: &'a str,
    ecosystem: &'static str,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Notes<'a> {
    pub(super) const fn new(path: &'a str, ecosystem: &'static str) -> Self {
        Self { path, ecosystem, dependencies: Vec::new(), findings: Vec::new() }
    }

    pub(super) fn depends(&mut self, name: &str, version: &str, source: &str) {
        self.dependencies.push(Dependency {
            ecosystem: self.ecosystem.to_owned(),
            name: short(name),
            version: short(version),
            source: short(source),
            file: self.path.to_owned(),
        });
    }

    pub(super) fn finds(&mut self, kind: &str, detail: &str) {
        let (kind, path) = (kind.to_owned(), self.path.to_owned());
        self.findings.push(Finding { kind, path, detail: short(detail) });
    }
}

/// Words of a stranger, kept short and on one line.
pub(super) fn short(text: &str) -> String {
    const SHORT_MAX: usize = 200;
    text.chars().take(SHORT_MAX).filter(|c| !c.is_control()).collect()
}

/// Takes stock of `tree`, with at most `listed_max` files by name.
///
/// # Errors
/// When the directory itself cannot be read.
pub(in crate::tools::worker::cell) fn scan(tree: &Path, listed_max: usize) -> io::Result<Scanned> {
    let mut stock = Scanned::default();
    let mut folded = HashSet::new();
    let cut = walk(tree, &mut |found| {
        let path = found.path.to_string_lossy().into_owned();
        stock.name(&path, &mut folded);
        match found.kind {
            super::walk::Kind::Dir => stock.dirs += 1,
            super::walk::Kind::Link => stock.links += 1,
            super::walk::Kind::File => stock.file(tree, found, &path, listed_max),
            super::walk::Kind::Other => stock.find("suspicious_name", &path, "no regular file"),
        }
    })?;
    stock.truncated |= cut;
    Ok(stock)
}

impl Scanned {
    fn find(&mut self, kind: &str, path: &str, detail: &str) {
        let (kind, path) = (kind.to_owned(), short(path));
        self.add(Finding { kind, path, detail: short(detail) });
    }

    fn add(&mut self, finding: Finding) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.truncated = true;
        }
    }

    fn name(&mut self, path: &str, folded: &mut HashSet<String>) {
        if let Some(why) = names::suspicious(path) {
            self.find("suspicious_name", path, why);
        }
        if !folded.insert(path.to_lowercase()) {
            self.find("suspicious_name", path, "differs from another only in upper and lower case");
        }
    }

    fn file(&mut self, tree: &Path, found: &Found<'_>, path: &str, listed_max: usize) {
        self.files += 1;
        self.bytes += found.bytes;
        let kind = kinds::of(&tree.join(found.path), found.bytes);
        *self.kinds.entry(kind.to_owned()).or_default() += 1;
        if self.listed.len() < listed_max {
            let kind = kind.to_owned();
            self.listed.push(Listed { path: short(path), kind, bytes: found.bytes });
        } else {
            self.truncated = true;
        }
        if kinds::runs_on_a_machine(kind) {
            self.find("binary", path, kind);
        }
        if found.set_id {
            self.find("set_id", path, "runs as its owner, whoever starts it");
        }
        self.look_into(tree, found.path, path);
    }

    /// Files that name dependencies, and those that run when something is built or installed.
    fn look_into(&mut self, tree: &Path, below: &Path, path: &str) {
        type Reader = fn(&str, &mut Notes<'_>) -> Result<(), String>;
        let name = below.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (ecosystem, read): (&'static str, Reader) = match name {
            "Cargo.lock" => ("cargo", cargo::lock),
            "package-lock.json" | "npm-shrinkwrap.json" => ("npm", npm::lock),
            "package.json" => ("npm", npm::manifest),
            _ if python::is_requirements(name) => ("pip", python::requirements),
            "build.rs" => {
                return self.find("build_script", path, "runs when the package is built");
            }
            "setup.py" => {
                return self.find("build_script", path, "runs when the package is installed");
            }
            _ => return,
        };
        let mut notes = Notes::new(path, ecosystem);
        let outcome = read_text(&tree.join(below)).and_then(|text| read(&text, &mut notes));
        if let Err(why) = outcome {
            notes.finds("unreadable", &why);
        }
        self.dependencies_total += notes.dependencies.len() as u64;
        let room = DEPENDENCIES_MAX.saturating_sub(self.dependencies.len());
        self.truncated |= notes.dependencies.len() > room;
        self.dependencies.extend(notes.dependencies.into_iter().take(room));
        notes.findings.into_iter().for_each(|finding| self.add(finding));
    }
}
