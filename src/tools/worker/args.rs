//! The arguments, and which of them belong to which action.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::area::plain_name;
use super::super::bring;
use super::super::web::Target;
use crate::contracts::{ErrorKind, ToolError};

/// Largest download unless the call says otherwise, and at most.
const DOWNLOAD_BYTES: u64 = 64 << 20;
const DOWNLOAD_BYTES_MAX: u64 = 1 << 30;

/// Files that `scan` lists unless the call says otherwise, and at most.
const LISTED: u32 = 200;
const LISTED_MAX: u32 = 2_000;

const ARGV_MAX: usize = 1_000;
const HASH_CHARS: usize = 64;

/// Names of what is made, unless the call gives others.
pub(super) const ARCHIVE: &str = "archive";
pub(super) const TREE: &str = "tree";

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Download,
    Unpack,
    Scan,
    Build,
    Test,
    Analyse,
    Command,
}

impl Action {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Unpack => "unpack",
            Self::Scan => "scan",
            Self::Build => "build",
            Self::Test => "test",
            Self::Analyse => "analyse",
            Self::Command => "command",
        }
    }

    /// The arguments that say something for it.
    const fn takes(self) -> &'static [&'static str] {
        match self {
            Self::Download => &["url", "sha256", "blake3", "max_bytes", "name"],
            Self::Unpack => &["archive", "source", "name"],
            Self::Scan => &["tree", "workdir", "limit"],
            Self::Build | Self::Test | Self::Analyse | Self::Command => {
                &["tree", "workdir", "command", "artifacts"]
            }
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What is done. `download` takes `url sha256 blake3 max_bytes name`; `unpack` takes `archive` or
    /// `source`, and `name`; `scan` takes `tree` or `workdir`, and `limit`; `build`, `test`, `analyse` and
    /// `command` take `tree` or `workdir`, `command` and `artifacts`.
    pub(super) action: Action,
    /// Where to download from: https, or http where policy lets it.
    #[schemars(length(min = 1, max = 8192))]
    pub(super) url: Option<String>,
    /// SHA-256 that the download must have, in hex.
    #[schemars(length(min = 64, max = 64))]
    pub(super) sha256: Option<String>,
    /// BLAKE3 that the download must have, in hex.
    #[schemars(length(min = 64, max = 64))]
    pub(super) blake3: Option<String>,
    /// Largest download in bytes; 64 MiB unless given.
    #[schemars(range(min = 1, max = DOWNLOAD_BYTES_MAX))]
    pub(super) max_bytes: Option<u64>,
    /// What the download (`archive` unless given) or the unpacked directory (`tree` unless given) is
    /// called by later actions of the same run.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: Option<String>,
    /// The download to unpack; `archive` unless given.
    #[schemars(length(min = 1, max = 100))]
    pub(super) archive: Option<String>,
    /// A file of the workspace to unpack.
    #[schemars(length(min = 1))]
    pub(super) source: Option<String>,
    /// The unpacked directory to work in; `tree` unless given.
    #[schemars(length(min = 1, max = 100))]
    pub(super) tree: Option<String>,
    /// A directory of the workspace to work on. It is copied, and the copy is gone afterwards: the
    /// directory itself is never changed.
    #[schemars(length(min = 1))]
    pub(super) workdir: Option<String>,
    /// Program and arguments as a list. The program must be in the worker's list. `build`, `test` and
    /// `analyse` know a command themselves for what they find.
    #[schemars(length(min = 1, max = ARGV_MAX))]
    pub(super) command: Option<Vec<String>>,
    /// Patterns of files that come back as artifacts, relative to where the command ran. Regular files
    /// only; at most 32, 16 MiB each and 64 MiB in all.
    #[serde(default)]
    #[schemars(length(max = bring::FILES_MAX))]
    pub(super) artifacts: Vec<String>,
    /// Most files that `scan` lists; 200 unless given.
    #[schemars(range(min = 0, max = LISTED_MAX))]
    pub(super) limit: Option<u32>,
}

pub(super) fn bad(message: impl Into<String>) -> ToolError {
    ToolError::new(ErrorKind::BadArguments, message)
}

impl Args {
    /// What the schema cannot say.
    pub(super) fn check(&self) -> Result<(), ToolError> {
        self.check_belonging()?;
        let named = [("name", &self.name), ("archive", &self.archive), ("tree", &self.tree)];
        for (arg, name) in named {
            name.as_deref().map(|name| plain_name(arg, name)).transpose()?;
        }
        for (arg, hash) in [("sha256", &self.sha256), ("blake3", &self.blake3)] {
            hash.as_deref().map(|hash| check_hash(arg, hash)).transpose()?;
        }
        both("archive", &self.archive, "source", &self.source)?;
        both("tree", &self.tree, "workdir", &self.workdir)?;
        bring::glob_set(&self.artifacts)?;
        if let Some(argv) = &self.command {
            check_argv(argv)?;
        }
        match (self.action, &self.url, &self.command) {
            (Action::Download, Some(url), _) => Target::parse(url).map(drop),
            (Action::Download, None, _) => Err(bad("`download` needs a `url`")),
            (Action::Command, _, None) => Err(bad("`command` needs a `command`")),
            _ => Ok(()),
        }
    }

    /// An argument that would say nothing is a mistake.
    fn check_belonging(&self) -> Result<(), ToolError> {
        let given = [
            ("url", self.url.is_some()),
            ("sha256", self.sha256.is_some()),
            ("blake3", self.blake3.is_some()),
            ("max_bytes", self.max_bytes.is_some()),
            ("name", self.name.is_some()),
            ("archive", self.archive.is_some()),
            ("source", self.source.is_some()),
            ("tree", self.tree.is_some()),
            ("workdir", self.workdir.is_some()),
            ("command", self.command.is_some()),
            ("artifacts", !self.artifacts.is_empty()),
            ("limit", self.limit.is_some()),
        ];
        let takes = self.action.takes();
        match given.iter().find(|(arg, given)| *given && !takes.contains(arg)) {
            None => Ok(()),
            Some((arg, _)) => {
                let (action, takes) = (self.action.as_str(), takes.join("`, `"));
                Err(bad(format!("action `{action}` takes no `{arg}`; it takes `{takes}`")))
            }
        }
    }

    pub(super) fn download_name(&self) -> &str {
        self.name.as_deref().unwrap_or(ARCHIVE)
    }

    pub(super) fn new_tree(&self) -> &str {
        self.name.as_deref().unwrap_or(TREE)
    }

    pub(super) fn archive(&self) -> &str {
        self.archive.as_deref().unwrap_or(ARCHIVE)
    }

    pub(super) fn tree(&self) -> &str {
        self.tree.as_deref().unwrap_or(TREE)
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes.unwrap_or(DOWNLOAD_BYTES)
    }

    pub(super) fn listed_max(&self) -> usize {
        usize::try_from(self.limit.unwrap_or(LISTED)).unwrap_or(usize::MAX)
    }
}

fn both(
    one: &str,
    first: &Option<String>,
    other: &str,
    second: &Option<String>,
) -> Result<(), ToolError> {
    match first.is_some() && second.is_some() {
        true => Err(bad(format!("give `{one}` or `{other}`, not both"))),
        false => Ok(()),
    }
}

fn check_hash(arg: &str, hash: &str) -> Result<(), ToolError> {
    let hex = hash.len() == HASH_CHARS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hex {
        true => Ok(()),
        false => Err(bad(format!("argument `{arg}` is no hash: 64 hexadecimal digits"))),
    }
}

fn check_argv(argv: &[String]) -> Result<(), ToolError> {
    if argv.first().is_none_or(String::is_empty) {
        return Err(bad("argument `command` names no program"));
    }
    match argv.iter().any(|word| word.contains('\0')) {
        true => Err(bad("argument `command` has a NUL character, which no command can be given")),
        false => Ok(()),
    }
}
