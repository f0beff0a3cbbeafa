//! `download`: a file of the web becomes a file of the workspace, whole or not at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http_get::from_the_web;
use super::save::{Saved, Source};
use super::target::Target;
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor, Undo};
use crate::tools::fs::Existing;
use crate::tools::one_file::{self, FILE_BYTES_MAX};
use crate::tools::turns::Stage;
use crate::tools::typed::{Answer, Call, Typed, about, path_arg};

/// Largest file, unless the call allows less: what is larger could not be undone.
const BYTES_MAX: u64 = FILE_BYTES_MAX;

pub(in crate::tools) struct Download;

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Mode {
    Create,
    #[default]
    Overwrite,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What to get: https, or http where policy lets it. Redirects are followed on the same host only.
    #[schemars(length(min = 1, max = 8192))]
    url: String,
    /// The file; relative to the workspace, or absolute. Missing directories are made.
    #[schemars(length(min = 1))]
    path: String,
    /// `create` refuses to touch a file that exists; `overwrite` replaces it.
    #[serde(default)]
    mode: Mode,
    /// SHA-256 that the file must have, in hex.
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9A-Fa-f]*$"))]
    sha256: Option<String>,
    /// BLAKE3 that the file must have, in hex.
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9A-Fa-f]*$"))]
    blake3: Option<String>,
    /// Largest file in bytes; 16 MiB unless given, which is the most. Larger ones are for `sandbox_worker_run`.
    #[schemars(range(min = 1, max = BYTES_MAX))]
    max_bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// The file, relative to the workspace where it lies in it.
    path: String,
    /// Whether it was not there before.
    created: bool,
    /// Its size in bytes.
    bytes: u64,
    /// Where it came from, after redirects.
    url: String,
    /// What the other side says it is.
    media_type: String,
    /// Its SHA-256.
    sha256: String,
    /// Its BLAKE3.
    blake3: String,
}

impl Args {
    fn source(&self) -> Result<Source<'_>, ToolError> {
        Ok(Source {
            target: Target::parse(&self.url)?,
            bytes_max: self.max_bytes.unwrap_or(BYTES_MAX),
            sha256: self.sha256.as_deref(),
            blake3: self.blake3.as_deref(),
        })
    }
}

impl Typed for Download {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Gets one file over HTTP and writes it into the workspace, atomically; the old \
                    content is kept for undo. The bytes stay as they come.";
        ToolDescriptor {
            timeout_ms: 300_000,
            ..from_the_web(ToolDescriptor {
                paths: path_arg("path", PathAccess::Write),
                undoable: true,
                sinks: ["url", "path"].map(str::to_owned).to_vec(),
                ..about("download", Risk::Medium, CallEffect::Idempotent, what)
            })
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        Target::parse(&args.url).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let (url, path) = (args.url.escape_debug(), args.path.escape_debug());
        let bytes = args.max_bytes.unwrap_or(BYTES_MAX);
        let how = match args.mode {
            Mode::Create => "create",
            Mode::Overwrite => "replace",
        };
        format!(
            "would get `{url}`, at most {bytes} bytes and nothing from another host, and {how} `{path}` \
             with it"
        )
    }

    fn snapshot(&self, args: &Args, at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        // What may not be written is not fetched.
        let path = at.jail.absolute(&args.path)?;
        at.jail.place(&path)?.current(FILE_BYTES_MAX)?;
        let saved = args.source()?.get(at)?;
        let place = one_file::turn(&args.path, at, Stage::Keeping)?;
        let before = place.current(FILE_BYTES_MAX)?;
        saved.keep(at)?;
        Ok(Some(one_file::keep(&place, before, &saved.bytes, at)))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        at.watch.check()?;
        let path = at.jail.absolute(&args.path)?;
        at.jail.place(&path)?;
        let Saved { about, bytes } = match Saved::take(at)? {
            Some(saved) => saved,
            None => args.source()?.get(at)?,
        };
        let place = one_file::turn(&args.path, at, Stage::Writing)?;
        one_file::unchanged(&place, at)?;
        let existing = match args.mode {
            Mode::Create => Existing::Refuse,
            Mode::Overwrite => Existing::Replace,
        };
        let (place, created) = one_file::put(place, &bytes, existing, at)?;
        Ok(Answer::of(Data {
            path: at.jail.relative_to_workspace(&place.real()),
            created,
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            url: about.url,
            media_type: about.media_type,
            sha256: about.sha256,
            blake3: about.blake3,
        }))
    }
}
