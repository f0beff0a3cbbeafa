//! Streams of events.

use std::sync::Arc;

use axum::http::HeaderName;

use crate::contracts::RunId;
use crate::server::dispatch::{crowded, stopping};
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::server::sse::{Topic, cursor};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(in crate::server) async fn of_run(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let cursor = cursor_of(&call)?;
    let info = call.shared.read(move |reader| reader.run(&run_id)).await?;
    if !info.unfinished && cursor >= info.last_seq {
        // Nothing will follow: a browser stops coming back.
        return Ok(Reply::empty());
    }
    stream(&call, Topic::Run(run_id), cursor)
}

pub(in crate::server) async fn of_all(call: Call) -> Answer {
    stream(&call, Topic::All, cursor_of(&call)?)
}

fn cursor_of(call: &Call) -> Result<u64, Problem> {
    let header = call.headers.get(LAST_EVENT_ID).map(|value| value.as_bytes());
    cursor(header, call.query.get("after")).map_err(|error| {
        Problem::bad_request(error.to_string()).error(Some(error.name), &error.to_string(), None)
    })
}

fn stream(call: &Call, topic: Topic, cursor: u64) -> Answer {
    if call.shared.engine.is_draining() {
        return Err(stopping());
    }
    let place = Arc::clone(&call.shared.streams).try_acquire_owned();
    let place = place.map_err(|_full| crowded("streams of events"))?;
    let (shared, caller) = (Arc::clone(&call.shared), call.caller.clone());
    let admitted = Box::new(move || shared.guard.admits(&caller, shared.now()));
    let stream = call.shared.hub.stream(topic, cursor).holding(place);
    Ok(Reply::events(stream.while_admitted(admitted)))
}
