//! What waits for the writer: requests with the place where each answer goes.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use crate::contracts::{Event, RunId, TextRef, Timestamp};

use super::append::{Prepared, PreparedAudit};
use super::claims::{Claimed, QueueWanted};
use super::erase::{Erase, RecordsErased};
use super::error::StoreError;
use super::finding::Finding;
use super::fires::{Fired, PreparedFire};
use super::forget_run::ForgetRun;
use super::keys::KeyWanted;
use super::schedules::ScheduleWanted;

/// Most requests of one transaction.
pub(super) const BATCH_MAX: usize = 512;
/// How long a transaction waits for company, when the one before had some.
const BATCH_WAIT: Duration = Duration::from_millis(2);
/// Requests that may wait; more callers block.
const QUEUE_MAX: usize = 1_024;

/// What is wanted.
#[derive(Debug)]
pub(super) enum Wanted {
    Append(Box<Prepared>),
    /// Events of the system's own stream, behind the newest.
    System(Box<Prepared>),
    Audit(PreparedAudit),
    Forget(TextRef, Timestamp),
    ForgetRun(ForgetRun),
    /// Memory records, for good.
    Erase(Box<Erase>),
    Queue(QueueWanted),
    Schedule(ScheduleWanted),
    Fire(Box<PreparedFire>),
    PruneFires(Timestamp),
    Key(KeyWanted),
    /// Somebody knows of what was found.
    Acknowledge(String, Timestamp),
    /// Damage that was met while working.
    Found(Vec<Finding>),
}

impl Wanted {
    /// Whether texts are to be erased once it is durable.
    pub(super) const fn forgets(&self) -> bool {
        matches!(self, Self::Forget(..) | Self::ForgetRun(_) | Self::Erase(_))
    }
}

/// What was done.
#[derive(Debug)]
pub(super) enum Done {
    Nothing,
    Events(Vec<Event>),
    Claimed(Vec<Claimed>),
    Runs(Vec<RunId>),
    Fired(Fired),
    Count(u64),
    Erased(RecordsErased),
}

impl Done {
    pub(super) fn events(self) -> Result<Vec<Event>, StoreError> {
        match self {
            Self::Events(events) => Ok(events),
            other => Err(other.unexpected()),
        }
    }

    pub(super) fn count(self) -> Result<u64, StoreError> {
        match self {
            Self::Count(count) => Ok(count),
            other => Err(other.unexpected()),
        }
    }

    /// The writer answered another question than was asked.
    pub(super) fn unexpected(self) -> StoreError {
        StoreError::Unanswered(format!("the writer answered `{self:?}`"))
    }
}

/// What the writer says to a request.
pub(super) type Answer = Result<Done, StoreError>;

/// A request and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub wanted: Wanted,
    answer: SyncSender<Answer>,
}

impl Request {
    /// Answers. Who no longer waits needs no answer.
    pub(super) fn answer(answer: &SyncSender<Answer>, what: Answer) {
        if answer.send(what).is_err() {
            tracing::debug!("a caller of the store went away before its answer");
        }
    }

    pub(super) fn into_parts(self) -> (Wanted, SyncSender<Answer>) {
        (self.wanted, self.answer)
    }
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(super) struct Queue(SyncSender<Request>);

/// The writer's end.
#[derive(Debug)]
pub(super) struct Waiting {
    requests: Receiver<Request>,
    /// Size of the batch before: so many are likely to come again.
    company: usize,
}

pub(super) fn queue() -> (Queue, Waiting) {
    let (send, requests) = sync_channel(QUEUE_MAX);
    (Queue(send), Waiting { requests, company: 1 })
}

impl Queue {
    /// Hands a request to the writer and waits until it is durable or refused.
    pub(super) fn ask(&self, wanted: Wanted) -> Answer {
        let (answer, answered) = sync_channel(1);
        self.0.send(Request { wanted, answer }).map_err(|_| StoreError::Closed)?;
        answered.recv().map_err(|_| StoreError::Closed)?
    }
}

impl Waiting {
    /// The next requests, at least one; `None` when no caller is left.
    pub(super) fn next(&mut self) -> Option<Vec<Request>> {
        let mut batch = vec![self.requests.recv().ok()?];
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_MAX {
            match self.requests.try_recv() {
                Ok(request) => batch.push(request),
                Err(TryRecvError::Disconnected) => break,
                // The callers of the batch before are about to come back: worth a moment.
                Err(TryRecvError::Empty) if batch.len() < self.company => {
                    let left = until.saturating_duration_since(Instant::now());
                    match self.requests.recv_timeout(left) {
                        Ok(request) => batch.push(request),
                        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                    }
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        self.company = batch.len();
        Some(batch)
    }
}
