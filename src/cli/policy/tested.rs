//! What is tested: the rules of a place beside those of the layers above it, and its tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx};
use crate::contracts::Diagnostic;
use crate::live::read_rules;
use crate::policy::{
    Layer, Options, PolicySet, Source, SourceKind, TestReport, built_in, built_in_tests, compile,
    run_tests,
};

/// A set of rules as it would decide in a workspace that is trusted, with its tests.
pub(super) struct Tested {
    pub(super) set: PolicySet,
    /// Files of tests.
    pub(super) tests: Vec<Source>,
    /// Files of rules that are the place's own.
    pub(super) own: BTreeSet<String>,
}

/// Each of `paths`, or the workspace's directory where none is named, or the built-in set where
/// there is none. A file of tests is run against the rules of its directory.
pub(super) fn all(
    paths: &[PathBuf],
    cx: &Cx,
    inputs: &PolicyInputs,
) -> Result<Vec<Tested>, CliError> {
    if !paths.is_empty() {
        return paths.iter().map(|path| named(path, cx, inputs)).collect();
    }
    let workspace = inputs.dirs.workspace.as_ref().filter(|dir| dir.exists());
    let Some(dir) = workspace else {
        let tests = built_in_tests();
        let rules = built_in();
        return Ok(vec![of(rules.clone(), tests, &rules, inputs)?]);
    };
    let (sources, mistakes) = read_rules(dir, "policies");
    Ok(vec![place(sources, mistakes, inputs)?])
}

fn named(path: &Path, cx: &Cx, inputs: &PolicyInputs) -> Result<Tested, CliError> {
    let absolute = cx.cwd.join(path);
    let shown = path.display().to_string();
    if !absolute.exists() {
        let message = format!("there is no file or directory `{shown}`");
        return Err(CliError::usage(message));
    }
    if absolute.is_dir() {
        let (sources, mistakes) = read_rules(&absolute, &shown);
        return place(sources, mistakes, inputs);
    }
    let (tests, mut mistakes) = read_rules(&absolute, &shown);
    if tests.iter().any(|source| source.kind() != SourceKind::Tests) {
        let message = format!("`{shown}` is no file of tests: they end in `_test.yaml`");
        return Err(CliError::usage(message));
    }
    let around = absolute.parent().unwrap_or(&absolute);
    let shown = path.parent().map(|dir| dir.display().to_string());
    let shown = shown.filter(|dir| !dir.is_empty()).unwrap_or_else(|| ".".to_owned());
    let (mut sources, found) = read_rules(around, &shown);
    mistakes.extend(found);
    sources.retain(|source| source.kind() != SourceKind::Tests);
    sources.extend(tests);
    place(sources, mistakes, inputs)
}

/// The set of what a place holds, beside the layers above it and the built-in rules.
pub(super) fn place(
    sources: Vec<Source>,
    mistakes: Vec<Diagnostic>,
    inputs: &PolicyInputs,
) -> Result<Tested, CliError> {
    if !mistakes.is_empty() {
        return Err(unusable(mistakes));
    }
    let (tests, rules) = sources.into_iter().partition(|source| source.kind() == SourceKind::Tests);
    let (tests, rules): (Vec<Source>, Vec<Source>) = (tests, rules);
    let mut all = above(inputs)?;
    all.extend(rules.iter().cloned());
    all.extend(built_in());
    of(all, tests, &rules, inputs)
}

fn of(
    sources: Vec<Source>,
    tests: Vec<Source>,
    own: &[Source],
    inputs: &PolicyInputs,
) -> Result<Tested, CliError> {
    // Tests say what rules mean, not whether they count yet.
    let options = Options { trusted: true, ..inputs.options.clone() };
    let set = compile(&sources, &inputs.vocabulary, &options).map_err(unusable)?;
    let own = own.iter().map(|source| source.path.clone()).collect();
    Ok(Tested { set, tests, own })
}

/// The rules of the system and of the user.
pub(super) fn above(inputs: &PolicyInputs) -> Result<Vec<Source>, CliError> {
    let system = Some((Layer::System, &inputs.dirs.system));
    let user = inputs.dirs.user.as_ref().map(|dir| (Layer::User, dir));
    let mut all = Vec::new();
    for (layer, dir) in system.into_iter().chain(user).filter(|(_, dir)| dir.is_dir()) {
        // The dot looks through a link: these directories are their owners' business.
        let (sources, mut mistakes) = read_rules(&dir.join("."), &dir.display().to_string());
        mistakes.retain(|_| !sources.is_empty());
        if !mistakes.is_empty() {
            return Err(unusable(mistakes));
        }
        let rules = sources.into_iter().filter(|source| source.kind() != SourceKind::Tests);
        all.extend(rules.map(|source| Source { layer, ..source }));
    }
    Ok(all)
}

fn unusable(mistakes: Vec<Diagnostic>) -> CliError {
    CliError::usage("the rules cannot be tested before they are sound").with(mistakes)
}

impl Tested {
    /// Runs the tests whose name has `filter` in it; coverage counts the place's own rules.
    pub(super) fn run(&self, filter: Option<&str>) -> TestReport {
        let wanted = |name: &str| filter.is_none_or(|text| name.contains(text));
        let mut report = run_tests(&self.set, &self.tests, &wanted, &mut || true);
        report.coverage = report.coverage.within(&self.own);
        report
    }
}

/// Several reports as one.
pub(super) fn joined(reports: impl IntoIterator<Item = TestReport>) -> TestReport {
    let mut all = TestReport::default();
    for report in reports {
        all.items.extend(report.items);
        all.mistakes.extend(report.mistakes);
        all.coverage.items.extend(report.coverage.items);
    }
    all
}
