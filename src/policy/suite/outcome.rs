//! What came of the tests, for people and for programs.

use serde::Serialize;

use super::Coverage;
use crate::contracts::{Diagnostic, Severity};

/// All tests of a set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Each case that could be read, in the order of files and lines.
    pub items: Vec<Outcome>,
    /// What is wrong with the files themselves.
    pub mistakes: Vec<Diagnostic>,
    /// Which rules the cases met.
    pub coverage: Coverage,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// What came of one case.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name, or its call where it has none.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// In which profile it was judged.
    pub profile: &'static str,
    /// Whether it holds.
    pub result: Result,
    /// The verdict that was expected.
    pub expected: &'static str,
    /// The verdict that came.
    pub got: &'static str,
    /// Each way in which the decision is not what was expected, or why it was not tried.
    pub why: Vec<String>,
    /// What spoke, strictest first.
    pub rules: Vec<Spoke>,
}

/// Whether a case holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// It does.
    Passed,
    /// It does not.
    Failed,
    /// Its tool is not there, so nothing can be said.
    NotTried,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoke {
    /// Its id.
    pub id: String,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it said.
    pub said: &'static str,
    /// Why.
    pub why: String,
}

impl Report {
    /// How many cases have this result.
    #[must_use]
    pub fn count(&self, result: Result) -> usize {
        self.items.iter().filter(|item| item.result == result).count()
    }

    /// Whether a file of tests cannot be used.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.mistakes.iter().any(|mistake| mistake.severity == Severity::Error)
    }
}

impl Outcome {
    /// A case that does not hold, as a mistake at its place.
    #[must_use]
    pub fn diagnostic(&self) -> Option<Diagnostic> {
        let at = |code, message: String| {
            Diagnostic::error(code, message, &self.file, self.line, self.column)
        };
        match self.result {
            Result::Passed => None,
            Result::Failed => {
                let message = format!("the test `{}` fails: {}", self.name, self.why.join("; "));
                let spoke = self.rules.iter().map(|rule| format!("`{}`", rule.id));
                let rules = spoke.collect::<Vec<_>>().join(", ");
                let failed = at("test-failed", message);
                Some(if rules.is_empty() {
                    failed.suggest("no rule matched")
                } else {
                    failed.suggest(format!("what matched: {rules}"))
                })
            }
            Result::NotTried => {
                let message = format!("`{}` is not tried: {}", self.name, self.why.join("; "));
                Some(at("test-not-tried", message).as_warning())
            }
        }
    }
}
