//! One client's stream, as the body of a response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::store::StoreError;

use super::channel::{Next, Place};
use super::hub::Subscription;
use super::pages::Page;

/// How long a client waits before it comes back, and that this is a stream of events.
const GREETING: &[u8] = b"retry: 2000\n\n";
/// A comment, so that all on the way know that the stream is alive.
const HEARTBEAT: &[u8] = b":\n\n";
/// How often it is sent.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// How often it is asked whether whoever reads still may.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Whether whoever reads still may.
pub type Admitted = Box<dyn Fn() -> bool + Send + Sync>;

type Reading = Pin<Box<dyn Future<Output = Result<Page, StoreError>> + Send>>;

/// The events behind a cursor as text, and those that follow. Holds nothing but its place: events
/// are shared with all other clients.
pub struct EventStream {
    subscription: Subscription,
    place: Place,
    /// A page of the journal that is being read, and the break it was begun after.
    reading: Option<(u64, Reading)>,
    heartbeat: Interval,
    greeted: bool,
    farewell: Option<Bytes>,
    ended: bool,
    /// Its place among all streams, given back at its end.
    holds: Option<OwnedSemaphorePermit>,
    /// Whether whoever reads it still may, and when to ask again.
    admitted: Option<(Admitted, Interval)>,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("place", &self.place).finish_non_exhaustive()
    }
}

impl EventStream {
    pub(super) fn new(subscription: Subscription, cursor: u64) -> Self {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            subscription,
            place: Place { cursor, ..Place::default() },
            reading: None,
            heartbeat,
            greeted: false,
            farewell: None,
            ended: false,
            holds: None,
            admitted: None,
        }
    }

    /// The same stream, keeping a place among all streams until it ends.
    #[must_use]
    pub fn holding(mut self, place: OwnedSemaphorePermit) -> Self {
        self.holds = Some(place);
        self
    }

    /// The same stream, for as long as whoever reads it may.
    #[must_use]
    pub fn while_admitted(mut self, admitted: Admitted) -> Self {
        let mut again = interval_at(Instant::now() + ASK_EVERY, ASK_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.admitted = Some((admitted, again));
        self
    }

    /// Ends the stream of somebody who may read it no longer.
    fn poll_admitted(&mut self, cx: &mut Context<'_>) {
        let Some((admitted, again)) = self.admitted.as_mut() else { return };
        while again.poll_tick(cx).is_ready() {
            if !admitted() {
                self.ended = true;
            }
        }
    }

    /// Its hold on the channel.
    #[cfg(test)]
    pub(super) const fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// The next text; `None` when the stream has ended.
    fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StoreError>>> {
        self.poll_admitted(cx);
        if self.ended {
            return Poll::Ready(None);
        }
        if !self.greeted {
            self.greeted = true;
            return Poll::Ready(Some(Ok(Bytes::from_static(GREETING))));
        }
        if let Some(words) = self.farewell.take() {
            self.ended = true;
            return Poll::Ready(Some(Ok(words)));
        }
        while !self.ended {
            let step = match self.reading.as_mut() {
                Some((breaks, reading)) => match reading.as_mut().poll(cx) {
                    Poll::Ready(page) => {
                        let breaks = *breaks;
                        self.reading = None;
                        self.take(page, breaks)
                    }
                    Poll::Pending => return self.poll_heartbeat(cx),
                },
                None => match self.subscription.channel.next(&mut self.place, cx.waker()) {
                    Next::Nothing => return self.poll_heartbeat(cx),
                    next => self.follow(next),
                },
            };
            if let Some(text) = step {
                return Poll::Ready(Some(text));
            }
        }
        Poll::Ready(None)
    }

    /// What the channel has: text, or a change of mind.
    fn follow(&mut self, next: Next) -> Option<Result<Bytes, StoreError>> {
        match next {
            Next::Block(block) => return Some(Ok(self.deliver(&block))),
            Next::Behind(breaks) => {
                let (channel, journal, cursor) = (
                    Arc::clone(&self.subscription.channel),
                    self.subscription.journal().clone(),
                    self.place.cursor,
                );
                let reading =
                    async move { channel.pages.page(&journal, channel.topic, cursor).await };
                self.reading = Some((breaks, Box::pin(reading)));
            }
            Next::Ended(words) => return Some(Ok(self.end_with(words))),
            Next::Closed => self.ended = true,
            Next::Nothing => {}
        }
        None
    }

    /// What was read from the journal.
    fn take(
        &mut self,
        page: Result<Page, StoreError>,
        breaks: u64,
    ) -> Option<Result<Bytes, StoreError>> {
        match page {
            Ok(Page::Block(block)) => Some(Ok(self.deliver(&block))),
            Ok(Page::Nothing) => {
                self.place.synced = Some(breaks);
                None
            }
            Ok(Page::Ended(words)) => Some(Ok(self.end_with(words))),
            Err(error) => {
                tracing::warn!(%error, "a stream of events could not go on");
                self.ended = true;
                Some(Err(error))
            }
        }
    }

    fn deliver(&mut self, block: &super::block::Block) -> Bytes {
        let text = block.after(self.place.cursor);
        self.place.cursor = block.last();
        self.farewell = block.farewell().cloned();
        text
    }

    fn end_with(&mut self, words: Bytes) -> Bytes {
        self.ended = true;
        words
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StoreError>>> {
        self.heartbeat.poll_tick(cx).map(|_| Some(Ok(Bytes::from_static(HEARTBEAT))))
    }
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.poll_text(cx).map(|text| text.map(|text| text.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.subscription.channel.leave(&self.place);
    }
}
