//! A tool whose declaration has a mistake: it is there, and refuses every call with the reason.

use serde_json::json;

use crate::contracts::{Diagnostic, ErrorKind, Map, ToolCall, ToolError};
use crate::ports::{Tool, ToolContext, ToolDescriptor, ToolOutput, Undo};
use crate::tools::shown::printable;

/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// A declared tool that cannot be used.
#[derive(Debug)]
pub struct Broken {
    name: String,
    aliases: Vec<String>,
    why: String,
}

impl Broken {
    /// The tool `name`, whose file has `mistake`.
    pub(super) fn of(name: &str, mistake: &Diagnostic) -> Self {
        let Diagnostic { file, line, column, message, .. } = mistake;
        let message = printable(message, REASON_CHARS_MAX);
        Self {
            name: name.to_owned(),
            aliases: vec![format!("process:{name}")],
            why: format!("its declaration has a mistake: {file}:{line}:{column}: {message}"),
        }
    }

    fn refusal(&self) -> ToolError {
        let message = format!("`{}` cannot be called: {}", self.name, self.why);
        ToolError::new(ErrorKind::Unavailable, message)
    }
}

impl Tool for Broken {
    /// As dangerous as a tool can be: nothing is known about it.
    fn descriptor(&self) -> ToolDescriptor {
        ToolDescriptor {
            name: self.name.clone(),
            aliases: self.aliases.clone(),
            description: format!("Cannot be called: {}", self.why),
            schema: json!({ "type": "object" }),
            labels: vec![format!("untrusted:{}", self.name)],
            timeout_ms: 1_000,
            ..ToolDescriptor::default()
        }
    }

    fn check(&self, _: &Map) -> Result<(), ToolError> {
        Err(self.refusal())
    }

    fn dry_run(&self, _: &ToolCall) -> String {
        format!("would refuse: {}", self.why)
    }

    fn snapshot(&self, _: &ToolCall, _: &ToolContext) -> Result<Option<Undo>, ToolError> {
        Err(self.refusal())
    }

    fn run(&self, _: &ToolCall, _: &ToolContext) -> ToolOutput {
        ToolOutput { error: Some(self.refusal()), ..ToolOutput::default() }
    }
}
