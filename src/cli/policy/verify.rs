//! `policy verify`: whether a directory of rules is as somebody signed it whom you trust.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::live::read_signed;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory of rules; the workspace's where none is named.
    dir: Option<PathBuf>,
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (dir, shown) = directory(args.dir.as_deref(), cx, inputs)?;
    let signing = &inputs.dirs.signing;
    let (key, files) = read_signed(&dir, &shown, signing).map_err(|wrong| {
        let message = format!("the signature of `{shown}` does not hold");
        CliError::new(Exit::Integrity, message).with(wrong)
    })?;
    if cx.json {
        let (name, key) = (&key.name, key.key.to_string());
        output::json(out, &json!({ "signed_by": name, "key": key, "files": files }))?;
    } else {
        output::line(out, format_args!("{files} files signed by {} ({})", key.name, key.key))?;
    }
    Ok(Exit::Done)
}

/// The directory that is meant, and what people call it.
pub(super) fn directory(
    named: Option<&Path>,
    cx: &Cx,
    inputs: &PolicyInputs,
) -> Result<(PathBuf, String), CliError> {
    let (dir, shown) = match (named, &inputs.dirs.workspace) {
        (Some(dir), _) => (cx.cwd.join(dir), dir.display().to_string()),
        (None, Some(dir)) => (dir.clone(), "policies".to_owned()),
        (None, None) => return Err(CliError::usage("name the directory of rules")),
    };
    if !dir.is_dir() {
        return Err(CliError::usage(format!("there is no directory `{shown}`")));
    }
    Ok((dir, shown.trim_end_matches('/').to_owned()))
}
