//! How much a task may hold, and what must be in it. Checked where a task comes in.

use super::{Attachment, Hash, TaskSubmission, TaskType};

/// Longest goal, in bytes.
pub const GOAL_BYTES_MAX: usize = 16 << 10;
/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 32;
/// Largest attachment that comes inside the task, in bytes of its content.
pub const ATTACHMENT_BYTES_MAX: usize = 1 << 20;
/// Most bytes of all files of a task together that are kept with it.
pub const ATTACHED_BYTES_MAX: u64 = 64 << 20;
/// Longest name or media type of an attachment, in bytes.
const ATTACHMENT_NAME_BYTES_MAX: usize = 255;
/// Characters of a name that are shown.
const SHOWN_CHARS: usize = 80;
/// Most hints.
pub const HINTS_MAX: usize = 64;
/// Most labels.
pub const LABELS_MAX: usize = 64;
/// Longest name, label, key, path or value of a hint, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 << 10;

/// What is wrong with a submission, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SubmissionError(String);

impl TaskSubmission {
    /// The kind of work, if the submission can be accepted at all.
    ///
    /// # Errors
    /// Every mistake: neither goal nor playbook, a `type` that contradicts, a limit that is not
    /// kept.
    pub fn check(&self) -> Result<TaskType, Vec<SubmissionError>> {
        let mut mistakes = Vec::new();
        let mut wrong = |holds: bool, message: &dyn Fn() -> String| {
            if !holds {
                mistakes.push(SubmissionError(message()));
            }
        };
        let inferred = match (&self.playbook, &self.goal) {
            (Some(_), _) => TaskType::Playbook,
            (None, _) => TaskType::Goal,
        };
        wrong(self.playbook.is_some() || self.goal.is_some(), &|| {
            "a task needs a `goal` or a `playbook`".to_owned()
        });
        wrong(self.task_type.is_none_or(|stated| stated == inferred), &|| {
            "`type` says otherwise than `goal` and `playbook`: leave it out".to_owned()
        });
        let goal = self.goal.as_deref();
        wrong(goal.is_none_or(|goal| !goal.trim().is_empty()), &|| "`goal` is empty".to_owned());
        wrong(goal.is_none_or(|goal| goal.len() <= GOAL_BYTES_MAX), &|| {
            format!("`goal` has more than {GOAL_BYTES_MAX} bytes")
        });
        for (name, count, max) in [
            ("attachments", self.attachments.len(), ATTACHMENTS_MAX),
            ("context_hints", self.context_hints.len(), HINTS_MAX),
            ("labels", self.labels.len(), LABELS_MAX),
        ] {
            wrong(count <= max, &|| {
                format!("`{name}` has {count} entries; at most {max} are taken")
            });
        }
        let labels = self.labels.iter().flat_map(|(name, value)| [name, value]);
        let hints = self.context_hints.iter().map(|hint| &hint.value);
        let keys = self.idempotency_key.iter().chain(&self.playbook);
        let fits = |text: &&String| text.len() <= TEXT_BYTES_MAX;
        wrong(labels.chain(hints).chain(keys).all(|text| fits(&text)), &|| {
            format!("a label, hint, key or playbook has more than {TEXT_BYTES_MAX} bytes")
        });
        for attachment in &self.attachments {
            if let Err(why) = attachment.check() {
                let name: String = attachment.name.chars().take(SHOWN_CHARS).collect();
                wrong(false, &|| format!("attachment `{}`: {why}", name.escape_debug()));
            }
        }
        if mistakes.is_empty() { Ok(inferred) } else { Err(mistakes) }
    }
}

impl Attachment {
    /// Whether it has a plain name, a media type, and exactly one source that can be read.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let plain = !self.name.is_empty()
            && self.name.len() <= ATTACHMENT_NAME_BYTES_MAX
            && !matches!(self.name.as_str(), "." | "..")
            && !self.name.contains(['/', '\\'])
            && !self.name.chars().any(char::is_control);
        if !plain {
            return Err("its name is no plain file name".to_owned());
        }
        let typed = !self.media_type.is_empty()
            && self.media_type.len() <= ATTACHMENT_NAME_BYTES_MAX
            && !self.media_type.chars().any(char::is_control);
        if !typed {
            return Err("its media type is none: write one such as `text/plain`".to_owned());
        }
        match (&self.path, &self.artifact, &self.data) {
            (Some(path), None, None) if path.len() <= TEXT_BYTES_MAX => Ok(()),
            (None, Some(artifact), None) => {
                artifact.parse::<Hash>().map(|_| ()).map_err(|error| error.to_string())
            }
            (None, None, Some(data)) => check_base64(data),
            (Some(_), None, None) => Err("its path is too long".to_owned()),
            _ => Err("give exactly one of `path`, `artifact` and `data`".to_owned()),
        }
    }
}

/// Whether `data` is base64 (RFC 4648, with padding) of at most [`ATTACHMENT_BYTES_MAX`].
fn check_base64(data: &str) -> Result<(), String> {
    let digits = data.trim_end_matches('=');
    let padding = data.len() - digits.len();
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if !data.len().is_multiple_of(4) || padding > 2 || !digits.bytes().all(alphabet) {
        return Err("its data is not base64 with padding".to_owned());
    }
    if data.len() / 4 * 3 - padding > ATTACHMENT_BYTES_MAX {
        return Err(format!("its data has more than {ATTACHMENT_BYTES_MAX} bytes"));
    }
    Ok(())
}
