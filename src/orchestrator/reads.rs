//! What expressions may read: each question is a call of a reading tool, decided like any other.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::driver::Work;
use super::execute;
use super::judge::Judge;
use crate::contracts::{CallId, ErrorKind, FsAccess, Map, Origin, ToolCall, ToolError};
use crate::live::playbooks::SHIPPED_TEMPLATES;
use crate::playbook::expression::Reads;
use crate::tools;

/// Where templates are looked for, in order.
const TEMPLATE_DIRS: [&str; 2] = ["prompts", "playbooks/templates"];

/// The tool in whose name expressions read.
const READ_TEXT: &str = "read_text";

/// Longest wait for a file, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;

/// Reads for the expressions of the step at `path`.
pub(super) struct GovernedReads<'a> {
    pub work: &'a Work,
    pub path: &'a str,
}

impl GovernedReads<'_> {
    /// Calls `read_text` on `file`, within the playbook's permissions or beyond them. The outer error is a refusal, the inner one the tool's.
    fn read_text(&self, file: &str, bounded: bool) -> Result<Result<String, ToolError>, String> {
        let work = self.work;
        let call = self.call(file);
        let judge = Judge::of(work, self.path).ok_or("the run has not started")?;
        // `read(…)` is the playbook's own word that it reads; where, its permissions still say.
        let judged = Judge { also: Some(READ_TEXT), bounded, ..judge }.decide(&call);
        let request = judged.request.ok_or("there is no `read_text`")?;
        let tool = work.services.vocabulary.get(&call.name).ok_or("there is no `read_text`")?;
        let authorized = judged
            .set
            .authorize(call, &request, None)
            .map_err(|refused| format!("`{file}` may not be read: {refused}"))?;
        let context = execute::context(work, tool, authorized.decision(), TIMEOUT_MS);
        let output = tools::dispatch(&authorized, &context);
        if let Some(error) = output.error {
            return Ok(Err(error));
        }
        let text = output.data.as_ref().and_then(|data| data.get("text")).and_then(Value::as_str);
        Ok(Ok(text.unwrap_or_default().to_owned()))
    }

    fn call(&self, file: &str) -> ToolCall {
        let mut args = Map::new();
        args.insert("path".to_owned(), json!(file));
        ToolCall {
            id: CallId::from_uuid(self.work.services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: self.path.to_owned(),
            name: READ_TEXT.to_owned(),
            args,
            timeout_ms: TIMEOUT_MS,
            allow_network: false,
            allow_fs: FsAccess::Read,
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
            labels: Vec::new(),
        }
    }
}

impl Reads for GovernedReads<'_> {
    fn exists(&self, path: &str) -> Result<bool, String> {
        match self.read_text(path, true)? {
            Ok(_) => Ok(true),
            Err(error) => match error.kind {
                ErrorKind::NotFound => Ok(false),
                // There is something, if not a text.
                ErrorKind::BadContent | ErrorKind::TooLarge | ErrorKind::Conflict => Ok(true),
                _ => Err(error.message),
            },
        }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        self.read_text(path, true)?.map_err(|error| error.message)
    }

    fn template(&self, name: &str) -> Result<String, String> {
        for dir in TEMPLATE_DIRS {
            let file: PathBuf = [dir, name].iter().collect();
            match self.read_text(&file.to_string_lossy(), false)? {
                Ok(text) => return Ok(text),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error.message),
            }
        }
        let shipped =
            SHIPPED_TEMPLATES.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        shipped
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| format!("no template `{name}` in {}", TEMPLATE_DIRS.join(" or ")))
    }

    fn now(&self) -> String {
        self.work.services.clock.now().to_string()
    }
}
