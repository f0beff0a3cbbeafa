//! Memory here, or at a daemon: reading needs no lock, writing goes through whoever holds the workspace.

use serde_json::json;

use super::order::order;
use crate::app::App;
use crate::cli::remote::{Place, ask};
use crate::cli::{CliError, Cx, Exit, run_error};
use crate::client::Request;
use crate::contracts::{
    ForgetPlan, ForgetReceipt, Forgotten, MemoryAnswer, MemoryQuery, MemorySelection,
    MemoryWrittenList, NewMemory, SearchMode, Written,
};
use crate::identity::this_account;
use crate::memory::{Memory, MemoryError};
use crate::orchestrator::{Asker, MemoryOrder, MemoryRefusal};

/// Records of one request, and bytes of their texts: a line of the host's socket holds them however they are
/// written as JSON.
const CHUNK: usize = 256;
const CHUNK_BYTES: usize = 2 << 20;

/// Where records are read.
pub(super) fn memory(place: &Place, cx: &Cx) -> Result<Memory, CliError> {
    match place {
        Place::Here(app) | Place::Daemon(_, app) => app.memory(&cx.clock),
        Place::Named(_) => {
            Err(CliError::usage("this reads the store itself, which is not at hand")
                .hint("give the command where the workspace is, without --url"))
        }
    }
}

pub(super) fn person() -> Asker {
    Asker { by: this_account(), person: true }
}

/// Remembers, in portions that fit a request.
pub(super) fn write(place: &Place, wanted: Vec<NewMemory>) -> Result<Vec<Written>, CliError> {
    let (mut written, mut portion, mut bytes) = (Vec::with_capacity(wanted.len()), Vec::new(), 0);
    let mut send = |portion: Vec<NewMemory>| -> Result<(), CliError> {
        let answer: MemoryWrittenList = order(place, &MemoryOrder::Remember { wanted: portion })?;
        written.extend(answer.items);
        Ok(())
    };
    for memory in wanted {
        let more = memory.draft.text.len();
        if portion.len() >= CHUNK || (bytes + more > CHUNK_BYTES && !portion.is_empty()) {
            send(std::mem::take(&mut portion))?;
            bytes = 0;
        }
        bytes += more;
        portion.push(memory);
    }
    if !portion.is_empty() {
        send(portion)?;
    }
    Ok(written)
}

/// What would be forgotten.
pub(super) fn plan(
    place: &Place,
    meant: &MemorySelection,
    cx: &Cx,
) -> Result<ForgetPlan, CliError> {
    match place {
        Place::Named(client) => {
            let body = json!({ "meant": meant, "dry_run": true });
            let answer: Forgotten = ask(client, Request::post(&["memory", "forget"]).body(body))?;
            Ok(answer.plan)
        }
        Place::Here(app) | Place::Daemon(_, app) => {
            app.memory(&cx.clock)?.would_forget(meant).map_err(error)
        }
    }
}

/// Forgets.
pub(super) fn erase(place: &Place, meant: &MemorySelection) -> Result<ForgetReceipt, CliError> {
    let answer: Forgotten = order(place, &MemoryOrder::Forget { meant: meant.clone() })?;
    answer.receipt.ok_or_else(|| CliError::new(Exit::Failed, "there is no receipt"))
}

/// Whoever answers questions.
pub(super) enum Finder<'a> {
    Here(Box<Memory>),
    There(&'a crate::client::Client),
}

impl<'a> Finder<'a> {
    pub(super) fn of(place: &'a Place, embedder: Option<&str>, cx: &Cx) -> Result<Self, CliError> {
        match place {
            Place::Named(client) => Ok(Self::There(client)),
            Place::Here(app) | Place::Daemon(_, app) => Self::here(app, embedder, cx),
        }
    }

    fn here(app: &App, embedder: Option<&str>, cx: &Cx) -> Result<Self, CliError> {
        Ok(Self::Here(Box::new(app.memory_by(&cx.clock, embedder)?)))
    }

    pub(super) fn search(&self, query: &MemoryQuery) -> Result<MemoryAnswer, CliError> {
        match self {
            Self::Here(memory) => memory.search(query).map_err(error),
            Self::There(client) => ask(client, request(query)),
        }
    }
}

/// A question as an address.
fn request(query: &MemoryQuery) -> Request<'_> {
    let mut request = Request::get(&["memory", "search"]).with("q", &query.text).with("k", query.k);
    for area in &query.areas {
        request = request.with("area", area.name());
    }
    for tag in &query.tags {
        request = request.with("tag", tag);
    }
    if let Some(subject) = &query.subject {
        request = request.with("subject", subject);
    }
    if let Some(at) = query.as_of {
        request = request.with("as_of", at);
    }
    let mode = match query.mode {
        SearchMode::Lexical => "lexical",
        SearchMode::Vector => "vector",
        SearchMode::Hybrid => "hybrid",
    };
    request = request.with("mode", mode);
    if let Some(embedder) = &query.embedder {
        request = request.with("embedder", embedder);
    }
    if query.explain { request.with("explain", true) } else { request }
}

/// An error of memory, at the edge.
pub(super) fn error(error: MemoryError) -> CliError {
    match &error {
        MemoryError::Refused(_) | MemoryError::NotFound(_) | MemoryError::Search(_) => {
            CliError::usage(error.to_string())
        }
        MemoryError::Log(_) => CliError::new(Exit::Failed, error.to_string()),
    }
}

pub(super) fn refusal(refused: MemoryRefusal) -> CliError {
    match refused {
        MemoryRefusal::Invalid(why) | MemoryRefusal::Missing(why) => CliError::usage(why),
        MemoryRefusal::Broken(why) => CliError::new(Exit::Failed, why),
        MemoryRefusal::Run(error) => run_error(error),
        MemoryRefusal::Denied { ref rules, .. } | MemoryRefusal::Asks { ref rules, .. } => {
            let why = CliError::new(Exit::Denied, refused.to_string());
            match rules.first() {
                Some(rule) => why.hint(format!("see the rule: bailiwick policy show {rule}")),
                None => why,
            }
        }
    }
}
