//! `memory_search`: what is remembered about a question.

use schemars::JsonSchema;
use serde::Deserialize;

use super::found::{Data, answer};
use super::{K_MAX, memories};
use crate::contracts::{Area, CallEffect, ErrorKind, MemoryQuery, Risk, Timestamp, ToolError};
use crate::ports::ToolDescriptor;
use crate::tools::typed::{Answer, Call, Typed, about};

pub(in crate::tools) struct MemorySearch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What is asked.
    #[schemars(length(min = 1, max = 4_096))]
    query: String,
    /// Only these areas: `main`, `fragments`, `solutions`, `instruments`; all when absent.
    #[serde(default)]
    areas: Vec<String>,
    /// Only records that have all of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Only records about this subject.
    subject: Option<String>,
    /// Only records with at least this trust, 0 to 3.
    trust_min: Option<u8>,
    /// Answer as things stood then, such as `2026-05-01T07:00:00.000Z`.
    as_of: Option<String>,
    /// How many records at most; 10 when absent.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    k: usize,
}

const fn ten() -> usize {
    10
}

/// The areas with these names.
pub(super) fn areas(names: &[String]) -> Result<Vec<Area>, ToolError> {
    let named = |name: &String| {
        Area::named(name).ok_or_else(|| {
            let known = "main, fragments, solutions, instruments";
            let message = format!("there is no area `{name}`; there are {known}");
            ToolError::new(ErrorKind::BadArguments, message)
        })
    };
    names.iter().map(named).collect()
}

impl Args {
    fn query(&self) -> Result<MemoryQuery, ToolError> {
        let as_of = self.as_of.as_ref().map(|text| {
            let bad = |error: crate::contracts::TimestampError| {
                ToolError::new(ErrorKind::BadArguments, format!("`as_of`: {error}"))
            };
            text.parse::<Timestamp>().map_err(bad)
        });
        Ok(MemoryQuery {
            text: self.query.clone(),
            areas: areas(&self.areas)?,
            tags: self.tags.clone(),
            subject: self.subject.clone(),
            trust_min: self.trust_min,
            as_of: as_of.transpose()?,
            k: self.k.min(K_MAX),
            ..MemoryQuery::default()
        })
    }
}

impl Typed for MemorySearch {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Finds what is remembered about a question, the best first.";
        about("memory_search", Risk::Low, CallEffect::Read, what)
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.query().map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would look up what is remembered about `{}`", args.query)
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        memories(at)?.search(&args.query()?).map(answer)
    }
}
