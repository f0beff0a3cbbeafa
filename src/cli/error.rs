//! What went wrong, for a person: what, where, why and what to do, and the exit code that tells.

use crate::contracts::Diagnostic;

/// How the program ends. The codes are fixed: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The run failed; its report exists.
    Failed,
    /// Bad usage or an invalid file.
    Usage,
    /// Denied by policy.
    Denied,
    /// Waits for a person's answer.
    Waiting,
    /// A provider or node is unavailable.
    Unavailable,
    /// An integrity check failed.
    Integrity,
    /// Something may or may not have happened.
    InDoubt,
    /// Stopped by a person.
    Cancelled,
    /// As the command ended that was run for somebody: `sandbox exec`.
    As(u8),
}

impl Exit {
    /// The code that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Waiting => 4,
            Self::Unavailable => 5,
            Self::Integrity => 6,
            Self::InDoubt => 7,
            Self::Cancelled => 130,
            Self::As(code) => code,
        }
    }
}

/// An error at the edge.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What happened: lower case, user text in backticks.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// Mistakes in files, with their places.
    pub diagnostics: Vec<Diagnostic>,
}

impl CliError {
    /// An error with an exit code.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new(), diagnostics: Vec::new() }
    }

    /// Bad usage or an invalid file: exit code 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error with mistakes in files.
    #[must_use]
    pub fn with(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }
}
