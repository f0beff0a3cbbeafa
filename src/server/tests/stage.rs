//! A workspace, an engine and a server, and what tests need to talk to them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::{App, OpenHost};
use crate::cli::Cx;
use crate::contracts::{
    EventBody, Outcome, Priority, ReportReady, RunFinished, RunId, RunReport, RunSignal,
    TaskAccepted, TaskEnvelope, TaskId, TaskType, Telemetry, Timestamp,
};
use crate::orchestrator::Services;
use crate::playbook::LintLimits;
use crate::scheduler::{Engine, EngineParts, LivePlaybooks};
use crate::server::{Bound, Server, ServerOptions, ServerParts};
use crate::store::{Append, Store};
use crate::workspace::Environment;

/// A playbook that reads a file.
const LOOK: &str = r#"
schema: 1
name: look
description: "Reads a file"
permissions:
  tools: [read_text]
  read: ["README.md"]
inputs:
  path: { type: path, required: true }
steps:
  - id: look
    tool: read_text
    args: { path: "${{ inputs.path }}" }
"#;

/// A playbook that asks first.
const ASK: &str = r#"
schema: 1
name: ask
description: "Asks first"
permissions:
  tools: [read_text]
  read: ["README.md"]
steps:
  - id: gate
    approval: { prompt: "Shall it?" }
  - id: look
    tool: read_text
    args: { path: "README.md" }
"#;

/// A playbook that another program may start.
const HOOKED: &str = r#"
schema: 1
name: hooked
description: "Is started from elsewhere"
permissions:
  tools: [read_text]
  read: ["README.md"]
webhook: { secret: HOOK_SECRET, input: note }
inputs:
  note: { type: string, required: true }
steps:
  - id: look
    tool: read_text
    args: { path: "README.md" }
"#;

pub(in crate::server) const TOKEN: &str = "a token of some length";

/// How long a test waits for anything.
pub(in crate::server) const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::server) struct Stage {
    dir: tempfile::TempDir,
    pub services: Arc<Services>,
    pub engine: Engine,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

/// What a test may want otherwise.
pub(in crate::server) struct Wanted {
    pub token: Option<&'static str>,
    pub connections_max: u32,
    pub body_bytes_max: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { token: None, connections_max: 2_048, body_bytes_max: 64 * 1024 }
    }
}

impl Stage {
    pub(in crate::server) async fn new() -> Self {
        Self::with(Wanted::default()).await
    }

    pub(in crate::server) async fn with(wanted: Wanted) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("work");
        for (name, text) in [
            ("playbooks/look.yaml", LOOK),
            ("playbooks/ask.yaml", ASK),
            ("playbooks/hooked.yaml", HOOKED),
            ("README.md", "# Hi\n"),
        ] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(root.join("config")).unwrap();
        std::fs::write(root.join("config/bailiwick.yaml"), "schema: 1\n").unwrap();
        let mut cx = Cx::plain(root.clone(), false);
        let home = dir.path().join("home").display().to_string();
        cx.env = Environment::new([("HOME".to_owned(), home)]);
        let app = App::open(&cx).unwrap();
        let OpenHost::Host(host) = app.open_host().unwrap() else { panic!("somebody is host") };
        let services = Arc::clone(&host.services);
        let limits = LintLimits::from(services.config().as_ref());
        let playbooks = Arc::new(LivePlaybooks::open(&root, app.tools(), limits).unwrap());
        let engine = Engine::start(EngineParts {
            services: Arc::clone(&services),
            playbooks: Arc::clone(&playbooks),
            trusted: true,
            observer: Arc::new(|_, _| {}),
            embedder: None,
        });
        let engine = engine.await.unwrap();
        let options = ServerOptions {
            listen: "127.0.0.1:0".to_owned(),
            tokens: app.tokens().with_execution(wanted.token),
            hosts: vec!["runner.example.org".to_owned()],
            socket_path: Some(socket(&root)),
            body_bytes_max: wanted.body_bytes_max,
            connections_max: wanted.connections_max,
        };
        let secret_of = |name: &str| (name == "HOOK_SECRET").then(|| "very secret".to_owned());
        let parts = ServerParts {
            engine: engine.clone(),
            services: Arc::clone(&services),
            playbooks,
            secret_of: Arc::new(secret_of),
        };
        let bound = Bound::new(&options).await.unwrap();
        let address = bound.local_addr();
        let server = Server::new(bound, &options, parts);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { dir, services, engine, address, stop: Some(stop), running }
    }

    pub(in crate::server) fn socket(&self) -> PathBuf {
        socket(&self.dir.path().canonicalize().unwrap().join("work"))
    }

    pub(in crate::server) fn store(&self) -> &Store {
        &self.services.store
    }

    /// Ends the server; the stage stays.
    pub(in crate::server) async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(PATIENCE, &mut self.running).await.unwrap().unwrap();
        self.engine.shutdown(Duration::ZERO).await;
    }

    /// Makes a run in the journal that nobody works on, with one event.
    pub(in crate::server) fn journal(&self, number: u128) -> Journalled<'_> {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(number));
        let mut journalled = Journalled::new(self.store(), run, 0);
        journalled.append(vec![accepted(number)]);
        journalled
    }
}

