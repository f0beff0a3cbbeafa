//! The record of trusted workspaces, in the user's own directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Governed, file};
use crate::contracts::{Hash, Timestamp};
use crate::durable::{PRIVATE, replace};

const RECORD_FILE: &str = "trust.json";
const LOCK_FILE: &str = "trust.lock";
const RECORD_BYTES_MAX: u64 = 64 << 20;
const RECORD_VERSION: u32 = 1;

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Reading or writing failed.
    #[error("the record of trusted workspaces `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The record was changed by somebody else, or is broken.
    #[error("the record of trusted workspaces `{}` cannot be relied on: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// This workspace cannot be trusted.
    #[error("this workspace cannot be trusted: {0}")]
    Impossible(String),
}

/// How a file differs from what was trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", content = "file", rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added(String),
    /// Its content is another.
    Edited(String),
    /// It is gone.
    Removed(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Added(file) => write!(f, "`{}` is new", file.escape_debug()),
            Self::Edited(file) => write!(f, "`{}` was changed", file.escape_debug()),
            Self::Removed(file) => write!(f, "`{}` is gone", file.escape_debug()),
        }
    }
}

/// How a workspace stands with the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The user said `bailiwick trust` to exactly what is there.
    Trusted {
        /// When.
        since: Timestamp,
    },
    /// The user never said so.
    Unknown,
    /// The user said so, and then something changed.
    Changed(Vec<Change>),
    /// Nobody can vouch for it, with the reason.
    Impossible(String),
}

/// One trusted workspace.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    trusted_at: Timestamp,
    files: BTreeMap<String, Hash>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema_version: u32,
    workspaces: BTreeMap<String, Entry>,
}

/// Where trust is kept.
#[derive(Debug, Clone)]
pub struct Ledger {
    dir: PathBuf,
}

impl Ledger {
    /// The record in the user's own directory, for the workspace at `root`.
    ///
    /// # Errors
    /// Why nothing can be trusted: there is no such directory, or it lies inside the workspace,
    /// where a run could write it.
    pub fn of(user_dir: Option<&Path>, root: &Path) -> Result<Self, String> {
        let Some(dir) = user_dir else {
            return Err(
                "neither `XDG_CONFIG_HOME` nor `HOME` names a directory of yours".to_owned()
            );
        };
        // A directory that is not there yet has no resolved name; what it will be made in has.
        let resolved = resolve_existing(dir);
        if dir.starts_with(root) || resolved.starts_with(root) {
            return Err(format!(
                "your own directory `{}` lies inside the workspace, where a run could write it",
                dir.display()
            ));
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// How the workspace stands.
    ///
    /// # Errors
    /// When the record cannot be read or relied on.
    pub fn standing(&self, root: &Path, governed: &Governed) -> Result<Standing, TrustError> {
        let name = match check(root, governed) {
            Ok(name) => name,
            Err(why) => return Ok(Standing::Impossible(why)),
        };
        let record = self.read()?;
        let Some(entry) = record.workspaces.get(name) else { return Ok(Standing::Unknown) };
        let changes = changes(&entry.files, &governed.files);
        if changes.is_empty() {
            return Ok(Standing::Trusted { since: entry.trusted_at });
        }
        Ok(Standing::Changed(changes))
    }

    /// Records that the user trusts exactly `governed`.
    ///
    /// # Errors
    /// When the workspace cannot be trusted, or the record cannot be written.
    pub fn record(
        &self,
        root: &Path,
        governed: &Governed,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let name = check(root, governed).map_err(TrustError::Impossible)?;
        let entry = Entry { trusted_at: now, files: governed.files.clone() };
        self.change(|record| record.workspaces.insert(name.to_owned(), entry).is_some()).map(drop)
    }

    /// Takes trust back. Says whether there was any.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn revoke(&self, root: &Path) -> Result<bool, TrustError> {
        let Some(name) = root.to_str() else { return Ok(false) };
        if file::look(&self.path()).map_err(|source| self.failed(source))?.is_none() {
            return Ok(false);
        }
        self.change(|record| record.workspaces.remove(name).is_some())
    }

    /// The record's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(RECORD_FILE)
    }

