//! What somebody handed in beside a goal: files, memories, addresses and words, each as a fragment with where
//! it came from. A file or memory that cannot be read ends planning before any model is asked: whoever handed it
//! in wanted it to be known.

use super::fetched::{Address, Addresses};
use crate::contracts::{
    ArtifactRef, Attachment, ContextHint, ErrorKind, HintKind, MemoryId, MemoryMetadata, Trigger,
};
use crate::orchestrator::attached::{ATTACHMENT, Held, is_text, place, text_of};
use crate::orchestrator::driver::Work;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::lineage::WEBHOOK;
use crate::orchestrator::reads::{GovernedReads, READ_TEXT, Unread};
use crate::orchestrator::taken::{Labels, USER};
use crate::prompt::{Fragment, Kind};

/// Most tokens of one of them.
const GIVEN_TOKENS: usize = 2_000;

/// Stands where a text would.
const NOT_SHOWN: &str = "(what is in it is not shown: it is no text, or was forgotten)";

/// Where a file is, its text if it is one, and where that came from.
type Found = (String, Option<String>, Vec<String>);

/// What was handed in, as far as it can be read.
#[derive(Default)]
pub(super) struct Given {
    /// A fragment for each.
    pub fragments: Vec<Fragment>,
    /// Why one cannot be read.
    pub unread: Option<(ErrorKind, String)>,
    /// What policy said about reading.
    pub decided: Batch,
}

/// Reads what came with the task of a run, for its plan `round`. Blocks.
pub(super) fn given(work: &Work, round: u32) -> Given {
    let mut given = Given::default();
    let Some(task) = work.record.task.as_ref() else { return given };
    let strange = work.record.started.as_ref().is_some_and(|it| it.0.trigger == Trigger::Webhook);
    let from = Labels::from([if strange { WEBHOOK } else { USER }.to_owned()]);
    let addresses = Addresses::of(work, round);
    for (index, hint) in task.context_hints.iter().enumerate() {
        let place = format!("context_hints[{index}]");
        let mut address = addresses.at(&place);
        given.take(work, &place, &from, |reads| of_hint(reads, hint, &mut address));
        given.decided.extend(address.kept);
    }
    for (index, one) in task.attachments.iter().enumerate() {
        let place = place(index);
        let came =
            Came { number: index + 1, attachment: one, held: work.record.attached.get(&place) };
        given.take(work, &place, &from, |reads| came.piece(work, reads));
    }
    given
}

/// What one of them is called, its text, and where that came from beside whoever handed it in.
pub(super) struct Piece {
    pub title: String,
    pub text: String,
    pub labels: Vec<String>,
}

impl Given {
    fn take(
        &mut self,
        work: &Work,
        place: &str,
        from: &Labels,
        read: impl FnOnce(&GovernedReads<'_>) -> Result<Piece, Unread>,
    ) {
        if self.unread.is_some() {
            return;
        }
        let reads = GovernedReads::new(work, place, from.clone());
        let piece = read(&reads);
        self.decided.extend(reads.decided());
        match piece {
            Ok(Piece { title, text, labels }) => {
                let labels = from.iter().cloned().chain(labels).chain(reads.noted());
                self.fragments.push(Fragment {
                    kind: Kind::Hint,
                    title,
                    text,
                    labels: labels.collect(),
                    tokens_max: GIVEN_TOKENS,
                });
            }
            Err(Unread { kind, why }) => self.unread = Some((kind, format!("`{place}`: {why}"))),
        }
    }
}

fn of_hint(
    reads: &GovernedReads<'_>,
    hint: &ContextHint,
    address: &mut Address<'_>,
) -> Result<Piece, Unread> {
    let value = hint.value.trim().to_owned();
    match hint.kind {
        HintKind::Text => Ok(Piece { title: "a note".to_owned(), text: value, labels: Vec::new() }),
        HintKind::Url => Ok(address.piece(reads, &value)),
        HintKind::File => {
            let text = reads.text(&value)?;
            Ok(Piece {
                title: format!("the file {value}"),
                text,
                labels: reads.labels_of(READ_TEXT),
            })
        }
        HintKind::Memory => of_memory(reads, &value),
    }
}

fn of_memory(reads: &GovernedReads<'_>, value: &str) -> Result<Piece, Unread> {
    let id: MemoryId = value.parse().map_err(|_| {
        Unread::new(
            ErrorKind::BadArguments,
            format!("`{}` is no id of a memory", value.escape_debug()),
        )
    })?;
    let record = reads.memory(&id)?;
    let MemoryMetadata { origin, labels, .. } = record.metadata;
    let label = origin.label(&labels).map(str::to_owned);
    let labels = labels.into_iter().chain(label).collect();
    Ok(Piece { title: format!("the memory {id}"), text: record.text, labels })
}

/// A file that came with the task.
struct Came<'a> {
    /// From 1; names may be the same.
    number: usize,
    attachment: &'a Attachment,
    /// Its content, where it is kept with the run.
    held: Option<&'a Held>,
}

impl Came<'_> {
    /// What it is called stands with its content: whoever made the file named it.
    fn piece(&self, work: &Work, reads: &GovernedReads<'_>) -> Result<Piece, Unread> {
        let Attachment { name, media_type, path, .. } = self.attachment;
        let (place, content, labels) = match (path, self.held) {
            (Some(path), _) => self.of_file(reads, path)?,
            (None, Some(held)) => self.of_held(work, held)?,
            (None, None) => {
                let why = format!("the run does not have `{}`", name.escape_debug());
                return Err(Unread::new(ErrorKind::BadContent, why));
            }
        };
        let content = content.as_deref().unwrap_or(NOT_SHOWN);
        let text = format!("name: {name}\nmedia type: {media_type}\n{place}\n\n{content}");
        Ok(Piece { title: format!("attachment {}", self.number), text, labels })
    }

    /// Where it is, its text if it is one, and where that came from.
    fn of_file(&self, reads: &GovernedReads<'_>, path: &str) -> Result<Found, Unread> {
        let mut labels = reads.labels_of(READ_TEXT);
        labels.push(ATTACHMENT.to_owned());
        if is_text(&self.attachment.media_type) {
            match reads.text(path) {
                Ok(text) => return Ok((format!("file: {path}"), Some(text), labels)),
                // Called a text, and is none.
                Err(Unread { kind: ErrorKind::BadContent | ErrorKind::TooLarge, .. }) => {}
                Err(unread) => return Err(unread),
            }
        }
        let bytes = reads.bytes(path)?;
        Ok((format!("file: {path}, {bytes} bytes"), None, labels))
    }

    fn of_held(&self, work: &Work, held: &Held) -> Result<Found, Unread> {
        let content = held.content(work.services.store.reader());
        let content = content.map_err(|error| Unread::new(ErrorKind::Io, error.to_string()))?;
        let ArtifactRef { hash, bytes, media_type, .. } = &held.artifact;
        let text = content.as_deref().filter(|_| is_text(media_type)).and_then(text_of);
        let place = format!("artifact: {hash}, {bytes} bytes");
        Ok((place, text.map(str::to_owned), held.labels.clone()))
    }
}
