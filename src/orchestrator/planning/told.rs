//! What a model is told, as fragments: never more than was recorded, and each with where it came from.

use serde_json::{Value, json};

use super::desk::Desk;
use crate::agent::{Phase, block_of};
use crate::contracts::{Effect, Map};
use crate::orchestrator::error::RunError;
use crate::orchestrator::memories::{RUN, shown};
use crate::orchestrator::story::Story;
use crate::planning::{Round, result};
use crate::prompt::{Fragment, Kind};

/// Most tokens of the goal.
const GOAL_TOKENS: usize = 2_000;
/// Most tokens of one memory.
const MEMORY_TOKENS: usize = 400;
/// Most tokens of what a person says who declines a plan.
const COMMENT_TOKENS: usize = 800;
/// Most tokens of what a plan before was for.
const THOUGHT_TOKENS: usize = 200;

impl Desk {
    /// Everything but the instructions and the tools. Blocks.
    pub(super) fn told(&self) -> Result<Vec<Fragment>, RunError> {
        let mut all = vec![self.goal_fragment()];
        all.extend(self.remembered()?);
        for round in &self.rounds {
            all.push(thought(round));
            if let Some(said) = self.declined(round.number) {
                all.extend(self.of_declined(round, said));
                continue;
            }
            for step in &round.draft.steps {
                let path = format!("{}/{}", block_of(round.number), step.id);
                let (how, said) = self.outcome(&path)?;
                let labels = self.work.record.taken.below(&path).into_iter().collect();
                all.push(result(step, how, &said, labels));
            }
        }
        Ok(all)
    }

    /// A plan that a person declined: its steps, and what they said, which is theirs and no data. That of
    /// the last plan is never left out.
    fn of_declined(&self, round: &Round, said: &str) -> Vec<Fragment> {
        let last = round.number.saturating_add(1) == self.round;
        let why = "a person said no to the plan";
        let step = |step| result(step, "was not carried out", why, round.draft.labels.clone());
        let said = Fragment {
            kind: if last { Kind::Mistake } else { Kind::History },
            title: format!("plan {}", round.number),
            text: format!("A person said no to plan {}: {said}", round.number),
            labels: Vec::new(),
            tokens_max: COMMENT_TOKENS,
        };
        round.draft.steps.iter().map(step).chain([said]).collect()
    }

    /// What was recalled when the run began to plan: the journal says which records, and why each.
    fn remembered(&self) -> Result<Vec<Fragment>, RunError> {
        let Some(recalled) = self.work.record.recalled.get(RUN) else { return Ok(Vec::new()) };
        let shown = shown(&self.work.services, recalled)?;
        let list = |kind: Kind, name: &str| {
            let records = shown.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            records.into_iter().map(move |record| memory(kind, &record)).collect::<Vec<_>>()
        };
        Ok([list(Kind::Pinned, "pinned"), list(Kind::Recalled, "recalled")].concat())
    }

    /// The values of the instructions.
    pub(super) fn variables(&self) -> Map {
        let left = self.limits.rounds.saturating_sub(self.round);
        let values = json!({
            "steps_max": self.limits.steps.min(self.steps_left()),
            "steps_left": self.steps_left(),
            "plans_left": left,
        });
        values.as_object().cloned().unwrap_or_default()
    }

    fn goal_fragment(&self) -> Fragment {
        Fragment {
            kind: Kind::Goal,
            title: String::new(),
            text: self.goal.clone(),
            labels: Vec::new(),
            tokens_max: GOAL_TOKENS,
        }
    }

    /// How a step ended, in a word, and what it answered or why it failed.
    fn outcome(&self, path: &str) -> Result<(&'static str, String), RunError> {
        let Some(Phase::Done { ok, skipped, kind }) = self.work.state.phase(path) else {
            let why = "a step before it failed, or did not answer what was expected";
            return Ok(("did not run", why.to_owned()));
        };
        if skipped {
            return Ok((
                "did not run",
                "a step before did not answer what was expected".to_owned(),
            ));
        }
        let denied = self.work.record.call_at(path).and_then(|call| call.decision.as_ref());
        if let Some(decision) = denied.filter(|decision| decision.effect == Effect::Deny) {
            return Ok(("was refused", decision.reason.clone()));
        }
        let answered = self.work.answered(path)?.unwrap_or_default();
        if ok {
            let data = answered.data.unwrap_or_default();
            let said = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
            return Ok(("did well", said));
        }
        let why = match answered.error {
            Some(error) => format!("{}: {}", error.kind.as_str(), error.message),
            None => self
                .work
                .failure(path)
                .map(|error| error.message)
                .unwrap_or_else(|_| kind.map_or("it failed", |kind| kind.as_str()).to_owned()),
        };
        // What a command printed before it failed says more than that it did.
        let data = answered.data.filter(|data| !data.is_null());
        Ok(("failed", data.map_or_else(|| why.clone(), |data| format!("{why}\n{data}"))))
    }
}

fn memory(kind: Kind, record: &Value) -> Fragment {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = record.get("labels").and_then(Value::as_array).cloned().unwrap_or_default();
    Fragment {
        kind,
        title: format!("{} in {}", text("id"), text("area")),
        text: text("text"),
        labels: labels.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        tokens_max: MEMORY_TOKENS,
    }
}

fn thought(round: &Round) -> Fragment {
    Fragment {
        kind: Kind::History,
        title: format!("plan {}", round.number),
        text: round.draft.thought.clone(),
        // A model's own words, which may repeat a stranger's.
        labels: round.draft.labels.clone(),
        tokens_max: THOUGHT_TOKENS,
    }
}