    fn read(&self) -> Result<Record, TrustError> {
        let path = self.path();
        let broken = |why: String| TrustError::Broken { path: path.clone(), why };
        let Some(metadata) = file::look(&path).map_err(|source| self.failed(source))? else {
            return Ok(Record { schema_version: RECORD_VERSION, workspaces: BTreeMap::new() });
        };
        owned_by_user_alone(&metadata).map_err(broken)?;
        let content = file::read(&path, RECORD_BYTES_MAX).map_err(|source| self.failed(source))?;
        let record: Record =
            serde_json::from_slice(&content).map_err(|error| broken(error.to_string()))?;
        if record.schema_version != RECORD_VERSION {
            return Err(broken(format!("its version is {}", record.schema_version)));
        }
        Ok(record)
    }

    /// Reads, changes and writes the record while nobody else does.
    fn change(&self, change: impl FnOnce(&mut Record) -> bool) -> Result<bool, TrustError> {
        let failed = |source| self.failed(source);
        make_private_dir(&self.dir).map_err(failed)?;
        let lock = File::create(self.dir.join(LOCK_FILE)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut record = self.read()?;
        let changed = change(&mut record);
        let mut text = serde_json::to_string_pretty(&record)
            .map_err(|error| failed(io::Error::other(error)))?;
        text.push('\n');
        replace(&self.path(), text.as_bytes(), PRIVATE).map_err(failed)?;
        Ok(changed)
    }

    fn failed(&self, source: io::Error) -> TrustError {
        TrustError::Io { path: self.path(), source }
    }
}

/// The workspace's name in the record, or why it cannot be trusted.
fn check<'a>(root: &'a Path, governed: &Governed) -> Result<&'a str, String> {
    if let Some(first) = governed.obstacles.first() {
        return Err(format!("{first}; put a plain file or directory there"));
    }
    root.to_str().ok_or_else(|| format!("the path `{}` is not text", root.display()))
}

fn changes(trusted: &BTreeMap<String, Hash>, now: &BTreeMap<String, Hash>) -> Vec<Change> {
    let mut changes: Vec<Change> = trusted
        .keys()
        .filter(|file| !now.contains_key(*file))
        .map(|file| Change::Removed(file.clone()))
        .collect();
    for (file, hash) in now {
        match trusted.get(file) {
            Some(old) if old == hash => {}
            Some(_) => changes.push(Change::Edited(file.clone())),
            None => changes.push(Change::Added(file.clone())),
        }
    }
    changes
}

#[allow(clippy::disallowed_methods, reason = "asks where the user's own directory really lies")]
fn resolve_existing(dir: &Path) -> PathBuf {
    let existing = dir.ancestors().find_map(|dir| std::fs::canonicalize(dir).ok());
    existing.unwrap_or_else(|| dir.to_owned())
}

#[cfg(unix)]
fn owned_by_user_alone(metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if metadata.mode() & 0o022 != 0 {
        return Err("others can write it; run `chmod 600` on it".to_owned());
    }
    Ok(())
}

