//! Opening a workspace: everything that is read once, in the order in which it decides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::governed::{ENV_FILE, OVERRIDE_FILE};
use super::{
    Environment, Governed, Ledger, Located, Standing, TrustError, WorkspaceError, dotenv, file,
    locate, user_dir,
};
use crate::config::{
    self, Config, DEFAULT_FILE, Origin, Resolved, Setting, SourceFile, Sources, Variable,
    is_config_variable,
};
use crate::contracts::{Diagnostic, Timestamp};

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Most changed files named in a notice.
const CHANGES_SHOWN: usize = 5;
/// Variables that are taken from `.env` besides those of this program.
const DOTENV_NAMES: [&str; 1] = ["EXECUTION_TOKEN"];
/// Variables of this program that are no configuration keys.
const OTHER_VARIABLES: [&str; 4] =
    ["BAILIWICK_LOG", "BAILIWICK_NODE_TOKEN", "BAILIWICK_SANDBOX_WITHOUT", "BAILIWICK_URL"];

/// What decides which workspace is opened, and how.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Absolute directory in which the program was called.
    pub cwd: PathBuf,
    /// `--workspace`.
    pub workspace: Option<PathBuf>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// The environment.
    pub env: Environment,
    /// Flags that set keys, each `key=value`.
    pub sets: Vec<String>,
}

/// Where policies are read from. A later layer cannot loosen an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDirs {
    /// The machine's.
    pub system: PathBuf,
    /// The user's, where there is a user's directory.
    pub user: Option<PathBuf>,
    /// The workspace's.
    pub workspace: PathBuf,
}

/// The run-time override.
#[derive(Debug, Clone)]
pub struct Override {
    /// What it says; `None` where there is no file.
    pub text: Option<String>,
    /// Whether the user vouches for what governs the runner, this file included.
    pub trusted: bool,
    /// What governs the runner, as it was when this was read.
    pub governed: Governed,
}

/// An opened workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Absolute, symlinks resolved.
    pub root: PathBuf,
    /// `.bailiwick/` inside the root. Made when the first thing is stored.
    pub state_dir: PathBuf,
    /// Resolved configuration.
    pub config: Config,
    /// Whether the user said `bailiwick trust` to exactly what governs the runner now.
    pub trusted: bool,
    /// How it stands with the user, in full.
    pub standing: Standing,
    /// One hash over everything that governs the runner.
    pub governed_hash: crate::contracts::Hash,
    /// Declarations of process tools, by path relative to the root, as they were vouched for; `None`
    /// where nobody vouches for them.
    pub tool_files: Option<BTreeMap<String, Vec<u8>>>,
    /// Whether it has a configuration file.
    pub has_config: bool,
    /// Every key's value.
    pub values: BTreeMap<String, Setting>,
    /// Where each value came from.
    pub provenance: BTreeMap<String, Origin>,
    /// Every key's value without the run-time override.
    pub base: BTreeMap<String, Setting>,
    /// Values of files that do not count, with their places.
    pub warnings: Vec<Diagnostic>,
    /// What a person should be told once.
    pub notices: Vec<String>,
    /// Where policies are read from.
    pub policy_dirs: PolicyDirs,
    /// The user's own directory. Nothing that a run does may change it.
    pub user_dir: Option<PathBuf>,
    /// The environment, and below it what a trusted `.env` may give. For configuration, secrets and
    /// tokens; never for the environment of a command.
    pub env: Environment,
    /// What it was resolved from, without the run-time override.
    sources: Sources,
}

