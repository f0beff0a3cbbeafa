//! Planning: a model is told the goal, the tools and what was done so far, and proposes the next steps. What
//! it proposes is checked, and judged by policy as a whole, before anything of it runs.

mod agreed;
mod desk;
mod dry;
mod exchange;
mod fetched;
mod given;
mod judged;
mod listed;
mod told;

use std::sync::Arc;

pub(super) use self::agreed::agreements;
use self::desk::Desk;
pub(super) use self::dry::{Came, FirstPlan, first_plan};
use self::judged::{Judged, failed};
use super::driver::Work;
use super::error::RunError;
use super::journal::{Batch, Progress};
use super::memories::recall_once;
use super::services::blocking;
use crate::contracts::{ErrorKind, EventBody, PlanRevised};
use crate::planning::Reached;

/// How often a model is asked for one plan: once, and once more with what was wrong.
const ATTEMPTS: u32 = 2;

/// How planning goes on.
pub(super) enum Next {
    /// Another plan, ready to be made durable.
    Plan(Batch),
    /// The goal is reached: what it came to.
    Reached(Reached),
    /// It is not, and no other plan follows.
    Failed(ErrorKind, String),
}

/// Finds the next steps. Ends in `plan.proposed`, or in a `plan.revised` after which nothing is planned.
pub(super) async fn plan(work: Work, round: u32) -> Result<Progress, RunError> {
    // Begun anew once that is in the journal.
    if work.services.model.is_some() && recall_once(&work).await? {
        return Ok(Progress::Made);
    }
    let journal = work.journal.clone();
    let gathered = blocking(move || Desk::of(work, round)).await??;
    let desk = Arc::new(gathered);
    let next = match desk.refusal() {
        Some((kind, why)) => {
            let mut batch = desk.end(Some(kind), &why, Vec::new());
            batch.extend(desk.decided.clone());
            journal.append(batch).await?;
            return Ok(Progress::Made);
        }
        None => asked(&desk).await?,
    };
    let batch = match next {
        Next::Plan(batch) => batch,
        Next::Reached(Reached { answer, tags }) => desk.end(None, &answer, tags),
        Next::Failed(kind, why) => desk.end(Some(kind), &why, Vec::new()),
    };
    journal.append(batch).await?;
    Ok(Progress::Made)
}

async fn asked(desk: &Arc<Desk>) -> Result<Next, RunError> {
    let mut wrong = None;
    for attempt in 1..=ATTEMPTS {
        let reply = match exchange::reply(desk, attempt, wrong.as_ref()).await? {
            Ok(reply) => reply,
            Err((kind, why)) => return Ok(Next::Failed(kind, why)),
        };
        let at = Arc::clone(desk);
        match blocking(move || at.judge(reply)).await?? {
            Judged::Good(batch) => return Ok(Next::Plan(batch)),
            Judged::Reached(reached) => return Ok(Next::Reached(reached)),
            Judged::Wrong(mistake) => wrong = Some(mistake),
        }
    }
    let (kind, why) = failed(wrong);
    Ok(Next::Failed(kind, why))
}

impl Desk {
    /// The end of planning.
    fn end(&self, error_kind: Option<ErrorKind>, why: &str, tags: Vec<String>) -> Batch {
        let mut batch = Batch::default();
        let revised = self.revised(&mut batch, error_kind, why);
        let end = PlanRevised { goes_on: false, tags, ..revised };
        batch.bodies.push(EventBody::PlanRevised(end));
        batch
    }

    /// What is said of the plan before.
    fn revised(&self, batch: &mut Batch, error_kind: Option<ErrorKind>, why: &str) -> PlanRevised {
        let mut why = why.to_owned();
        self.work.services.redactor.conceal_text(&mut why);
        PlanRevised {
            round: self.round.saturating_sub(1),
            goes_on: true,
            error_kind,
            reason: batch.text(why, self.work.services.clock.salt()),
            tags: Vec::new(),
            labels: self.labels.clone(),
        }
    }
}

/// What the goal came to, of a run whose steps a planner found; empty while that is not known. Blocks.
pub(super) fn answer(work: &Work) -> Result<String, RunError> {
    let end = work.record.planned.end.as_ref().filter(|end| end.error_kind.is_none());
    end.map_or_else(|| Ok(String::new()), |end| text(work, end))
}

/// Why planning ended without reaching the goal. Blocks.
pub(super) fn failure(work: &Work) -> Result<Option<String>, RunError> {
    let end = work.record.planned.end.as_ref().filter(|end| end.error_kind.is_some());
    end.map(|end| text(work, end)).transpose()
}

fn text(work: &Work, end: &PlanRevised) -> Result<String, RunError> {
    let bytes = work.services.store.reader().blob(&end.reason)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