#[cfg(not(unix))]
fn owned_by_user_alone(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        _dirs: (tempfile::TempDir, tempfile::TempDir),
        root: PathBuf,
        ledger: Ledger,
    }

    fn case() -> Case {
        let (workspace, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = workspace.path().to_owned();
        std::fs::create_dir_all(root.join("policies")).unwrap();
        std::fs::write(root.join("policies/a.yaml"), "a").unwrap();
        let ledger = Ledger::of(Some(&home.path().join("c/bailiwick")), &root).unwrap();
        Case { root, ledger, _dirs: (workspace, home) }
    }

    impl Case {
        fn standing(&self) -> Standing {
            self.ledger.standing(&self.root, &Governed::read(&self.root)).unwrap()
        }

        fn trust(&self) {
            let now = Timestamp::from_ms(1);
            self.ledger.record(&self.root, &Governed::read(&self.root), now).unwrap();
        }
    }

    #[test]
    fn trust_holds_until_something_changes_and_the_change_is_named() {
        let case = case();
        assert_eq!(case.standing(), Standing::Unknown);
        case.trust();
        assert_eq!(case.standing(), Standing::Trusted { since: Timestamp::from_ms(1) });
        std::fs::write(case.root.join("policies/a.yaml"), "b").unwrap();
        std::fs::write(case.root.join(".env"), "A=1").unwrap();
        let changes = vec![Change::Added(".env".into()), Change::Edited("policies/a.yaml".into())];
        assert_eq!(case.standing(), Standing::Changed(changes));
        case.trust();
        std::fs::remove_file(case.root.join(".env")).unwrap();
        assert_eq!(case.standing(), Standing::Changed(vec![Change::Removed(".env".into())]));
        std::fs::write(case.root.join(".env"), "A=1").unwrap();
        assert!(matches!(case.standing(), Standing::Trusted { .. }));
        assert!(case.ledger.revoke(&case.root).unwrap());
        assert!(!case.ledger.revoke(&case.root).unwrap());
        assert_eq!(case.standing(), Standing::Unknown);
    }

    #[test]
    fn a_user_directory_inside_the_workspace_vouches_for_nothing() {
        let case = case();
        let inside = case.root.join(".config/bailiwick");
        assert!(Ledger::of(Some(&inside), &case.root).is_err());
        assert!(Ledger::of(None, &case.root).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_into_the_workspace_is_seen_through() {
        let case = case();
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&case.root, home.path().join("link")).unwrap();
        let root = resolve_existing(&case.root);
        assert!(Ledger::of(Some(&home.path().join("link/c")), &root).is_err());
        std::os::unix::fs::symlink("/etc/hostname", case.root.join("policies/b")).unwrap();
        assert!(matches!(case.standing(), Standing::Impossible(_)));
        let refused =
            case.ledger.record(&case.root, &Governed::read(&case.root), Timestamp::from_ms(1));
        assert!(matches!(refused, Err(TrustError::Impossible(_))));
    }

    #[cfg(unix)]
    #[test]
    fn the_record_is_private_and_one_that_others_can_write_is_not_relied_on() {
        use std::os::unix::fs::PermissionsExt as _;
        let case = case();
        case.trust();
        let path = case.ledger.path();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let governed = Governed::read(&case.root);
        let error = case.ledger.standing(&case.root, &governed).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(case.ledger.record(&case.root, &governed, Timestamp::from_ms(2)).is_err());
    }

    #[test]
    fn a_broken_record_is_neither_relied_on_nor_overwritten() {
        let case = case();
        case.trust();
        for text in ["", "{", "{\"schema_version\": 2, \"workspaces\": {}}", "{\"x\": 1}"] {
            std::fs::write(case.ledger.path(), text).unwrap();
            let governed = Governed::read(&case.root);
            assert!(case.ledger.standing(&case.root, &governed).is_err(), "{text}");
            assert!(case.ledger.record(&case.root, &governed, Timestamp::from_ms(2)).is_err());
            assert_eq!(std::fs::read_to_string(case.ledger.path()).unwrap(), text);
        }
    }

    #[test]
    fn two_who_trust_at_once_both_end_up_in_the_record() {
        let home = tempfile::tempdir().unwrap();
        let roots: Vec<tempfile::TempDir> = (0..8).map(|_| tempfile::tempdir().unwrap()).collect();
        let user_dir = home.path().join("own");
        std::thread::scope(|scope| {
            for root in &roots {
                let ledger = Ledger::of(Some(&user_dir), root.path()).unwrap();
                scope.spawn(move || {
                    let governed = Governed::read(root.path());
                    ledger.record(root.path(), &governed, Timestamp::from_ms(1)).unwrap();
                });
            }
        });
        for root in &roots {
            let ledger = Ledger::of(Some(&user_dir), root.path()).unwrap();
            let standing = ledger.standing(root.path(), &Governed::read(root.path())).unwrap();
            assert!(matches!(standing, Standing::Trusted { .. }));
        }
    }
}