impl Workspace {
    /// The configuration as it would be with another run-time override: its text, and whether the user
    /// vouches for it.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn with_override(&self, text: Option<(String, bool)>) -> Result<Resolved, Vec<Diagnostic>> {
        let name = OVERRIDE_FILE.to_owned();
        let overrides = text.map(|(text, trusted)| SourceFile { name, text, trusted });
        config::resolve(&Sources { overrides, ..self.sources.clone() })
    }

    /// The run-time override as it is now, with whether the user vouches for exactly what governs the
    /// runner now.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_override(&self) -> Result<Override, WorkspaceError> {
        let governed = Governed::read(&self.root);
        let standing = standing(self.user_dir.as_deref(), &self.root, &governed);
        let trusted = matches!(standing, Standing::Trusted { .. });
        let file = workspace_file(&self.root, &governed, OVERRIDE_FILE, trusted)?;
        Ok(Override { text: file.map(|file| file.text), trusted, governed })
    }

    /// The declarations of process tools as they are now; `None` where nobody vouches for exactly what
    /// governs the runner now.
    #[must_use]
    pub fn read_tools(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        let governed = Governed::read(&self.root);
        let standing = standing(self.user_dir.as_deref(), &self.root, &governed);
        matches!(standing, Standing::Trusted { .. }).then(|| governed.into_tools())
    }

    /// The user, or somebody who speaks for them, changed the run-time override of a workspace that was
    /// trusted as it was in `before`: it stays trusted.
    ///
    /// # Errors
    /// When anything else changed as well, or it cannot be recorded.
    pub fn trust_again(&self, before: &Governed, now: Timestamp) -> Result<(), TrustError> {
        let ledger = Ledger::of(self.user_dir.as_deref(), &self.root);
        let ledger = ledger.map_err(TrustError::Impossible)?;
        let after = Governed::read(&self.root);
        if !after.differs_only_in(before, OVERRIDE_FILE) {
            let why = "something else that governs the runner changed meanwhile".to_owned();
            return Err(TrustError::Impossible(why));
        }
        ledger.record(&self.root, &after, now)
    }

    /// The run-time override's file.
    #[must_use]
    pub fn override_path(&self) -> PathBuf {
        self.root.join(OVERRIDE_FILE)
    }

    /// Where trust is recorded, where there is such a place.
    #[must_use]
    pub fn ledger_path(&self) -> Option<PathBuf> {
        Ledger::of(self.user_dir.as_deref(), &self.root).ok().map(|ledger| ledger.path())
    }
}

/// Opens the workspace that `options` name.
///
/// # Errors
/// When there is no such directory, a file cannot be read, or the configuration has mistakes.
pub fn open(options: OpenOptions) -> Result<Workspace, WorkspaceError> {
    let OpenOptions { cwd, workspace, config_file, env, sets } = options;
    let Located { root, has_config, passed_over } = locate(&cwd, workspace.as_deref())?;
    let governed = Governed::read(&root);
    let user_dir = user_dir(&env);
    let standing = standing(user_dir.as_deref(), &root, &governed);
    let trusted = matches!(standing, Standing::Trusted { .. });
    let mut notices: Vec<String> = passed_over.iter().map(|dir| foreign(dir)).collect();
    notices.extend(about_trust(&standing, &governed));
    notices.extend(about_variables(&env));

    let dotenv = if trusted { dotenv_of(&governed)? } else { Vec::new() };
    let below: Vec<Variable> = dotenv.into_iter().filter(|own| !env.has(&own.name)).collect();
    let mut sources = Sources {
        file: match &config_file {
            Some(path) => Some(named_file(&cwd, path, &root, trusted.then_some(&governed))?),
            None => workspace_file(&root, &governed, DEFAULT_FILE, trusted)?,
        },
        dotenv: below.clone(),
        environment: env
            .iter()
            .map(|(name, value)| Variable { name: name.into(), value: value.into(), line: 1 })
            .collect(),
        sets,
        overrides: workspace_file(&root, &governed, OVERRIDE_FILE, trusted)?,
    };
    let resolved = config::resolve(&sources).map_err(WorkspaceError::Invalid)?;
    sources.overrides = None;
    let base = config::resolve(&sources).map_err(WorkspaceError::Invalid)?.values;
    let governed_hash = governed.hash();
    let declared = governed.into_tools();
    if !trusted && !declared.is_empty() {
        notices.push(format!(
            "{} files of `config/tools/` are not read, because this workspace is not trusted",
            declared.len()
        ));
    }
    Ok(Workspace {
        state_dir: root.join(".bailiwick"),
        config: resolved.config,
        trusted,
        standing,
        governed_hash,
        tool_files: trusted.then_some(declared),
        has_config: has_config || config_file.is_some(),
        values: resolved.values,
        provenance: resolved.provenance,
        base,
        sources,
        warnings: resolved.warnings,
        notices,
        policy_dirs: PolicyDirs {
            system: PathBuf::from("/etc/bailiwick/policies"),
            user: user_dir.as_ref().map(|dir| dir.join("policies")),
            workspace: root.join("policies"),
        },
        user_dir,
        env: env.over(below.into_iter().map(|own| (own.name, own.value))),
        root,
    })
}

/// A record that cannot be relied on vouches for nothing; the reason is said.
fn standing(user_dir: Option<&Path>, root: &Path, governed: &Governed) -> Standing {
    let ledger = match Ledger::of(user_dir, root) {
        Ok(ledger) => ledger,
        Err(why) => return Standing::Impossible(why),
    };
    match ledger.standing(root, governed) {
        Ok(standing) => standing,
        Err(error) => Standing::Impossible(error.to_string()),
    }
}

