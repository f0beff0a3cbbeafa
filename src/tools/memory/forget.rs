//! `memory_forget`: erases memories for good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::memories;
use crate::contracts::{CallEffect, ErrorKind, MemorySelection, Risk, ToolError};
use crate::ports::{Category, ToolDescriptor};
use crate::tools::typed::{Answer, Call, Typed, about};

pub(in crate::tools) struct MemoryForget;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// These records.
    #[serde(default)]
    ids: Vec<String>,
    /// The records that this run wrote.
    run: Option<String>,
    /// The records about this subject.
    subject: Option<String>,
    /// The records whose texts have these words and phrases.
    query: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// The records that are gone.
    ids: Vec<String>,
    /// How many of them were made of others that went.
    derived: u64,
    /// Files that were written anew.
    files: Vec<String>,
    /// Why something may still be in a file, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
}

impl Args {
    fn selection(&self) -> Result<MemorySelection, ToolError> {
        let bad = |error: String| ToolError::new(ErrorKind::BadArguments, error);
        let ids = self
            .ids
            .iter()
            .map(|id| id.parse().map_err(|e: crate::contracts::IdError| e.to_string()));
        let ids = ids.collect::<Result<_, _>>().map_err(bad)?;
        let run = self.run.as_ref().map(|run| run.parse());
        let run = run.transpose().map_err(|e: crate::contracts::IdError| bad(e.to_string()))?;
        let meant =
            MemorySelection { ids, run, subject: self.subject.clone(), query: self.query.clone() };
        if meant.is_empty() {
            return Err(bad(
                "name what shall be forgotten: `ids`, `run`, `subject` or `query`".to_owned()
            ));
        }
        Ok(meant)
    }
}

impl Typed for MemoryForget {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Erases memories and what was made of them, for good.";
        ToolDescriptor {
            category: Some(Category::Destructive),
            timeout_ms: 120_000,
            ..about("memory_forget", Risk::High, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.selection().map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let count = args.ids.len();
        format!(
            "would forget {count} named memories, those that fit the other arguments, and what was made of them"
        )
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let receipt = memories(at)?.forget(&args.selection()?, at.call)?;
        Ok(Answer::of(Data {
            ids: receipt.ids.iter().map(ToString::to_string).collect(),
            derived: receipt.derived,
            files: receipt.files,
            pending: receipt.pending,
        }))
    }
}
