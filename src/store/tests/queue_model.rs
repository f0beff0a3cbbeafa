//! Any order of calls, with crashes in between, against a model of what the queue promises.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::*;
use crate::contracts::{Priority, RunId};
use crate::store::{Append, ClaimWanted, Claimed, Fence, Leave, QueueState, Store, StoreError};

const LEASE_MS: u64 = 100;
const TOTAL_MAX: u32 = 3;
const PER_PLAYBOOK_MAX: u32 = 2;
const PLAYBOOKS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Act {
    Accept(u8, usize, Option<u32>),
    Claim(u32),
    Heartbeat(usize),
    Append(usize),
    Complete(usize, bool),
    Requeue(usize),
    Wait(i64),
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    let claim = any::<prop::sample::Index>().prop_map(|at| at.index(64));
    prop_oneof![
        4 => (0..3_u8, 0..3_usize, prop::option::of(1..3_u32)).prop_map(|(p, b, c)| Act::Accept(p, b, c)),
        4 => (1..3_u32).prop_map(Act::Claim),
        2 => claim.clone().prop_map(Act::Heartbeat),
        2 => claim.clone().prop_map(Act::Append),
        3 => (claim.clone(), any::<bool>()).prop_map(|(claim, ended)| Act::Complete(claim, ended)),
        2 => claim.prop_map(Act::Requeue),
        2 => (1..80_i64).prop_map(Act::Wait),
        1 => Just(Act::Crash),
    ]
}

#[derive(Debug, Clone)]
struct Place {
    priority: Priority,
    playbook: usize,
    concurrency: Option<u32>,
    state: QueueState,
    again: bool,
    fence: Option<Fence>,
    until: i64,
    /// Which host claimed it.
    host: u32,
}

struct Model {
    dir: tempfile::TempDir,
    store: Option<Store>,
    host: u32,
    now: i64,
    accepted: u128,
    /// By position, which is the order of acceptance.
    places: BTreeMap<u128, Place>,
    /// Every claim that was ever made.
    claims: Vec<(u128, Fence)>,
    events: BTreeMap<u128, u64>,
}

impl Model {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(open(dir.path()));
        let (places, events) = (BTreeMap::new(), BTreeMap::new());
        Self { dir, store, host: 1, now: 0, accepted: 0, places, claims: Vec::new(), events }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn is_live(&self, place: &Place) -> bool {
        place.state == QueueState::Claimed && place.host == self.host && place.until > self.now
    }

    fn holds(&self, number: u128, fence: Fence) -> bool {
        self.places.get(&number).is_some_and(|place| {
            place.state == QueueState::Claimed
                && place.fence == Some(fence)
                && place.host == self.host
        })
    }

    /// What must be handed out now.
    fn expected(&self, count: u32) -> Vec<u128> {
        let mut by_playbook = [0; PLAYBOOKS.len()];
        let live = self.places.values().filter(|place| self.is_live(place));
        let mut total = live.map(|place| by_playbook[place.playbook] += 1).count();
        let mut order: Vec<_> = self.places.iter().collect();
        order.sort_by_key(|(number, place)| (std::cmp::Reverse(place.priority), **number));
        let mut next = Vec::new();
        for (number, place) in order {
            let limit = place.concurrency.unwrap_or(u32::MAX).min(PER_PLAYBOOK_MAX);
            let open = place.state != QueueState::Parked && !self.is_live(place);
            let room = total < TOTAL_MAX as usize && next.len() < count as usize;
            if open && room && by_playbook[place.playbook] < limit {
                by_playbook[place.playbook] += 1;
                total += 1;
                next.push(*number);
            }
        }
        next
    }

    fn claim(&mut self, count: u32) {
        let expected: Vec<RunId> = self.expected(count).into_iter().map(run).collect();
        let wanted = ClaimWanted {
            count,
            total_max: TOTAL_MAX,
            per_playbook_max: PER_PLAYBOOK_MAX,
            lease_ms: LEASE_MS,
            now: at(self.now),
        };
        let claimed = self.store().claim(wanted).unwrap();
        assert_eq!(claimed.iter().map(|claimed| claimed.run_id).collect::<Vec<_>>(), expected);
        for Claimed { run_id, fence } in claimed {
            let newest = self.claims.iter().map(|(_, fence)| *fence).max();
            assert!(newest.is_none_or(|newest| newest < fence), "fences only rise");
            let number = run_id.uuid().as_u128();
            let (until, host) = (self.now + LEASE_MS as i64, self.host);
            let place = self.places.get_mut(&number).unwrap();
            place.state = QueueState::Claimed;
            (place.again, place.fence, place.until, place.host) = (false, Some(fence), until, host);
            self.claims.push((number, fence));
        }
    }

