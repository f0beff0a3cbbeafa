//! What governs the runner: which files, and the hash of each.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::file;
use crate::config::DEFAULT_FILE;
use crate::contracts::{GOVERNING_RULES, Hash};

/// The run-time override.
pub const OVERRIDE_FILE: &str = "config/execution_layer_config.json";
/// Variables of the workspace.
pub(super) const ENV_FILE: &str = ".env";

/// Files whose content is kept, so that what is used is what was hashed.
const KEPT: [&str; 3] = [DEFAULT_FILE, OVERRIDE_FILE, ENV_FILE];

/// Where process tools are declared; the content of these files is kept as well.
const TOOLS_DIR: &str = "config/tools/";

const FILES_MAX: usize = 10_000;
const FILE_BYTES_MAX: u64 = 16 << 20;
const TOTAL_BYTES_MAX: u64 = 64 << 20;
const DEPTH_MAX: usize = 16;

/// The files that govern the runner, as they were when they were read.
#[derive(Debug, Clone, Default)]
pub struct Governed {
    /// BLAKE3 of each file, by path relative to the root with `/`.
    pub files: BTreeMap<String, Hash>,
    /// Why this cannot be trusted at all, such as a symbolic link.
    pub obstacles: Vec<String>,
    kept: BTreeMap<&'static str, Vec<u8>>,
    /// Declarations of process tools, by path relative to the root.
    tools: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Governed {
    /// Reads what governs the runner in the workspace at `root`.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut governed = Self::default();
        for name in GOVERNING_RULES {
            governed.visit(root, name, 0);
        }
        governed
    }

    /// One hash over all files, names included.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"bailiwick.governed.v1");
        for (path, hash) in &self.files {
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(hash.as_bytes());
        }
        Hash::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Whether all files but the one called `name` are as in `other`.
    #[must_use]
    pub fn differs_only_in(&self, other: &Self, name: &str) -> bool {
        let rest = |all: &Self| {
            let mut files = all.files.clone();
            files.remove(name);
            files
        };
        rest(self) == rest(other)
    }

    /// The content of one of the files that opening a workspace needs.
    pub(super) fn content(&self, path: &str) -> Option<&[u8]> {
        self.kept.get(path).map(Vec::as_slice)
    }

    /// The declarations of process tools, as they were hashed.
    pub(super) fn into_tools(self) -> BTreeMap<String, Vec<u8>> {
        self.tools
    }

    fn visit(&mut self, root: &Path, path: &str, depth: usize) {
        let full = root.join(path);
        let result = match file::look(&full) {
            Ok(None) => Ok(()),
            Ok(Some(metadata)) if metadata.is_file() => self.file(root, path),
            Ok(Some(metadata)) if metadata.is_dir() => self.directory(root, path, depth),
            Ok(Some(metadata)) => Err(io::Error::other(format!("it is {}", file::kind(&metadata)))),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.obstacles.push(format!("`{path}`: {error}"));
        }
    }

    fn file(&mut self, root: &Path, path: &str) -> io::Result<()> {
        if self.files.len() >= FILES_MAX {
            return Err(io::Error::other(format!("more than {FILES_MAX} files")));
        }
        let content = file::read(&root.join(path), FILE_BYTES_MAX)?;
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        if self.bytes > TOTAL_BYTES_MAX {
            return Err(io::Error::other(format!("more than {TOTAL_BYTES_MAX} bytes in all")));
        }
        self.files.insert(path.to_owned(), Hash::of(&content));
        if let Some(name) = KEPT.iter().find(|name| **name == path) {
            self.kept.insert(name, content);
        } else if is_tool(path) {
            self.tools.insert(path.to_owned(), content);
        }
        Ok(())
    }

    fn directory(&mut self, root: &Path, path: &str, depth: usize) -> io::Result<()> {
        if depth >= DEPTH_MAX {
            return Err(io::Error::other(format!("deeper than {DEPTH_MAX} directories")));
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(root.join(path))? {
            let name = entry?.file_name();
            let text = name.to_str().ok_or_else(|| {
                io::Error::other(format!("the name `{}` in it is not text", name.display()))
            })?;
            names.push(text.to_owned());
            if names.len() > FILES_MAX {
                return Err(io::Error::other(format!("more than {FILES_MAX} files")));
            }
        }
        names.sort();
        for name in names {
            // Past the limit one obstacle says enough.
            if self.files.len() >= FILES_MAX || self.bytes > TOTAL_BYTES_MAX {
                return Err(io::Error::other("there is more than can be looked at"));
            }
            self.visit(root, &format!("{path}/{name}"), depth + 1);
        }
        Ok(())
    }
}

/// Whether a file declares a tool, by where it lies and what it is called.
fn is_tool(path: &str) -> bool {
    path.strip_prefix(TOOLS_DIR).is_some_and(|name| {
        !name.contains('/')
            && !name.starts_with('.')
            && (name.ends_with(".yaml") || name.ends_with(".yml"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_what_governs_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["config/tools/a.yaml", "policies/x.rhai", ".env", "src/main.rs", "README.md"] {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, path).unwrap();
        }
        let governed = Governed::read(dir.path());
        let names: Vec<&str> = governed.files.keys().map(String::as_str).collect();
        assert_eq!(names, [".env", "config/tools/a.yaml", "policies/x.rhai"]);
        assert!(governed.obstacles.is_empty());
        std::fs::rename(dir.path().join("policies/x.rhai"), dir.path().join("policies/y.rhai"))
            .unwrap();
        assert_ne!(Governed::read(dir.path()).hash(), governed.hash());
    }

    #[test]
    fn tells_whether_only_one_file_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(dir.path().join("config")).unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
            Governed::read(dir.path())
        };
        let before = write(DEFAULT_FILE, "schema: 1");
        let after = write(OVERRIDE_FILE, "{}");
        assert!(after.differs_only_in(&before, OVERRIDE_FILE));
        assert!(after.differs_only_in(&after, OVERRIDE_FILE));
        let more = write(ENV_FILE, "A=1");
        assert!(!more.differs_only_in(&before, OVERRIDE_FILE));
        assert!(!write(DEFAULT_FILE, "schema: 2").differs_only_in(&more, OVERRIDE_FILE));
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_odd_names_are_obstacles_and_nothing_waits_for_them() {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = tempfile::tempdir().unwrap();
        let policies = dir.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("prompts")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", policies.join("a.yaml")).unwrap();
        let made = std::os::unix::net::UnixListener::bind(policies.join("b.sock"));
        assert!(made.is_ok());
        assert_eq!(Governed::read(dir.path()).obstacles.len(), 3);
        std::fs::write(policies.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        let governed = Governed::read(dir.path());
        assert!(governed.files.is_empty() && governed.obstacles.len() == 2, "{governed:?}");
    }

    #[test]
    fn too_large_a_file_is_an_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("prompts")).unwrap();
        let file = std::fs::File::create(dir.path().join("prompts/big")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(Governed::read(dir.path()).obstacles.len(), 1);
    }
}
