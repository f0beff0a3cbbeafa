//! What a person must look at although nobody was there when it happened.

use super::run::Run;
use crate::agent::{PLAN, round_of};
use crate::contracts::{
    ApprovalSubject, Effect, ErrorKind, EventBody, IncidentId, IncidentRaised, Outcome, PlanRevised,
};
use crate::policy::SCRIPT_OVERTIME;

/// The kind of incident of a run that nobody could be asked about.
const UNATTENDED_DENIED: &str = "unattended.denied";

/// The kind of incident of a plan that was given up.
const PLAN_GIVEN_UP: &str = "planner.given_up";

/// The kind of incident of a call that came out otherwise than in the plan that people agreed to.
const PLAN_DEVIATES: &str = "planner.deviates";

/// The kind of incident of a rule that had to be stopped.
const SCRIPT_OVERTIME_KIND: &str = "policy.script_overtime";

/// The incidents that are among what is about to become durable.
pub(super) fn of(run: &Run, bodies: &[EventBody]) -> Vec<IncidentRaised> {
    let of_plans = |body| {
        let plan = given_up(run, body).or_else(|| stopped(run, body));
        plan.or_else(|| deviates(run, body).filter(|_| !is_answered(body, bodies)))
    };
    let plans = bodies.iter().filter_map(of_plans);
    let overtime = bodies.iter().filter_map(|body| overtime(run, body));
    overtime.chain(plans).chain(denied_unattended(run, bodies)).collect()
}

/// A rule that ran too long refused a call: until it is mended it refuses every such call.
fn overtime(run: &Run, body: &EventBody) -> Option<IncidentRaised> {
    let EventBody::CallDecided(decided) = body else { return None };
    let rules = &decided.decision.rules;
    rules.iter().find(|rule| rule.id == SCRIPT_OVERTIME)?;
    let failed = rules.iter().filter(|rule| rule.effect == Effect::Deny && rule.line > 0);
    let failed: Vec<_> =
        failed.map(|rule| format!("`{}` ({}:{})", rule.id, rule.file, rule.line)).collect();
    let (call_id, name) = (decided.call_id, &decided.name);
    Some(IncidentRaised {
        // One for each call, however often it is told.
        incident_id: IncidentId::from_uuid(call_id.uuid()),
        kind: SCRIPT_OVERTIME_KIND.to_owned(),
        run_id: Some(run.id),
        message: format!(
            "{call_id} of `{name}` was refused because a rule did not end in time; mend one of {}",
            failed.join(", ")
        ),
    })
}

/// A plan that was given up: a model wanted what may not be, or what is none.
fn given_up(run: &Run, body: &EventBody) -> Option<IncidentRaised> {
    let EventBody::PlanRevised(PlanRevised { error_kind: Some(kind), .. }) = body else {
        return None;
    };
    let what = match kind {
        ErrorKind::Denied => "the rules refuse what was planned or handed in",
        ErrorKind::BadPlan => "a model planned what cannot be carried out",
        ErrorKind::NoProgress => "planning went round in circles",
        _ => return None,
    };
    Some(of_planner(run, what))
}

/// The end of a planned run by what its steps did: refused when its turn came, or without bounds.
fn stopped(run: &Run, body: &EventBody) -> Option<IncidentRaised> {
    let EventBody::RunFinished(finished) = body else { return None };
    run.playbook.goal.as_ref().filter(|_| finished.cause.as_deref() != Some(PLAN))?;
    let what = match finished.error_kind {
        Some(ErrorKind::Denied) => "the rules refuse what a model planned",
        Some(ErrorKind::Budget) => "what a model planned used up what the run may spend",
        _ => return None,
    };
    Some(of_planner(run, what))
}

fn of_planner(run: &Run, what: &str) -> IncidentRaised {
    let id = run.id;
    IncidentRaised {
        // One for each run; its end, when nobody is near, is the same.
        incident_id: IncidentId::from_uuid(id.uuid()),
        kind: PLAN_GIVEN_UP.to_owned(),
        run_id: Some(run.id),
        message: format!("{what}: see bailiwick runs show {id}"),
    }
}

/// Whether the answer to a question is told together with it.
fn is_answered(question: &EventBody, bodies: &[EventBody]) -> bool {
    let EventBody::ApprovalRequested(asked) = question else { return false };
    bodies.iter().any(|body| {
        matches!(body, EventBody::ApprovalResolved(answer) if answer.approval_id == asked.approval_id)
    })
}

/// A call of a plan that people agreed to, about which they have to be asked all the same.
fn deviates(run: &Run, body: &EventBody) -> Option<IncidentRaised> {
    let EventBody::ApprovalRequested(ApprovalSubject {
        path,
        call_id: Some(call),
        consult: None,
        ..
    }) = body
    else {
        return None;
    };
    let round = round_of(path).filter(|_| run.playbook.goal.is_some())?;
    run.record.planned.approved.get(&round).filter(|approved| !approved.by.is_empty())?;
    Some(IncidentRaised {
        // One for each call, however often it is asked.
        incident_id: IncidentId::from_uuid(call.uuid()),
        kind: PLAN_DEVIATES.to_owned(),
        run_id: Some(run.id),
        message: format!(
            "`{path}` is not what people agreed to with plan {round}, and is asked about on its own: see \
             bailiwick runs show {}",
            run.id
        ),
    })
}

/// The end of a run that was refused something while nobody was near.
fn denied_unattended(run: &Run, bodies: &[EventBody]) -> Option<IncidentRaised> {
    let ended = bodies.iter().find_map(|body| match body {
        EventBody::RunFinished(finished) => Some(finished),
        _ => None,
    })?;
    let (started, _) = run.record.started.as_ref()?;
    if ended.outcome != Outcome::Denied || !started.unattended {
        return None;
    }
    let cause = ended.cause.as_deref().map(|cause| format!(" at `{cause}`")).unwrap_or_default();
    let reason = run.record.decisions.last().map(|last| last.decision.reason.as_str());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let (id, name) = (run.id, &run.playbook.name);
    Some(IncidentRaised {
        // One for each run, however often its end is tried.
        incident_id: IncidentId::from_uuid(id.uuid()),
        kind: UNATTENDED_DENIED.to_owned(),
        run_id: Some(run.id),
        message: format!(
            "`{id}` of `{name}` ended denied{cause}{reason}; nobody could be asked: see bailiwick runs show {id}"
        ),
    })
}
