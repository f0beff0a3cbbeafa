//! Files that come with a task. What a task holds itself, or names by its hash, is looked up and taken apart
//! where the task comes in, and is kept as an artifact of its run in the transaction that takes the task. A
//! file of the workspace is named and stays where it is, to be read when it is needed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use data_encoding::BASE64;
use imbl::OrdMap;

use super::artifacts::{Artifact, find_artifacts};
use super::error::RunError;
use super::finish::struck_content;
use super::journal::Batch;
use super::services::Services;
use super::taken::{Labels, secret};
use crate::contracts::{
    ATTACHED_BYTES_MAX, ATTACHMENTS_MAX, ArtifactRef, ArtifactStored, Attachment, EventBody, Hash,
    TextRef,
};
use crate::policy::without_dots;
use crate::store::{Reader, StoreError};

/// The label of files that came with a task.
pub(super) const ATTACHMENT: &str = "untrusted:attachment";

/// A file that comes with a task, found and without secrets.
#[derive(Debug, Clone)]
pub struct Attached {
    name: String,
    media_type: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// A file of the workspace.
    File(String),
    /// What is kept, and where it came from.
    Content(Arc<[u8]>, Labels),
}

/// What is wrong with a file that shall come with a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {message}", field(*.index, *.part))]
pub struct AttachmentError {
    /// Which of them, from 0.
    pub index: usize,
    /// Which of its fields; none of the whole.
    pub part: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub suggestion: Option<String>,
}

impl AttachmentError {
    /// Where in the task it stands.
    #[must_use]
    pub fn field(&self) -> String {
        field(self.index, self.part)
    }
}

fn field(index: usize, part: Option<&str>) -> String {
    let place = place(index);
    part.map_or_else(|| place.clone(), |part| format!("{place}.{part}"))
}

/// What is wrong with one, but for which it is.
type Wrong = (Option<&'static str>, String, Option<&'static str>);

/// Where the file `index` stands in its task.
pub(super) fn place(index: usize) -> String {
    format!("attachments[{index}]")
}

/// Finds what shall come with a task. Blocks.
///
/// The inner error is everything that is wrong with them.
///
/// # Errors
/// When the store cannot be read.
pub fn attach(
    services: &Services,
    given: &[Attachment],
) -> Result<Result<Vec<Attached>, Vec<AttachmentError>>, RunError> {
    let wrong = |index, (part, message, suggestion): Wrong| AttachmentError {
        index,
        part,
        message,
        suggestion: suggestion.map(str::to_owned),
    };
    if given.len() > ATTACHMENTS_MAX {
        let message = format!("at most {ATTACHMENTS_MAX} files come with a task");
        return Ok(Err(vec![wrong(ATTACHMENTS_MAX, (None, message, None))]));
    }
    let named = given.iter().filter_map(|one| one.artifact.as_ref()?.parse().ok()).collect();
    let mut finder = Finder {
        services,
        known: find_artifacts(services.store.reader(), &named)?,
        room: ATTACHED_BYTES_MAX,
    };
    let (mut attached, mut errors) = (Vec::new(), Vec::new());
    for (index, one) in given.iter().enumerate() {
        match finder.find(one)? {
            Ok(found) => attached.push(found),
            Err(why) => errors.push(wrong(index, why)),
        }
    }
    Ok(if errors.is_empty() { Ok(attached) } else { Err(errors) })
}

struct Finder<'a> {
    services: &'a Services,
    /// The artifacts that are named.
    known: BTreeMap<Hash, Artifact>,
    /// Bytes that may still be kept.
    room: u64,
}

impl Finder<'_> {
    fn find(&mut self, given: &Attachment) -> Result<Result<Attached, Wrong>, RunError> {
        if let Err(why) = given.check() {
            return Ok(Err((None, why, None)));
        }
        let Attachment { name, media_type, path, artifact, data } = given;
        let source = match (path, artifact, data) {
            (Some(path), ..) => self.file(path),
            (_, Some(hash), _) => self.artifact(hash)?,
            (.., data) => self.data(data.as_deref().unwrap_or_default()),
        };
        let mut name = name.clone();
        self.services.redactor.conceal_text(&mut name);
        Ok(source.map(|source| Attached { name, media_type: media_type.clone(), source }))
    }

    /// A file of the workspace, which has to be there.
    fn file(&self, path: &str) -> Result<Source, Wrong> {
        let root: &Path = &self.services.root;
        let absolute = without_dots(&root.join(path));
        let shown = path.escape_debug();
        let wrong = |why: String| Err((Some("path"), format!("`{shown}` {why}"), None));
        if !absolute.starts_with(root) {
            return wrong("is outside of the workspace".to_owned());
        }
        match std::fs::metadata(&absolute) {
            Ok(about) if about.is_file() => Ok(Source::File(path.to_owned())),
            Ok(_) => wrong("is no regular file".to_owned()),
            Err(error) => wrong(format!("cannot be read: {error}")),
        }
    }

    /// A file of another run. What became of its content there goes on with it.
    fn artifact(&mut self, hash: &str) -> Result<Result<Source, Wrong>, RunError> {
        let known = hash.parse::<Hash>().ok().and_then(|hash| self.known.get(&hash));
        let Some(Artifact { view, content }) = known else {
            let advice = "list the files of a run: bailiwick runs artifacts RUN";
            let message = format!("no run of this workspace has an artifact `{hash}`");
            return Ok(Err((Some("artifact"), message, Some(advice))));
        };
        if let Err(wrong) = take(&mut self.room, view.bytes, "artifact") {
            return Ok(Err(wrong));
        }
        let content = self.services.store.reader().blob(content)?;
        Ok(Ok(self.content(content, view.labels.iter().cloned().collect())))
    }

    fn data(&mut self, data: &str) -> Result<Source, Wrong> {
        let content = BASE64.decode(data.as_bytes());
        let content = content.map_err(|error| {
            (Some("data"), format!("it is not base64 with padding: {error}"), None)
        })?;
        take(&mut self.room, content.len() as u64, "data")?;
        Ok(self.content(content, Labels::new()))
    }

    /// The same without secrets, as every artifact is kept.
    fn content(&self, mut content: Vec<u8>, mut labels: Labels) -> Source {
        let names = struck_content(&self.services.redactor, &mut content);
        labels.extend(names.iter().map(|name| secret(name)));
        labels.insert(ATTACHMENT.to_owned());
        Source::Content(content.into(), labels)
    }
}

