//! Whether it is alive, whether it is ready, and what it can do.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::contracts::{Diagnostic, Hash, Severity};
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// That it is alive.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Health {
    /// Always true.
    ok: bool,
    /// The program's version.
    version: &'static str,
}

/// What there is to know before work is given to it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Readiness {
    /// Whether it takes tasks.
    ready: bool,
    /// What a person should know.
    warnings: Vec<String>,
    /// What waits and what is at work.
    queue: QueueView,
    /// The rules.
    policy: PolicyHealth,
    /// The playbooks.
    playbooks: PlaybookHealth,
}

/// What waits and what is at work.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct QueueView {
    /// Runs that wait.
    waiting: u64,
    /// Runs at work.
    running: u64,
}

/// How the rules are.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PolicyHealth {
    /// The set in force.
    hash: Hash,
    /// Whether files have mistakes, so that what was good last decides.
    stale: bool,
    /// How many mistakes.
    errors: usize,
}

/// How the playbooks are.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PlaybookHealth {
    /// How many mistakes.
    errors: usize,
}

/// Where to begin.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Index {
    /// The program.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Where its interface is described.
    openapi: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(in crate::server) async fn index(_call: Call) -> Answer {
    Reply::ok(&Index { name: "bailiwick", version: VERSION, openapi: "/openapi.json" })
}

pub(in crate::server) async fn alive(_call: Call) -> Answer {
    Reply::ok(&Health { ok: true, version: VERSION })
}

pub(in crate::server) async fn ready(call: Call) -> Answer {
    let engine = call.shared.engine.status().await?;
    let shared = Arc::clone(&call.shared);
    let look = move || {
        let policy = &shared.services.policy;
        let (hash, errors) = (policy.current().hash(), policy.errors());
        (hash, errors, shared.playbooks.current())
    };
    let (hash, errors, catalogue) = call.shared.blocking(look).await?;
    let poisoned = call.shared.services.store.poisoned();
    let ready = !engine.draining && poisoned.is_none();
    let mut warnings = match poisoned {
        // All else follows from it. Why is in the log: this answer is for everybody.
        Some(_) => vec!["the store stopped writing".to_owned()],
        None => engine.warnings,
    };
    let broken = |diagnostics: &[Diagnostic]| {
        let files: BTreeSet<String> = diagnostics.iter().map(|one| one.file.clone()).collect();
        files.into_iter().map(|file| {
            format!("`{file}` has mistakes: what was good last counts, and the log says more")
        })
    };
    warnings.extend(broken(&errors));
    let mistakes = catalogue.entries.iter().flat_map(|entry| &entry.diagnostics);
    let mistakes: Vec<Diagnostic> =
        mistakes.filter(|one| one.severity == Severity::Error).cloned().collect();
    warnings.extend(broken(&mistakes));
    let readiness = Readiness {
        ready,
        warnings,
        queue: QueueView { waiting: engine.queue.waiting, running: engine.running as u64 },
        policy: PolicyHealth { hash, stale: !errors.is_empty(), errors: errors.len() },
        playbooks: PlaybookHealth { errors: mistakes.len() },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Reply::json(status, &readiness)
}

pub(in crate::server) async fn openapi(call: Call) -> Answer {
    Ok(Reply::text(StatusCode::OK, call.shared.openapi.clone()))
}
