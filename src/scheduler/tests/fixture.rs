//! A workspace of its own with a real store, and a clock that stands where a test puts it.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::super::engine::EngineParts;
use super::super::shared::Shared;
use super::super::submit::Origin;
use crate::app::{App, OpenHost};
use crate::cli::Cx;
use crate::contracts::{
    Event, EventBody, EventKind, RunId, RunStatus, TaskSubmission, Timestamp, Trigger,
};
use crate::orchestrator::{Services, SystemClock};
use crate::ports::Clock;
use crate::store::RunInfo;
use crate::workspace::Environment;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn set(&self, text: &str) {
        let time: Timestamp = text.parse().unwrap();
        self.0.store(time.ms(), Ordering::SeqCst);
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn uuid(&self) -> Uuid {
        SystemClock.uuid()
    }

    fn salt(&self) -> [u8; 32] {
        SystemClock.salt()
    }
}

pub struct Space {
    dir: tempfile::TempDir,
    pub clock: Arc<TestClock>,
    pub sets: Vec<String>,
    pub trusted: bool,
}

impl Space {
    /// A workspace with these playbooks, by name and what follows `name:` and `description:`.
    pub fn new(playbooks: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        clock.set("2026-05-04T06:30:00Z");
        let sets = [
            "schedules.verify=\"\"",
            "schedules.retention=\"\"",
            "schedules.consolidation=\"\"",
            "queue.free_disk=0B",
        ];
        let sets = sets.map(str::to_owned).to_vec();
        let space = Self { dir, clock, sets, trusted: true };
        std::fs::create_dir_all(space.root().join("playbooks")).unwrap();
        playbooks.iter().for_each(|(name, rest)| space.playbook(name, rest));
        space
    }

    pub fn set(mut self, set: &str) -> Self {
        self.sets.push(set.to_owned());
        self
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("work")
    }

    pub fn playbook(&self, name: &str, rest: &str) {
        let text =
            format!("schema: 1\nname: {name}\ndescription: Do the thing called {name}.\n{rest}\n");
        std::fs::write(self.root().join(format!("playbooks/{name}.yaml")), text).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.root().join(format!("playbooks/{name}.yaml"))).unwrap();
    }

    /// What an engine is made of. The store is held as long as it is.
    pub fn parts(&self) -> EngineParts {
        let mut cx = Cx::plain(self.root(), false);
        let home = self.dir.path().join("home").display().to_string();
        cx.env = Environment::new([("HOME".to_owned(), home)]);
        cx.sets.clone_from(&self.sets);
        let app = App::open(&cx).unwrap();
        let OpenHost::Host(host) = app.open_host().unwrap() else {
            panic!("somebody has the store")
        };
        let clock: Arc<dyn Clock> = self.clock.clone();
        let services = Arc::new(Services { clock, ..(*host.services).clone() });
        let playbooks = Arc::clone(&services.playbooks);
        let observer: crate::orchestrator::Observer = Arc::new(|_, _| {});
        EngineParts { services, playbooks, trusted: self.trusted, observer, embedder: None }
    }

    /// Everything but workers and clock.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::new(Shared::new(self.parts()))
    }
}

pub fn origin() -> Origin {
    Origin { by: "test".to_owned(), trigger: Trigger::Api, key: None }
}

pub fn task(playbook: &str) -> TaskSubmission {
    TaskSubmission { playbook: Some(playbook.to_owned()), ..TaskSubmission::default() }
}

/// A playbook that writes one file.
pub const WRITES: &str = "permissions: { tools: [write_text], write: [out/] }
steps:
  - { id: write, tool: write_text, args: { path: out/a.txt, text: hello } }";

/// A playbook that waits for a person.
pub const ASKS: &str = "permissions: { tools: [write_text], write: [out/] }
steps:
  - { id: gate, approval: { prompt: \"go on?\" } }
  - { id: write, tool: write_text, args: { path: out/a.txt, text: hello } }";

/// A playbook that tries for a long time, until there is a file `go.txt`.
pub const TRIES: &str = "permissions: { tools: [read_text], read: [go.txt] }
steps:
  - id: read
    tool: read_text
    args: { path: go.txt }
    retry: { attempts: 5, backoff: constant, initial: 50ms, on: [not_found] }";

pub fn info(services: &Services, run: RunId) -> RunInfo {
    services.store.reader().run(&run).unwrap()
}

pub fn events(services: &Services, run: &str) -> Vec<Event> {
    services.store.reader().events(run, 0, 10_000).unwrap()
}

pub fn count(services: &Services, run: RunId, kind: EventKind) -> usize {
    events(services, &run.to_string()).iter().filter(|event| event.kind == kind).count()
}

/// What the system's own stream says.
pub fn system(services: &Services) -> Vec<EventBody> {
    let events = events(services, RunId::SYSTEM_TEXT);
    events.iter().map(|event| event.body().unwrap()).collect()
}

/// Waits until it holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn until_status(services: &Services, run: RunId, status: RunStatus) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let info = info(services, run);
        if info.status == status && (!status.is_end() || !info.unfinished) {
            return;
        }
        assert!(Instant::now() < deadline, "it is {:?}, not {status:?}", info.status);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
