//! Following a run: every event once and in order, however often the connection is lost.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;

use super::request::is_stream;
use super::{Client, ClientError, Message, Parser, Request, WireEvent};
use crate::contracts::{Event, RunId, RunStatus};

/// Largest event that is taken, in bytes.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// Longest wait for the head of an answer.
const HEAD: Duration = Duration::from_secs(30);
/// Shortest and longest pause that a server may ask for.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The header that says where to go on.
const LAST_EVENT_ID: &str = "last-event-id";

/// How long a lost daemon is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Pause before a try, unless the daemon asked for another one.
    pub pause: Duration,
    /// How long to try.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause: Duration::from_secs(2), total: Duration::from_secs(120) }
    }
}

/// What following a run brings.
#[derive(Debug)]
pub enum Seen {
    /// The next event.
    Event {
        /// As it came.
        wire: Box<WireEvent>,
        /// As it stands in the journal, unless its kind is newer than this program.
        event: Option<Box<Event>>,
        /// The document, in one line.
        line: String,
    },
    /// The connection was lost; the next call goes on where it stood.
    Lost(String),
    /// The run has ended, and every event of it was seen.
    End(RunStatus),
}

/// Follows one run.
#[derive(Debug)]
pub struct Follower<'a> {
    client: &'a Client,
    run: RunId,
    after: u64,
    patience: Patience,
    pause: Duration,
    stream: Option<Stream>,
    /// Since when nothing came.
    lost_at: Option<Instant>,
}

#[derive(Debug)]
struct Stream {
    answer: Response,
    parser: Parser,
    messages: VecDeque<Message>,
}

/// The data of the last message.
#[derive(Debug, Deserialize)]
struct End {
    status: RunStatus,
}

/// Why nothing more comes from a connection.
enum Stop {
    /// The run has ended and there is nothing behind the cursor.
    NothingMore,
    /// It can be tried again.
    Lost(ClientError),
    /// It cannot.
    Final(ClientError),
}

impl<'a> Follower<'a> {
    /// Follows `run` from the event behind `after`.
    #[must_use]
    pub fn new(client: &'a Client, run: RunId, after: u64, patience: Patience) -> Self {
        let pause = patience.pause;
        Self { client, run, after, patience, pause, stream: None, lost_at: None }
    }

    /// The number of the last event that was seen.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.after
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// When the daemon stays away, refuses, or sends what is not the run's journal.
    pub async fn next(&mut self) -> Result<Seen, ClientError> {
        loop {
            match self.step().await {
                Ok(Some(seen)) => return Ok(seen),
                Ok(None) => {}
                Err(Stop::NothingMore) => return self.standing().await.map(Seen::End),
                Err(Stop::Final(error)) => return Err(error),
                Err(Stop::Lost(error)) => return self.lost(error).await.map(Seen::Lost),
            }
        }
    }

    /// One message, or one read from the connection.
    async fn step(&mut self) -> Result<Option<Seen>, Stop> {
        let client = self.client;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = self.connect().await?;
                self.stream.insert(stream)
            }
        };
        if let Some(message) = stream.messages.pop_front() {
            return self.take(message);
        }
        let chunk = stream.answer.chunk().await;
        let chunk = chunk.map_err(|error| Stop::Lost(client.unreachable(error)))?;
        let Some(chunk) = chunk else {
            return Err(Stop::Lost(ClientError::Unreachable {
                place: client.place.clone(),
                why: "the connection was closed".to_owned(),
            }));
        };
        let messages = stream.parser.push(&chunk);
        stream.messages.extend(messages.map_err(|error| Stop::Final(error.into()))?);
        if let Some(ms) = stream.parser.retry_ms() {
            self.pause = Duration::from_millis(ms).clamp(PAUSE_MIN, PAUSE_MAX);
        }
        self.lost_at = None;
        Ok(None)
    }

    async fn connect(&self) -> Result<Stream, Stop> {
        let (client, run) = (self.client, self.run.to_string());
        let url = client.url(&["runs", &run, "events"], &[]).map_err(Stop::Final)?;
        let mut asking = client.http.get(url).header(ACCEPT, "text/event-stream");
        if self.after > 0 {
            asking = asking.header(LAST_EVENT_ID, self.after);
        }
        let silent = || ClientError::Unreachable {
            place: client.place.clone(),
            why: format!("no answer within {} s", HEAD.as_secs()),
        };
        let answer = tokio::time::timeout(HEAD, asking.send())
            .await
            .map_err(|_| Stop::Lost(silent()))?
            .map_err(|error| Stop::Lost(client.unreachable(error)))?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Err(Stop::NothingMore);
        }
        let answer = client.accepted(answer).await.map_err(|error| {
            if is_passing(&error) { Stop::Lost(error) } else { Stop::Final(error) }
        })?;
        if !is_stream(&answer) {
            return Err(Stop::Final(client.unreadable("it is no stream of events")));
        }
        let parser = Parser::new(EVENT_BYTES_MAX);
        Ok(Stream { answer, parser, messages: VecDeque::new() })
    }

    fn take(&mut self, message: Message) -> Result<Option<Seen>, Stop> {
        let unreadable = |error: serde_json::Error| Stop::Final(self.client.unreadable(error));
        if message.event == "end" {
            let end: End = serde_json::from_str(&message.data).map_err(unreadable)?;
            return Ok(Some(Seen::End(end.status)));
        }
        let wire: WireEvent = serde_json::from_str(&message.data).map_err(unreadable)?;
        if wire.seq <= self.after {
            return Ok(None);
        }
        if wire.seq != self.after + 1 || wire.run_id != self.run.to_string() {
            let (seq, after) = (wire.seq, self.after);
            let why = format!("event {seq} of `{}` follows event {after}", wire.run_id);
            return Err(Stop::Final(self.client.unreadable(why)));
        }
        let event = wire.event();
        if event.as_ref().is_some_and(|event| !event.hash_holds()) {
            return Err(Stop::Final(ClientError::Altered { run: wire.run_id, seq: wire.seq }));
        }
        self.after = wire.seq;
        let (wire, event) = (Box::new(wire), event.map(Box::new));
        Ok(Some(Seen::Event { wire, event, line: message.data }))
    }

    /// Waits before the next try, unless there were enough of them. Gives what was lost.
    async fn lost(&mut self, error: ClientError) -> Result<String, ClientError> {
        self.stream = None;
        let since = *self.lost_at.get_or_insert_with(Instant::now);
        if since.elapsed() + self.pause > self.patience.total {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        Ok(error.to_string())
    }

    /// Where the run stands now. A daemon that is away for a while, such as one that is started again,
    /// is waited for as long as for events.
    ///
    /// # Errors
    /// When the daemon stays away or refuses.
    pub async fn standing(&mut self) -> Result<RunStatus, ClientError> {
        loop {
            match self.status().await {
                Err(error) if is_passing(&error) => {
                    let stream = self.stream.take();
                    self.lost(error).await?;
                    // What was received already is still to be seen.
                    self.stream = stream;
                }
                answer => {
                    self.lost_at = None;
                    return answer;
                }
            }
        }
    }

    async fn status(&self) -> Result<RunStatus, ClientError> {
        let run = self.run.to_string();
        let shown = self.client.ask(&Request::get(&["runs", &run])).await?;
        let end: End =
            serde_json::from_value(shown).map_err(|error| self.client.unreadable(error))?;
        Ok(end.status)
    }
}

/// Whether the same may work a little later.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(problem) => problem.status >= 500 || problem.status == 429,
        ClientError::Unreadable { .. } => false,
        _ => true,
    }
}
