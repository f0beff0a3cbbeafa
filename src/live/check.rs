//! Everything that must hold for the files of one directory before they are in force.

use std::time::{Duration, Instant};

use super::reload::is_error;
use crate::contracts::Diagnostic;
use crate::policy::{
    Layer, Options, ReadFiles, Source, SourceKind, built_in, check_tests_within, compile_with,
};
use crate::ports::Vocabulary;

/// How long the tests of a directory may take.
const TESTS: Duration = Duration::from_secs(2);

/// What files are checked against.
pub(super) struct Checks<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) options: &'a Options,
    /// What was read before.
    pub(super) known: &'a mut ReadFiles,
}

impl Checks<'_> {
    /// What is wrong with the files: they do not compile, a rule fails its examples, or a test beside
    /// them fails. Each directory is judged by itself, so that nobody's tests depend on what somebody
    /// else forbids.
    pub(super) fn mistakes(&mut self, sources: &[Source]) -> Vec<Diagnostic> {
        if sources.is_empty() {
            return Vec::new();
        }
        match compile_with(self.known, sources, self.vocabulary, self.options) {
            Err(mistakes) => mistakes.into_iter().filter(is_error).collect(),
            Ok(_) if sources.iter().all(|it| it.kind() != SourceKind::Tests) => Vec::new(),
            Ok(_) => self.failing_tests(sources),
        }
    }

    /// Tests say what the rules mean, whoever trusts them yet: with what a workspace allows counting.
    fn failing_tests(&mut self, sources: &[Source]) -> Vec<Diagnostic> {
        let options = Options { trusted: true, ..self.options.clone() };
        let mut all = sources.to_vec();
        if sources.iter().all(|source| source.layer != Layer::BuiltIn) {
            all.extend(built_in());
        }
        let set = match compile_with(self.known, &all, self.vocabulary, &options) {
            Ok(set) => set,
            Err(mistakes) => return mistakes.into_iter().filter(is_error).collect(),
        };
        let until = Instant::now() + TESTS;
        let found = check_tests_within(&set, sources, &mut || Instant::now() < until);
        found.into_iter().filter(is_error).collect()
    }
}
