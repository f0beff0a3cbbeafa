//! `policy coverage`: which rules are met by tests.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value, json};

use super::tested::{all, joined};
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::policy::{Coverage, Met, RuleMet};

/// Which rules to look at.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of tests, or directories of rules with tests; the workspace's where none is named, and
    /// the built-in ones outside of a workspace.
    paths: Vec<PathBuf>,
    /// Fail when the tests meet less than this percentage of the rules.
    #[arg(long, value_name = "PERCENT")]
    min: Option<Percent>,
}

/// A whole percentage, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Percent(usize);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim_end_matches('%').parse().ok().filter(|number| *number <= 100);
        number.map(Self).ok_or_else(|| "a whole number from 0 to 100 is wanted".to_owned())
    }
}

impl Percent {
    /// Whether the tests meet as many rules as that.
    pub(super) fn is_met(self, coverage: &Coverage) -> bool {
        coverage.percent() >= self.0
    }
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let places = all(&args.paths, cx, inputs)?;
    let report = joined(places.iter().map(|place| place.run(None)));
    if report.is_broken() {
        return Err(CliError::usage("a file of tests is not sound").with(report.mistakes));
    }
    if cx.json {
        output::json(out, &as_json(&report.coverage))?;
    } else {
        let rows: Vec<[String; 4]> = report.coverage.items.iter().map(row).collect();
        output::table(out, &rows)?;
        output::text(out, &format!("\n{}", summary(&report.coverage)))?;
    }
    let met = args.min.is_none_or(|min| min.is_met(&report.coverage));
    Ok(if met { Exit::Done } else { Exit::Failed })
}

fn row(rule: &RuleMet) -> [String; 4] {
    let met = match rule.met {
        Met::Tests => format!("{} tests", rule.cases),
        Met::Examples => "examples only".to_owned(),
        Met::Never => "never".to_owned(),
    };
    let examples = match rule.examples {
        0 => String::new(),
        count => format!("{count} examples"),
    };
    [met, rule.id.clone(), format!("{}:{}", rule.file, rule.line), examples]
}

/// In a line: how many rules are met, and by what.
pub(super) fn summary(coverage: &Coverage) -> String {
    let count = |met| coverage.count(met);
    format!(
        "coverage {} %: of {} rules {} are met by tests, {} by their own examples only, {} never\n",
        coverage.percent(),
        coverage.items.len(),
        count(Met::Tests),
        count(Met::Examples),
        count(Met::Never),
    )
}

pub(super) fn as_json(coverage: &Coverage) -> Value {
    json!({
        "items": coverage.items,
        "percent": coverage.percent(),
        "tests": coverage.count(Met::Tests),
        "examples_only": coverage.count(Met::Examples),
        "never": coverage.count(Met::Never),
    })
}
