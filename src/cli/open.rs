//! Opening the workspace that a command works in.

use super::{CliError, Cx, Exit};
use crate::workspace::{OpenOptions, TrustError, Workspace, WorkspaceError, open};

/// Opens the workspace that the global options name. What there is to say once stands in its
/// `notices` and `warnings`; the caller shows them.
///
/// # Errors
/// Exit code 2: no such directory, or mistakes in the configuration with their places.
pub fn open_workspace(cx: &Cx) -> Result<Workspace, CliError> {
    Ok(open(open_options(cx))?)
}

/// What the global options say about the workspace.
pub(super) fn open_options(cx: &Cx) -> OpenOptions {
    OpenOptions {
        cwd: cx.cwd.clone(),
        workspace: cx.workspace.clone(),
        config_file: cx.config_file.clone(),
        env: cx.env.clone(),
        sets: cx.sets.clone(),
    }
}

impl From<WorkspaceError> for CliError {
    fn from(error: WorkspaceError) -> Self {
        let message = error.to_string();
        match error {
            WorkspaceError::Invalid(diagnostics) => Self::usage(message).with(diagnostics).hint(
                "`docs/configuration.md` lists every key; `bailiwick config check` finds mistakes",
            ),
            WorkspaceError::Trust(error) => error.into(),
            WorkspaceError::Write { .. } => Self::new(Exit::Failed, message),
            _ => Self::usage(message),
        }
    }
}

impl From<TrustError> for CliError {
    fn from(error: TrustError) -> Self {
        let message = error.to_string();
        match error {
            TrustError::Io { .. } => Self::new(Exit::Failed, message),
            TrustError::Broken { .. } => Self::new(Exit::Integrity, message)
                .hint("remove the file if you do not know who changed it, then trust your workspaces again"),
            TrustError::Impossible(_) => Self::usage(message),
        }
    }
}
