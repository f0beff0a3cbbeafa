//! A store in a directory of its own, with a clock that counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::contracts::{
    CallId, Effect, Event, EventBody, Hash, Outcome, ReportReady, RunFinished, RunId, RunReport,
    RunSignal, StepFinished, Stored, TaskAccepted, TaskEnvelope, TaskId, TaskType, Telemetry,
    TextRef, Timestamp,
};
use crate::ports::Clock;
use crate::store::{Append, AuditEntry, Finding, Opened, Reader, Store, StoreError, StoreOptions};

/// Times, ids and salts that count up from 1.
#[derive(Debug, Default)]
pub(super) struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(1_700_000_000_000)
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1)
    }

    fn salt(&self) -> [u8; 32] {
        [7; 32]
    }
}

pub(super) fn options(root: &Path) -> StoreOptions {
    let (state, audit) = (root.join(".bailiwick"), root.join("logs/tools_audit.jsonl"));
    StoreOptions::new(state, audit, Arc::new(Counting::default()), "boot".to_owned())
}

/// Opens a store that must be sound.
pub(super) fn open(root: &Path) -> Store {
    let Opened { store, findings } = Store::open(&options(root)).unwrap();
    assert_eq!(findings, []);
    store
}

/// Opens a store that may be damaged.
pub(super) fn open_damaged(root: &Path) -> Result<(Store, Vec<Finding>), StoreError> {
    Store::open(&options(root)).map(|opened| (opened.store, opened.findings))
}

pub(super) fn reader(root: &Path) -> Reader {
    Reader::open(&root.join(".bailiwick")).unwrap()
}

pub(super) fn verify(root: &Path) -> crate::store::VerifyReport {
    reader(root).verify(None, Some(&audit_path(root))).unwrap()
}

pub(super) fn audit_path(root: &Path) -> PathBuf {
    root.join("logs/tools_audit.jsonl")
}

pub(super) fn run(number: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

pub(super) fn accepted(number: u128) -> EventBody {
    EventBody::TaskAccepted(TaskAccepted {
        task: TaskEnvelope {
            schema_version: 1,
            id: TaskId::from_uuid(Uuid::from_u128(number)),
            created_at: at(0),
            task_type: TaskType::Playbook,
            goal: format!("goal {number}"),
            inputs: serde_json::Map::new(),
            attachments: Vec::new(),
            context_hints: Vec::new(),
            priority: crate::contracts::Priority::Normal,
            playbook: Some("repo-health".to_owned()),
            budget: None,
            labels: std::collections::BTreeMap::new(),
            idempotency_key: None,
        },
    })
}

pub(super) fn paused(by: &str) -> EventBody {
    EventBody::RunPaused(RunSignal { by: by.to_owned(), reason: None })
}

pub(super) fn step(path: &str, message: Option<TextRef>) -> EventBody {
    EventBody::StepFinished(StepFinished {
        path: path.to_owned(),
        ok: true,
        skipped: false,
        attempt: 1,
        error_kind: None,
        message,
    })
}

pub(super) fn finished() -> EventBody {
    let outcome = Outcome::Succeeded;
    EventBody::RunFinished(RunFinished { outcome, cause: None, error_kind: None, outputs: None })
}

pub(super) fn report(number: u128) -> EventBody {
    EventBody::ReportReady(ReportReady {
        report: RunReport {
            schema_version: 1,
            task_id: TaskId::from_uuid(Uuid::from_u128(number)),
            run_id: run(number),
            playbook: None,
            outcome: Outcome::Succeeded,
            summary: "done".to_owned(),
            steps: Vec::new(),
            outputs: std::collections::BTreeMap::new(),
            artifacts: Vec::new(),
            decisions: Vec::new(),
            next_steps: Vec::new(),
            telemetry: Telemetry::default(),
            policy_hash: Hash::ZERO,
            journal_head: Hash::ZERO,
        },
    })
}

pub(super) fn text(content: &str, salt: u8) -> Stored {
    Stored::new(content.as_bytes().to_vec(), [salt; 32])
}

pub(super) fn entry(number: u128) -> AuditEntry {
    AuditEntry {
        at: at(5),
        run_id: Some(run(number)),
        call_id: Some(CallId::from_uuid(Uuid::from_u128(number))),
        tool: "write_text".to_owned(),
        args_summary: r#"{"path":"a \"b\",\"hash\":\"c"}"#.to_owned(),
        decision: Effect::Allow,
        dry_run: false,
        ok: true,
        error: None,
        duration_ms: 12,
    }
}

/// Appends one event to a run that has `expected` of them.
pub(super) fn append(
    store: &Store,
    number: u128,
    expected: u64,
    body: EventBody,
) -> Result<Vec<Event>, StoreError> {
    store.append(Append::new(run(number).to_string(), expected, at(0), vec![body]))
}

/// A finished run with a short and a long text, an audit entry and eight events.
pub(super) fn fill(store: &Store, number: u128) {
    let salt = u8::try_from(number).unwrap();
    let (short, long) = (text("short", salt), text(&"long ".repeat(8_000), salt));
    append(store, number, 0, accepted(number)).unwrap();
    for seq in 1..4 {
        append(store, number, seq, step("look", None)).unwrap();
    }
    let bodies = vec![
        step("read", Some(short.reference.clone())),
        step("write", Some(long.reference.clone())),
        finished(),
        report(number),
    ];
    let append = Append::new(run(number).to_string(), 4, at(9), bodies);
    store.append(append.texts(vec![short, long]).audit(entry(number))).unwrap();
}

/// Copies a directory with everything in it.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &to);
        } else {
            std::fs::copy(item.path(), to).unwrap();
        }
    }
}
