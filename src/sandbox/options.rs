//! What a sandbox needs to know about the program it is part of.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// How cells are made.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The `bailiwick` binary, started again as the helper of a cell.
    pub helper: PathBuf,
    /// Layers without which nothing is started, beside those that are always required. A name
    /// that this build does not know is a layer it does not have, so nothing starts.
    pub require: Vec<String>,
    /// What becomes of a command when a layer of `require` is not to be had.
    pub on_missing: OnMissing,
    /// Layers that are treated as if this machine had none of them: to see what would happen there.
    pub without: Vec<String>,
    /// Addresses that the proxy may connect to for a host although they are no public ones.
    pub allow_addresses: BTreeMap<String, Vec<IpAddr>>,
    /// Whether protected names that do not exist are kept from being made by answering the calls
    /// that make names, which lets a command make everything else beside them.
    pub seal_names: bool,
    /// Where the private directory of each command is made.
    pub scratch: PathBuf,
}

/// What becomes of a command when the machine lacks a required layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMissing {
    /// It is not started.
    #[default]
    Refuse,
    /// It runs behind the layers that are there, and its receipt names the others.
    Degrade,
}

impl SandboxOptions {
    /// Cells made by the running program itself.
    ///
    /// On Linux the helper is `/proc/self/exe`, not the name behind it: the link still leads to
    /// the running version when the file was replaced by an upgrade, or removed.
    #[must_use]
    pub fn this_program(require: Vec<String>) -> Self {
        Self {
            helper: PathBuf::from("/proc/self/exe"),
            require,
            on_missing: OnMissing::default(),
            without: Vec::new(),
            allow_addresses: BTreeMap::new(),
            seal_names: false,
            scratch: std::env::temp_dir(),
        }
    }
}
