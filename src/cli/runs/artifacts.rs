//! `runs artifacts`: the files that a run produced.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::remote::{Place, ask, wait_for};
use super::super::{CliError, Cx, Exit, client_error, output};
use super::find;
use crate::client::Request;
use crate::contracts::{ArtifactList, ArtifactView, Hash, RunId};

/// Mode of a file that is fetched.
pub(super) const MODE: u32 = 0o644;

/// Which run, and which of its files.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The run's id, or its first characters; the newest run when absent
    run: Option<String>,
    /// Fetch this file, by its name or its hash
    #[arg(long, value_name = "NAME|HASH")]
    get: Option<String>,
    /// Where to write it; to standard output when absent
    #[arg(long, value_name = "FILE", requires = "get")]
    out: Option<PathBuf>,
    /// Write every file into a directory of the run's own below this one, with a `metadata.json`
    #[arg(long, value_name = "DIR", conflicts_with = "get")]
    save: Option<PathBuf>,
}

/// Lists the files, or fetches one.
///
/// # Errors
/// When there is no such run or file, or it cannot be written.
pub(super) fn run(
    place: &Place,
    wanted: Wanted,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run = find(place, wanted.run.as_deref())?;
    let items = listed(place, run)?;
    if let Some(dir) = wanted.save {
        let content = |it: &ArtifactView| content(place, run, it);
        return super::keep::save(&cx.cwd.join(dir), run, &items, content, cx, out);
    }
    let Some(name) = wanted.get else { return list(&items, cx, out) };
    let chosen = chosen(&items, &name, run)?;
    let content = content(place, run, chosen)?;
    let Some(path) = wanted.out else {
        out.write_all(&content).map_err(|error| unwritten("standard output", &error))?;
        return Ok(Exit::Done);
    };
    let path = cx.cwd.join(path);
    crate::durable::replace(&path, &content, MODE)
        .map_err(|error| unwritten(&path.display().to_string(), &error))?;
    said(&path, chosen, cx, out)
}

pub(super) fn unwritten(what: &str, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Failed, format!("`{what}` cannot be written: {error}"))
}

fn said(path: &Path, it: &ArtifactView, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, &json!({ "file": path, "artifact": it }))?;
    } else {
        output::line(out, format_args!("{} ({} bytes)", path.display(), it.bytes))?;
    }
    Ok(Exit::Done)
}

fn listed(place: &Place, run: RunId) -> Result<Vec<ArtifactView>, CliError> {
    match (place, place.app()) {
        (Place::Named(client), _) => {
            let id = run.to_string();
            Ok(ask::<ArtifactList>(client, Request::get(&["runs", &id, "artifacts"]))?.items)
        }
        (_, Some(app)) => {
            Ok(app.history()?.artifacts(run)?.into_iter().map(|it| it.view).collect())
        }
        _ => Err(CliError::usage("there is no workspace")),
    }
}

fn list(items: &[ArtifactView], cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, &json!({ "items": items }))?;
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        output::line(out, "it produced no files")?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["NAME", "BYTES", "MEDIA TYPE", "STEP", "HASH"].map(str::to_owned)];
    rows.extend(items.iter().map(|it| {
        let hash = if it.forgotten { "forgotten".to_owned() } else { it.hash.to_string() };
        [it.name.clone(), it.bytes.to_string(), it.media_type.clone(), it.step.clone(), hash]
    }));
    output::table(out, &rows).map(|()| Exit::Done)
}

/// The file that is meant: by its hash, or by a name that only one content has.
fn chosen<'a>(
    items: &'a [ArtifactView],
    name: &str,
    run: RunId,
) -> Result<&'a ArtifactView, CliError> {
    let hint = "list them: bailiwick runs artifacts";
    if let Ok(hash) = name.parse::<Hash>()
        && let Some(found) = items.iter().find(|it| it.hash == hash)
    {
        return Ok(found);
    }
    let mut named = items.iter().filter(|it| it.name == name);
    let shown = name.escape_debug();
    let first = named
        .next()
        .ok_or_else(|| CliError::usage(format!("`{run}` produced no `{shown}`")).hint(hint))?;
    if named.any(|it| it.hash != first.hash) {
        let message = format!("`{run}` produced several files `{shown}`: name one by its hash");
        return Err(CliError::usage(message).hint(hint));
    }
    Ok(first)
}

fn content(place: &Place, run: RunId, chosen: &ArtifactView) -> Result<Vec<u8>, CliError> {
    let hash = chosen.hash.to_string();
    let content = match (place, place.app()) {
        (Place::Named(client), _) => {
            let path = ["artifacts", &hash];
            let request = Request::get(&path);
            wait_for(async { client.bytes(&request).await.map_err(client_error) })?
        }
        (_, Some(app)) => {
            let history = app.history()?;
            let all = history.artifacts(run)?;
            let found = all.iter().find(|it| it.view.hash == chosen.hash && !it.view.forgotten);
            let forgotten = || CliError::new(Exit::Failed, "its content was forgotten on purpose");
            history.content(found.ok_or_else(forgotten)?)?
        }
        _ => return Err(CliError::usage("there is no workspace")),
    };
    if Hash::of(&content) != chosen.hash {
        return Err(CliError::new(Exit::Integrity, format!("`{hash}` does not have this content")));
    }
    Ok(content)
}
