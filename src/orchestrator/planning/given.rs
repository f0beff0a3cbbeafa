//! What somebody handed in beside a goal: files, memories, addresses and words, each as a fragment with where
//! it came from. What cannot be read ends planning before any model is asked: whoever handed it in wanted it
//! to be known.

use crate::contracts::{Attachment, ContextHint, ErrorKind, HintKind, MemoryId, Trigger};
use crate::orchestrator::driver::Work;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::lineage::WEBHOOK;
use crate::orchestrator::origins::MEMORY;
use crate::orchestrator::reads::{GovernedReads, READ_TEXT, Unread};
use crate::orchestrator::taken::{Labels, USER};
use crate::prompt::{Fragment, Kind};

/// Most tokens of one of them.
const GIVEN_TOKENS: usize = 2_000;
/// The label of files that came with a task.
const ATTACHMENT: &str = "untrusted:attachment";

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

/// Reads what came with the task of a run. Blocks.
pub(super) fn given(work: &Work) -> Given {
    let mut given = Given::default();
    let Some(task) = work.record.task.as_ref() else { return given };
    let strange = work.record.started.as_ref().is_some_and(|it| it.0.trigger == Trigger::Webhook);
    let from = Labels::from([if strange { WEBHOOK } else { USER }.to_owned()]);
    for (index, hint) in task.context_hints.iter().enumerate() {
        given.take(work, &format!("context_hints[{index}]"), &from, |reads| of_hint(reads, hint));
    }
    for (index, one) in task.attachments.iter().enumerate() {
        given
            .take(work, &format!("attachments[{index}]"), &from, |reads| of_attachment(reads, one));
    }
    given
}

/// What one of them is called, its text, and where that came from beside whoever handed it in.
struct Piece {
    title: String,
    text: String,
    labels: Vec<String>,
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

fn of_hint(reads: &GovernedReads<'_>, hint: &ContextHint) -> Result<Piece, Unread> {
    let value = hint.value.trim().to_owned();
    match hint.kind {
        HintKind::Text => Ok(Piece { title: "a note".to_owned(), text: value, labels: Vec::new() }),
        // Whether it is fetched is for a plan to say, and for the rules to decide.
        HintKind::Url => {
            let (title, text) = ("an address to look at".to_owned(), value);
            Ok(Piece { title, text, labels: Vec::new() })
        }
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
    let labels = vec![MEMORY.to_owned()];
    Ok(Piece { title: format!("the memory {id}"), text: record.text, labels })
}

fn of_attachment(reads: &GovernedReads<'_>, attachment: &Attachment) -> Result<Piece, Unread> {
    let Attachment { name, media_type, path, .. } = attachment;
    let missing = || Unread::new(ErrorKind::BadContent, format!("`{name}` has no `path`"));
    let path = path.as_deref().ok_or_else(missing)?;
    let text = reads.text(path)?;
    let title = format!("the attachment {name} ({media_type}), which is {path}");
    let labels = reads.labels_of(READ_TEXT).into_iter().chain([ATTACHMENT.to_owned()]).collect();
    Ok(Piece { title, text, labels })
}