fn foreign(dir: &Path) -> String {
    format!(
        "`{}` belongs to another user and was passed over; name it with `--workspace` if you mean it",
        dir.join(DEFAULT_FILE).display()
    )
}

fn about_trust(standing: &Standing, governed: &Governed) -> Option<String> {
    const MEANS: &str = "its `allow` rules, its `.env` and wider settings do not count";
    match standing {
        Standing::Trusted { .. } => None,
        Standing::Unknown if governed.files.is_empty() => None,
        Standing::Unknown => Some(format!(
            "this workspace is not trusted: {MEANS}; look at what governs the runner, then run `bailiwick trust`"
        )),
        Standing::Changed(changes) => {
            let mut names: Vec<String> =
                changes.iter().take(CHANGES_SHOWN).map(ToString::to_string).collect();
            if changes.len() > CHANGES_SHOWN {
                names.push(format!("and {} more", changes.len() - CHANGES_SHOWN));
            }
            let names = names.join(", ");
            Some(format!(
                "this workspace is not trusted any more ({names}): {MEANS}; look at the change, then run `bailiwick trust`"
            ))
        }
        Standing::Impossible(why) => {
            Some(format!("this workspace cannot be trusted: {why}; {MEANS}"))
        }
    }
}

/// Variables that look like this program's and mean nothing to it.
fn about_variables(env: &Environment) -> Option<String> {
    let strange: Vec<String> = env
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("BAILIWICK_") && !is_config_variable(name))
        .filter(|name| !name.starts_with("BAILIWICK_SECRET_") && !OTHER_VARIABLES.contains(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if strange.is_empty() {
        return None;
    }
    let names = strange.join(", ");
    Some(format!("nothing reads {names}: a key is written like `BAILIWICK_POLICY__PROFILE`"))
}

fn dotenv_of(governed: &Governed) -> Result<Vec<Variable>, WorkspaceError> {
    let Some(content) = governed.content(ENV_FILE) else { return Ok(Vec::new()) };
    let text = std::str::from_utf8(content)
        .map_err(|_| WorkspaceError::NotText { path: PathBuf::from(ENV_FILE) })?;
    let mut variables = dotenv::parse(ENV_FILE, text).map_err(WorkspaceError::Invalid)?;
    variables.retain(|own| {
        own.name.starts_with("BAILIWICK_") || DOTENV_NAMES.contains(&own.name.as_str())
    });
    Ok(variables)
}

/// A file of the workspace, with the content that was hashed.
fn workspace_file(
    root: &Path,
    governed: &Governed,
    name: &'static str,
    trusted: bool,
) -> Result<Option<SourceFile>, WorkspaceError> {
    let path = root.join(name);
    if let Some(content) = governed.content(name) {
        return text(&path, content.to_vec())
            .map(|text| Some(SourceFile { name: name.to_owned(), text, trusted }));
    }
    match file::look(&path).map_err(|source| WorkspaceError::Read { path: path.clone(), source })? {
        None => Ok(None),
        Some(metadata) if metadata.is_file() => {
            let source = std::io::Error::other("it is too large or cannot be read");
            Err(WorkspaceError::Read { path, source })
        }
        Some(metadata) => {
            let what = file::kind(&metadata);
            Err(WorkspaceError::NotPlain { path, what, expected: "file" })
        }
    }
}

/// The file that `--config` names. It is the user's own where the workspace cannot reach it;
/// inside the workspace it counts when it is one of the files that the user trusts.
#[allow(clippy::disallowed_methods, reason = "asks where a file that the user named really lies")]
fn named_file(
    cwd: &Path,
    path: &Path,
    root: &Path,
    trusted: Option<&Governed>,
) -> Result<SourceFile, WorkspaceError> {
    let fail = |source| WorkspaceError::Read { path: path.to_owned(), source };
    let full = std::fs::canonicalize(cwd.join(path)).map_err(fail)?;
    let content = file::read(&full, CONFIG_BYTES_MAX).map_err(fail)?;
    let trusted = match full.strip_prefix(root) {
        Err(_) => true,
        Ok(inside) => trusted.zip(inside.to_str()).is_some_and(|(governed, inside)| {
            governed.files.get(inside) == Some(&crate::contracts::Hash::of(&content))
        }),
    };
    Ok(SourceFile { name: path.display().to_string(), text: text(path, content)?, trusted })
}

fn text(path: &Path, content: Vec<u8>) -> Result<String, WorkspaceError> {
    String::from_utf8(content).map_err(|_| WorkspaceError::NotText { path: path.to_owned() })
}
