//! A store in a directory of its own, with a clock that counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Budget, CallId, Effect, Event, EventBody,
    Hash, Map, Outcome, Priority, Profile, ReportReady, RunFinished, RunId, RunReport, RunResumed,
    RunSignal, RunStarted, ScheduleFired, ScheduleId, ScheduleMissed, StepFinished, Stored,
    TaskAccepted, TaskEnvelope, TaskId, TaskType, Telemetry, TextRef, Timestamp, Trigger,
};
use crate::ports::Clock;
use crate::store::{
    Append, AuditEntry, ClaimWanted, Claimed, Enqueue, Finding, Fire, NewKey, Opened, Reader,
    Remembered, ScheduleRow, ScheduleSource, ScheduleTarget, Store, StoreError, StoreOptions,
};

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

pub(super) fn task_id(number: u128) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn accepted(number: u128) -> EventBody {
    accepted_as(number, "repo-health")
}

pub(super) fn accepted_as(number: u128, playbook: &str) -> EventBody {
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
            playbook: Some(playbook.to_owned()),
            budget: None,
            labels: std::collections::BTreeMap::new(),
            idempotency_key: None,
        },
        start: None,
    })
}

pub(super) fn paused(by: &str) -> EventBody {
    EventBody::RunPaused(RunSignal { by: by.to_owned(), reason: None })
}

pub(super) fn step(path: &str, message: Option<TextRef>) -> EventBody {
    EventBody::StepFinished(StepFinished { message, ..StepFinished::new(path, 1, true, None) })
}

pub(super) fn finished() -> EventBody {
    let outcome = Outcome::Succeeded;
    EventBody::RunFinished(RunFinished {
        outcome,
        cause: None,
        error_kind: None,
        outputs: None,
        labels: None,
    })
}

