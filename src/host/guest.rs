//! The host's side of the socket: one task per guest.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc as blocking_mpsc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::protocol::{FromGuest, FromHost, LINE_BYTES_MAX, Refusal, RunRequest};
use super::runner::{Host, HostError};
use crate::contracts::{ApprovalId, Event, EventBody};
use crate::identity::this_account;
use crate::orchestrator::{
    Answer, Answerer, Asker, MemoryOrder, Observer, OrderRefused, Question, RefusedAs, carry_out,
};

/// Lines to a guest that reads slowly. The driver waits for no one: what is over is not shown, and
/// stands in the journal.
const LINES: usize = 4_096;

/// How long a guest may take to say what it wants, and to hear how it ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// The wait before letting guests in again after that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts guests until it is closed.
#[derive(Debug)]
pub struct Listener {
    guests: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Listens on `path`, which only this user may reach. The lock is held, so a file that is there
    /// was left by a host that is gone.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(host: Host, path: &Path) -> std::io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let guests = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let serving = Arc::clone(&guests);
        let accepting = tokio::spawn(async move {
            loop {
                match socket.accept().await {
                    Ok((stream, _)) => {
                        let host = host.clone();
                        let mut serving = serving.lock().await;
                        while serving.try_join_next().is_some() {}
                        serving.spawn(async move {
                            if let Err(error) = serve(host, stream).await {
                                tracing::warn!("a guest was cut off: {error}");
                            }
                        });
                    }
                    Err(error) => {
                        // Such as too many open files: it may pass.
                        tracing::warn!("no guest could be let in: {error}");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        Ok(Self { guests, accepting })
    }

    /// Waits until no guest is left, those that come meanwhile included; then takes no more.
    pub async fn close(self, path: &Path) {
        loop {
            // Not held while waiting: guests that come have to get in.
            let mut here = std::mem::take(&mut *self.guests.lock().await);
            if here.is_empty() {
                break;
            }
            while here.join_next().await.is_some() {}
        }
        self.accepting.abort();
        if let Err(error) = std::fs::remove_file(path) {
            tracing::debug!("the host's socket was gone already: {error}");
        }
    }
}

async fn serve(host: Host, stream: UnixStream) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != rustix::process::geteuid().as_raw() {
        // Only this user can reach the socket, or somebody who may do everything anyway.
        tracing::warn!("user {uid} handed over a run, and was refused");
        return Ok(());
    }
    let (read, write) = stream.into_split();
    let mut lines = Lines::new(read);
    let first = timeout(PATIENCE, lines.next()).await??;
    let (out, outbox) = mpsc::channel(LINES);
    let writer = tokio::spawn(write_lines(write, outbox));
    let last = match first {
        Some(FromGuest::Run { request }) => run_for(host, *request, lines, &out).await,
        Some(FromGuest::Memory { order }) => change_for(host, *order).await,
        _ => return Ok(()),
    };
    // The guest may be gone, or stopped; its run is in the journal all the same.
    let told = async {
        if out.send(last).await.is_err() {
            tracing::debug!("the guest left before its run ended");
        }
        drop(out);
        writer.await
    };
    timeout(PATIENCE, told).await?.map_err(std::io::Error::other)?
}

/// Changes memory as a guest wants it and gives the last line. Guests are this user's own programs.
async fn change_for(host: Host, order: MemoryOrder) -> FromHost {
    let asker = Asker { by: this_account(), person: true };
    let work = move || carry_out(&host.services, &asker, order).map_err(OrderRefused::from);
    let done = tokio::task::spawn_blocking(work).await;
    match done {
        Ok(Ok(answer)) => FromHost::Changed { answer },
        Ok(Err(refused)) => FromHost::Unchanged { refused },
        Err(error) => {
            let (kind, message) = (RefusedAs::Broken, error.to_string());
            FromHost::Unchanged { refused: OrderRefused { kind, message, rules: Vec::new() } }
        }
    }
}

/// Runs what a guest wants and gives the last line.
async fn run_for(
    host: Host,
    request: RunRequest,
    lines: Lines,
    out: &mpsc::Sender<FromHost>,
) -> FromHost {
    let (accepting, wanted) = (host.clone(), request.clone());
    let accepted = tokio::task::spawn_blocking(move || accepting.accept(&wanted)).await;
    let (task_id, run_id) = match accepted {
        Ok(Ok(ids)) => ids,
        Ok(Err(HostError::Refused(refusal))) => return FromHost::Refused { refusal },
        Ok(Err(HostError::Run(error))) => return refused(error.to_string()),
        Err(error) => return refused(error.to_string()),
    };
    if out.send(FromHost::Accepted { task_id, run_id }).await.is_err() {
        tracing::debug!("the guest left before its run began");
    }
    let (cancel, stop) = watch::channel(0_u32);
    let (answers, answered) = blocking_mpsc::sync_channel(1);
    let listening = tokio::spawn(listen(lines, cancel, answers));
    let asks = if request.attended { Some(out.clone()) } else { None };
    let answerer: Arc<dyn Answerer> =
        Arc::new(GuestAnswers { asks, answered: std::sync::Mutex::new(answered) });
    let observer = observer(out.clone());
    let end = host.drive(run_id, answerer, request.yes_approve, observer, stop).await;
    listening.abort();
    match end {
        Ok(end) => FromHost::End { status: end.status, report: end.report.map(Box::new) },
        Err(error) => refused(error.to_string()),
    }
}

fn refused(message: String) -> FromHost {
    FromHost::Refused { refusal: Refusal { message, diagnostics: Vec::new(), usage: false } }
}

fn observer(out: mpsc::Sender<FromHost>) -> Observer {
    Arc::new(move |event: &Event, _: &EventBody| {
        let (kind, payload) = (event.kind.as_str().to_owned(), event.payload.to_string());
        let line = FromHost::Event { seq: event.seq, at: event.at, kind, payload };
        if out.try_send(line).is_err() {
            tracing::debug!("the guest does not keep up; event {} is in the journal", event.seq);
        }
    })
}

/// Takes cancels and answers from the guest. A guest that leaves does not stop its run.
async fn listen(
    mut lines: Lines,
    cancel: watch::Sender<u32>,
    answers: blocking_mpsc::SyncSender<Given>,
) {
    loop {
        match lines.next().await {
            Ok(Some(FromGuest::Cancel)) => cancel.send_modify(|times| *times += 1),
            Ok(Some(FromGuest::Answer { approval_id, approved, by, reason })) => {
                let by = answered_by(&by);
                let answer = approved.map(|approved| Answer { approved, by, reason });
                if answers.try_send((approval_id, answer)).is_err() {
                    tracing::warn!("a guest answers what nobody asked");
                }
            }
            Ok(Some(FromGuest::Run { .. } | FromGuest::Memory { .. })) => {
                tracing::warn!("a guest wants one thing at a time")
            }
            Ok(None) | Err(_) => return,
        }
    }
}

/// Who answered: the account at the other end, whatever the guest calls itself, with what it said it
/// with.
fn answered_by(by: &str) -> String {
    let with = by.split_once(" (").map_or("", |(_, with)| with);
    match with {
        "" => this_account(),
        with => format!("{} ({with}", this_account()),
    }
}

/// An answer and the question it is to.
type Given = (ApprovalId, Option<Answer>);

/// Asks over the socket.
struct GuestAnswers {
    asks: Option<mpsc::Sender<FromHost>>,
    answered: std::sync::Mutex<blocking_mpsc::Receiver<Given>>,
}

impl Answerer for GuestAnswers {
    fn answer(&self, question: &Question) -> Option<Answer> {
        let asks = self.asks.as_ref()?;
        // Locked over question and answer: one question at a time.
        let answered = match self.answered.lock() {
            Ok(answered) => answered,
            Err(poisoned) => poisoned.into_inner(),
        };
        let line = FromHost::Question {
            subject: Box::new(question.subject.clone()),
            call: question.call.clone(),
            decision: question.decision.clone().map(Box::new),
            plan_rules: question.plan_rules.clone(),
            yes: question.yes.clone(),
        };
        let asked = question.subject.approval_id;
        if asks.blocking_send(line).is_err() {
            return None;
        }
        // An answer to another question is none to this one. The channel closes when the guest leaves.
        while let Ok((approval_id, answer)) = answered.recv() {
            if approval_id == asked {
                return answer;
            }
        }
        None
    }
}

async fn write_lines(
    mut write: OwnedWriteHalf,
    mut outbox: mpsc::Receiver<FromHost>,
) -> std::io::Result<()> {
    while let Some(line) = outbox.recv().await {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        write.write_all(&text).await?;
    }
    write.shutdown().await
}

/// Lines from a guest, each at most [`LINE_BYTES_MAX`] long.
struct Lines(BufReader<OwnedReadHalf>);

impl Lines {
    fn new(read: OwnedReadHalf) -> Self {
        Self(BufReader::new(read))
    }

    async fn next(&mut self) -> std::io::Result<Option<FromGuest>> {
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64;
        let read = (&mut self.0).take(limit).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(std::io::Error::other("a line is longer than is taken"));
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }
}
