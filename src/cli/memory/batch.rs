//! Questions of a file, one a line, and answers, one a line.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::place::Finder;
use crate::cli::{CliError, output};
use crate::contracts::{Area, MemoryHit, MemoryQuery, Why};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A line of questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// What the answer is known by.
    id: Value,
    text: String,
    #[serde(default)]
    area: Option<Area>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    as_of: Option<String>,
}

/// A line of answers.
#[derive(Debug, Serialize)]
struct Answered<'a> {
    id: &'a Value,
    hits: Vec<Named<'a>>,
}

/// A hit under one of its names.
#[derive(Debug, Serialize)]
struct Named<'a> {
    external_id: Option<&'a str>,
    id: String,
    score: f32,
    why: &'a Why,
}

/// Answers every question; `like` says what they do not say themselves. What makes answers worse is told once.
pub(super) fn run(
    file: &Path,
    like: &MemoryQuery,
    finder: &Finder<'_>,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut told = BTreeSet::new();
    for question in questions(&content(file)?, file)? {
        let query = of(&question, like)?;
        let answer = finder.search(&query)?;
        for why in answer.degraded.iter().filter(|why| told.insert((*why).clone())) {
            output::note(&format!("note: {why}"));
        }
        let hits = answer.items.iter().flat_map(names).take(like.k).collect();
        if !output::json_line(out, &Answered { id: &question.id, hits })? {
            break;
        }
    }
    Ok(())
}

fn questions(content: &[u8], file: &Path) -> Result<Vec<Question>, CliError> {
    let lines = content.split(|byte| *byte == b'\n').enumerate();
    let full = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    full.map(|(place, line)| {
        serde_json::from_slice(line).map_err(|error| {
            let shown = file.display();
            CliError::usage(format!("line {} of `{shown}` is no question: {error}", place + 1))
                .hint("a question is {\"id\": …, \"text\": …, \"area\"?, \"tags\"?, \"as_of\"?}")
        })
    })
    .collect()
}

fn of(question: &Question, like: &MemoryQuery) -> Result<MemoryQuery, CliError> {
    let as_of = question.as_of.as_deref().map(super::time).transpose().map_err(CliError::usage)?;
    let mut query = MemoryQuery { text: question.text.clone(), ..like.clone() };
    if let Some(area) = question.area {
        query.areas = vec![area];
    }
    query.tags.extend(question.tags.iter().cloned());
    query.as_of = as_of.or(query.as_of);
    Ok(query)
}

/// A hit once for each name that it has.
fn names(hit: &MemoryHit) -> Vec<Named<'_>> {
    let named = |external_id| Named {
        external_id,
        id: hit.id.to_string(),
        score: hit.score,
        why: &hit.why,
    };
    if hit.external_ids.is_empty() {
        return vec![named(None)];
    }
    hit.external_ids.iter().map(|name| named(Some(name.as_str()))).collect()
}

/// What stands in a file, or on standard input for `-`.
pub(super) fn content(file: &Path) -> Result<Vec<u8>, CliError> {
    let shown = file.display();
    let unread =
        |error: std::io::Error| CliError::usage(format!("`{shown}` cannot be read: {error}"));
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(FILE_BYTES_MAX).read_to_end(&mut content)
    } else {
        let opened = std::fs::File::open(file).map_err(unread)?;
        opened.take(FILE_BYTES_MAX).read_to_end(&mut content)
    };
    if read.map_err(unread)? as u64 == FILE_BYTES_MAX {
        return Err(CliError::usage(format!("`{shown}` has more than {FILE_BYTES_MAX} bytes"))
            .hint("split it"));
    }
    Ok(content)
}