    fn picked(&self, at: usize) -> Option<(u128, Fence)> {
        self.claims.get(at % self.claims.len().max(1)).copied()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Accept(rank, playbook, concurrency) => self.accept(rank, playbook, concurrency),
            Act::Claim(count) => self.claim(count),
            Act::Wait(ms) => self.now += ms,
            Act::Crash => {
                // The lock goes with the process; what was acknowledged is all there is.
                drop(self.store.take());
                self.store = Some(open(self.dir.path()));
                self.host += 1;
            }
            Act::Requeue(at) => {
                let number = at as u128 % self.accepted.max(1) + 1;
                if let Some(place) = self.places.get_mut(&number) {
                    match place.state {
                        QueueState::Claimed => place.again = true,
                        _ => place.state = QueueState::Waiting,
                    }
                    let (priority, playbook) = (place.priority, PLAYBOOKS[place.playbook]);
                    let concurrency = place.concurrency;
                    self.store().requeue(run(number), priority, playbook, concurrency).unwrap();
                }
            }
            Act::Heartbeat(at) => self.picked(at).into_iter().for_each(|it| self.heartbeat(it)),
            Act::Append(at) => self.picked(at).into_iter().for_each(|it| self.append(it)),
            Act::Complete(at, ended) => {
                self.picked(at).into_iter().for_each(|it| self.complete(it, ended));
            }
        }
    }

    fn accept(&mut self, rank: u8, playbook: usize, concurrency: Option<u32>) {
        self.accepted += 1;
        let priority = [Priority::Low, Priority::Normal, Priority::High][usize::from(rank)];
        let queue = enqueue(priority, PLAYBOOKS[playbook], concurrency);
        self.store().append(accept(self.accepted, queue)).unwrap();
        let state = QueueState::Waiting;
        let place = Place {
            priority,
            playbook,
            concurrency,
            state,
            again: false,
            fence: None,
            until: 0,
            host: 0,
        };
        self.places.insert(self.accepted, place);
        self.events.insert(self.accepted, 1);
    }

    fn heartbeat(&mut self, (number, fence): (u128, Fence)) {
        let holds = self.holds(number, fence);
        let claims = [(run(number), fence)];
        let lost = self.store().heartbeat(&claims, LEASE_MS, at(self.now)).unwrap();
        assert_eq!(lost.is_empty(), holds);
        if holds {
            let until = self.now + LEASE_MS as i64;
            self.places.get_mut(&number).unwrap().until = until;
        }
    }

    fn append(&mut self, (number, fence): (u128, Fence)) {
        let seq = self.events[&number];
        let append = Append::new(run(number).to_string(), seq, at(self.now), vec![paused("me")]);
        let done = self.store().append(append.fence(fence));
        if self.holds(number, fence) {
            done.unwrap();
            self.events.insert(number, seq + 1);
        } else {
            assert_eq!(
                done.unwrap_err(),
                StoreError::StaleFence { run_id: run(number).to_string() }
            );
        }
        assert_eq!(self.store().reader().run(&run(number)).unwrap().last_seq, self.events[&number]);
    }

    fn complete(&mut self, (number, fence): (u128, Fence), ended: bool) {
        let leave = if ended { Leave::Ended } else { Leave::Waiting };
        let done = self.store().complete(run(number), fence, leave);
        assert_eq!(done.is_ok(), self.holds(number, fence), "{done:?}");
        if done.is_err() {
            return;
        }
        if ended {
            self.places.remove(&number);
        } else {
            let place = self.places.get_mut(&number).unwrap();
            let more = std::mem::take(&mut place.again);
            place.state = if more { QueueState::Waiting } else { QueueState::Parked };
        }
    }

    fn check(&self) {
        let there = self.store().reader().queue(1_000).unwrap();
        let mut states: Vec<_> =
            there.iter().map(|it| (it.run_id.uuid().as_u128(), it.state, it.again)).collect();
        states.sort_by_key(|(number, ..)| *number);
        let model = self.places.iter().map(|(number, it)| (*number, it.state, it.again));
        assert_eq!(states, model.collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_calls_breaks_the_queues_promises(acts in prop::collection::vec(act(), 1..40)) {
        let mut model = Model::new();
        for act in acts {
            model.act(act);
            model.check();
        }
        let root = model.dir.path().to_owned();
        drop(model.store.take());
        prop_assert_eq!(verify(&root).findings, vec![]);
    }
}
