//! Running tests: all of them for people, and as a gate before rules are in force.

use std::collections::BTreeMap;

use super::bench::{Bench, stem_of};
use super::coverage::{Coverage, Spot};
use super::file::read;
use super::outcome::Report;
use crate::contracts::{Diagnostic, Severity};
use crate::policy::source::SourceKind;
use crate::policy::{PolicySet, Source, default_files};

/// Runs the tests among `sources` against `set`: each failing case, and each file that cannot be
/// read, is a mistake with its place.
///
/// `set` should be compiled as if the workspace were trusted, whatever it is: tests say what rules
/// mean, not whether they count yet.
#[must_use]
pub fn check_tests(set: &PolicySet, sources: &[Source]) -> Vec<Diagnostic> {
    check_tests_within(set, sources, &mut || true)
}

/// The same, as long as `go_on` says so, which is asked before each case. A stop is an error.
///
/// A test that came with the program and that nobody changed is a warning when it fails: it says
/// what the shipped rules do, and whoever changes those means it.
pub fn check_tests_within(
    set: &PolicySet,
    sources: &[Source],
    go_on: &mut dyn FnMut() -> bool,
) -> Vec<Diagnostic> {
    let report = run_tests(set, sources, &|_| true, go_on);
    let mut found = report.mistakes;
    found.extend(report.items.iter().filter_map(super::Outcome::diagnostic));
    let shipped: Vec<&str> = sources
        .iter()
        .filter(|source| is_shipped(source))
        .map(|source| source.path.as_str())
        .collect();
    for one in found.iter_mut().filter(|one| shipped.contains(&one.file.as_str())) {
        one.severity = Severity::Warning;
    }
    if report.stopped {
        let file = sources.iter().find(|source| source.kind() == SourceKind::Tests);
        let file = file.map_or("", |source| source.path.as_str());
        let message = "the tests take too long, so the rules are not used";
        let help = "have fewer tests, or rules that are quicker to judge";
        found.push(Diagnostic::error("tests-too-slow", message, file, 1, 1).suggest(help));
    }
    found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    found
}

/// Runs every case whose name `wanted` accepts, as long as `go_on` says so.
pub fn run_tests(
    set: &PolicySet,
    sources: &[Source],
    wanted: &dyn Fn(&str) -> bool,
    go_on: &mut dyn FnMut() -> bool,
) -> Report {
    let rules = set.rules();
    let known: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    let mut stems: Vec<String> = rules.iter().map(|rule| stem_of(&rule.file).to_owned()).collect();
    stems.dedup();
    let mut report = Report::default();
    let mut spoken: BTreeMap<Spot, usize> = BTreeMap::new();
    let mut tests: Vec<&Source> =
        sources.iter().filter(|source| source.kind() == SourceKind::Tests).collect();
    tests.sort_by(|a, b| (a.layer, &a.path).cmp(&(b.layer, &b.path)));
    'files: for source in tests {
        let file = read(source, &known, &stems, &mut report.mistakes);
        let mut bench = Bench::of(set, &source.path, &file);
        for case in file.cases.iter().filter(|case| wanted(&case.name)) {
            if !go_on() {
                report.stopped = true;
                break 'files;
            }
            let outcome = bench.judge(case, &mut spoken, &mut report.mistakes);
            report.items.extend(outcome);
        }
    }
    report.coverage = Coverage::of(set, &spoken);
    report
}

/// Whether a test file came with the program and is as it came.
fn is_shipped(source: &Source) -> bool {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    default_files().iter().any(|(path, text)| {
        path.rsplit('/').next() == Some(name) && text.as_bytes() == source.bytes
    })
}
