//! `bailiwick memory add`.

use std::io::{Read, Write};

use super::place;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Area, MemoryDraft, MemoryId, NewMemory, Timestamp, Written, WrittenAs};

/// Most bytes that are read from standard input: more is never a memory.
const INPUT_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// What shall be remembered; `-` reads it from standard input
    text: String,
    /// Where it belongs: main, fragments, solutions or instruments
    #[arg(long, default_value = "fragments", value_parser = super::area)]
    area: Area,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Who or what it is about
    #[arg(long)]
    subject: Option<String>,
    /// When what it tells happened, such as 2026-05-01
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    event_time: Option<Timestamp>,
    /// From when it holds
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    valid_from: Option<Timestamp>,
    /// Until when it holds
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    valid_to: Option<Timestamp>,
    /// When it stops counting
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    expires_at: Option<Timestamp>,
    /// From 0 to 1
    #[arg(long)]
    importance: Option<f32>,
    /// Put it into every context; only in `main`
    #[arg(long)]
    pinned: bool,
    /// The name that another program has for it
    #[arg(long, value_name = "NAME")]
    external_id: Option<String>,
    /// The record that it corrects; may be given several times
    #[arg(long, value_name = "ID")]
    supersedes: Vec<MemoryId>,
}

pub(super) fn run(add: Add, place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let text = if add.text == "-" { from_input()? } else { add.text };
    let draft = MemoryDraft {
        external_id: add.external_id,
        tags: add.tags,
        subject: add.subject,
        event_time: add.event_time,
        valid_from: add.valid_from,
        valid_to: add.valid_to,
        expires_at: add.expires_at,
        importance: add.importance,
        pinned: add.pinned,
        ..MemoryDraft::new(add.area, text)
    };
    let wanted = NewMemory { supersedes: add.supersedes, ..NewMemory::from(draft) };
    let written = place::write(place, vec![wanted])?;
    let Some(written) = written.into_iter().next() else {
        return Err(CliError::new(Exit::Failed, "nothing was said of what was handed in"));
    };
    if cx.json {
        output::json(out, &written)?;
    } else {
        output::line(out, told(&written))?;
    }
    Ok(Exit::Done)
}

fn told(written: &Written) -> String {
    let Written { id, became, area, moved, struck } = written;
    let word = match became {
        WrittenAs::New => "is remembered",
        WrittenAs::Known => "was there already, and has the new name and tags",
    };
    let mut told = format!("{id} {word} in {}", area.name());
    if let Some(moved) = moved {
        told.push_str(&format!("\n  {moved}"));
    }
    if *struck {
        told.push_str("\n  what looks like a secret was struck out");
    }
    told
}

fn from_input() -> Result<String, CliError> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut text);
    read.map_err(|error| CliError::usage(format!("standard input cannot be read: {error}")))?;
    let text = String::from_utf8(text).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        CliError::usage(format!("standard input is not UTF-8, from byte {place}"))
    })?;
    Ok(text.trim_end_matches('\n').to_owned())
}
