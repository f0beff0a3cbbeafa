//! `bailiwick memory show`.

use std::io::Write;

use super::place;
use crate::cli::remote::{Place, ask};
use crate::cli::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::{MemoryId, MemoryRecord};

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The record's id
    id: MemoryId,
}

pub(super) fn run(
    show: &Show,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let record: MemoryRecord = match place {
        Place::Named(client) => {
            ask(client, Request::get(&["memory", "records", &show.id.to_string()]))?
        }
        Place::Here(_) | Place::Daemon(..) => {
            place::memory(place, cx)?.record(&show.id).map_err(place::error)?
        }
    };
    if cx.json {
        output::json(out, &record)?;
    } else {
        output::line(out, lines(&record).join("\n"))?;
    }
    Ok(Exit::Done)
}

fn lines(record: &MemoryRecord) -> Vec<String> {
    let about = &record.metadata;
    let mut lines = vec![record.text.clone(), String::new()];
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push(format!("  {name:<13}{value}"));
        }
    };
    say("id", Some(record.id.to_string()));
    say("area", Some(record.area.name().to_owned()));
    say("origin", Some(format!("{}, trust {}", about.origin.name(), about.trust)));
    say("subject", about.subject.clone());
    say("tags", Some(about.tags.join(", ")));
    say("names", Some(about.external_ids.join(", ")));
    say("labels", Some(about.labels.join(", ")));
    let seq = about.seq.map(|seq| format!(", place {seq}")).unwrap_or_default();
    say("episode", about.episode_id.as_ref().map(|episode| format!("{episode}{seq}")));
    say("happened", about.event_time.map(|time| time.to_string()));
    say("holds from", about.valid_from.map(|time| time.to_string()));
    say("holds until", about.valid_to.map(|time| time.to_string()));
    say("expires", about.expires_at.map(|time| time.to_string()));
    say("importance", (about.importance > 0.0).then(|| about.importance.to_string()));
    say("pinned", about.pinned.then(|| "yes".to_owned()));
    say("archived", about.archived.then(|| "yes".to_owned()));
    say("run", about.source.run.map(|run| run.to_string()));
    say("step", about.source.step.clone());
    say("call", about.source.call.map(|call| call.to_string()));
    say("file", about.source.file.clone());
    let ids: Vec<String> = about.supersedes.iter().map(ToString::to_string).collect();
    say("replaces", Some(ids.join(", ")));
    say("replaced by", about.superseded_by.map(|id| id.to_string()));
    say("replaced at", about.superseded_at.map(|time| time.to_string()));
    say("written", Some(record.created_at.to_string()));
    say("changed", Some(record.updated_at.to_string()));
    lines
}
