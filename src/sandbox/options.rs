//! What a sandbox needs to know about the program it is part of.

use std::path::PathBuf;

/// How cells are made.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The `bailiwick` binary, started again as the helper of a cell.
    pub helper: PathBuf,
    /// Layers without which nothing is started, beside those that are always required. A name
    /// that this build does not know is a layer it does not have, so nothing starts.
    pub require: Vec<String>,
    /// Where the private directory of each command is made.
    pub scratch: PathBuf,
}

impl SandboxOptions {
    /// Cells made by the running program itself.
    ///
    /// On Linux the helper is `/proc/self/exe`, not the name behind it: the link still leads to
    /// the running version when the file was replaced by an upgrade, or removed.
    #[must_use]
    pub fn this_program(require: Vec<String>) -> Self {
        Self { helper: PathBuf::from("/proc/self/exe"), require, scratch: std::env::temp_dir() }
    }
}
