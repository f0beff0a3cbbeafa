//! Why an expression has no value.

use rhai::EvalAltResult;

/// Longest part of an expression shown in a message, in characters.
const SHOWN_CHARS: usize = 120;

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It cannot be read, or uses something that expressions do not have.
    Syntax,
    /// It names something that is not there.
    Unknown,
    /// A value is not of the kind that is needed.
    Type,
    /// It is too long, too deep, takes too many operations or makes too much.
    Limit,
    /// A file or template could not be read, or a template could not be filled.
    Read,
}

/// An expression that has no value, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {message}")]
pub struct ExpressionError {
    /// The expression, cut when it is long.
    pub expression: String,
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// What is wrong, in lower case.
    pub message: String,
    /// Where in the expression, in characters from its start.
    pub offset: usize,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl ExpressionError {
    /// An error at the start of `expression`.
    #[must_use]
    pub fn new(kind: ErrorKind, expression: &str, message: impl Into<String>) -> Self {
        let mut shown: String = expression.trim().chars().take(SHOWN_CHARS).collect();
        if shown.len() < expression.trim().len() {
            shown.push('…');
        }
        Self { expression: shown, kind, message: message.into(), offset: 0, suggestion: None }
    }

    pub(super) fn at(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    pub(super) fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// What Rhai found wrong while evaluating, in the words of playbooks.
    pub(super) fn from_rhai(expression: &str, error: &EvalAltResult) -> Self {
        let (kind, message) = match error.unwrap_inner() {
            EvalAltResult::ErrorPropertyNotFound(name, _) => {
                (ErrorKind::Unknown, format!("there is no `{name}` here"))
            }
            EvalAltResult::ErrorIndexNotFound(index, _) => {
                (ErrorKind::Unknown, format!("there is no `{index}` here"))
            }
            EvalAltResult::ErrorVariableNotFound(name, _) => {
                (ErrorKind::Unknown, format!("there is no `{name}`"))
            }
            EvalAltResult::ErrorArrayBounds(length, index, _) => {
                (ErrorKind::Unknown, format!("the list has {length} items, there is no [{index}]"))
            }
            EvalAltResult::ErrorDotExpr(..) | EvalAltResult::ErrorIndexingType(..) => (
                ErrorKind::Unknown,
                "a name or an index follows a value that has neither, such as nothing".to_owned(),
            ),
            EvalAltResult::ErrorFunctionNotFound(call, _) => {
                (ErrorKind::Type, format!("no function or operator takes this: {call}"))
            }
            EvalAltResult::ErrorMismatchDataType(expected, actual, _) => {
                (ErrorKind::Type, format!("expected {expected}, not {actual}"))
            }
            EvalAltResult::ErrorTooManyOperations(_) => {
                (ErrorKind::Limit, "takes too many operations".to_owned())
            }
            EvalAltResult::ErrorDataTooLarge(what, _) => {
                (ErrorKind::Limit, format!("makes too much: {what}"))
            }
            EvalAltResult::ErrorStackOverflow(_) => (ErrorKind::Limit, "is too deep".to_owned()),
            EvalAltResult::ErrorRuntime(message, _) => (ErrorKind::Read, message.to_string()),
            other => (ErrorKind::Type, other.to_string()),
        };
        let offset = error.position().position().map_or(0, |column| column.saturating_sub(1));
        Self::new(kind, expression, message).at(offset)
    }
}
