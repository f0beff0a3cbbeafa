//! The events of a scenario: as a run's, without anything that is stored.

use std::sync::Arc;

use uuid::Uuid;

use crate::contracts::{
    ApprovalId, ApprovalSubject, Budget, CallDecided, CallEffect, CallFinished, CallId, CallNamed,
    CallRequested, Decision, Effect, ErrorKind, EventBody, Hash, Map, Origin, PlanRevised, Profile,
    Receipt, RunId, RunStarted, StepFinished, StepStarted, Stored, TextRef, Timestamp, Trigger,
};
use crate::playbook::ScriptedResult;

pub(super) fn started(budget: &Budget) -> EventBody {
    EventBody::RunStarted(RunStarted {
        playbook: None,
        inputs: Map::new(),
        read_roots: Vec::new(),
        budget: budget.clone(),
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

/// A scenario has no model.
pub(super) fn unplanned(round: u32) -> EventBody {
    EventBody::PlanRevised(PlanRevised {
        round: round.saturating_sub(1),
        goes_on: false,
        error_kind: Some(ErrorKind::NoModel),
        reason: Stored::new(Vec::new(), [0; 32]).reference,
        tags: Vec::new(),
        labels: Vec::new(),
    })
}

pub(super) fn step(path: &str, attempt: u32) -> EventBody {
    EventBody::StepStarted(StepStarted::new(path, attempt))
}

pub(super) fn list(path: &str, attempt: u32, items: usize) -> EventBody {
    let item_count = Some(u32::try_from(items).unwrap_or(u32::MAX));
    EventBody::StepStarted(StepStarted { item_count, ..StepStarted::new(path, attempt) })
}

pub(super) fn child(path: &str, attempt: u32, id: Uuid, share: Budget) -> EventBody {
    EventBody::StepStarted(StepStarted {
        child_run_id: Some(RunId::from_uuid(id)),
        share: Some(share),
        ..StepStarted::new(path, attempt)
    })
}

pub(super) fn skipped(path: &str) -> EventBody {
    EventBody::StepFinished(StepFinished::skipped(path))
}

pub(super) fn finished(path: &str, attempt: u32, ok: bool, kind: Option<ErrorKind>) -> EventBody {
    EventBody::StepFinished(StepFinished::new(path, attempt, ok, kind))
}

pub(super) fn requested(path: &str, attempt: u32, id: Uuid, effect: CallEffect) -> EventBody {
    EventBody::CallRequested(CallRequested {
        path: path.to_owned(),
        attempt,
        call_id: CallId::from_uuid(id),
        name: "scripted".to_owned(),
        effect,
        call: no_text(),
        args_hash: Hash::ZERO,
        idempotency_key: String::new(),
        origin: Origin::Playbook,
    })
}

pub(super) fn asked(path: &str, id: Uuid, approvers: u32) -> EventBody {
    EventBody::ApprovalRequested(ApprovalSubject {
        approval_id: ApprovalId::from_uuid(id),
        path: path.to_owned(),
        call_id: None,
        args_hash: None,
        prompt: String::new(),
        expires_at: Timestamp::from_ms(0),
        approvers,
        beforehand: None,
        consult: None,
    })
}

pub(super) fn decided(path: String, call_id: CallId) -> EventBody {
    let decision = Decision {
        effect: Effect::Allow,
        reason: "a scenario asks nobody".to_owned(),
        rules: Vec::new(),
        policy_hash: Hash::ZERO,
        confinement: Arc::default(),
        obligations: Vec::new(),
        approvers: 1,
        evaluated_us: 0,
    };
    let name = "scripted".to_owned();
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

/// A call that begins and answers `result`.
pub(super) fn answered(path: &str, call_id: CallId, result: &ScriptedResult) -> [EventBody; 2] {
    [
        EventBody::CallStarted(CallNamed { call_id, path: path.to_owned() }),
        EventBody::CallFinished(CallFinished {
            call_id,
            path: path.to_owned(),
            ok: result.ok,
            error_kind: kind(result),
            retryable: false,
            truncated: false,
            result: no_text(),
            receipt: Receipt::default(),
            duration_ms: 0,
            labels: None,
            fingerprints: None,
        }),
    ]
}

/// The kind of a scripted failure.
pub(super) fn kind(result: &ScriptedResult) -> Option<ErrorKind> {
    let stated = result.error.as_ref().map(|error| error.kind);
    stated.or_else(|| (!result.ok).then_some(ErrorKind::Io))
}

fn no_text() -> TextRef {
    Stored::new(Vec::new(), [0; 32]).reference
}
