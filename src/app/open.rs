//! A workspace, opened: what there is to say about it, its paths, its tools and its playbooks.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::cells::WITHOUT_VARIABLE;
use super::declared::Declared;
use crate::cli::{CliError, Cx, open_workspace};
use crate::config::without_others;
use crate::contracts::Hash;
use crate::identity::Tokens;
use crate::live::LivePolicy;
use crate::live::playbooks::{Catalogue, Entry, FindError, load};
use crate::orchestrator::{memory_consolidate, memory_kv, memory_pin};
use crate::playbook::LintLimits;
use crate::ports::Vocabulary;
use crate::workspace::Workspace;

/// A workspace and what can be done in it.
#[derive(Debug)]
pub struct App {
    /// The workspace.
    pub workspace: Workspace,
    /// The tools that it declares, once somebody looks.
    pub(super) declared: OnceLock<Declared>,
}

impl App {
    /// Opens the workspace that the global options name, and says once what there is to say.
    ///
    /// # Errors
    /// When there is no such directory, or its configuration has mistakes.
    pub fn open(cx: &Cx) -> Result<Self, CliError> {
        let workspace = open_workspace(cx)?;
        if workspace.root.to_str().is_none() {
            let shown = workspace.root.display();
            return Err(CliError::usage(format!(
                "the path of the workspace is not UTF-8: `{shown}`"
            ))
            .hint("the journal names files by their paths: rename the directory"));
        }
        Ok(Self { workspace, declared: OnceLock::new() })
    }

    /// What a person should be told once before something is run: trust, values of files that do not
    /// count, mistakes in rules.
    #[must_use]
    pub fn notices(&self, policy: &LivePolicy) -> Vec<String> {
        let workspace = &self.workspace;
        let warnings = workspace.warnings.iter().map(|warning| format!("warning: {warning}"));
        let broken = policy
            .errors()
            .into_iter()
            .map(|error| format!("warning: these rules are not in force: {error}"));
        let mistakes = self
            .declared_mistakes()
            .iter()
            .map(|mistake| format!("warning: this tool is not in use: {mistake}"));
        let absent = self.declared_notices().iter().map(|notice| format!("warning: {notice}"));
        workspace
            .notices
            .iter()
            .map(|notice| format!("note: {notice}"))
            .chain(warnings)
            .chain(broken)
            .chain(mistakes)
            .chain(absent)
            .collect()
    }

    /// Names exactly this configuration: processes that share a host must agree on it.
    #[must_use]
    pub fn config_hash(&self) -> Hash {
        // The run-time override is kept up by whoever holds the workspace: it is no part of this.
        let Workspace { base, trusted, env, provenance, .. } = &self.workspace;
        // Where a shell has its Ollama is no setting of the workspace: the process that holds it has its own.
        let base = without_others(base, provenance);
        let declared = self.declared_hash();
        let values = format!("{base:?} {trusted} {:?} {declared}", env.get(WITHOUT_VARIABLE));
        Hash::of(values.as_bytes())
    }

    /// The host's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.workspace.state_dir.join("host.sock")
    }

    /// The socket of the daemon's API.
    #[must_use]
    pub fn api_socket(&self) -> PathBuf {
        self.workspace.state_dir.join("api.sock")
    }

    /// The tokens of callers.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        Tokens::of(&self.workspace.state_dir)
    }

    /// The audit file.
    #[must_use]
    pub fn audit_path(&self) -> PathBuf {
        self.workspace.root.join("logs/tools_audit.jsonl")
    }

    /// The tools that playbooks may call.
    #[must_use]
    pub fn tools(&self) -> Vocabulary {
        self.toolbox().vocabulary()
    }

    /// What policy decides about: the tools, and what the program does beside them.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let tools = self.tools();
        let tools = tools.tools().map(|tool| tool.as_ref().clone());
        Vocabulary::new(tools.chain([memory_consolidate(), memory_pin(), memory_kv()]))
    }

    /// The playbooks of the workspace, or those inside the program where it has none.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn playbooks(&self) -> Result<Catalogue, CliError> {
        let limits = LintLimits::from(&self.workspace.config);
        Catalogue::read(&self.workspace.root, &self.tools(), &limits).map_err(find_error)
    }

    /// The playbook that `name` means: a file from `cwd`, or one of the workspace's.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_playbook(&self, name: &str, cwd: &Path) -> Result<Entry, CliError> {
        // A bare name means a playbook of the workspace, whatever files lie around.
        let path = cwd.join(name);
        let is_path = name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml");
        if is_path && path.is_file() {
            let limits = LintLimits::from(&self.workspace.config);
            return Ok(load(&path, name, &self.tools(), &limits, &self.playbooks()?));
        }
        self.playbooks()?.find(name).cloned().map_err(find_error)
    }
}

fn find_error(error: FindError) -> CliError {
    CliError::usage(error.to_string()).hint("see what there is: bailiwick playbook ls")
}
