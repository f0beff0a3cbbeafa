//! Everything that must hold for the files of one directory before they are in force.

use std::time::Duration;

use super::elapsed::worked;
use super::reload::is_error;
use super::sets::Sets;
use crate::contracts::Diagnostic;
use crate::policy::{Options, Source, SourceKind, built_in, check_tests_within};

/// How long the tests of a directory may work. On a busy machine they take longer, and a sound edit must
/// not be refused for that: nothing would look at it again.
const TESTS: Duration = Duration::from_secs(2);

/// What files are checked against.
pub(super) struct Checks<'a> {
    pub(super) sets: &'a mut Sets,
    pub(super) options: &'a Options,
}

impl Checks<'_> {
    /// What is wrong with the files: they do not compile, a rule fails its examples, or a test beside
    /// them fails. Each directory is judged by itself, so that nobody's tests depend on what somebody
    /// else forbids.
    pub(super) fn mistakes(&mut self, sources: &[Source]) -> Vec<Diagnostic> {
        if sources.is_empty() {
            return Vec::new();
        }
        match self.sets.of(sources.to_vec(), self.options) {
            Err(mistakes) => mistakes.into_iter().filter(is_error).collect(),
            Ok(_) if sources.iter().all(|it| it.kind() != SourceKind::Tests) => Vec::new(),
            Ok(_) => self.failing_tests(sources),
        }
    }

    /// Tests say what the rules mean, whoever trusts them yet: with what a workspace allows counting.
    fn failing_tests(&mut self, sources: &[Source]) -> Vec<Diagnostic> {
        let options = Options { trusted: true, ..self.options.clone() };
        let set = match self.sets.of(deciding(sources.iter()), &options) {
            Ok(set) => set,
            Err(mistakes) => return mistakes.into_iter().filter(is_error).collect(),
        };
        let until = worked() + TESTS;
        let found = check_tests_within(&set, sources, &mut || worked() < until);
        found.into_iter().filter(is_error).collect()
    }
}

/// The files that decide, the built-in ones among them. Tests do not: which set it is does not depend on
/// them.
pub(super) fn deciding<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Source> {
    let decide = files.filter(|file| file.kind() != SourceKind::Tests);
    decide.cloned().chain(built_in()).collect()
}
