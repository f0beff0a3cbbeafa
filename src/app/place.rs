//! A workspace in a directory of its own whose host is the test's process.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{App, OpenHost};
use crate::cli::Cx;
use crate::contracts::{Map, RunId};
use crate::host::Host;
use crate::orchestrator::{
    Driver, NobodyAnswers, Observer, Run, RunEnd, RunError, Services, Wanted, accept,
};
use crate::ports::{Model, Sandbox};
use crate::workspace::Environment;

/// A playbook about whose one call the rules ask.
pub(super) const RISKY: &str = r#"
schema: 1
name: risky
description: Removes a directory.
permissions: { tools: [shell_exec], read: ["."], write: ["build"] }
steps:
  - { id: remove, tool: shell_exec, args: { command: ["rm", "-r", "build"] } }
"#;

/// The workspace; gone when dropped.
pub(super) struct Place {
    _dir: tempfile::TempDir,
    pub root: PathBuf,
    pub host: Host,
}

impl Place {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// Under a configuration of its own.
    pub(super) fn with(sets: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("work");
        std::fs::create_dir_all(root.join("build")).unwrap();
        let mut cx = Cx::plain(root.clone(), false);
        let home = dir.path().join("home").display().to_string();
        cx.env = Environment::new([("HOME".to_owned(), home)]);
        cx.sets = sets.iter().map(|set| (*set).to_owned()).collect();
        let app = App::open(&cx).unwrap();
        let OpenHost::Host(host) = app.open_host().unwrap() else { panic!("busy") };
        Self { _dir: dir, root, host }
    }

    /// The same with another sandbox.
    pub(super) fn in_sandbox(mut self, sandbox: Arc<dyn Sandbox>) -> Self {
        let services = Services { sandbox, ..self.host.services.as_ref().clone() };
        self.host.services = Arc::new(services);
        self
    }

    /// The same with a model that plans.
    pub(super) fn with_model(mut self, model: Arc<dyn Model>) -> Self {
        let services = Services { model: Some(model), ..self.host.services.as_ref().clone() };
        self.host.services = Arc::new(services);
        self
    }

    pub(super) fn services(&self) -> &Arc<Services> {
        &self.host.services
    }

    /// A run of a playbook given as text.
    pub(super) fn accept(&self, source: &str) -> RunId {
        let wanted = Wanted {
            path: "playbooks/test.yaml",
            source,
            goal: None,
            inputs: &Map::new(),
            cwd: &self.root,
            idempotency_key: None,
            trigger: crate::contracts::Trigger::Person,
            dry_run: false,
        };
        accept(self.services(), &wanted).unwrap().run_id
    }

    pub(super) fn load(&self, run: RunId) -> Run {
        Run::load(self.services(), run).unwrap()
    }

    pub(super) async fn drive(&self, run: RunId) -> RunEnd {
        self.start(run).await.unwrap().unwrap()
    }

    /// Drives in the background; nobody answers.
    pub(super) fn start(&self, run: RunId) -> JoinHandle<Result<RunEnd, RunError>> {
        let services = Arc::clone(self.services());
        let observer: Observer = Arc::new(|_, _| {});
        tokio::spawn(async move {
            let driver = Driver::open(services, Arc::new(NobodyAnswers), observer, run).await?;
            let (_nobody, stop) = watch::channel(0);
            driver.drive(stop).await
        })
    }
}
