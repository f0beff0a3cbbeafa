//! Pages of the journal for clients that are behind. Clients of one stream that go on from the same
//! place share what was read and encoded.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::store::{Reader, StoreError};

use super::block::{self, Block};
use super::hub::Topic;

/// Events of a page. Pages end at multiples of this, so that they are the same for everybody.
const PAGE_EVENTS: u64 = 256;
/// Pages that are kept for clients that come to the same place.
const KEPT_MAX: usize = 4;
/// A page is about as large as this, in bytes; a larger one is not kept.
const PAGE_BYTES: usize = 1024 * 1024;
/// Readings at once; the store has only a few connections.
const TURNS: usize = 3;

/// What the journal has behind a cursor.
#[derive(Debug)]
pub(super) enum Page {
    /// These events.
    Block(Block),
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will follow: the run has ended, with these words.
    Ended(Bytes),
}

/// The newest whole pages, and the turn to read one: readers of the same stream go one by one, and
/// who comes second finds the page of the first.
#[derive(Debug, Default)]
pub(super) struct Pages(tokio::sync::Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    pages: VecDeque<(u64, Block)>,
    /// Bytes of an event, as of the page before.
    each: usize,
}

/// Reads the journal on threads that may wait, a few at a time.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    reader: Reader,
    turns: Arc<Semaphore>,
}

impl Journal {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, turns: Arc::new(Semaphore::new(TURNS)) }
    }

    pub(super) const fn reader(&self) -> &Reader {
        &self.reader
    }

    async fn read(&self, topic: Topic, cursor: u64, limit: u64) -> Result<Page, StoreError> {
        let unanswered = |error: &dyn std::fmt::Display| StoreError::Unanswered(error.to_string());
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| unanswered(&error))?;
        let reader = self.reader.clone();
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read_page(&reader, topic, cursor, limit)
        });
        read.await.map_err(|error| unanswered(&error))?
    }
}

fn read_page(reader: &Reader, topic: Topic, cursor: u64, limit: u32) -> Result<Page, StoreError> {
    let events = match topic {
        Topic::Run(run) => reader.events(&run.to_string(), cursor, limit)?,
        Topic::All => reader.events_all(cursor, limit)?,
    };
    match (Block::encode(topic, &events), topic) {
        (Some(block), _) => Ok(Page::Block(block)),
        (None, Topic::All) => Ok(Page::Nothing),
        (None, Topic::Run(run)) => {
            let info = reader.run(&run)?;
            // It may have gone on between the two readings: then there is more to read.
            let over = !info.unfinished && info.last_seq <= cursor;
            let words = || Page::Ended(block::farewell(&run.to_string(), info.status.as_str()));
            Ok(if over { words() } else { Page::Nothing })
        }
    }
}

impl Pages {
    /// The page behind `cursor`, read once for all who ask for it at the same time.
    pub(super) async fn page(
        &self,
        journal: &Journal,
        topic: Topic,
        cursor: u64,
    ) -> Result<Page, StoreError> {
        let mut kept = self.0.lock().await;
        if let Some((_, block)) = kept.pages.iter().find(|(at, _)| *at == cursor) {
            return Ok(Page::Block(block.clone()));
        }
        let limit = kept.limit(cursor);
        let page = journal.read(topic, cursor, limit).await?;
        if let Page::Block(block) = &page {
            kept.keep(cursor, block, limit);
        }
        Ok(page)
    }
}

impl Kept {
    /// Up to the next multiple of a page, from where all go on together; fewer where events are
    /// long.
    fn limit(&self, cursor: u64) -> u64 {
        let fitting = PAGE_BYTES.checked_div(self.each).map_or(PAGE_EVENTS, |count| count as u64);
        (PAGE_EVENTS - cursor % PAGE_EVENTS).min(fitting.max(1))
    }

    fn keep(&mut self, cursor: u64, block: &Block, limit: u64) {
        self.each = block.bytes() / block.len().max(1);
        // A page that is not full will have more events later.
        if block.len() as u64 == limit && block.bytes() <= PAGE_BYTES {
            self.pages.push_back((cursor, block.clone()));
            if self.pages.len() > KEPT_MAX {
                self.pages.pop_front();
            }
        }
    }
}
