//! What the actions answer. One shape for all of them: what an action says nothing about is left out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::bring::Brought;
use super::cell::{Dependency, Finding, Listed, Scanned, Unpacked};

#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// What was done.
    pub(super) action: String,
    /// `download`: what it is called now. `unpack`, and what works in a tree: the tree.
    pub(super) name: String,
    /// `download`: where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// `download`: what the other side says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    /// `download`: its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// `download`: its BLAKE3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blake3: Option<String>,
    /// `unpack`: `tar.gz`, `zip` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    /// Bytes of the download, or of all files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// `unpack`, `scan`: regular files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<u64>,
    /// `unpack`, `scan`: directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dirs: Option<u64>,
    /// `unpack`, `scan`: symbolic links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) links: Option<u64>,
    /// `unpack`: files that were to run as another user, and now do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stripped: Option<Vec<String>>,
    /// `scan`: how many files there are of each kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kinds: Option<BTreeMap<String, u64>>,
    /// `scan`: the first files by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listed: Option<Vec<Listed>>,
    /// `scan`: what lock files and requirements name; at most 2000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dependencies: Option<Vec<Dependency>>,
    /// `scan`: how many of them there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dependencies_total: Option<u64>,
    /// `scan`: what a person should look at; at most 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) findings: Option<Vec<Finding>>,
    /// `scan`: how many of them there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) findings_total: Option<u64>,
    /// The command that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    /// Its status; left out when it was ended from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
    /// Its standard output as text; what is not UTF-8 is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stdout: Option<String>,
    /// Its standard error, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stderr: Option<String>,
    /// Files that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifacts: Option<Vec<Brought>>,
    /// Whether something is not in the lists.
    pub(super) truncated: bool,
}

impl Data {
    pub(super) fn unpacked(self, unpacked: Unpacked) -> Self {
        let Unpacked { format, files, dirs, links, bytes, stripped } = unpacked;
        Self {
            format: Some(format),
            files: Some(files),
            dirs: Some(dirs),
            links: Some(links),
            bytes: Some(bytes),
            stripped: Some(stripped),
            ..self
        }
    }

    pub(super) fn scanned(self, scanned: Scanned) -> Self {
        Self {
            files: Some(scanned.files),
            dirs: Some(scanned.dirs),
            links: Some(scanned.links),
            bytes: Some(scanned.bytes),
            kinds: Some(scanned.kinds),
            listed: Some(scanned.listed),
            dependencies: Some(scanned.dependencies),
            dependencies_total: Some(scanned.dependencies_total),
            findings: Some(scanned.findings),
            findings_total: Some(scanned.findings_total),
            truncated: scanned.truncated,
            ..self
        }
    }
}
