//! What is wrong with a plan, and the plan as the run would go by it where nothing is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::draft::{Draft, DraftStep};
use super::limits::PlanLimits;
use super::plan::{Plan, PlanStep};
use super::references;
use crate::contracts::ToolError;
use crate::ports::Vocabulary;

/// Longest text that an answer may be expected to contain, in bytes.
const EXPECT_BYTES_MAX: usize = 200;
/// Mistakes that a model is told of at once.
const MISTAKES_MAX: usize = 8;
/// How often one plan may make the same call.
const SAME_MAX: usize = 2;

/// What a plan is held against.
#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct Ground<'a> {
    /// Which plan of the run it is, from 1.
    pub round: u32,
    /// Every tool there is.
    pub vocabulary: &'a Vocabulary,
    /// The tools that it may use.
    pub tools: &'a BTreeSet<String>,
    /// Whether arguments fit a tool.
    pub fits: &'a dyn Fn(&str, &crate::contracts::Map) -> Result<(), ToolError>,
    /// Ids of steps of plans before.
    pub earlier: &'a BTreeSet<String>,
    /// Bounds.
    pub limits: PlanLimits,
    /// Calls that are left.
    pub steps_left: u32,
}

/// Holds a plan with steps against the ground.
///
/// # Errors
/// Every mistake, for the model to mend.
pub fn check(plan: &Plan, ground: &Ground<'_>) -> Result<Draft, Vec<String>> {
    let mut mistakes = Vec::new();
    whole(plan, ground, &mut mistakes);
    if mistakes.is_empty() {
        let ids = ids(plan, ground.round, &mut mistakes);
        let steps = plan.steps.iter().enumerate();
        let steps = steps.map(|(at, step)| one(step, at, &ids, ground, &mut mistakes)).collect();
        if mistakes.is_empty() {
            let Plan { thought, stop_when, risks, .. } = plan.clone();
            return Ok(Draft { thought, steps, stop_when, risks, ..Draft::default() });
        }
    }
    mistakes.truncate(MISTAKES_MAX);
    Err(mistakes)
}

fn whole(plan: &Plan, ground: &Ground<'_>, mistakes: &mut Vec<String>) {
    let (steps, most) = (plan.steps.len(), ground.limits.steps as usize);
    if plan.done {
        if steps > 0 {
            mistakes.push("`done` is true and there are steps: leave out one of both".to_owned());
        }
        if plan.answer.trim().is_empty() {
            mistakes.push("`done` is true: say in `answer` what the goal came to".to_owned());
        }
    } else if steps == 0 {
        let mistake = "there is no step: give steps, or `done: true` with an `answer`";
        mistakes.push(mistake.to_owned());
    }
    if steps > most {
        mistakes.push(format!("the plan has {steps} steps; at most {most} are planned at once"));
    } else if steps > ground.steps_left as usize {
        let left = ground.steps_left;
        mistakes.push(format!("the plan has {steps} steps, and {left} calls are left"));
    }
    let call = |step: &PlanStep| (step.tool.clone(), Value::Object(step.args.clone()).to_string());
    let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
    plan.steps.iter().for_each(|step| *times.entry(call(step)).or_default() += 1);
    if let Some(((tool, _), times)) = times.into_iter().find(|(_, times)| *times > SAME_MAX) {
        mistakes.push(format!("the same call of `{tool}` stands {times} times in the plan"));
    }
}

/// The name of each step in the plan, with its place and its id in the run.
fn ids(plan: &Plan, round: u32, mistakes: &mut Vec<String>) -> BTreeMap<String, (usize, String)> {
    let mut ids = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let number = at + 1;
        let name = if step.id.is_empty() { format!("s{number}") } else { step.id.clone() };
        if !references::is_label(&name) {
            mistakes.push(format!("step {number}: `{name}` is no id; use letters and digits"));
        } else if ids.insert(name.clone(), (at, format!("p{round}_{number}"))).is_some() {
            mistakes.push(format!("two steps are called `{name}`"));
        }
    }
    ids
}

fn one(
    step: &PlanStep,
    at: usize,
    ids: &BTreeMap<String, (usize, String)>,
    ground: &Ground<'_>,
    mistakes: &mut Vec<String>,
) -> DraftStep {
    let number = at + 1;
    let mut own = Vec::new();
    let tool = ground.vocabulary.get(&step.tool).map(|tool| tool.name.clone());
    let tool = tool.filter(|tool| ground.tools.contains(tool)).unwrap_or_else(|| {
        own.push(format!("there is no tool `{}` among those listed", step.tool));
        step.tool.clone()
    });
    let before = |name: &str| match ids.get(name) {
        Some((place, id)) => (*place < at).then(|| id.clone()),
        None => ground.earlier.get(name).cloned(),
    };
    let args = Value::Object(step.args.clone());
    let args = references::rename(&args, &before, &mut own);
    let args = args.as_object().cloned().unwrap_or_default();
    let known = args.values().all(references::is_known);
    if known
        && own.is_empty()
        && let Err(error) = (ground.fits)(&tool, &args)
    {
        own.push(error.message);
    }
    let (mut needs, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for name in &step.needs {
        match ids.get(name) {
            Some((place, id)) if *place < at => _ = needs.insert(id.clone()),
            _ => own.push(format!("`needs` names `{name}`, which is no step before it")),
        }
    }
    references::steps_in(&Value::Object(args.clone()), &mut taken);
    let of_plan: BTreeSet<&String> = ids.values().map(|(_, id)| id).collect();
    // What a step takes from, it needs, also where it does not say so.
    if !needs.is_empty() {
        needs.extend(taken.into_iter().filter(|id| of_plan.contains(id)));
    }
    if step.expect.len() > EXPECT_BYTES_MAX || step.expect.chars().any(char::is_control) {
        own.push(format!("`expect` is one line of at most {EXPECT_BYTES_MAX} bytes"));
    }
    mistakes.extend(own.into_iter().map(|mistake| format!("step {number}: {mistake}")));
    let id = format!("p{}_{number}", ground.round);
    let (why, expect) = (step.why.clone(), step.expect.clone());
    DraftStep { id, tool, args, why, needs: needs.into_iter().collect(), expect }
}
