//! Identifiers: a UUIDv7 with a prefix that says what it names, such as `run_0190…` (32 hex digits).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what} id: expected `{prefix}` and 32 lower-case hexadecimal digits")]
pub struct IdError {
    text: String,
    what: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// Names the given UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                hex_after(text, $prefix)
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.to_owned(), what: $what, prefix: $prefix })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "[0-9a-f]{32}$"),
                })
            }
        }
    };
}

/// The UUID behind `prefix`, if the rest is exactly 32 lower-case hexadecimal digits.
fn hex_after(text: &str, prefix: &str) -> Option<Uuid> {
    let hex = text.strip_prefix(prefix)?;
    let plain = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if plain { Uuid::try_parse(hex).ok() } else { None }
}

id!(
    /// A task: something that was asked for.
    TaskId, "task_", "task"
);
id!(
    /// A run: one attempt to do a task.
    RunId, "run_", "run"
);
id!(
    /// One call of one tool.
    CallId, "call_", "call"
);
id!(
    /// A memory record.
    MemoryId, "mem_", "memory record"
);
id!(
    /// Changes of memory that were made together and can be undone together.
    BatchId, "batch_", "batch"
);
id!(
    /// A proposed change of memory.
    ProposalId, "prop_", "proposal"
);
id!(
    /// A request for a person's answer.
    ApprovalId, "apr_", "approval"
);
id!(
    /// Something that a person must look at.
    IncidentId, "inc_", "incident"
);

impl RunId {
    /// The stream of events that belong to no run, written `run_system`.
    pub const SYSTEM_TEXT: &'static str = "run_system";
}
id!(
    /// A schedule.
    ScheduleId, "sch_", "schedule"
);
