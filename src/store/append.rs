//! What callers hand in: the events of one append and everything that becomes durable with them.

use serde::Serialize;

use crate::contracts::{
    ApprovalId, ApprovalResolution, CallId, Effect, EventBody, EventKind, MemoryProposal,
    NewRecord, RunId, Stored, TextRef, Timestamp,
};

use super::error::StoreError;
use super::file_labels::FileLabels;
use super::jobs::{Enqueue, Fence};
use super::keys::{self, NewKey};
use super::refs::text_refs;

/// Most events of one append.
pub const APPEND_EVENTS_MAX: usize = 1_024;
/// Largest payload of one event, in bytes. Longer texts belong into blobs.
pub const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest audit entry as JSON, in bytes.
pub const AUDIT_BYTES_MAX: usize = 1024 * 1024;

/// Events of one run, and what is stored in the same transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// A [`RunId`] in text, or [`RunId::SYSTEM_TEXT`].
    pub run_id: String,
    /// How many events the caller believes the run has; 0 for a new run.
    pub expected_seq: u64,
    /// When these events happened.
    pub at: Timestamp,
    /// The events, in order.
    pub bodies: Vec<EventBody>,
    /// The texts that the events and records name and that are not stored yet.
    pub texts: Vec<Stored>,
    /// What goes into the audit log.
    pub audit: Vec<AuditEntry>,
    /// What goes into the log of memory records.
    pub records: Vec<NewRecord>,
    /// Proposals of what memories may become, each over the one with its id.
    pub proposals: Vec<MemoryProposal>,
    /// Where the content of files comes from that are about to be written.
    pub files: Vec<FileLabels>,
    /// Gives the run a place in the queue.
    pub queue: Option<Enqueue>,
    /// The claim under which the run is worked on; one that no longer counts is refused.
    pub fence: Option<Fence>,
    /// The key under which the run is accepted; one that is taken is refused.
    pub key: Option<NewKey>,
    /// An approval given beforehand that these events use up; one that is used, revoked or over is
    /// refused.
    pub uses: Option<ApprovalId>,
}

impl Append {
    /// An append of events alone.
    #[must_use]
    pub fn new(
        run_id: impl Into<String>,
        expected_seq: u64,
        at: Timestamp,
        bodies: Vec<EventBody>,
    ) -> Self {
        Self {
            run_id: run_id.into(),
            expected_seq,
            at,
            bodies,
            texts: Vec::new(),
            audit: Vec::new(),
            records: Vec::new(),
            proposals: Vec::new(),
            files: Vec::new(),
            queue: None,
            fence: None,
            key: None,
            uses: None,
        }
    }

    /// The same append with a place in the queue.
    #[must_use]
    pub fn queue(mut self, queue: Enqueue) -> Self {
        self.queue = Some(queue);
        self
    }

