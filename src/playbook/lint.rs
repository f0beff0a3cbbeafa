//! Everything that can be wrong with a playbook before it runs, all at once.

use super::check;
use super::limits::LintLimits;
use super::model::Playbook;
use super::read::{MISTAKES_MAX, Reader, document};
use crate::contracts::{Diagnostic, Hash, Severity};
use crate::ports::Vocabulary;
use crate::yaml;

/// What lint found.
#[derive(Debug, Clone, PartialEq)]
pub struct Linted {
    /// The playbook, when there is no error.
    pub playbook: Option<Playbook>,
    /// Errors and warnings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `text`, the content of the playbook `file`, and notes every mistake with its place.
#[must_use]
pub fn lint(file: &str, text: &str, vocabulary: &Vocabulary, limits: &LintLimits) -> Linted {
    if let Some(place) = nul(text) {
        let message = "the file has a NUL character, which no playbook has";
        return Linted { playbook: None, diagnostics: vec![place.error(file, "nul", message)] };
    }
    let root = match yaml::parse(file, text, limits.yaml()) {
        Ok(root) => root,
        Err(diagnostics) => return Linted { playbook: None, diagnostics: sorted(diagnostics) },
    };
    let mut reader = Reader::new(file, text, vocabulary, limits);
    let playbook = document(&mut reader, Hash::of(text.as_bytes()), &root);
    if let Some(playbook) = &playbook {
        check::names(&mut reader, playbook);
        check::arguments(&mut reader, playbook);
        check::whole(&mut reader, playbook);
    }
    let diagnostics = sorted(reader.mistakes);
    let refused = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Linted { playbook: playbook.filter(|_| !refused), diagnostics }
}

/// The place of the first NUL: a YAML parser would take it for the end of the file.
fn nul(text: &str) -> Option<yaml::Place> {
    let before = text.split_once('\0')?.0;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Some(yaml::Place { line: narrow(line), column: narrow(column) })
}

fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let key = |d: &Diagnostic| (d.line, d.column, d.code.clone(), d.message.clone());
    diagnostics.sort_by_key(key);
    diagnostics.dedup();
    if let Some(next) = diagnostics.get(MISTAKES_MAX).cloned() {
        diagnostics.truncate(MISTAKES_MAX);
        let message = format!("there are more than {MISTAKES_MAX} mistakes; the rest is left out");
        diagnostics.push(Diagnostic::error(
            "too-many-mistakes",
            message,
            &next.file,
            next.line,
            next.column,
        ));
    }
    diagnostics
}
