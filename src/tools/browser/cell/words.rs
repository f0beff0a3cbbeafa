//! The request and the reply.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::args::Step;
use super::super::data::Done;
use crate::contracts::{ListedHost, ToolError};

/// What a browser is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Request {
    /// The browser.
    pub(in crate::tools::browser) browser: PathBuf,
    /// What speaks WebDriver for it.
    pub(in crate::tools::browser) driver: PathBuf,
    /// The first page.
    pub(in crate::tools::browser) url: String,
    /// What is done then.
    pub(in crate::tools::browser) steps: Vec<Step>,
    /// Hosts whose pages count; the proxy knows the same ones.
    pub(in crate::tools::browser) hosts: Vec<ListedHost>,
    /// How long a step may take, in milliseconds.
    pub(in crate::tools::browser) step_ms: u64,
    /// How long all of them may take, in milliseconds.
    pub(in crate::tools::browser) all_ms: u64,
    /// Most bytes of what is read.
    pub(in crate::tools::browser) bytes_max: u64,
}

/// What became of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Reply {
    pub(in crate::tools::browser) url: String,
    pub(in crate::tools::browser) title: String,
    pub(in crate::tools::browser) steps: Vec<Done>,
    pub(in crate::tools::browser) extracted: BTreeMap<String, Vec<String>>,
    /// Names of files in the directory of the call.
    pub(in crate::tools::browser) screenshots: Vec<String>,
    pub(in crate::tools::browser) dialogs: Vec<String>,
    pub(in crate::tools::browser) popups: Vec<String>,
    /// Whether some of what was read was left out.
    pub(in crate::tools::browser) truncated: bool,
    /// Why not everything was done.
    pub(in crate::tools::browser) error: Option<ToolError>,
}
