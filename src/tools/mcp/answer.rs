//! What a server answers, as the data of a call.

use data_encoding::BASE64;
use jsonschema::Validator;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};

use crate::contracts::{ArtifactRef, ErrorKind, Hash, ToolError};
use crate::ports::{Produced, ToolOutput};
use crate::tools::shown::printable;

/// Most files of an answer, and the largest of them.
const FILES_MAX: usize = 32;
const FILE_BYTES_MAX: usize = 16 << 20;
const MEDIA_TYPE_CHARS_MAX: usize = 100;
const REASON_CHARS_MAX: usize = 500;

/// The schema of the data, with the server's own of what is structured.
pub(super) fn schema(structured: Option<&Value>) -> Value {
    let structured = structured.cloned().unwrap_or_else(|| json!({}));
    json!({
        "type": "object",
        "properties": {
            "text": { "type": "string", "description": "Every text of the answer, one after the other." },
            "structured": structured,
            "files": {
                "type": "array",
                "description": "Pictures, sounds and other content, kept as artifacts.",
                "items": { "type": "object", "properties": {
                    "name": { "type": "string" }, "media_type": { "type": "string" },
                    "bytes": { "type": "integer" },
                } },
            },
            "truncated": { "type": "boolean", "description": "Whether something was cut." },
        },
    })
}

/// The output of a call that was answered with `result`.
pub(super) fn output(tool: &str, result: CallToolResult, checks: Option<&Validator>) -> ToolOutput {
    let mut reading = Reading::default();
    for block in result.content {
        reading.take(block);
    }
    let Reading { text, artifacts, left_out } = reading;
    let is_error = result.is_error == Some(true);
    let error = if is_error {
        let why = printable(&text, REASON_CHARS_MAX);
        Some(ToolError::new(ErrorKind::Io, format!("`{tool}` says that it failed: {why}")))
    } else {
        misfit(tool, result.structured_content.as_ref(), checks)
    };
    let files: Vec<Value> = artifacts
        .iter()
        .map(|Produced { artifact: it, .. }| {
            json!({ "name": it.name, "media_type": it.media_type, "bytes": it.bytes })
        })
        .collect();
    let mut data = json!({ "text": text, "files": files, "truncated": left_out > 0 });
    if let (Some(structured), Some(fields)) = (result.structured_content, data.as_object_mut()) {
        fields.insert("structured".to_owned(), structured);
    }
    let logs = match left_out {
        0 => Vec::new(),
        count => vec![format!("{count} parts of the answer were left out")],
    };
    let truncated = left_out > 0;
    ToolOutput { data: Some(data), error, logs, artifacts, truncated, ..ToolOutput::default() }
}

/// What is structured must be what the server said it would be.
fn misfit(tool: &str, structured: Option<&Value>, checks: Option<&Validator>) -> Option<ToolError> {
    let checks = checks?;
    let bad = |why: String| {
        let message = format!("`{tool}` did not answer by its own schema: {why}");
        Some(ToolError::new(ErrorKind::BadOutput, message))
    };
    match structured {
        None => bad("nothing structured is there".to_owned()),
        Some(value) => match checks.validate(value) {
            Ok(()) => None,
            Err(error) => bad(error.masked().to_string()),
        },
    }
}

#[derive(Default)]
struct Reading {
    text: String,
    artifacts: Vec<Produced>,
    left_out: usize,
}

impl Reading {
    fn take(&mut self, block: ContentBlock) {
        match block {
            ContentBlock::Text(text) => self.add_text(&text.text),
            ContentBlock::Image(image) => self.add_file(&image.data, Some(&image.mime_type)),
            ContentBlock::Audio(audio) => self.add_file(&audio.data, Some(&audio.mime_type)),
            ContentBlock::Resource(embedded) => match embedded.resource {
                ResourceContents::TextResourceContents { text, .. } => self.add_text(&text),
                ResourceContents::BlobResourceContents { blob, mime_type, .. } => {
                    self.add_file(&blob, mime_type.as_deref());
                }
                _ => self.left_out += 1,
            },
            ContentBlock::ResourceLink(link) => {
                self.add_text(&format!("{} ({})", link.uri, link.name));
            }
            _ => self.left_out += 1,
        }
    }

    fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    /// Keeps content that is no text. Its name is ours: that of a stranger could be a path.
    fn add_file(&mut self, base64: &str, media_type: Option<&str>) {
        let fits = self.artifacts.len() < FILES_MAX && base64.len() / 4 * 3 <= FILE_BYTES_MAX;
        let content = if fits { BASE64.decode(base64.as_bytes()).ok() } else { None };
        let Some(content) = content else {
            self.left_out += 1;
            return;
        };
        let media_type = printable(media_type.unwrap_or_default(), MEDIA_TYPE_CHARS_MAX);
        let is_type =
            media_type.bytes().all(|b| b.is_ascii_alphanumeric() || b"/+-.;= ".contains(&b));
        let media_type = match media_type {
            known if is_type && !known.is_empty() => known,
            _ => "application/octet-stream".to_owned(),
        };
        let artifact = ArtifactRef {
            name: format!("content-{}", self.artifacts.len() + 1),
            hash: Hash::of(&content),
            bytes: content.len() as u64,
            media_type,
        };
        self.artifacts.push(Produced { artifact, content });
    }
}
