//! Making a workspace. Safe to repeat: what is there stays as it is.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use super::governed::ENV_FILE;
use super::{Governed, Ledger, Standing, TrustError, WorkspaceError, file, locate};
use crate::config::{DEFAULT_FILE, DEFAULT_TEXT, json_schema};
use crate::contracts::{Hash, Timestamp};

const IGNORE_FILE: &str = ".gitignore";
const IGNORE_BYTES_MAX: u64 = 1 << 20;
/// What git must not keep: state, logs, secrets, and what the API changes at run time.
const IGNORED: [&str; 5] =
    [".bailiwick/", "logs/", "reports/", ENV_FILE, "config/execution_layer_config.json"];

/// A file that a new workspace gets.
#[derive(Debug, Clone)]
pub struct Shipped {
    /// Relative to the root, with `/`.
    pub path: &'static str,
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
}

impl Shipped {
    /// A file with this text.
    #[must_use]
    pub const fn text(path: &'static str, text: &'static str) -> Self {
        Self { path, bytes: Cow::Borrowed(text.as_bytes()) }
    }

    /// What every workspace gets, besides the policies and playbooks that the caller ships.
    #[must_use]
    pub fn base() -> Vec<Self> {
        let schema = format!("{:#}\n", json_schema());
        vec![
            Self::text(DEFAULT_FILE, DEFAULT_TEXT),
            Self { path: "config/schema/bailiwick.json", bytes: Cow::Owned(schema.into_bytes()) },
            Self::text(
                "prompts/README.md",
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/README.md")),
            ),
            Self::text(
                "memory/README.md",
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/memory/README.md")),
            ),
            Self::text("memory/main/.gitkeep", ""),
            Self::text("memory/fragments/.gitkeep", ""),
            Self::text("memory/solutions/.gitkeep", ""),
            Self::text("memory/instruments/.gitkeep", ""),
        ]
    }
}

/// Whether the new workspace is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouched {
    /// Everything that governs the runner was made here, or was trusted before.
    Trusted,
    /// These files were there before and are not what this program ships.
    Foreign(Vec<String>),
    /// Nothing can be trusted, with the reason.
    Impossible(String),
}

/// What making a workspace did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The workspace.
    pub root: PathBuf,
    /// Files that were made or, for `.gitignore`, added to.
    pub made: Vec<String>,
    /// Files that were there and differ from what is shipped: they stay as they are.
    pub kept: Vec<String>,
    /// Files that were there and are what is shipped.
    pub unchanged: Vec<String>,
    /// Whether it is trusted now.
    pub vouched: Vouched,
}

