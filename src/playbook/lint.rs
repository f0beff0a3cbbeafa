//! Everything that can be wrong with a playbook before it runs, all at once.

mod session;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::session::CALL_DEPTH_MAX;
pub(super) use self::session::{Met, Session};
use super::library::{Library, Used};
use super::limits::LintLimits;
use super::model::Playbook;
use crate::contracts::{Diagnostic, Severity};
use crate::ports::Vocabulary;

/// What lint found.
#[derive(Debug, Clone, PartialEq)]
pub struct Linted {
    /// The playbook, when there is no error.
    pub playbook: Option<Playbook>,
    /// Errors and warnings, in the order of the file; those of fragments behind them.
    pub diagnostics: Vec<Diagnostic>,
    /// Everything it includes or calls, directly or not, as it was read.
    pub sources: Vec<Used>,
    /// The playbooks it calls, directly or not, by their names as written, as far as they are good.
    pub called: BTreeMap<String, Arc<Playbook>>,
}

impl Linted {
    /// The playbook.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn into_playbook(self) -> Result<Playbook, String> {
        let first = self.diagnostics.iter().find(|one| one.severity == Severity::Error);
        let first = || first.map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
        self.playbook.ok_or_else(first)
    }
}

/// Reads `text`, the content of the playbook `file`, and notes every mistake with its place. What it
/// includes and calls comes from `library`, and is looked at as well.
#[must_use]
pub fn lint(
    file: &str,
    text: &str,
    vocabulary: &Vocabulary,
    limits: &LintLimits,
    library: &dyn Library,
) -> Linted {
    let mut session = Session::new(vocabulary, limits, library);
    let looked = session.look(file, text);
    let (sources, called) = session.into_used();
    Linted { playbook: looked.playbook, diagnostics: looked.diagnostics, sources, called }
}
