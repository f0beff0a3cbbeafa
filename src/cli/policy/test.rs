//! `policy test`: the cases beside the policies.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::coverage::{self, Percent};
use super::junit::junit;
use super::tested::{all, joined};
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::policy::{Outcome, TestReport, TestResult};

/// Which tests to run, and what to make of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of tests, or directories of rules with tests; the workspace's where none is named, and
    /// the built-in ones outside of a workspace.
    paths: Vec<PathBuf>,
    /// Only tests whose name has this text in it.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Also say how many of the rules the tests meet.
    #[arg(long)]
    coverage: bool,
    /// Fail when the tests meet less than this percentage of the rules.
    #[arg(long, value_name = "PERCENT", requires = "coverage")]
    min: Option<Percent>,
    /// Also write the results to this file, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let places = all(&args.paths, cx, inputs)?;
    let report = joined(places.iter().map(|place| place.run(args.filter.as_deref())));
    if let Some(path) = &args.junit {
        std::fs::write(cx.cwd.join(path), junit(&report)).map_err(|error| {
            CliError::new(Exit::Failed, format!("cannot write `{}`: {error}", path.display()))
        })?;
    }
    if report.is_broken() {
        return Err(CliError::usage("a file of tests is not sound").with(report.mistakes));
    }
    if report.items.is_empty() {
        return Err(nothing(args));
    }
    if cx.json {
        output::json(out, &as_json(&report, args.coverage))?;
    } else {
        output::text(out, &as_text(&report))?;
        if args.coverage {
            output::text(out, &coverage::summary(&report.coverage))?;
        }
    }
    let failed = report.count(TestResult::Failed) > 0;
    let bare = args.min.is_some_and(|min| !min.is_met(&report.coverage));
    Ok(if failed || bare { Exit::Failed } else { Exit::Done })
}

/// A test run that tests nothing is a mistake, not a success.
fn nothing(args: &Args) -> CliError {
    match &args.filter {
        Some(text) => CliError::usage(format!("no test has `{text}` in its name")),
        None => CliError::usage("there are no tests")
            .hint("write a file `policies/mine_test.yaml`: see docs/testing-policies.md"),
    }
}

fn as_json(report: &TestReport, coverage: bool) -> serde_json::Value {
    let mut value = json!({
        "items": report.items,
        "passed": report.count(TestResult::Passed),
        "failed": report.count(TestResult::Failed),
        "not_tried": report.count(TestResult::NotTried),
        "warnings": report.mistakes,
    });
    if let Some(map) = value.as_object_mut().filter(|_| coverage) {
        map.insert("coverage".to_owned(), coverage::as_json(&report.coverage));
    }
    value
}

fn as_text(report: &TestReport) -> String {
    let mut text = String::new();
    for mistake in &report.mistakes {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mistake}");
    }
    for outcome in report.items.iter().filter(|item| item.result != TestResult::Passed) {
        told(outcome, &mut text);
    }
    let (passed, failed) = (report.count(TestResult::Passed), report.count(TestResult::Failed));
    let _ = write!(text, "{} tests: {passed} passed, {failed} failed", report.items.len());
    match report.count(TestResult::NotTried) {
        0 => text.push('\n'),
        count => {
            let _ = writeln!(text, ", {count} not tried");
        }
    }
    text
}

/// A case that did not pass: where it is, what is wrong, and what spoke.
pub(super) fn told(outcome: &Outcome, text: &mut String) {
    let word = match outcome.result {
        TestResult::Passed => "passed",
        TestResult::Failed => "failed",
        TestResult::NotTried => "not tried",
    };
    let Outcome { name, file, line, column, profile, .. } = outcome;
    let _ = writeln!(text, "{word}: {name} ({file}:{line}:{column}, profile {profile})");
    for why in &outcome.why {
        let _ = writeln!(text, "  {why}");
    }
    for rule in &outcome.rules {
        let _ = writeln!(
            text,
            "  {:<6} {} ({}:{}): {}",
            rule.said, rule.id, rule.file, rule.line, rule.why
        );
    }
    if outcome.result == TestResult::Failed && outcome.rules.is_empty() {
        text.push_str("  no rule matched\n");
    }
}
