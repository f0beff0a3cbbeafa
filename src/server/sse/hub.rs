//! The hub: which streams have clients, and the one task that brings them what is new.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::contracts::{Event, RunId};
use crate::store::{Store, StoreError};

use super::block::Block;
use super::channel::Channel;
use super::pages::Journal;
use super::stream::EventStream;

/// What a client follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One run; the cursor is its `seq`.
    Run(RunId),
    /// Everything, the events that belong to no run included; the cursor is the global number.
    All,
}

/// Events that are read at once.
const PAGE_EVENTS: u32 = 512;
/// The shortest and longest wait between two readings. While many clients are being served, events
/// gather, so that each client is written to once for all of them.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// What serving one client takes, about.
const PAUSE_EACH: Duration = Duration::from_micros(10);
/// The wait after a reading that failed.
const PAUSE_FAILED: Duration = Duration::from_secs(1);

/// Hands out streams of events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Mutex<Registry>,
    journal: Journal,
    newest: watch::Receiver<u64>,
    /// Somebody came, or the hub is closed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Registry {
    channels: HashMap<Topic, Client>,
    /// The newest event that went to the channels.
    position: u64,
    closed: bool,
}

#[derive(Debug)]
struct Client {
    channel: Arc<Channel>,
    count: usize,
}

impl Hub {
    /// A hub over a store; [`Hub::pump`] has to run for anything to arrive.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let journal = Journal::new(store.reader().clone());
        let (registry, changed) = (Mutex::default(), Notify::new());
        let newest = store.subscribe();
        Self { inner: Arc::new(Inner { registry, journal, newest, changed }) }
    }

    /// The events of `topic` behind `cursor`, and those that will follow. Ends by itself behind the
    /// report of a run, and when the hub is closed.
    #[must_use]
    pub fn stream(&self, topic: Topic, cursor: u64) -> EventStream {
        EventStream::new(Subscription::new(self, topic), cursor)
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.lock().channels.values().map(|client| client.count).sum()
    }

    /// Ends all streams, those that will be asked for included.
    pub fn close(&self) {
        let mut registry = self.lock();
        registry.closed = true;
        let channels: Vec<_> = registry.all().collect();
        drop(registry);
        channels.iter().for_each(|channel| channel.close());
        self.inner.changed.notify_one();
    }

    /// Brings new events to the channels until the hub is closed or the store is.
    pub async fn pump(self) {
        let mut newest = self.inner.newest.clone();
        loop {
            let (idle, closed, position) = self.state();
            if closed {
                return;
            }
            if idle || *newest.borrow_and_update() <= position {
                tokio::select! {
                    () = self.inner.changed.notified() => {}
                    changed = newest.changed() => if changed.is_err() { return },
                }
                continue;
            }
            let hub = self.clone();
            let pause = match tokio::task::spawn_blocking(move || hub.bring()).await {
                Ok(Ok(woken)) => PAUSE_EACH.saturating_mul(woken).clamp(PAUSE_MIN, PAUSE_MAX),
                Ok(Err(error)) => self.skip(&error),
                Err(error) => self.skip(&error),
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn state(&self) -> (bool, bool, u64) {
        let registry = self.lock();
        (registry.channels.is_empty(), registry.closed, registry.position)
    }

    /// Reads what is new and puts it into the channels. Says how many clients were woken.
    fn bring(&self) -> Result<u32, StoreError> {
        let (position, events) = self.read_new()?;
        Ok(self.hand_out(position, events))
    }

    /// What is behind the position, and the position.
    fn read_new(&self) -> Result<(u64, Vec<Event>), StoreError> {
        let (_, _, position) = self.state();
        let events = self.inner.journal.reader().events_all(position, PAGE_EVENTS)?;
        Ok((position, events))
    }

    /// Puts events that were read behind `position` into the channels.
    fn hand_out(&self, position: u64, events: Vec<Event>) -> u32 {
        let Some(last) = events.last() else { return 0 };
        let mut registry = self.lock();
        if registry.position != position {
            // Everybody left while this was read, and somebody came: what is between these events
            // and the new position would be missing.
            return 0;
        }
        // A channel that comes from now on sees these events in the journal.
        registry.position = last.global_seq;
        let all = registry.channels.get(&Topic::All).map(|client| Arc::clone(&client.channel));
        let mut by_run: Vec<(Arc<Channel>, Vec<Event>)> = registry
            .channels
            .iter()
            .filter(|(topic, _)| **topic != Topic::All)
            .map(|(_, client)| (Arc::clone(&client.channel), Vec::new()))
            .collect();
        drop(registry);
        let mut woken = 0;
        if let Some(channel) = all {
            woken += publish(&channel, &events);
        }
        let places: HashMap<String, usize> = by_run
            .iter()
            .enumerate()
            .filter_map(|(index, (channel, _))| Some((channel.topic.run_text()?, index)))
            .collect();
        for event in events {
            let place = places.get(&event.run_id).and_then(|index| by_run.get_mut(*index));
            if let Some((_, wanted)) = place {
                wanted.push(event);
            }
        }
        woken += by_run.iter().map(|(channel, events)| publish(channel, events)).sum::<usize>();
        u32::try_from(woken).unwrap_or(u32::MAX)
    }

    /// What cannot be read here is left to each client, so that damage of one run is felt by its own
    /// clients only.
    fn skip(&self, error: &dyn std::fmt::Display) -> Duration {
        tracing::warn!(%error, "new events could not be read for all clients at once");
        let mut registry = self.lock();
        registry.position = *self.inner.newest.borrow();
        let channels: Vec<_> = registry.all().collect();
        drop(registry);
        for channel in channels {
            channel.skip();
        }
        PAUSE_FAILED
    }

    // Nothing panics while holding the lock, and the registry is sound between any two statements.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.inner.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn publish(channel: &Channel, events: &[Event]) -> usize {
    Block::encode(channel.topic, events).map_or(0, |block| channel.publish(block))
}

impl Registry {
    fn all(&self) -> impl Iterator<Item = Arc<Channel>> + '_ {
        self.channels.values().map(|client| Arc::clone(&client.channel))
    }
}

/// One client's hold on a channel.
#[derive(Debug)]
pub(super) struct Subscription {
    hub: Hub,
    pub(super) channel: Arc<Channel>,
}

impl Subscription {
    fn new(hub: &Hub, topic: Topic) -> Self {
        let mut registry = hub.lock();
        if registry.channels.is_empty() {
            // Nobody followed anything: what came meanwhile is in the journal.
            registry.position = *hub.inner.newest.borrow();
        }
        let client = registry
            .channels
            .entry(topic)
            .or_insert_with(|| Client { channel: Arc::new(Channel::new(topic)), count: 0 });
        client.count += 1;
        let channel = Arc::clone(&client.channel);
        if registry.closed {
            channel.close();
        }
        drop(registry);
        hub.inner.changed.notify_one();
        Self { hub: hub.clone(), channel }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.hub.inner.journal
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut registry = self.hub.lock();
        let topic = self.channel.topic;
        if let Some(client) = registry.channels.get_mut(&topic) {
            client.count -= 1;
            if client.count == 0 {
                registry.channels.remove(&topic);
            }
        }
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
