//! What a server offered when it was listed: kept, so that what it says later is held against it.

use rmcp::model::Tool as Told;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{Hash, Timestamp};
use crate::tools::shown::printable;

/// Version of the kept document.
pub(super) const VERSION: u32 = 1;
/// Most tools of a server.
pub(super) const TOOLS_MAX: usize = 256;
/// Longest name of a tool, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Largest schema of a tool, in bytes.
const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// Most characters of a description that are kept.
const DESCRIPTION_CHARS_MAX: usize = 1_000;

/// What a server offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Version of this document.
    pub schema_version: u32,
    /// Which server, as [`McpServer::fingerprint`](super::McpServer::fingerprint) says.
    pub server: Hash,
    /// When it was listed.
    pub listed_at: Timestamp,
    /// Each tool, in the order in which it was told.
    pub tools: Vec<Offered>,
    /// Why others that it told are not among them.
    #[serde(default)]
    pub passed_over: Vec<String>,
}

/// One tool as it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The server's name for it.
    pub name: String,
    /// What the server says of it: one line, bounded.
    pub description: String,
    /// Schema of its arguments.
    pub input_schema: Value,
    /// Schema of its structured answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Names everything that was told of it.
    pub told: Hash,
}

impl Offer {
    /// An offer of what was `told`. What cannot be a tool is passed over, with the reason.
    pub(super) fn of(server: Hash, listed_at: Timestamp, told: &[Told]) -> Self {
        let (mut tools, mut passed_over) = (Vec::<Offered>::new(), Vec::new());
        for one in told {
            match Offered::of(one) {
                Ok(tool) if tools.iter().any(|known| known.name == tool.name) => {
                    passed_over.push(format!("`{}` was told twice", tool.name));
                }
                Ok(tool) => tools.push(tool),
                Err(why) => passed_over.push(why),
            }
        }
        Self { schema_version: VERSION, server, listed_at, tools, passed_over }
    }

    /// Whether it can be used for `server`.
    #[must_use]
    pub fn is_of(&self, server: &super::McpServer) -> bool {
        self.schema_version == VERSION && self.server == server.fingerprint()
    }
}

impl Offered {
    fn of(told: &Told) -> Result<Self, String> {
        let name = told.name.as_ref();
        let shown = || printable(name, NAME_BYTES_MAX);
        if !is_name(name) {
            return Err(format!("`{}` is no name that a tool can have here", shown()));
        }
        let input_schema = Value::Object(told.input_schema.as_ref().clone());
        let output_schema =
            told.output_schema.as_ref().map(|it| Value::Object(it.as_ref().clone()));
        for schema in [Some(&input_schema), output_schema.as_ref()].into_iter().flatten() {
            let bytes = schema.to_string().len();
            if bytes > SCHEMA_BYTES_MAX {
                return Err(format!("`{}` has a schema of {bytes} bytes", shown()));
            }
            jsonschema::validator_for(schema).map_err(|error| {
                format!("`{}` has no usable schema: {}", shown(), error.masked())
            })?;
        }
        if input_schema.get("type").is_some_and(|kind| kind != "object") {
            return Err(format!("the arguments of `{}` are no object", shown()));
        }
        let description = told.description.as_deref().unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            description: printable(description, DESCRIPTION_CHARS_MAX),
            input_schema,
            output_schema,
            told: fingerprint(told),
        })
    }
}

/// Names everything that is told of a tool but pictures and notes: a description that changes is a
/// change.
pub(super) fn fingerprint(told: &Told) -> Hash {
    let mut plain = told.clone();
    (plain.icons, plain.meta) = (None, None);
    match serde_json_canonicalizer::to_vec(&plain) {
        Ok(bytes) => Hash::of(&bytes),
        // What cannot be written is like nothing that was.
        Err(error) => Hash::of(format!("unwritable {error}").as_bytes()),
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
        && !name.split('/').any(|part| matches!(part, "" | "." | ".."))
}
