//! Events as a driver would write them.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::agent::Verdict;
use crate::contracts::{
    ApprovalId, ApprovalSubject, Budget, CallDecided, CallEffect, CallFinished, CallId, CallIntent,
    CallRequested, Decision, Effect, ErrorKind, EventBody, Hash, Map, Origin, Outcome,
    PlanApproved, PlanGate, PlanProposed, PlanRevised, Profile, ProposedStep, Receipt, ReportReady,
    RunFinished, RunId, RunReport, RunResumed, RunSignal, RunStarted, StepVerified, Stored, TaskId,
    Telemetry, TextRef, Timestamp, Trigger,
};

pub fn started() -> EventBody {
    with_budget(Budget::default())
}

pub fn with_budget(budget: Budget) -> EventBody {
    EventBody::RunStarted(RunStarted {
        playbook: None,
        inputs: Map::new(),
        read_roots: Vec::new(),
        budget,
        profile: Profile::Workspace,
        policy_hash: Hash::ZERO,
        unattended: false,
        dry_run: false,
        parent_run_id: None,
        trigger: Trigger::Person,
        pinned: Vec::new(),
        bounds: Vec::new(),
        lineage: None,
    })
}

fn resumed(interrupted: bool) -> EventBody {
    EventBody::RunResumed(RunResumed { by: "simulation".to_owned(), reason: None, interrupted })
}

pub fn interrupted() -> EventBody {
    resumed(true)
}

pub fn unpaused() -> EventBody {
    resumed(false)
}

fn signal() -> RunSignal {
    RunSignal { by: "simulation".to_owned(), reason: None }
}

pub fn paused() -> EventBody {
    EventBody::RunPaused(signal())
}

pub fn cancelled() -> EventBody {
    EventBody::RunCancelRequested(signal())
}

pub fn text(content: &str) -> TextRef {
    Stored::new(content.as_bytes().to_vec(), [7; 32]).reference
}

pub fn question(
    path: &str,
    id: Uuid,
    call_id: Option<CallId>,
    ttl_ms: u64,
    approvers: u32,
) -> EventBody {
    EventBody::ApprovalRequested(ApprovalSubject {
        approval_id: ApprovalId::from_uuid(id),
        path: path.to_owned(),
        call_id,
        args_hash: call_id.map(|_| Hash::ZERO),
        prompt: "go on?".to_owned(),
        expires_at: Timestamp::from_ms(ttl_ms.try_into().unwrap()),
        approvers,
        beforehand: None,
        consult: None,
    })
}

pub fn requested(path: &str, attempt: u32, call_id: CallId, effect: CallEffect) -> EventBody {
    EventBody::CallRequested(CallRequested {
        path: path.to_owned(),
        attempt,
        call_id,
        name: "tool".to_owned(),
        effect,
        call: text("{}"),
        args_hash: Hash::ZERO,
        idempotency_key: path.to_owned(),
        origin: Origin::Playbook,
    })
}

pub fn decided(path: &str, call_id: CallId, effect: Effect) -> EventBody {
    let decision = Decision {
        effect,
        reason: "simulated".to_owned(),
        rules: Vec::new(),
        policy_hash: Hash::ZERO,
        confinement: Arc::default(),
        obligations: Vec::new(),
        approvers: 1,
        evaluated_us: 0,
    };
    let (path, name) = (path.to_owned(), "tool".to_owned());
    EventBody::CallDecided(CallDecided {
        call_id,
        path,
        name,
        decision,
        facts: None,
        shadow: None,
        reads_secret: false,
    })
}

pub fn intent(path: &str, call_id: CallId, effect: CallEffect) -> EventBody {
    EventBody::CallIntent(CallIntent { call_id, path: path.to_owned(), effect, snapshot: None })
}

pub fn returned(
    path: &str,
    call_id: CallId,
    error_kind: Option<ErrorKind>,
    retryable: bool,
) -> EventBody {
    EventBody::CallFinished(CallFinished {
        call_id,
        path: path.to_owned(),
        ok: error_kind.is_none(),
        error_kind,
        retryable: error_kind.is_some() && retryable,
        truncated: false,
        result: text("{}"),
        receipt: Receipt::default(),
        duration_ms: 1,
        labels: None,
        fingerprints: None,
    })
}