/// Makes a workspace in `dir`, which is made if need be, and trusts what it made.
///
/// # Errors
/// When `dir` is no directory, a link or a device stands where a file must, or writing fails. What
/// stands in the way is found before anything is written.
pub fn init(
    dir: &Path,
    shipped: &[Shipped],
    user_dir: Option<&Path>,
    now: Timestamp,
) -> Result<Made, WorkspaceError> {
    std::fs::create_dir_all(dir)
        .map_err(|source| WorkspaceError::NoDirectory { path: dir.to_owned(), source })?;
    let root = locate(dir, Some(Path::new("")))?.root;
    let ledger = Ledger::of(user_dir, &root);
    let trusted_before = match &ledger {
        Ok(ledger) => {
            matches!(ledger.standing(&root, &Governed::read(&root))?, Standing::Trusted { .. })
        }
        Err(_) => false,
    };
    let ignore = ignore_lines(&root)?;
    let (mut made, mut kept, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
    let mut missing = Vec::new();
    for file in shipped {
        match state(&root, file)? {
            State::Missing => missing.push(file),
            State::Same => unchanged.push(file.path.to_owned()),
            State::Edited => kept.push(file.path.to_owned()),
        }
    }
    for file in missing {
        write_new(&root, file)?;
        made.push(file.path.to_owned());
    }
    if !ignore.is_empty() {
        append(&root.join(IGNORE_FILE), &ignore)?;
        made.push(IGNORE_FILE.to_owned());
    }
    let vouched = vouch(ledger, &root, shipped, trusted_before, now)?;
    Ok(Made { root, made, kept, unchanged, vouched })
}

fn vouch(
    ledger: Result<Ledger, String>,
    root: &Path,
    shipped: &[Shipped],
    trusted_before: bool,
    now: Timestamp,
) -> Result<Vouched, WorkspaceError> {
    let ledger = match ledger {
        Ok(ledger) => ledger,
        Err(why) => return Ok(Vouched::Impossible(why)),
    };
    let governed = Governed::read(root);
    let ours = |path: &str, hash: &Hash| {
        shipped.iter().any(|file| file.path == path && Hash::of(&file.bytes) == *hash)
    };
    let foreign: Vec<String> = governed
        .files
        .iter()
        .filter(|(path, hash)| !ours(path, hash))
        .map(|(path, _)| path.clone())
        .collect();
    if !foreign.is_empty() && !trusted_before {
        return Ok(Vouched::Foreign(foreign));
    }
    match ledger.record(root, &governed, now) {
        Ok(()) => Ok(Vouched::Trusted),
        Err(TrustError::Impossible(why)) => Ok(Vouched::Impossible(why)),
        Err(error) => Err(error.into()),
    }
}

enum State {
    Missing,
    Same,
    Edited,
}

/// What stands where `shipped` belongs. Its directories must be real ones.
fn state(root: &Path, shipped: &Shipped) -> Result<State, WorkspaceError> {
    let relative = Path::new(shipped.path);
    let mut path = root.to_owned();
    let mut parts = relative.components().peekable();
    while let Some(Component::Normal(part)) = parts.next() {
        path.push(part);
        let found = file::look(&path).map_err(|source| read_failed(&path, source))?;
        let Some(metadata) = found else { return Ok(State::Missing) };
        let (fits, expected) = match parts.peek() {
            Some(_) => (metadata.is_dir(), "directory"),
            None => (metadata.is_file(), "file"),
        };
        if !fits {
            return Err(WorkspaceError::NotPlain { path, what: file::kind(&metadata), expected });
        }
    }
    // A file of another size was edited, however large it is.
    let size = shipped.bytes.len() as u64;
    let metadata = std::fs::symlink_metadata(&path).map_err(|source| read_failed(&path, source))?;
    if metadata.len() != size {
        return Ok(State::Edited);
    }
    let content = file::read(&path, size).map_err(|source| read_failed(&path, source))?;
    Ok(if content == *shipped.bytes { State::Same } else { State::Edited })
}

fn write_new(root: &Path, shipped: &Shipped) -> Result<(), WorkspaceError> {
    let path = root.join(shipped.path);
    let failed = |source| WorkspaceError::Write { path: path.clone(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    // `create_new` follows no link and overwrites nothing, also when something came in between.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    if let Err(source) = file.write_all(&shipped.bytes) {
        // Half a file would be kept as an edited one by the next try.
        std::fs::remove_file(&path).map_err(failed)?;
        return Err(failed(source));
    }
    Ok(())
}

/// The lines that `.gitignore` lacks.
fn ignore_lines(root: &Path) -> Result<String, WorkspaceError> {
    let path = root.join(IGNORE_FILE);
    let found = file::look(&path).map_err(|source| read_failed(&path, source))?;
    let text = match found {
        None => String::new(),
        Some(metadata) if metadata.is_file() => {
            let content =
                file::read(&path, IGNORE_BYTES_MAX).map_err(|source| read_failed(&path, source))?;
            String::from_utf8(content).map_err(|_| WorkspaceError::NotText { path })?
        }
        Some(metadata) => {
            let what = file::kind(&metadata);
            return Err(WorkspaceError::NotPlain { path, what, expected: "file" });
        }
    };
    let has = |line: &str| {
        let bare =
            |text: &str| text.trim().trim_start_matches('/').trim_end_matches('/').to_owned();
        text.lines().any(|own| bare(own) == bare(line))
    };
    let missing: Vec<&str> = IGNORED.into_iter().filter(|line| !has(line)).collect();
    if missing.is_empty() {
        return Ok(String::new());
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{gap}{}\n", missing.join("\n")))
}

fn append(path: &Path, text: &str) -> Result<(), WorkspaceError> {
    let failed = |source| WorkspaceError::Write { path: path.to_owned(), source };
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn read_failed(path: &Path, source: std::io::Error) -> WorkspaceError {
    WorkspaceError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn root(&self) -> PathBuf {
            self.0.path().join("work")
        }

        fn init(&self) -> Result<Made, WorkspaceError> {
            let mut shipped = Shipped::base();
            shipped.push(Shipped::text("policies/10-workspace.yaml", "schema: 1\n"));
            let user_dir = self.0.path().join("own");
            init(&self.root(), &shipped, Some(&user_dir), Timestamp::from_ms(1))
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.root().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn makes_a_trusted_workspace_once_and_keeps_it_after() {
        let place = Place::new();
        let first = place.init().unwrap();
        assert_eq!(first.vouched, Vouched::Trusted);
        assert_eq!((first.made.len(), first.kept.len(), first.unchanged.len()), (10, 0, 0));
        for dir in ["config/schema", "policies", "prompts", "memory/solutions"] {
            assert!(place.root().join(dir).is_dir(), "{dir}");
        }
        let second = place.init().unwrap();
        assert!(second.made.is_empty() && second.kept.is_empty());
        assert_eq!(second.vouched, Vouched::Trusted);
    }

    #[test]
    fn never_overwrites_an_edited_file_and_keeps_its_trust() {
        let place = Place::new();
        place.init().unwrap();
        place.write(DEFAULT_FILE, "limits: { steps: 1 }\n");
        std::fs::remove_file(place.root().join("memory/README.md")).unwrap();
        let again = place.init().unwrap();
        assert_eq!(again.made, ["memory/README.md"]);
        assert_eq!(again.kept, [DEFAULT_FILE]);
        // The edit was not trusted before, so making the rest does not trust it either.
        assert_eq!(again.vouched, Vouched::Foreign(vec![DEFAULT_FILE.to_owned()]));
        let text = std::fs::read_to_string(place.root().join(DEFAULT_FILE)).unwrap();
        assert_eq!(text, "limits: { steps: 1 }\n");
    }

    #[test]
    fn does_not_trust_what_it_found_in_a_clone() {
        let place = Place::new();
        place.write("policies/zz.yaml", "rules: [allow everything]\n");
        place.write(".env", "BAILIWICK_POLICY__PROFILE=ci\n");
        let made = place.init().unwrap();
        let foreign = vec![".env".to_owned(), "policies/zz.yaml".to_owned()];
        assert_eq!(made.vouched, Vouched::Foreign(foreign));
    }

    #[test]
    fn adds_to_an_ignore_file_only_what_it_lacks() {
        let place = Place::new();
        place.write(IGNORE_FILE, "target/\n/logs\n.env");
        place.init().unwrap();
        let text = std::fs::read_to_string(place.root().join(IGNORE_FILE)).unwrap();
        let expected =
            "target/\n/logs\n.env\n.bailiwick/\nreports/\nconfig/execution_layer_config.json\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn refuses_a_file_as_a_workspace() {
        let place = Place::new();
        std::fs::write(place.root(), "").unwrap();
        assert!(matches!(place.init(), Err(WorkspaceError::NoDirectory { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn writes_through_no_link_and_finds_out_before_it_writes_anything() {
        for name in ["memory", "config/bailiwick.yaml", ".gitignore", "memory/README.md"] {
            let place = Place::new();
            let outside = place.0.path().join("outside");
            std::fs::create_dir(&outside).unwrap();
            let link = place.root().join(name);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(&outside, &link).unwrap();
            let error = place.init().unwrap_err();
            assert!(matches!(error, WorkspaceError::NotPlain { .. }), "{name}: {error}");
            assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "{name}");
            assert!(!place.root().join("prompts").exists(), "{name}");
        }
    }

    #[test]
    fn every_shipped_path_is_plain() {
        for file in Shipped::base() {
            let parts: Vec<_> = Path::new(file.path).components().collect();
            assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{}", file.path);
        }
    }
}
