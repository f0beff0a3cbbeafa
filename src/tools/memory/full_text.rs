//! `fulltext_search`: memories with exact words and phrases in their texts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::found::{Data, answer};
use super::search::areas;
use super::{K_MAX, memories};
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::ToolDescriptor;
use crate::tools::typed::{Answer, Call, Typed, about};

pub(in crate::tools) struct FulltextSearch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// Words that must all be there, `"a phrase"`, `OR`, `NOT` or `-`, and brackets.
    #[schemars(length(min = 1, max = 4_096))]
    query: String,
    /// Only these areas: `main`, `fragments`, `solutions`, `instruments`; all when absent.
    #[serde(default)]
    areas: Vec<String>,
    /// How many records at most; 10 when absent.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    k: usize,
}

const fn ten() -> usize {
    10
}

impl Typed for FulltextSearch {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Finds memories whose texts have exactly these words and phrases, newest first.";
        about("fulltext_search", Risk::Low, CallEffect::Read, what)
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        areas(&args.areas).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would look for `{}` in what is remembered", args.query)
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let (memories, areas) = (memories(at)?, areas(&args.areas)?);
        memories.full_text(&args.query, &areas, args.k.min(K_MAX)).map(answer)
    }
}
