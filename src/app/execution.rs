//! Changing the run-time override, `config/execution_layer_config.json`, for people.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use rustix::fs::FlockOperation;

use crate::config::{Resolved, Setting};
use crate::contracts::{Diagnostic, ExecutionFile, Timestamp};
use crate::durable::replace;
use crate::orchestrator::{Change, ChangeError, execution_config};
use crate::ports::Vocabulary;
use crate::workspace::{OVERRIDE_FILE, Workspace};

/// The mode of a new file.
const MODE: u32 = 0o644;

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switched {
    /// Whether the file says something else now.
    pub changed: bool,
}

/// Changes the run-time override of a workspace, durably; everything else in the file stays. A process
/// that holds the workspace takes it over before it decides the next time.
///
/// # Errors
/// Why the file was left as it is.
pub fn change_overrides(
    workspace: &Workspace,
    tools: &Vocabulary,
    change: &Change,
    now: Timestamp,
) -> Result<Switched, ChangeError> {
    let path = workspace.override_path();
    let dir = path.parent().unwrap_or(&workspace.root);
    fs::create_dir_all(dir).map_err(failed)?;
    // Two of us at once would each lose what the other changed.
    let lock = fs::File::open(dir).map_err(failed)?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(failed)?;
    let read = workspace.read_override().map_err(failed)?;
    let trusted = workspace.trusted && read.trusted;
    let before = parsed(workspace, read.text.as_deref(), trusted)?;
    let mut file = before.clone();
    match change {
        Change::Settings(change) => file.apply(change),
        Change::Tool(name, on) => switch(workspace, tools, &mut file, name, *on),
    }
    if file == before {
        return Ok(Switched { changed: false });
    }
    let mut text = serde_json::to_string_pretty(&file).map_err(failed)?;
    text.push('\n');
    let resolved = workspace.with_override(Some((text.clone(), trusted)));
    counts(&resolved.map_err(ChangeError::Invalid)?, tools, change)?;
    let mode = match fs::symlink_metadata(&path) {
        Ok(found) => found.permissions().mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => MODE,
        Err(error) => return Err(failed(error)),
    };
    replace(&path, text.as_bytes(), mode).map_err(failed)?;
    if trusted {
        workspace.trust_again(&read.governed, now).map_err(failed)?;
    }
    Ok(Switched { changed: true })
}

fn failed(error: impl std::fmt::Display) -> ChangeError {
    ChangeError::Io { file: OVERRIDE_FILE.to_owned(), why: error.to_string() }
}

/// What the file says. One with mistakes is not taken apart: what somebody meant would be lost.
fn parsed(
    workspace: &Workspace,
    text: Option<&str>,
    trusted: bool,
) -> Result<ExecutionFile, ChangeError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let sound = workspace.with_override(text.map(|text| (text.to_owned(), trusted)));
    if let Some(first) = sound.err().and_then(|mistakes| mistakes.into_iter().next()) {
        let (file, why) = (OVERRIDE_FILE.to_owned(), first.message);
        return Err(ChangeError::Broken { file, why });
    }
    text.map_or_else(|| Ok(ExecutionFile::default()), serde_json::from_str).map_err(|error| {
        ChangeError::Broken { file: OVERRIDE_FILE.to_owned(), why: error.to_string() }
    })
}

/// What the layers below say already needs no word here.
fn switch(
    workspace: &Workspace,
    tools: &Vocabulary,
    file: &mut ExecutionFile,
    name: &str,
    on: bool,
) {
    let below = match workspace.base.get(&format!("tools.enabled.{name}")) {
        Some(Setting::Bool(on)) => Some(*on),
        _ => tools.get(name).map(|tool| tool.enabled),
    };
    if below == Some(on) {
        file.tool_enabled.remove(name);
    } else {
        file.tool_enabled.insert(name.to_owned(), on);
    }
}

/// Whether what was wanted would be in force. In a workspace that nobody vouches for it may not be.
fn counts(resolved: &Resolved, tools: &Vocabulary, change: &Change) -> Result<(), ChangeError> {
    let in_force = match change {
        Change::Tool(name, on) => {
            let by_config = resolved.config.tools.enabled.get(name).copied();
            let is_on = by_config.or_else(|| tools.get(name).map(|tool| tool.enabled));
            is_on.is_none_or(|is_on| is_on == *on)
        }
        Change::Settings(change) => {
            let mut wanted = ExecutionFile::default();
            wanted.apply(change);
            let is = execution_config(&resolved.config);
            wanted.approval_mode.is_none_or(|it| it == is.approval_mode)
                && wanted
                    .require_approval_for_risky
                    .is_none_or(|it| it == is.require_approval_for_risky)
                && wanted.max_steps_per_run.is_none_or(|it| it == is.max_steps_per_run)
                && wanted.max_retries_per_tool.is_none_or(|it| it == is.max_retries_per_tool)
                && wanted.dry_run_default.is_none_or(|it| it == is.dry_run_default)
                && wanted.prefer_sandbox.is_none_or(|it| it == is.prefer_sandbox)
        }
    };
    if in_force {
        return Ok(());
    }
    let why = about_override(resolved).into_iter().next().map(|it| it.message);
    let why = why.unwrap_or_else(|| "another layer of the configuration decides".to_owned());
    Err(ChangeError::NotTrusted(format!(
        "{why}; look at what governs the runner, then run `bailiwick trust`"
    )))
}

/// What of the run-time override does not count.
pub(super) fn about_override(resolved: &Resolved) -> Vec<Diagnostic> {
    resolved.warnings.iter().filter(|it| it.file == OVERRIDE_FILE).cloned().collect()
}
