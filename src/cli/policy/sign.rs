//! `policy sign`: a signature over every file of a directory of rules, and keys to make it with.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::verify::directory;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::durable::replace;
use crate::live::{Signing, read_rules};
use crate::policy::{MANIFEST_FILE, PrivateKey, sign};

/// Largest key file, in bytes.
const KEY_BYTES_MAX: u64 = 4_096;
/// For everybody to read: a manifest is part of the rules.
const READABLE: u32 = 0o644;

/// What to sign, and with what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file of the private key.
    #[arg(long, value_name = "FILE", required_unless_present = "new_key")]
    key: Option<PathBuf>,
    /// Makes a new key in this file, which must not be there yet, and prints its public part.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "dir"])]
    new_key: Option<PathBuf>,
    /// The directory of rules; the workspace's where none is named.
    dir: Option<PathBuf>,
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if let Some(path) = &args.new_key {
        return new_key(&cx.cwd.join(path), cx, out);
    }
    let key = args.key.as_ref().ok_or_else(|| CliError::usage("name the key with `--key FILE`"))?;
    let key = read_key(&cx.cwd.join(key))?;
    let (dir, shown) = directory(args.dir.as_deref(), cx, inputs)?;
    let (sources, mistakes) = read_rules(&dir, &shown);
    if !mistakes.is_empty() {
        return Err(CliError::usage("this directory cannot be signed").with(mistakes));
    }
    let failed = |why: String| CliError::new(Exit::Failed, format!("cannot sign: {why}"));
    let text = sign(&sources, &key).to_text().map_err(|error| failed(error.to_string()))?;
    let path = dir.join(MANIFEST_FILE);
    replace(&path, text.as_bytes(), READABLE)
        .map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
    let public = key.public().to_string();
    if cx.json {
        output::json(out, &json!({ "files": sources.len(), "key": public }))?;
    } else {
        let files = sources.len();
        output::line(
            out,
            format_args!("{files} files signed in {shown}/{MANIFEST_FILE} with {public}"),
        )?;
    }
    Ok(Exit::Done)
}

fn new_key(path: &Path, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let key = PrivateKey::from_seed(&cx.clock.salt());
    let failed = |error: io::Error| {
        let message = format!("no key can be made in `{}`: {error}", path.display());
        match error.kind() {
            io::ErrorKind::AlreadyExists => CliError::usage(message),
            _ => CliError::new(Exit::Failed, message),
        }
    };
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(key.to_text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let public = key.public().to_string();
    if cx.json {
        output::json(out, &json!({ "key": public }))?;
    } else {
        output::line(out, &public)?;
        let keys = Signing::KEYS;
        output::note(&format!("trust it with this line and a name behind it in your `{keys}`"));
    }
    Ok(Exit::Done)
}

/// A key that others can read signs nothing.
fn read_key(path: &Path) -> Result<PrivateKey, CliError> {
    let shown = path.display();
    let wrong = |why: &str| CliError::usage(format!("the key `{shown}` cannot be used: {why}"));
    let found = fs::metadata(path).map_err(|error| wrong(&error.to_string()))?;
    if !found.is_file() {
        return Err(wrong("it is no regular file"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(wrong("others can read it").hint(format!("chmod 600 {shown}")));
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| wrong(&error.to_string()))?;
    file.take(KEY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| wrong(&error.to_string()))?;
    text.parse().map_err(|error: crate::policy::KeyError| wrong(&error.to_string()))
}
