//! `runs artifacts --save`: the files of a run in a directory, with what is known about each.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::super::{CliError, Cx, Exit, output};
use super::artifacts::{MODE, unwritten};
use crate::contracts::{ArtifactView, Hash, RunId, SCHEMA_VERSION};

/// What is known about the files.
const METADATA: &str = "metadata.json";
/// Longest name of a file, in characters.
const NAME_CHARS: usize = 120;

/// A file, as `metadata.json` tells of it.
#[derive(Debug, Serialize)]
struct Saved<'a> {
    /// Where it is, in the directory; absent when its content was forgotten.
    file: Option<String>,
    /// What the tool called it.
    name: &'a str,
    hash: Hash,
    bytes: u64,
    media_type: &'a str,
    /// What it came from.
    source: serde_json::Value,
    labels: &'a [String],
    /// What the call was planned for, where a model planned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Words that the model found for what the goal came to.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
}

/// Writes every file below `dir`, in a directory with the run's name.
///
/// # Errors
/// When a content cannot be read, or a file cannot be written.
pub(super) fn save(
    dir: &Path,
    run: RunId,
    items: &[ArtifactView],
    content: impl Fn(&ArtifactView) -> Result<Vec<u8>, CliError>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let dir = dir.join(run.to_string());
    let failed = |path: &Path, error| unwritten(&path.display().to_string(), &error);
    std::fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
    let mut saved = Vec::with_capacity(items.len());
    for (place, it) in items.iter().enumerate() {
        let file = (!it.forgotten).then(|| file_name(place + 1, &it.name));
        if let Some(file) = &file {
            let path = dir.join(file);
            crate::durable::replace(&path, &content(it)?, MODE)
                .map_err(|error| failed(&path, error))?;
        }
        saved.push(Saved {
            file,
            name: &it.name,
            hash: it.hash,
            bytes: it.bytes,
            media_type: &it.media_type,
            source: json!({ "run": run, "step": it.step, "call": it.call_id }),
            labels: &it.labels,
            description: it.description.as_deref(),
            tags: &it.tags,
        });
    }
    let document = json!({ "schema_version": SCHEMA_VERSION, "items": saved });
    let text = serde_json::to_vec_pretty(&document)
        .map_err(|error| CliError::new(Exit::Failed, format!("`{METADATA}`: {error}")))?;
    let path = dir.join(METADATA);
    crate::durable::replace(&path, &text, MODE).map_err(|error| failed(&path, error))?;
    if cx.json {
        output::json(out, &json!({ "directory": dir, "items": saved }))?;
    } else {
        output::line(
            out,
            format!("{} files and {METADATA} are in {}", items.len(), dir.display()),
        )?;
    }
    Ok(Exit::Done)
}

/// A name of one part in plain signs, which no other file of the run has. What a tool calls a file may be
/// a stranger's choice.
fn file_name(place: usize, name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().take(NAME_CHARS);
    let plain: String = plain
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    format!("{place:03}-{plain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_stay_inside_and_apart() {
        for (place, name, expected) in [
            (1, "a.json", "001-a.json"),
            (2, "../../etc/passwd", "002-passwd"),
            (3, "..", "003-.."),
            (4, "", "004-"),
            (5, "a\u{0}b\\c d\n", "005-c_d_"),
            (6, "metadata.json", "006-metadata.json"),
        ] {
            assert_eq!(file_name(place, name), expected);
        }
    }
}
