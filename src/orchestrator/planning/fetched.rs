//! Addresses that somebody handed in beside a goal. Each is fetched once, when planning begins, as far as the
//! rules let a call of the run get it without asking anybody; what came is kept with the run, so that later
//! plans are made from the same. One that is not fetched is named with why, and planning goes on.

use std::cell::Cell;

use super::given::Piece;
use crate::contracts::{ArtifactRef, ArtifactStored, EventBody, Hash};
use crate::orchestrator::attached::Held;
use crate::orchestrator::driver::Work;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::reads::{Document, GovernedReads, HTTP_GET, NotFetched};

/// Most addresses of a task that are fetched.
const FETCHED_MAX: u32 = 8;
/// What a document is called that is kept.
const NAME: &str = "document";
/// Longest media type that is kept, in characters.
const MEDIA_TYPE_CHARS: usize = 255;

/// The addresses of a task.
pub(super) struct Addresses<'a> {
    work: &'a Work,
    round: u32,
    /// How many were fetched, or tried.
    fetched: Cell<u32>,
}

impl<'a> Addresses<'a> {
    pub(super) const fn of(work: &'a Work, round: u32) -> Self {
        Self { work, round, fetched: Cell::new(0) }
    }

    /// The one at `place`.
    pub(super) fn at<'b>(&'b self, place: &'b str) -> Address<'b> {
        Address { all: self, place, kept: Batch::default() }
    }

    /// Why nothing is fetched now.
    fn idle(&self) -> Option<String> {
        let started = self.work.record.started.as_ref();
        if started.is_none_or(|(started, _)| started.dry_run) {
            return Some("a dry run fetches nothing".to_owned());
        }
        if self.work.services.model.is_none() {
            return Some("there is no model to read it".to_owned());
        }
        if self.round > 1 {
            return Some("it was not, when planning began".to_owned());
        }
        let full = self.fetched.get() >= FETCHED_MAX;
        full.then(|| format!("at most {FETCHED_MAX} addresses of a task are"))
    }
}

/// One address.
pub(super) struct Address<'a> {
    all: &'a Addresses<'a>,
    place: &'a str,
    /// What was fetched, to be journalled.
    pub kept: Batch,
}

impl Address<'_> {
    /// What is at `url`, or that and why nobody looked.
    pub(super) fn piece(&mut self, reads: &GovernedReads<'_>, url: &str) -> Piece {
        let services = &self.all.work.services;
        if let Some(held) = self.all.work.record.attached.get(self.place) {
            return match held.content(services.store.reader()) {
                Ok(Some(content)) => of_held(url, held, &content),
                Ok(None) => named(url, "what was there was forgotten", Vec::new()),
                Err(error) => named(url, &error.to_string(), Vec::new()),
            };
        }
        if let Some(why) = self.all.idle() {
            return named(url, &why, Vec::new());
        }
        self.all.fetched.set(self.all.fetched.get().saturating_add(1));
        match reads.document(url) {
            Ok(document) => self.keep(reads, url, document),
            Err(NotFetched { why, tried }) => {
                // What the other side answers may stand in it.
                let labels = if tried { reads.labels_of(HTTP_GET) } else { Vec::new() };
                named(url, &why, labels)
            }
        }
    }

    fn keep(&mut self, reads: &GovernedReads<'_>, url: &str, document: Document) -> Piece {
        let Document { text, media_type } = document;
        let labels: Vec<String> =
            reads.labels_of(HTTP_GET).into_iter().chain(reads.noted()).collect();
        let artifact = ArtifactRef {
            name: NAME.to_owned(),
            hash: Hash::of(text.as_bytes()),
            bytes: text.len() as u64,
            media_type: media_type.chars().take(MEDIA_TYPE_CHARS).collect(),
        };
        let content = self.kept.text(text.as_bytes(), self.all.work.services.clock.salt());
        self.kept.bodies.push(EventBody::ArtifactStored(ArtifactStored {
            call_id: None,
            path: self.place.to_owned(),
            content,
            artifact: Some(artifact),
            labels: labels.clone(),
        }));
        Piece { title: title(url), text, labels }
    }
}

fn title(url: &str) -> String {
    format!("the document at {url}")
}

fn of_held(url: &str, held: &Held, content: &[u8]) -> Piece {
    let text = String::from_utf8_lossy(content).into_owned();
    Piece { title: title(url), text, labels: held.labels.clone() }
}

fn named(url: &str, why: &str, labels: Vec<String>) -> Piece {
    let title = "an address to look at".to_owned();
    Piece { title, text: format!("{url}\n(not fetched: {why})"), labels }
}
