//! `memory_write`: remembers something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::memories;
use super::search::areas;
use crate::contracts::{
    Area, CallEffect, ErrorKind, MemoryDraft, Risk, Timestamp, TimestampError, ToolError, WrittenAs,
};
use crate::ports::ToolDescriptor;
use crate::tools::typed::{Answer, Call, Typed, about};

pub(in crate::tools) struct MemoryWrite;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// Where it belongs: `main`, `fragments`, `solutions` or `instruments`.
    area: String,
    /// What shall be remembered.
    #[schemars(length(min = 1))]
    text: String,
    /// Free tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Who or what it is about.
    subject: Option<String>,
    /// When what it tells happened, such as `2026-05-01T07:00:00.000Z`.
    event_time: Option<String>,
    /// From 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    importance: Option<f32>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// The record.
    id: String,
    /// Whether it was there already; the record then kept the tags of both.
    known: bool,
    /// The area in which it is.
    area: String,
    /// Why it is in another area than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
}

impl Args {
    fn draft(self) -> Result<MemoryDraft, ToolError> {
        let area = areas(std::slice::from_ref(&self.area))?;
        let area = area.into_iter().next().unwrap_or(Area::Fragments);
        let time = |text: String| {
            text.parse::<Timestamp>().map_err(|error: TimestampError| {
                ToolError::new(ErrorKind::BadArguments, format!("`event_time`: {error}"))
            })
        };
        Ok(MemoryDraft {
            tags: self.tags,
            subject: self.subject,
            event_time: self.event_time.map(time).transpose()?,
            importance: self.importance,
            ..MemoryDraft::new(area, self.text)
        })
    }
}

impl Typed for MemoryWrite {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Remembers a text. The same text in the same context is kept once.";
        ToolDescriptor {
            timeout_ms: 10_000,
            ..about("memory_write", Risk::Low, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        areas(std::slice::from_ref(&args.area)).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would remember {} bytes in `{}`", args.text.len(), args.area)
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let written = memories(at)?.write(args.draft()?, at.call)?;
        Ok(Answer::of(Data {
            id: written.id.to_string(),
            known: written.became == WrittenAs::Known,
            area: written.area.name().to_owned(),
            moved: written.moved,
        }))
    }
}
