//! Decisions of the past, each with the facts it was made from, read back from the journal.
//!
//! Reads only: no lock, beside a host and without one. Of all there is, one page of events and what one
//! run still has to know of its earlier calls are held at a time.

use std::collections::{BTreeMap, VecDeque};

use super::error::RunError;
use super::evidence::Evidence;
use crate::contracts::{
    CallDecided, CallId, CallRequested, Decision, Event, EventBody, Map, RunId, SCHEMA_VERSION,
    ShadowDecision, TextRef, Timestamp, ToolCall,
};
use crate::policy::Request;
use crate::store::{Reader, RunInfo, StoreError};

/// Runs read from the store at once.
const RUNS_PAGE: u32 = 100;

/// Events read from the store at once.
const EVENTS_PAGE: u32 = 500;

/// One decision, as it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The run.
    pub run_id: RunId,
    /// The call.
    pub call_id: CallId,
    /// When it was journalled.
    pub at: Timestamp,
    /// The step's path.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// The facts it was made from.
    pub request: Option<Request>,
    /// Why there are none.
    pub missing: Option<Missing>,
    /// Whether secrets were struck out of the facts: decided again, it may come out otherwise.
    pub struck: bool,
    /// What was decided.
    pub decision: Decision,
    /// What the rules on trial said, where they said something else.
    pub shadow: Option<ShadowDecision>,
}

/// Why a decision has no facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It was made without: there is no such tool, or the facts could not be collected or kept; or by a
    /// version that kept none.
    None,
    /// Somebody had them forgotten.
    Forgotten,
}

impl Missing {
    /// Why, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "no facts were kept",
            Self::Forgotten => "its facts were forgotten",
        }
    }
}

/// Every decision about a call, oldest first; empty when there is no such call. Blocks.
///
/// # Errors
/// When the store cannot be read, or holds what this version cannot read.
pub fn decisions_of(store: &Reader, call: CallId) -> Result<Vec<Recorded>, RunError> {
    let mut found: Vec<Recorded> = Vec::new();
    for recorded in Decisions::of(store, Timestamp::from_ms(0), Some(call)) {
        let recorded = recorded?;
        let next_run = found.first().is_some_and(|first| first.run_id != recorded.run_id);
        if next_run {
            break;
        }
        found.push(recorded);
    }
    Ok(found)
}

/// Every decision since a time: run by run, the newest run first, and in each in the order in which they
/// were made. Each item is read when it is asked for.
#[derive(Debug)]
pub struct Decisions<'a> {
    store: &'a Reader,
    since: Timestamp,
    only: Option<CallId>,
    runs: VecDeque<RunInfo>,
    before: Option<u64>,
    over: bool,
    run: Option<Reading>,
}

impl<'a> Decisions<'a> {
    /// Those that were journalled at `since` or later.
    #[must_use]
    pub fn since(store: &'a Reader, since: Timestamp) -> Self {
        Self::of(store, since, None)
    }

    fn of(store: &'a Reader, since: Timestamp, only: Option<CallId>) -> Self {
        let runs = VecDeque::new();
        Self { store, since, only, runs, before: None, over: false, run: None }
    }

    fn advance(&mut self) -> Result<Option<Recorded>, RunError> {
        loop {
            if let Some(run) = &mut self.run {
                while let Some(found) = run.next_event(self.store)? {
                    let (event, decided) = found;
                    let wanted = self.only.is_none_or(|only| only == decided.call_id);
                    if event.at >= self.since && wanted {
                        return run.recorded(self.store, &event, decided).map(Some);
                    }
                }
                self.run = None;
            }
            match self.next_run()? {
                Some(run) => self.run = Some(Reading::new(run.run_id)),
                None => return Ok(None),
            }
        }
    }

    /// The next run in which something happened since then.
    fn next_run(&mut self) -> Result<Option<RunInfo>, RunError> {
        loop {
            if let Some(run) = self.runs.pop_front() {
                if run.updated_at >= self.since {
                    return Ok(Some(run));
                }
                continue;
            }
            if self.over {
                return Ok(None);
            }
            let page = self.store.runs(self.before, RUNS_PAGE)?;
            self.before = page.last().map(|run| run.cursor);
            self.over = page.is_empty();
            self.runs = page.into();
        }
    }
}

impl Iterator for Decisions<'_> {
    type Item = Result<Recorded, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            // What is behind a mistake cannot be reached.
            (self.over, self.run) = (true, None);
            self.runs.clear();
        }
        next.transpose()
    }
}

/// A run that is being read.
#[derive(Debug)]
struct Reading {
    run_id: RunId,
    seq: u64,
    page: VecDeque<Event>,
    /// Calls that may still be decided or begun: the tool, and the document.
    open: BTreeMap<CallId, (String, TextRef)>,
    /// When each tool was begun, by tool, each with the event that says so, oldest first.
    begun: BTreeMap<String, Vec<(u64, Timestamp)>>,
}

