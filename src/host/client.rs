//! The guest's side of the socket: hand over a run, show what happens, pass answers on.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::protocol::{FromGuest, FromHost, Refusal, RunRequest};
use crate::contracts::{Event, EventBody, EventKind, Hash, RunId};
use crate::orchestrator::{Answerer, Observer, Question, RunEnd};

/// Why a run could not be done through the host.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no host to talk to, or it left before it took the run.
    #[error("the workspace's host does not answer: {0}")]
    NoHost(io::Error),
    /// The host did not take the run.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The host left while the run was going on; the run can be resumed.
    #[error("the workspace's host left while `{0}` was running")]
    HostLeft(RunId),
    /// The host speaks another language.
    #[error("the workspace's host answered something this version cannot read: {0}")]
    Unreadable(serde_json::Error),
}

/// Runs `request` through the host that listens on `socket`.
///
/// # Errors
/// As [`ClientError`] says; after `HostLeft` the run is in the journal and wants to be resumed.
pub async fn run_through(
    socket: &Path,
    request: RunRequest,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
    mut stop: watch::Receiver<u32>,
) -> Result<RunEnd, ClientError> {
    let stream = UnixStream::connect(socket).await.map_err(ClientError::NoHost)?;
    same_user(&stream).map_err(ClientError::NoHost)?;
    let (read, write) = stream.into_split();
    let mut guest = Guest { write, run: None, answerer, observer };
    let wanted = FromGuest::Run { request: Box::new(request) };
    guest.send(&wanted).await?;
    let mut lines = BufReader::new(read).lines();
    let mut answering = JoinSet::new();
    let mut stops_seen = *stop.borrow_and_update();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let line = line.map_err(|error| guest.left(error))?;
                let line = line.ok_or_else(|| guest.left(io::ErrorKind::UnexpectedEof.into()))?;
                let line = serde_json::from_str(&line).map_err(ClientError::Unreadable)?;
                if let Some(end) = guest.take(line, &mut answering)? {
                    return Ok(end);
                }
            }
            Some(Ok(answer)) = answering.join_next() => guest.send(&answer).await?,
            Ok(()) = stop.changed() => {
                let stops = *stop.borrow_and_update();
                for _ in stops_seen..stops {
                    guest.send(&FromGuest::Cancel).await?;
                }
                stops_seen = stops;
            }
        }
    }
}

/// The host must be this user's own: nobody else is told what shall be run.
pub(super) fn same_user(stream: &UnixStream) -> io::Result<()> {
    let (theirs, ours) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if theirs == ours {
        return Ok(());
    }
    let message = format!("it belongs to user {theirs}, not to user {ours}");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// One run at the host.
struct Guest {
    write: OwnedWriteHalf,
    run: Option<RunId>,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
}

impl Guest {
    /// What it means that the host is gone: before it took the run, another one can be asked.
    fn left(&self, error: io::Error) -> ClientError {
        match self.run {
            Some(run) => ClientError::HostLeft(run),
            None => ClientError::NoHost(error),
        }
    }

    async fn send(&mut self, line: &FromGuest) -> Result<(), ClientError> {
        let mut text = serde_json::to_vec(line).map_err(ClientError::Unreadable)?;
        text.push(b'\n');
        let sent = self.write.write_all(&text).await;
        sent.map_err(|error| self.left(error))
    }

    /// Takes a line from the host; the last one ends the run here.
    fn take(
        &mut self,
        line: FromHost,
        answering: &mut JoinSet<FromGuest>,
    ) -> Result<Option<RunEnd>, ClientError> {
        match line {
            FromHost::Changed { .. } | FromHost::Unchanged { .. } => {
                return Err(ClientError::NoHost(io::ErrorKind::InvalidData.into()));
            }
            FromHost::Accepted { run_id, .. } => self.run = Some(run_id),
            FromHost::Refused { refusal } => return Err(ClientError::Refused(refusal)),
            FromHost::Event { seq, at, kind, payload } => {
                observe(&self.observer, self.run, seq, at, &kind, &payload)?;
            }
            FromHost::Question { subject, call, decision, plan_rules, yes } => {
                let (subject, decision) = (*subject, decision.map(|it| *it));
                let question = Question { subject, call, decision, plan_rules, yes };
                let answerer = Arc::clone(&self.answerer);
                answering.spawn_blocking(move || answer(&*answerer, &question));
            }
            FromHost::End { status, report } => {
                let Some(run_id) = self.run else {
                    return Err(ClientError::NoHost(io::ErrorKind::InvalidData.into()));
                };
                return Ok(Some(RunEnd { run_id, status, report: report.map(|it| *it) }));
            }
        }
        Ok(None)
    }
}

fn answer(answerer: &dyn Answerer, question: &Question) -> FromGuest {
    let approval_id = question.subject.approval_id;
    match answerer.answer(question) {
        Some(answer) => FromGuest::Answer {
            approval_id,
            approved: Some(answer.approved),
            by: answer.by,
            reason: answer.reason,
        },
        None => {
            let by = "nobody".to_owned();
            FromGuest::Answer { approval_id, approved: None, by, reason: None }
        }
    }
}

fn observe(
    observer: &Observer,
    run: Option<RunId>,
    seq: u64,
    at: crate::contracts::Timestamp,
    kind: &str,
    payload: &str,
) -> Result<(), ClientError> {
    let (Some(run), Some(kind)) = (run, EventKind::parse(kind)) else { return Ok(()) };
    let body = EventBody::parse(kind, payload).map_err(ClientError::Unreadable)?;
    let event = Event {
        run_id: run.to_string(),
        seq,
        global_seq: 0,
        at,
        kind,
        payload: payload.into(),
        prev_hash: Hash::ZERO,
        hash: Hash::ZERO,
    };
    observer(&event, &body);
    Ok(())
}
