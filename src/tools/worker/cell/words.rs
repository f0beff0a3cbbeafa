//! What is said between the tool and its helper in the cell.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(in crate::tools::worker) use super::super::super::cell::{Refusal, Why};
use super::inventory::Scanned;

/// What the helper is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::tools::worker) enum Request {
    /// Take an archive apart into an empty directory.
    Unpack {
        /// The archive.
        archive: PathBuf,
        /// The directory; empty.
        into: PathBuf,
        /// How much of it there may be.
        limits: Limits,
    },
    /// Take stock of a directory.
    Scan {
        /// The directory.
        tree: PathBuf,
        /// Most files that are listed.
        listed_max: usize,
    },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::tools::worker) enum Reply {
    /// All of it is in the directory.
    Unpacked(Unpacked),
    /// What there is.
    Scanned(Box<Scanned>),
    /// It was not done.
    Refused(Refusal),
}

/// Bounds of what comes out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Limits {
    /// Entries, directories that are only implied among them.
    pub(in crate::tools::worker) entries: u64,
    /// Bytes in all.
    pub(in crate::tools::worker) bytes: u64,
    /// Bytes of one file.
    pub(in crate::tools::worker) file_bytes: u64,
    /// How many times larger than the archive what comes out may be.
    pub(in crate::tools::worker) ratio: u64,
    /// Bytes that may come out whatever the ratio.
    pub(in crate::tools::worker) ratio_free_bytes: u64,
    /// Bytes of a path.
    pub(in crate::tools::worker) path_bytes: usize,
    /// Names of a path.
    pub(in crate::tools::worker) depth: usize,
}

/// What an archive held.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::worker) struct Unpacked {
    /// `tar.gz`, `zip` and so on.
    pub(in crate::tools::worker) format: String,
    /// Regular files, hard links among them.
    pub(in crate::tools::worker) files: u64,
    /// Directories.
    pub(in crate::tools::worker) dirs: u64,
    /// Symbolic links.
    pub(in crate::tools::worker) links: u64,
    /// Bytes of the files.
    pub(in crate::tools::worker) bytes: u64,
    /// Files that were to run as another user: they do not. At most 100.
    pub(in crate::tools::worker) stripped: Vec<String>,
}
