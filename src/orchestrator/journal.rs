//! The way from a piece of work to the run's journal: hand events over, go on once they are durable.

use tokio::sync::{mpsc, oneshot};

use super::error::RunError;
use crate::contracts::NewRecord;
use crate::contracts::{ApprovalId, ApprovalResolution, EventBody, Stored};
use crate::store::{AuditEntry, FileLabels};

/// Events that become durable together, with what belongs to them.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    /// In order.
    pub bodies: Vec<EventBody>,
    /// Texts named by the events.
    pub texts: Vec<Stored>,
    /// What goes into the audit log.
    pub audit: Vec<AuditEntry>,
    /// What goes into the log of memory records.
    pub records: Vec<NewRecord>,
    /// Where the content of files comes from that are about to be written.
    pub files: Vec<FileLabels>,
    /// The answer to the question that these events put, and the approval that was given beforehand and
    /// is used up by it. Where somebody else used that meanwhile, the question stays open.
    pub beforehand: Option<(ApprovalId, ApprovalResolution)>,
}

impl Batch {
    pub(super) fn of(bodies: Vec<EventBody>) -> Self {
        Self { bodies, ..Self::default() }
    }

    /// Puts another batch behind this one.
    pub(super) fn extend(&mut self, other: Self) {
        self.bodies.extend(other.bodies);
        self.texts.extend(other.texts);
        self.audit.extend(other.audit);
        self.records.extend(other.records);
        self.files.extend(other.files);
    }

    /// Adds a text and gives the reference to put into an event.
    pub(super) fn text(
        &mut self,
        content: impl Into<Vec<u8>>,
        salt: [u8; 32],
    ) -> crate::contracts::TextRef {
        let stored = Stored::new(content.into(), salt);
        let reference = stored.reference.clone();
        self.texts.push(stored);
        reference
    }
}

/// What a piece of work says to its driver.
#[derive(Debug)]
pub(super) enum Message {
    /// Append this and say when it is durable.
    Append(Batch, oneshot::Sender<Kept>),
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is durable.
    Durable,
    /// It came too late: the run went on without it.
    TooLate,
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Its events are in the journal.
    Made,
    /// Nothing can be done here and now; do not start it again in this process.
    Parked,
}

/// A handle to the driver.
#[derive(Debug, Clone)]
pub(super) struct Journal(mpsc::Sender<Message>);

impl Journal {
    pub(super) const fn new(sender: mpsc::Sender<Message>) -> Self {
        Self(sender)
    }

    /// Appends and waits until it is durable.
    ///
    /// # Errors
    /// `Superseded` when the run went on without this piece of work, which then ends.
    pub(super) async fn append(&self, batch: Batch) -> Result<(), RunError> {
        let (sender, answer) = oneshot::channel();
        self.0.send(Message::Append(batch, sender)).await.map_err(|_closed| RunError::Stopped)?;
        match answer.await.map_err(|_closed| RunError::Stopped)? {
            Kept::Durable => Ok(()),
            Kept::TooLate => Err(RunError::Superseded),
        }
    }
}