    /// The same append under a claim.
    #[must_use]
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// The same append under a key.
    #[must_use]
    pub fn key(mut self, key: NewKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The same append with texts.
    #[must_use]
    pub fn texts(mut self, texts: Vec<Stored>) -> Self {
        self.texts = texts;
        self
    }

    /// The same append with one more audit entry.
    #[must_use]
    pub fn audit(mut self, entry: AuditEntry) -> Self {
        self.audit.push(entry);
        self
    }

    /// The same append with one more memory record.
    #[must_use]
    pub fn record(mut self, record: NewRecord) -> Self {
        self.records.push(record);
        self
    }
}

/// One line of the audit log, before it has its place in the chain. The order of the fields is the
/// order in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When the call ended or was refused.
    pub at: Timestamp,
    /// The run, if the call belongs to one.
    pub run_id: Option<RunId>,
    /// The call.
    pub call_id: Option<CallId>,
    /// The tool.
    pub tool: String,
    /// The arguments, cut and with secrets struck out.
    pub args_summary: String,
    /// What policy answered.
    pub decision: Effect,
    /// Whether nothing was executed.
    pub dry_run: bool,
    /// Whether the tool did what it was asked; false when it did not run.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// An append whose form was checked and whose payloads are the bytes that will be stored.
#[derive(Debug)]
pub(super) struct Prepared {
    pub run_id: String,
    pub expected_seq: u64,
    pub at: Timestamp,
    pub events: Vec<PreparedEvent>,
    pub texts: Vec<Stored>,
    /// Texts that are named and must be stored already.
    pub known_texts: Vec<TextRef>,
    pub audit: Vec<PreparedAudit>,
    pub records: Vec<PreparedRecord>,
    pub proposals: Vec<MemoryProposal>,
    pub files: Vec<FileLabels>,
    pub queue: Option<Enqueue>,
    pub fence: Option<Fence>,
    pub key: Option<NewKey>,
    /// With the event that says so in the system's own stream.
    pub uses: Option<(ApprovalId, Box<Prepared>)>,
}

#[derive(Debug)]
pub(super) struct PreparedEvent {
    pub body: EventBody,
    pub kind: EventKind,
    pub payload: Box<str>,
}

/// An audit entry as the bytes that will be stored.
#[derive(Debug)]
pub(super) struct PreparedAudit(pub String);

#[derive(Debug)]
pub(super) struct PreparedRecord {
    pub record: NewRecord,
    pub metadata: String,
}

impl PreparedAudit {
    pub(super) fn new(entry: &AuditEntry) -> Result<Self, StoreError> {
        let json = serde_json::to_string(entry);
        let json = json.map_err(|error| unwritable("audit entry", &error))?;
        if json.len() > AUDIT_BYTES_MAX {
            let bytes = json.len();
            return Err(StoreError::BadRequest(format!(
                "an audit entry of {bytes} bytes is over the limit of {AUDIT_BYTES_MAX}"
            )));
        }
        Ok(Self(json))
    }
}

impl Prepared {
    pub(super) fn new(append: Append) -> Result<Self, StoreError> {
        check_run_id(&append.run_id)?;
        check_counts(&append)?;
        append.texts.iter().try_for_each(check_text)?;
        append.key.iter().try_for_each(|key| keys::check(&key.scope, &key.key))?;
        let events: Vec<_> =
            append.bodies.into_iter().map(prepare_event).collect::<Result<_, _>>()?;
        let records: Vec<_> =
            append.records.into_iter().map(prepare_record).collect::<Result<_, _>>()?;
        let mut named = Vec::new();
        for event in &events {
            named.extend(text_refs(&event.payload).map_err(|e| unwritable("event", &e))?);
        }
        named.extend(records.iter().map(|record| record.record.text.clone()));
        // A source that was forgotten takes its proposals along; what is decided later still names its text.
        named.extend(append.proposals.iter().map(|proposal| proposal.text.clone()));
        let uses = append.uses.map(|id| Self::used(id, &append.run_id, append.at)).transpose()?;
        named.retain(|text| !append.texts.iter().any(|stored| stored.reference == *text));
        Ok(Self {
            run_id: append.run_id,
            expected_seq: append.expected_seq,
            at: append.at,
            events,
            known_texts: named,
            texts: append.texts,
            audit: append.audit.iter().map(PreparedAudit::new).collect::<Result<_, _>>()?,
            records,
            proposals: append.proposals,
            files: append.files,
            queue: append.queue,
            fence: append.fence,
            key: append.key,
            uses,
        })
    }
}

impl Prepared {
    /// That a run used up an approval.
    fn used(
        approval_id: ApprovalId,
        run_id: &str,
        at: Timestamp,
    ) -> Result<(ApprovalId, Box<Self>), StoreError> {
        let (by, reason) = (run_id.to_owned(), None);
        let used = ApprovalResolution { approval_id, approved: true, by, reason };
        let body = EventBody::ApprovalResolved(used);
        let append = Append::new(RunId::SYSTEM_TEXT, 0, at, vec![body]);
        Ok((approval_id, Box::new(Self::new(append)?)))
    }
}

fn prepare_event(body: EventBody) -> Result<PreparedEvent, StoreError> {
    let payload = body.payload().map_err(|error| unwritable("event", &error))?;
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(StoreError::BadRequest(format!(
            "an event `{}` of {} bytes is over the limit of {PAYLOAD_BYTES_MAX}: its long texts \
             belong into blobs",
            body.kind().as_str(),
            payload.len(),
        )));
    }
    Ok(PreparedEvent { kind: body.kind(), body, payload: payload.into() })
}

fn prepare_record(record: NewRecord) -> Result<PreparedRecord, StoreError> {
    let metadata = serde_json::to_string(&record.metadata);
    Ok(PreparedRecord {
        metadata: metadata.map_err(|error| unwritable("memory record", &error))?,
        record,
    })
}

fn unwritable(what: &str, error: &serde_json::Error) -> StoreError {
    StoreError::BadRequest(format!("the {what} cannot be written as json: {error}"))
}

fn check_run_id(run_id: &str) -> Result<(), StoreError> {
    if run_id == RunId::SYSTEM_TEXT {
        return Ok(());
    }
    let parsed: Result<RunId, _> = run_id.parse();
    parsed.map(drop).map_err(|error| StoreError::BadRequest(error.to_string()))
}

fn check_counts(append: &Append) -> Result<(), StoreError> {
    let events = append.bodies.len();
    if events == 0 || events > APPEND_EVENTS_MAX {
        return Err(StoreError::BadRequest(format!(
            "an append has 1 to {APPEND_EVENTS_MAX} events, not {events}"
        )));
    }
    if append.run_id == RunId::SYSTEM_TEXT && append.queue.is_some() {
        let refused = "the system's own stream is no run: it has no place in the queue";
        return Err(StoreError::BadRequest(refused.to_owned()));
    }
    Ok(())
}

fn check_text(text: &Stored) -> Result<(), StoreError> {
    let (reference, bytes) = (&text.reference, text.content.len());
    if bytes > TEXT_BYTES_MAX {
        return Err(StoreError::BadRequest(format!(
            "a text of {bytes} bytes is over the limit of {TEXT_BYTES_MAX}"
        )));
    }
    let salted = Stored::salted_hash(&text.salt, &text.content);
    let hex = salted.to_string();
    let named = hex.get(..32).is_some_and(|name| reference.blob == format!("blob_{name}"));
    if named && salted == reference.salted_hash && bytes as u64 == reference.bytes {
        return Ok(());
    }
    Err(StoreError::BadRequest(format!(
        "the text `{}` is not what its reference says",
        reference.blob
    )))
}
