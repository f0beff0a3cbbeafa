//! Why something was not read, as the helper in the cell says it.

use serde::{Deserialize, Serialize};

use crate::contracts::{ErrorKind, ToolError};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Refusal {
    /// What kind of reason.
    pub(in crate::tools) why: Why,
    /// The reason, with the name of what it is about.
    pub(in crate::tools) message: String,
}

/// Kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum Why {
    /// What was asked makes no sense, whatever there is to read.
    BadRequest,
    /// It wants what it may not.
    Forbidden,
    /// It is more than there may be.
    TooLarge,
    /// It is damaged, or none of the known formats.
    Damaged,
    /// The disk would not.
    Io,
}

impl Refusal {
    pub(in crate::tools) fn new(why: Why, message: impl Into<String>) -> Self {
        Self { why, message: message.into() }
    }

    pub(in crate::tools) fn forbidden(entry: &str, reason: &str) -> Self {
        Self::new(Why::Forbidden, format!("entry `{}` {reason}", entry.escape_debug()))
    }
}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.why {
            Why::BadRequest => ErrorKind::BadArguments,
            Why::Forbidden => ErrorKind::Forbidden,
            Why::TooLarge => ErrorKind::TooLarge,
            Why::Damaged => ErrorKind::BadContent,
            Why::Io => ErrorKind::Io,
        };
        Self::new(kind, refusal.message)
    }
}
