//! What came of the steps of a run, or of a scenario, as expressions see it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::RunError;
use super::opening::Names;
use super::place::{Part, Place, inside, join};
use crate::agent::{Phase, RunState};
use crate::contracts::{ArtifactRef, Map, ToolError};
use crate::playbook::expression::StepView;
use crate::playbook::{Action, Playbook, Step};

/// What one step answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    pub data: Option<Value>,
    pub artifacts: Vec<ArtifactRef>,
    pub error: Option<ToolError>,
}

/// A run or a scenario, as far as it has come.
pub(super) trait Story {
    /// What it goes by.
    fn playbook(&self) -> &Playbook;
    /// Where it stands.
    fn state(&self) -> &RunState;
    /// How many items the step at `path` goes over; `None` where it goes over no list.
    fn count(&self, path: &str) -> Option<u32>;
    /// One item of that list.
    fn item(&self, path: &str, index: u32) -> Result<Option<Value>, RunError>;
    /// What the tool or the run that was called at `path` answered, if it did.
    fn answered(&self, path: &str) -> Result<Option<Answered>, RunError>;
    /// Why the step at `path` failed.
    fn failure(&self, path: &str) -> Result<ToolError, RunError>;
}

/// The steps among `names` that can be seen from `place`, by id.
pub(super) fn views(
    story: &impl Story,
    place: &Place<'_>,
    names: &Names,
) -> Result<BTreeMap<String, StepView>, RunError> {
    let playbook = story.playbook();
    let ids: Vec<&str> = if names.all {
        playbook.all_steps().map(|step| step.id.as_str()).collect()
    } else {
        names.ids.iter().map(String::as_str).collect()
    };
    let mut views = BTreeMap::new();
    for id in ids {
        if let Some((step, path)) = place.sees(playbook, id) {
            views.insert(id.to_owned(), view(story, step, &path)?);
        }
    }
    Ok(views)
}

fn view(story: &impl Story, step: &Step, path: &str) -> Result<StepView, RunError> {
    let Some(node) = story.state().nodes.get(path) else {
        return Ok(StepView { skipped: true, ..StepView::default() });
    };
    let mut view = StepView { attempts: node.attempt, ..StepView::default() };
    let Phase::Done { ok, skipped, .. } = node.phase else {
        view.data = data(story, step, path, false)?;
        return Ok(view);
    };
    (view.ok, view.skipped) = (ok, skipped);
    if skipped {
        return Ok(view);
    }
    let plain = story.count(path).is_none() && !matches!(step.action, Action::Block(_));
    if plain && let Some(answered) = story.answered(path)? {
        view.data = answered.data;
        view.artifacts = answered.artifacts;
        view.error = answered.error;
    } else {
        view.data = data(story, step, path, false)?;
    }
    if !ok && view.error.is_none() {
        view.error = Some(story.failure(path)?);
    }
    Ok(view)
}

/// What a step answered: a list for one that goes over a list, nothing in it for items that were not
/// reached; a mapping for a block.
fn data(
    story: &impl Story,
    step: &Step,
    path: &str,
    is_item: bool,
) -> Result<Option<Value>, RunError> {
    if !story.state().nodes.contains_key(path) {
        return Ok(None);
    }
    if let Some(count) = story.count(path).filter(|_| !is_item) {
        let one = |index| {
            data(story, step, &format!("{path}[{index}]"), true).map(Option::unwrap_or_default)
        };
        return (0..count).map(one).collect::<Result<_, _>>().map(|all| Some(Value::Array(all)));
    }
    let Some(lists) = inside(step) else {
        return Ok(story.answered(path)?.and_then(|answered| answered.data));
    };
    let mut answers = Map::new();
    for (part, steps) in lists {
        for child in steps {
            let inner = join(path, &child.id);
            if part == Part::Steps || story.state().nodes.contains_key(&inner) {
                let data = data(story, child, &inner, false)?;
                answers.insert(child.id.clone(), data.unwrap_or_default());
            }
        }
    }
    Ok(Some(Value::Object(answers)))
}

/// The items that `place` stands in, outermost first, each under the name given by `as:`.
pub(super) fn items(
    story: &impl Story,
    place: &Place<'_>,
) -> Result<Vec<(String, Value)>, RunError> {
    let mut items = Vec::new();
    for stop in &place.0 {
        let (Some(index), Some(foreach)) = (stop.item, &stop.step.foreach) else { continue };
        let list = stop.path.strip_suffix(&format!("[{index}]")).unwrap_or(&stop.path);
        if let Some(item) = story.item(list, index)? {
            items.push((foreach.name.clone(), item));
        }
    }
    Ok(items)
}