pub(super) fn report(number: u128) -> EventBody {
    EventBody::ReportReady(ReportReady {
        report: RunReport {
            schema_version: 1,
            task_id: TaskId::from_uuid(Uuid::from_u128(number)),
            run_id: run(number),
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

pub(super) fn ask(question: u128, path: &str, approvers: u32) -> EventBody {
    EventBody::ApprovalRequested(ApprovalSubject {
        approval_id: ApprovalId::from_uuid(Uuid::from_u128(question)),
        path: path.to_owned(),
        call_id: None,
        args_hash: None,
        prompt: "go on?".to_owned(),
        expires_at: at(1_000),
        approvers,
        beforehand: None,
        consult: None,
    })
}

pub(super) fn answer(question: u128, approved: bool) -> EventBody {
    EventBody::ApprovalResolved(ApprovalResolution {
        approval_id: ApprovalId::from_uuid(Uuid::from_u128(question)),
        approved,
        by: "terminal".to_owned(),
        reason: Some("because".to_owned()),
    })
}

/// A yes of somebody else.
pub(super) fn answer_by(question: u128, by: &str) -> EventBody {
    EventBody::ApprovalResolved(ApprovalResolution {
        approval_id: ApprovalId::from_uuid(Uuid::from_u128(question)),
        approved: true,
        by: by.to_owned(),
        reason: Some("because".to_owned()),
    })
}

pub(super) fn enqueue(priority: Priority, playbook: &str, concurrency: Option<u32>) -> Enqueue {
    Enqueue { priority, playbook: playbook.to_owned(), concurrency }
}

/// The append that accepts a task and gives its run a place in the queue.
pub(super) fn accept(number: u128, queue: Enqueue) -> Append {
    Append::new(run(number).to_string(), 0, at(0), vec![accepted(number)]).queue(queue)
}

/// Claims without limits, for 1,000 milliseconds from `now`.
pub(super) fn claim(store: &Store, count: u32, now: i64) -> Vec<Claimed> {
    let (total_max, per_playbook_max) = (1_000, 1_000);
    let now = at(now);
    store.claim(ClaimWanted { count, total_max, per_playbook_max, lease_ms: 1_000, now }).unwrap()
}

pub(super) fn schedule_id(number: u128) -> ScheduleId {
    ScheduleId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn schedule(number: u128) -> ScheduleRow {
    ScheduleRow {
        id: schedule_id(number),
        name: format!("nightly-{number}"),
        target: ScheduleTarget::Playbook("repo-health".to_owned()),
        source: ScheduleSource::Playbook,
        cron: "0 3 * * *".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        overlap: "skip".to_owned(),
        catch_up: "latest".to_owned(),
        window_ms: 3_600_000,
        inputs: Map::from_iter([("repo".to_owned(), serde_json::json!("/srv/repo"))]),
        paused: false,
        refused: None,
        held_since: None,
        job_done: None,
        next_at: Some(at(0)),
        last_due: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A due time at which run `begins` begins, with a place in the queue; without one it is missed.
pub(super) fn fire(number: u128, due: i64, begins: Option<u128>) -> Fire {
    let (schedule_id, due_at, name) = (schedule_id(number), at(due), "nightly".to_owned());
    let event = match begins {
        Some(begins) => EventBody::ScheduleFired(ScheduleFired {
            schedule_id,
            name,
            due_at,
            run_id: Some(run(begins)),
            catch_up: false,
        }),
        None => {
            let reason = "the run before was at work".to_owned();
            EventBody::ScheduleMissed(ScheduleMissed { schedule_id, name, due_at, reason })
        }
    };
    Fire {
        schedule_id,
        due_at,
        next_at: Some(at(due + 60_000)),
        last_due: Some(due_at),
        run: begins.map(|begins| accept(begins, enqueue(Priority::Normal, "repo-health", None))),
        event,
        at: at(due + 5),
    }
}

pub(super) fn new_key(key: &str, request: &str) -> NewKey {
    let (scope, key) = ("POST /tasks".to_owned(), key.to_owned());
    NewKey { scope, key, request_hash: Hash::of(request.as_bytes()) }
}

pub(super) fn remembered(key: &str, request: &str, status: u16) -> Remembered {
    let NewKey { scope, key, request_hash } = new_key(key, request);
    Remembered { scope, key, request_hash, status, body: format!("{{\"n\":{status}}}"), at: at(7) }
}

/// Something in every table that is no journal: a queue with a claimed run, an open and an answered
/// question, a schedule that fired and missed, a key with and one without its answer.
pub(super) fn fill_work(store: &Store) {
    for number in 11..=13 {
        let key = new_key(&format!("key-{number}"), "request");
        let queue = enqueue(Priority::Normal, "repo-health", Some(2));
        store.append(accept(number, queue).key(key)).unwrap();
    }
    assert_eq!(claim(store, 1, 0).len(), 1);
    let bodies = vec![ask(1, "a", 1), answer(1, true), ask(2, "b", 1)];
    store.append(Append::new(run(12).to_string(), 1, at(3), bodies)).unwrap();
    store.remember(remembered("key-11", "request", 202)).unwrap();
    store.save_schedule(schedule(1)).unwrap();
    store.fire(fire(1, 0, Some(14))).unwrap();
    store.fire(fire(1, 60_000, None)).unwrap();
}

/// Changes the database behind the store's back.
pub(super) fn tamper(root: &Path, sql: &str) -> usize {
    let db = rusqlite::Connection::open(root.join(".bailiwick/store.db")).unwrap();
    db.pragma_update(None, "foreign_keys", "OFF").unwrap();
    db.execute(sql, []).unwrap()
}

/// A task that waits to be started, as a dry run that run 9 called, and its start.
pub(super) fn waiting(number: u128) -> (EventBody, EventBody) {
    let start = RunStarted {
        playbook: None,
        inputs: Map::new(),
        read_roots: Vec::new(),
        budget: Budget::default(),
        profile: Profile::Workspace,
        policy_hash: Hash::ZERO,
        unattended: false,
        dry_run: true,
        parent_run_id: Some(run(9)),
        trigger: Trigger::Call,
        pinned: Vec::new(),
        bounds: Vec::new(),
        lineage: None,
    };
    let EventBody::TaskAccepted(mut accepted) = accepted(number) else { unreachable!() };
    accepted.start = Some(Box::new(start.clone()));
    (EventBody::TaskAccepted(accepted), EventBody::RunStarted(start))
}

pub(super) fn resumed() -> EventBody {
    EventBody::RunResumed(RunResumed { by: "me".to_owned(), reason: None, interrupted: false })
}