pub fn verified(index: u32) -> EventBody {
    EventBody::StepVerified(StepVerified {
        path: format!("verify[{index}]"),
        attempt: 1,
        index,
        expression: "true".to_owned(),
        ok: true,
        error: None,
    })
}

pub fn finished(verdict: &Verdict) -> EventBody {
    EventBody::RunFinished(RunFinished {
        outcome: verdict.outcome,
        cause: verdict.cause.clone(),
        error_kind: verdict.kind,
        outputs: None,
        labels: None,
    })
}

pub fn report(outcome: Outcome) -> EventBody {
    EventBody::ReportReady(ReportReady {
        report: RunReport {
            schema_version: 1,
            task_id: TaskId::from_uuid(Uuid::nil()),
            run_id: RunId::from_uuid(Uuid::nil()),
            playbook: None,
            outcome,
            error_kind: None,
            summary: String::new(),
            steps: Vec::new(),
            outputs: BTreeMap::new(),
            artifacts: Vec::new(),
            decisions: Vec::new(),
            next_steps: Vec::new(),
            telemetry: Telemetry::default(),
            policy_hash: Hash::ZERO,
            journal_head: Hash::ZERO,
        },
    })
}

pub fn proposed(round: u32, asks: bool, graph: bool) -> EventBody {
    let step = |number: u32| ProposedStep {
        id: format!("p{round}_{number}"),
        needs: if graph && number == 2 { vec![format!("p{round}_1")] } else { Vec::new() },
        tool: "tool".to_owned(),
        effect: Effect::Allow,
        reason: String::new(),
        args_hash: None,
    };
    EventBody::PlanProposed(PlanProposed {
        round,
        by: "simulation".to_owned(),
        steps: (1..=2).map(step).collect(),
        parallel: 2,
        gate: asks.then_some(PlanGate { ttl_ms: 1, approvers: 1, rules: Vec::new() }),
        policy_hash: Hash::ZERO,
        plan: text("{}"),
        labels: Vec::new(),
    })
}

pub fn approved(round: u32) -> EventBody {
    EventBody::PlanApproved(PlanApproved { round, by: Vec::new() })
}

pub fn revised(round: u32, error_kind: Option<ErrorKind>) -> EventBody {
    let (reason, labels) = (text("over"), Vec::new());
    let tags = Vec::new();
    EventBody::PlanRevised(PlanRevised { round, goes_on: false, error_kind, reason, tags, labels })
}

/// A journal in short words, for tests and for whoever reads why one failed.
pub fn told(journal: &[EventBody]) -> Vec<String> {
    journal.iter().filter_map(in_words).collect()
}

fn in_words(event: &EventBody) -> Option<String> {
    Some(match event {
        EventBody::StepStarted(it) if it.attempt > 1 => format!("start {} {}", it.path, it.attempt),
        EventBody::StepStarted(it) => format!("start {}", it.path),
        EventBody::StepFinished(it) if it.skipped => format!("skip {}", it.path),
        EventBody::StepFinished(it) if it.ok => format!("ok {}", it.path),
        EventBody::StepFinished(it) => {
            format!("fail {} {}", it.path, it.error_kind.map_or("-", ErrorKind::as_str))
        }
        EventBody::CallStarted(it) => format!("run {}", it.path),
        EventBody::CallInDoubt(it) => format!("doubt {}", it.path),
        EventBody::ApprovalRequested(it) => format!("ask {}", it.path),
        EventBody::ApprovalResolved(it) if it.approved => "yes".to_owned(),
        EventBody::ApprovalResolved(it) => format!("no {}", it.reason.clone().unwrap_or_default()),
        EventBody::BudgetExhausted(it) => format!("exhausted {:?}", it.budget),
        EventBody::RunPaused(_) => "pause".to_owned(),
        EventBody::RunResumed(it) => format!("resume {}", it.interrupted),
        EventBody::RunCancelRequested(_) => "cancel".to_owned(),
        EventBody::RunFinished(it) => {
            format!("end {} {}", it.outcome.as_str(), it.cause.as_deref().unwrap_or("-"))
        }
        _ => return None,
    })
}
