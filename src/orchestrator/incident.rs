//! What a person must look at although nobody was there when it happened.

use super::run::Run;
use crate::contracts::{EventBody, IncidentId, IncidentRaised, Outcome};

/// The kind of incident of a run that nobody could be asked about.
const UNATTENDED_DENIED: &str = "unattended.denied";

/// The incident that the end of a run is, if it is one: it was refused something and nobody is near.
pub(super) fn of(run: &Run, bodies: &[EventBody]) -> Option<IncidentRaised> {
    let ended = bodies.iter().find_map(|body| match body {
        EventBody::RunFinished(finished) => Some(finished),
        _ => None,
    })?;
    let (started, _) = run.record.started.as_ref()?;
    if ended.outcome != Outcome::Denied || !started.unattended {
        return None;
    }
    let cause = ended.cause.as_deref().map(|cause| format!(" at `{cause}`")).unwrap_or_default();
    let reason = run.record.decisions.last().map(|(_, _, decision)| decision.reason.as_str());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let (id, name) = (run.id, &run.playbook.name);
    Some(IncidentRaised {
        // One for each run, however often its end is tried.
        incident_id: IncidentId::from_uuid(id.uuid()),
        kind: UNATTENDED_DENIED.to_owned(),
        message: format!(
            "`{id}` of `{name}` ended denied{cause}{reason}; nobody could be asked: see bailiwick runs show {id}"
        ),
    })
}
