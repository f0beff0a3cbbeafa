//! Incidents: what a person must look at.

use crate::contracts::views::IncidentPage;
use crate::contracts::{RunId, Timestamp};
use crate::orchestrator::incident_view;
use crate::server::api::runs::next_cursor;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::IncidentsWanted;

/// Most incidents of a page.
const PAGE_MAX: u32 = 500;

pub(in crate::server) async fn list(call: Call) -> Answer {
    let limit = call.query.limit(PAGE_MAX)?;
    let since: Option<Timestamp> =
        call.query.parse("since", "is no time such as 2026-05-04T06:30:00Z")?;
    let run: Option<RunId> = call.query.parse("run", "is no id of a run")?;
    let wanted = IncidentsWanted { since, run, before: call.query.cursor()? };
    let found = call.shared.read(move |reader| reader.incidents(&wanted, limit)).await?;
    let next_cursor = next_cursor(found.len(), limit, found.last().map(|row| row.cursor));
    Reply::ok(&IncidentPage { items: found.into_iter().map(incident_view).collect(), next_cursor })
}
