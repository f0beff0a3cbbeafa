//! Schedules: what starts by the clock.

use axum::http::StatusCode;

use crate::contracts::views::{ScheduleChange, ScheduleDetail, ScheduleList, ScheduleStarted};
use crate::contracts::{ScheduleId, Trigger};
use crate::orchestrator::{fire_view as fire, schedule_view as view};
use crate::scheduler::{NewSchedule, Origin};
use crate::server::idempotency::id_of;
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// How many next times are shown, when nobody says, and at most.
const NEXT: usize = 5;
const NEXT_MAX: usize = 100;
/// How many last times are shown.
const FIRES: u32 = 20;

fn id(call: &Call) -> Result<ScheduleId, Problem> {
    call.id("schedule_id", "schedule")
}

pub(in crate::server) async fn list(call: Call) -> Answer {
    let rows = call.shared.engine.schedules().await?;
    Reply::ok(&ScheduleList { items: rows.into_iter().map(view).collect() })
}

pub(in crate::server) async fn create(call: Call) -> Answer {
    let wanted: NewSchedule = call.json()?;
    // The same request makes the same schedule, also where the first answer was lost.
    let row = match &call.key {
        Some(key) => {
            let id = ScheduleId::from_uuid(id_of(key));
            call.shared.engine.add_schedule_as(id, wanted).await?
        }
        None => call.shared.engine.add_schedule(wanted).await?,
    };
    let path = format!("/schedules/{}", row.id);
    Reply::json(StatusCode::CREATED, &view(row))?.location(&path)
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let (id, engine) = (id(&call)?, &call.shared.engine);
    let schedule = view(engine.schedule(id).await?);
    let count: Option<usize> = call.query.parse("next", "is no number")?;
    let next = engine.next(id, count.unwrap_or(NEXT).clamp(1, NEXT_MAX)).await?;
    let fires = engine.fires(id, FIRES).await?.into_iter().map(fire).collect();
    Reply::ok(&ScheduleDetail { schedule, next, fires })
}

pub(in crate::server) async fn change(call: Call) -> Answer {
    let (id, ScheduleChange { paused }) = (id(&call)?, call.json()?);
    Reply::ok(&view(call.shared.engine.set_paused(id, paused).await?))
}

pub(in crate::server) async fn delete(call: Call) -> Answer {
    call.shared.engine.delete_schedule(id(&call)?).await?;
    Ok(Reply::empty())
}

pub(in crate::server) async fn run_now(call: Call) -> Answer {
    let id = id(&call)?;
    let (by, key) = (call.caller.by.clone(), call.key.clone());
    let origin = Origin { by, trigger: Trigger::Api, key };
    let run_id = call.shared.engine.run_now(id, origin).await?;
    let reply = Reply::json(StatusCode::ACCEPTED, &ScheduleStarted { run_id })?;
    match run_id {
        Some(run_id) => reply.location(&format!("/runs/{run_id}")),
        None => Ok(reply),
    }
}