fn socket(root: &Path) -> PathBuf {
    root.join(".bailiwick/api.sock")
}

/// A run whose events the test writes itself.
pub(in crate::server) struct Journalled<'a> {
    store: &'a Store,
    pub run: RunId,
    pub seq: u64,
}

impl<'a> Journalled<'a> {
    pub(in crate::server) const fn new(store: &'a Store, run: RunId, seq: u64) -> Self {
        Self { store, run, seq }
    }

    pub(in crate::server) fn append(&mut self, bodies: Vec<EventBody>) {
        let count = bodies.len() as u64;
        let append = Append::new(self.run.to_string(), self.seq, now(), bodies);
        self.store.append(append).unwrap();
        self.seq += count;
    }

    /// So many events more.
    pub(in crate::server) fn grow(&mut self, count: usize) {
        self.append((0..count).map(|_| signal()).collect());
    }

    /// Ends the run.
    pub(in crate::server) fn end(&mut self) {
        let outcome = Outcome::Succeeded;
        let finished =
            RunFinished { outcome, cause: None, error_kind: None, outputs: None, labels: None };
        let report = ReportReady { report: report(self.run) };
        self.append(vec![EventBody::RunFinished(finished), EventBody::ReportReady(report)]);
    }
}

fn now() -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000)
}

fn signal() -> EventBody {
    EventBody::RunPaused(RunSignal { by: "somebody".to_owned(), reason: Some("x".repeat(40)) })
}

fn accepted(number: u128) -> EventBody {
    let task = TaskEnvelope {
        schema_version: 1,
        id: TaskId::from_uuid(uuid::Uuid::from_u128(number)),
        created_at: now(),
        task_type: TaskType::Playbook,
        goal: format!("goal {number}"),
        inputs: serde_json::Map::new(),
        attachments: Vec::new(),
        context_hints: Vec::new(),
        priority: Priority::Normal,
        playbook: Some("look".to_owned()),
        budget: None,
        labels: std::collections::BTreeMap::new(),
        idempotency_key: None,
    };
    EventBody::TaskAccepted(TaskAccepted { task, start: None })
}

fn report(run_id: RunId) -> RunReport {
    RunReport {
        schema_version: 1,
        task_id: TaskId::from_uuid(run_id.uuid()),
        run_id,
        playbook: None,
        outcome: Outcome::Succeeded,
        error_kind: None,
        summary: "done".to_owned(),
        steps: Vec::new(),
        outputs: std::collections::BTreeMap::new(),
        artifacts: Vec::new(),
        decisions: Vec::new(),
        next_steps: Vec::new(),
        telemetry: Telemetry::default(),
        policy_hash: crate::contracts::Hash::ZERO,
        journal_head: crate::contracts::Hash::ZERO,
    }
}
