//! A channel: the newest events of one stream, and who waits for more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::block::Block;
use super::hub::Topic;
use super::pages::Pages;

/// Most text that a channel keeps, in bytes. Who is further behind reads the journal.
const BYTES_MAX: usize = 1024 * 1024;
/// Most blocks that a channel keeps.
const BLOCKS_MAX: usize = 256;

/// The newest events of one stream. Lives as long as it has clients.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) topic: Topic,
    /// Pages of the journal that clients of this channel read.
    pub(super) pages: Pages,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Each begins where the one before it ended.
    blocks: VecDeque<Block>,
    bytes: usize,
    /// Counts how often what is here stopped joining what was here before.
    breaks: u64,
    farewell: Option<Bytes>,
    waiting: Waiting,
    closed: bool,
}

/// What a channel has for a client.
#[derive(Debug)]
pub(super) enum Next {
    /// The block that holds the next events.
    Block(Block),
    /// The journal has to be read; the number tells when that has to be done anew.
    Behind(u64),
    /// Nothing newer is known; the client will be woken.
    Nothing,
    /// The run has ended, with these words.
    Ended(Bytes),
    /// The server ends.
    Closed,
}

/// Where a client stands in a channel.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The last event that it has.
    pub(super) cursor: u64,
    /// Up to which break it knows that the journal had no more.
    pub(super) synced: Option<u64>,
    /// Its place among those who wait.
    pub(super) waits_at: Option<usize>,
}

impl Channel {
    pub(super) fn new(topic: Topic) -> Self {
        Self { topic, pages: Pages::default(), state: Mutex::default() }
    }

    /// Puts the newest events in, and wakes everybody. Says how many were woken.
    pub(super) fn publish(&self, block: Block) -> usize {
        self.change(|state| state.push(block))
    }

    /// Says that events were not put in: everybody has to look into the journal.
    pub(super) fn skip(&self) -> usize {
        self.change(State::break_off)
    }

    /// Ends the streams of all clients.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> usize {
        let mut state = self.lock();
        change(&mut state);
        let woken = state.waiting.take();
        drop(state);
        let count = woken.len();
        woken.into_iter().for_each(Waker::wake);
        count
    }

    /// What follows the client's cursor. Where nothing does, it is woken for the next.
    pub(super) fn next(&self, place: &mut Place, waker: &Waker) -> Next {
        let mut state = self.lock();
        if state.closed {
            return Next::Closed;
        }
        let cursor = place.cursor;
        let index = state.blocks.partition_point(|block| block.last() <= cursor);
        match state.blocks.get(index) {
            // Only the oldest block may begin too late.
            Some(block) if index > 0 || block.first() <= cursor.saturating_add(1) => {
                Next::Block(block.clone())
            }
            Some(_) => Next::Behind(state.breaks),
            None if place.synced != Some(state.breaks) => Next::Behind(state.breaks),
            None => match &state.farewell {
                Some(words) => Next::Ended(words.clone()),
                None => {
                    state.waiting.wait(&mut place.waits_at, waker);
                    Next::Nothing
                }
            },
        }
    }

    /// The client leaves.
    pub(super) fn leave(&self, place: &Place) {
        if let Some(at) = place.waits_at {
            self.lock().waiting.free(at);
        }
    }

    // Nothing panics while holding the lock, and the state is sound between any two statements.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets everything: who is behind what comes next reads the journal.
    fn break_off(&mut self) {
        self.blocks.clear();
        self.bytes = 0;
        self.breaks += 1;
    }

    fn push(&mut self, block: Block) {
        let joins = |newest: &Block| newest.last().checked_add(1) == Some(block.first());
        if !self.blocks.back().is_none_or(joins) {
            self.break_off();
        }
        self.bytes += block.bytes();
        self.farewell = block.farewell().cloned().or(self.farewell.take());
        self.blocks.push_back(block);
        while self.blocks.len() > BLOCKS_MAX || (self.bytes > BYTES_MAX && self.blocks.len() > 1) {
            let Some(oldest) = self.blocks.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

/// Wakers by place. A place belongs to a client from its first wait until it leaves.
#[derive(Debug, Default)]
struct Waiting {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Waiting {
    fn wait(&mut self, place: &mut Option<usize>, waker: &Waker) {
        let at = *place.get_or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.places.push(None);
                self.places.len() - 1
            })
        });
        if let Some(slot) = self.places.get_mut(at) {
            match slot {
                Some(known) if known.will_wake(waker) => {}
                _ => *slot = Some(waker.clone()),
            }
        }
    }

    fn take(&mut self) -> Vec<Waker> {
        self.places.iter_mut().filter_map(Option::take).collect()
    }

    fn free(&mut self, place: usize) {
        if let Some(slot) = self.places.get_mut(place) {
            *slot = None;
            self.free.push(place);
        }
    }
}