fn take(room: &mut u64, bytes: u64, part: &'static str) -> Result<(), Wrong> {
    let left = room.checked_sub(bytes).ok_or_else(|| {
        let message =
            format!("the files of a task have more than {ATTACHED_BYTES_MAX} bytes together");
        (Some(part), message, Some("put large files into the workspace and give their `path`"))
    })?;
    *room = left;
    Ok(())
}

/// Puts what is kept into `batch`, and gives what stands in the task instead.
pub(super) fn keep(
    services: &Services,
    attached: &[Attached],
    batch: &mut Batch,
) -> Vec<Attachment> {
    for (index, one) in attached.iter().enumerate() {
        let Source::Content(content, labels) = &one.source else { continue };
        let stored = ArtifactStored {
            call_id: None,
            path: place(index),
            content: batch.text(content.to_vec(), services.clock.salt()),
            artifact: Some(one.artifact(content)),
            labels: labels.iter().cloned().collect(),
        };
        batch.bodies.push(EventBody::ArtifactStored(stored));
    }
    named(attached)
}

/// Files as a task names them that was taken.
pub(super) fn named(attached: &[Attached]) -> Vec<Attachment> {
    attached.iter().map(Attached::named).collect()
}

/// Files that are kept nowhere, as a run has them that there is not.
pub(super) fn held(attached: &[Attached]) -> OrdMap<String, Held> {
    let all = attached.iter().enumerate();
    all.filter_map(|(index, one)| Some((place(index), one.held()?))).collect()
}

impl Attached {
    fn named(&self) -> Attachment {
        let (path, artifact) = match &self.source {
            Source::File(path) => (Some(path.clone()), None),
            Source::Content(content, _) => (None, Some(Hash::of(content).to_string())),
        };
        let (name, media_type) = (self.name.clone(), self.media_type.clone());
        Attachment { name, media_type, path, artifact, data: None }
    }

    fn held(&self) -> Option<Held> {
        let Source::Content(content, labels) = &self.source else { return None };
        Some(Held {
            artifact: self.artifact(content),
            content: Content::Here(Arc::clone(content)),
            labels: labels.iter().cloned().collect(),
        })
    }

    fn artifact(&self, content: &[u8]) -> ArtifactRef {
        ArtifactRef {
            name: self.name.clone(),
            hash: Hash::of(content),
            bytes: content.len() as u64,
            media_type: self.media_type.clone(),
        }
    }
}

/// A file that came with the task of a run.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub artifact: ArtifactRef,
    pub labels: Vec<String>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// In the store.
    Stored(TextRef),
    /// Of a run that there is not.
    Here(Arc<[u8]>),
}

impl Held {
    /// With where in the task it stood.
    pub(super) fn of(stored: &ArtifactStored) -> Option<(String, Self)> {
        let held = Self {
            artifact: stored.artifact.clone()?,
            labels: stored.labels.clone(),
            content: Content::Stored(stored.content.clone()),
        };
        Some((stored.path.clone(), held))
    }

    /// Its content; `None` where that was forgotten on purpose. Blocks.
    pub(super) fn content(&self, reader: &Reader) -> Result<Option<Cow<'_, [u8]>>, RunError> {
        match &self.content {
            Content::Here(content) => Ok(Some(Cow::Borrowed(content))),
            Content::Stored(text) => match reader.blob(text) {
                Err(StoreError::Forgotten(_)) => Ok(None),
                read => Ok(Some(Cow::Owned(read?))),
            },
        }
    }
}

/// Media types beside `text/…` whose content is text.
const TEXTS: &[&str] = &[
    "application/json",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/javascript",
    "application/sql",
    "application/x-sh",
    "image/svg+xml",
    "message/rfc822",
];

/// Whether a media type says that the content is text, which can be shown as it is.
pub(super) fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || TEXTS.contains(&essence.as_str())
        || (essence.starts_with("application/")
            && (essence.ends_with("+json") || essence.ends_with("+xml")))
}

/// The same content as text, if it is one that can be shown.
pub(super) fn text_of(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let plain = |c: char| !c.is_control() || c.is_whitespace();
    text.chars().all(plain).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_say_what_is_text_and_the_content_whether_that_is_so() {
        for (media_type, expected) in [
            ("text/plain", true),
            ("Text/HTML; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/json", true),
            ("image/svg+xml", true),
            ("image/png", false),
            ("application/pdf", false),
            ("application/octet-stream", false),
            ("audio/x+json", false),
            ("", false),
        ] {
            assert_eq!(is_text(media_type), expected, "{media_type}");
        }
        for (content, expected) in [
            (&b"a\tb\r\n"[..], true),
            (b"", true),
            (b"a\0b", false),
            (b"\x1b[2J", false),
            (b"\xff", false),
        ] {
            assert_eq!(text_of(content).is_some(), expected, "{content:?}");
        }
    }
}
