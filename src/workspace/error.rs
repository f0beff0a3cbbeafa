//! Why a workspace could not be opened.

use std::io;
use std::path::PathBuf;

use crate::contracts::Diagnostic;

/// Why a workspace could not be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// What was named is no directory, or is not there.
    #[error("`{}` is no directory that can be used as a workspace: {source}", path.display())]
    NoDirectory {
        /// What was named.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that must be read could not be.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that must be written could not be.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A symbolic link, or something that is no file, stands where a file must.
    #[error("`{}` is {what}: a plain {expected} must stand there", path.display())]
    NotPlain {
        /// What stands there.
        path: PathBuf,
        /// Such as `a symbolic link`.
        what: &'static str,
        /// `file` or `directory`.
        expected: &'static str,
    },
    /// A file is not UTF-8 text.
    #[error("`{}` is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Mistakes in the configuration or in `.env`.
    #[error("the configuration has {} mistake{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Invalid(Vec<Diagnostic>),
    /// The record of trusted workspaces.
    #[error(transparent)]
    Trust(#[from] super::TrustError),
}