impl Reading {
    fn new(run_id: RunId) -> Self {
        let (open, begun) = (BTreeMap::new(), BTreeMap::new());
        Self { run_id, seq: 0, page: VecDeque::new(), open, begun }
    }

    /// The next decision of the run.
    fn next_event(&mut self, store: &Reader) -> Result<Option<(Event, CallDecided)>, RunError> {
        loop {
            let Some(event) = self.page.pop_front() else {
                let run = self.run_id.to_string();
                self.page = store.events(&run, self.seq, EVENTS_PAGE)?.into();
                if self.page.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            self.seq = event.seq;
            let body = event.body().map_err(|source| self.unreadable("an event", source))?;
            if let EventBody::CallDecided(decided) = body {
                return Ok(Some((event, decided)));
            }
            self.take(&event, body);
        }
    }

    fn take(&mut self, event: &Event, body: EventBody) {
        match body {
            EventBody::CallRequested(CallRequested { call_id, name, call, .. }) => {
                self.open.insert(call_id, (name, call));
            }
            EventBody::CallStarted(named) => {
                if let Some((tool, _)) = self.open.get(&named.call_id) {
                    self.begun.entry(tool.clone()).or_default().push((event.seq, event.at));
                }
            }
            EventBody::CallFinished(finished) => {
                self.open.remove(&finished.call_id);
            }
            _ => {}
        }
    }

    fn unreadable(&self, what: &'static str, source: serde_json::Error) -> RunError {
        RunError::Stored { run: self.run_id.to_string(), what, source }
    }

    fn recorded(
        &self,
        store: &Reader,
        event: &Event,
        decided: CallDecided,
    ) -> Result<Recorded, RunError> {
        let evidence = match &decided.facts {
            None => Err(Missing::None),
            Some(facts) => self.evidence(store, facts)?,
        };
        let (request, struck, missing) = match evidence {
            Err(missing) => (None, false, Some(missing)),
            Ok(evidence) => {
                let struck = evidence.struck;
                match self.request(store, &decided, evidence)? {
                    Ok(request) => (Some(request), struck, None),
                    Err(missing) => (None, struck, Some(missing)),
                }
            }
        };
        Ok(Recorded {
            run_id: self.run_id,
            call_id: decided.call_id,
            at: event.at,
            path: decided.path,
            tool: decided.name,
            request,
            missing,
            struck,
            decision: decided.decision,
            shadow: decided.shadow.map(|shadow| *shadow),
        })
    }

    fn evidence(
        &self,
        store: &Reader,
        facts: &TextRef,
    ) -> Result<Result<Evidence, Missing>, RunError> {
        let bytes = match store.blob(facts) {
            Ok(bytes) => bytes,
            Err(StoreError::Forgotten(_)) => return Ok(Err(Missing::Forgotten)),
            Err(error) => return Err(error.into()),
        };
        let what = "the facts of a decision";
        let evidence: Evidence =
            serde_json::from_slice(&bytes).map_err(|source| self.unreadable(what, source))?;
        if evidence.schema_version != SCHEMA_VERSION {
            let version = evidence.schema_version;
            let message =
                format!("its schema version is {version}, and this program reads {SCHEMA_VERSION}");
            let source = <serde_json::Error as serde::de::Error>::custom(message);
            return Err(self.unreadable(what, source));
        }
        Ok(Ok(evidence))
    }

    /// The facts, with what the journal holds elsewhere.
    fn request(
        &self,
        store: &Reader,
        decided: &CallDecided,
        evidence: Evidence,
    ) -> Result<Result<Request, Missing>, RunError> {
        let args = match &evidence.args {
            Some(_) => Map::new(),
            None => match self.arguments(store, decided.call_id)? {
                Ok(args) => args,
                Err(missing) => return Ok(Err(missing)),
            },
        };
        let before = |times: &Vec<(u64, Timestamp)>| -> Vec<Timestamp> {
            let earlier = times.iter().take_while(|(seq, _)| *seq <= evidence.as_of_seq);
            earlier.map(|(_, at)| *at).collect()
        };
        let calls = self.begun.iter().map(|(tool, times)| (tool.clone(), before(times)));
        let calls = calls.filter(|(_, times)| !times.is_empty()).collect();
        Ok(Ok(evidence.rebuilt(args, calls)))
    }

    fn arguments(&self, store: &Reader, call: CallId) -> Result<Result<Map, Missing>, RunError> {
        let Some((_, text)) = self.open.get(&call) else { return Ok(Err(Missing::None)) };
        match store.blob(text) {
            Ok(bytes) => {
                let call: ToolCall = serde_json::from_slice(&bytes)
                    .map_err(|source| self.unreadable("a call", source))?;
                Ok(Ok(call.args))
            }
            Err(StoreError::Forgotten(_)) => Ok(Err(Missing::Forgotten)),
            Err(error) => Err(error.into()),
        }
    }
}
