//! Where values come from that templates make: the labels of everything a template takes from.
//!
//! What follows from a condition (`if:`, `when:`) is not traced: it chooses among values that the
//! playbook's author wrote down.

use serde_json::Value;

use super::driver::Work;
use super::memories::RUN;
use super::place::Place;
use super::taken::{Labels, UNKNOWN, USER, is_praise, secret};
use crate::contracts::{HEARSAY, Map, RunStarted, Trigger};
use crate::playbook::expression::{Evaluator, Sources};
use crate::playbook::{Action, Step};

/// What files of the workspace hold.
const FILES: &str = "workspace";

/// What names in templates stand for, and where that came from.
pub(super) trait Ground {
    /// The answers of the step called `id`.
    fn step(&self, id: &str) -> Labels;
    /// The answers of all steps.
    fn steps(&self) -> Labels;
    /// An input.
    fn input(&self, name: &str) -> Labels;
    /// The names of all inputs.
    fn inputs(&self) -> Vec<String>;
    /// The item called `name` of a list around; of every list where it is `None`.
    fn item(&self, name: Option<&str>) -> Labels;
    /// Secrets that the playbook may use.
    fn secrets(&self) -> &[String];
    /// What was recalled; before it is known, it may be anything.
    fn memory(&self) -> Labels {
        one(HEARSAY)
    }
}

/// Where the value of `template` comes from.
pub(super) fn of(evaluator: &Evaluator, template: &Value, ground: &impl Ground) -> Labels {
    let sources = Sources::of(evaluator, template);
    let mut labels = Labels::new();
    labels.extend(sources.steps.iter().flat_map(|id| ground.step(id)));
    labels.extend(sources.inputs.iter().flat_map(|name| ground.input(name)));
    labels.extend(sources.items.iter().flat_map(|name| ground.item(Some(name))));
    labels.extend(sources.secrets.iter().map(|name| secret(name)));
    if sources.all_steps || sources.error || sources.unclear {
        labels.extend(ground.steps());
    }
    if sources.all_inputs || sources.unclear {
        labels.extend(ground.inputs().iter().flat_map(|name| ground.input(name)));
    }
    if sources.unclear {
        labels.extend(ground.item(None));
    }
    if sources.all_secrets || sources.unclear {
        labels.extend(ground.secrets().iter().map(|name| secret(name)));
    }
    if sources.memory {
        labels.extend(ground.memory());
    }
    labels.extend(sources.files.then(|| FILES.to_owned()));
    whole(labels)
}

/// A person named what only they named: with anything else in it, it is no longer their word alone.
pub(super) fn whole(mut labels: Labels) -> Labels {
    if labels.is_empty() {
        labels.insert(USER.to_owned());
    } else if labels.len() > 1 {
        labels.remove(USER);
    }
    labels
}

/// Where the values of a mapping of templates come from, by name.
pub(super) fn each(
    evaluator: &Evaluator,
    templates: &Map,
    ground: &impl Ground,
) -> Vec<(String, Labels)> {
    let one = |(name, template): (&String, &Value)| (name.clone(), of(evaluator, template, ground));
    templates.iter().map(one).collect()
}

/// Where everything comes from that opening `step` evaluates.
pub(super) fn of_step(
    evaluator: &Evaluator,
    step: &Step,
    is_item: bool,
    ground: &impl Ground,
) -> Labels {
    let templates = templates(step, is_item);
    whole(templates.iter().flat_map(|template| of(evaluator, template, ground)).collect())
}

/// Whether opening `step`, or beginning the run that it calls, takes from memory.
pub(super) fn takes_memory(evaluator: &Evaluator, step: &Step) -> bool {
    templates(step, false).iter().any(|template| Sources::of(evaluator, template).memory)
}

/// Everything that opening `step` evaluates.
fn templates(step: &Step, is_item: bool) -> Vec<Value> {
    let mut templates: Vec<Value> = Vec::new();
    if !is_item {
        templates.extend(step.condition.as_deref().map(expression));
        templates.extend(step.foreach.as_ref().map(|foreach| foreach.over.template()));
    }
    match &step.action {
        Action::Tool { args: map, .. } | Action::Call { inputs: map, .. } => {
            templates.extend(map.values().cloned());
        }
        Action::Approval { prompt, when, .. } => {
            templates.push(Value::String(prompt.clone()));
            templates.extend(when.as_deref().map(expression));
        }
        Action::Goal { goal, .. } => templates.push(Value::String(goal.clone())),
        Action::Block(_) => {}
    }
    templates
}

/// An expression, as a template of its own.
pub(super) fn expression(text: &str) -> Value {
    Value::String(format!("${{{{ {text} }}}}"))
}

/// What a call makes of what it was given: the good that was said of an argument says nothing of the
/// answer.
pub(super) fn handed_on(labels: &[String]) -> impl Iterator<Item = &String> {
    labels.iter().filter(|label| !is_praise(label))
}

/// The names that the expressions of a step of a run see.
pub(super) struct RunGround<'a> {
    work: &'a Work,
    place: Place<'a>,
}

impl<'a> RunGround<'a> {
    /// Those of the step at `path`; of the run as a whole when there is none.
    pub(super) fn of(work: &'a Work, path: Option<&str>) -> Self {
        let place = path.and_then(|path| Place::of(&work.playbook, path)).unwrap_or_default();
        Self { work, place }
    }

    fn started(&self) -> Option<&RunStarted> {
        self.work.record.started.as_ref().map(|(started, _)| started)
    }
}

impl Ground for RunGround<'_> {
    fn step(&self, id: &str) -> Labels {
        match self.place.sees(&self.work.playbook, id) {
            Some((_, path)) => self.work.record.taken.below(&path),
            None => self.steps(),
        }
    }

    fn steps(&self) -> Labels {
        self.work.record.taken.all()
    }

    fn input(&self, name: &str) -> Labels {
        let Some(started) = self.started() else { return one(UNKNOWN) };
        match (&started.lineage, started.trigger) {
            (Some(lineage), _) => lineage
                .inputs
                .get(name)
                .map_or_else(|| one(USER), |labels| labels.iter().cloned().collect()),
            (None, Trigger::Webhook) => one(super::lineage::WEBHOOK),
            (None, Trigger::Call) => one(UNKNOWN),
            (None, _) => one(USER),
        }
    }

    fn inputs(&self) -> Vec<String> {
        self.started().map(|started| started.inputs.keys().cloned().collect()).unwrap_or_default()
    }

    fn item(&self, name: Option<&str>) -> Labels {
        let mut labels = Labels::new();
        for stop in &self.place.0 {
            let (Some(index), Some(foreach)) = (stop.item, &stop.step.foreach) else { continue };
            if name.is_some_and(|name| name != foreach.name) {
                continue;
            }
            let list = stop.path.strip_suffix(&format!("[{index}]")).unwrap_or(&stop.path);
            let known = self.work.record.items.get(list).and_then(|list| list.labels.clone());
            labels.extend(known.unwrap_or_else(|| vec![UNKNOWN.to_owned()]));
        }
        labels
    }

    fn secrets(&self) -> &[String] {
        &self.work.playbook.permissions.secrets
    }

    fn memory(&self) -> Labels {
        let recalled = self.work.record.recalled.get(RUN);
        recalled.map_or_else(|| one(HEARSAY), |it| it.labels.iter().cloned().collect())
    }
}

fn one(label: &str) -> Labels {
    Labels::from([label.to_owned()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::playbook::expression::ExpressionLimits;

    struct Names;

    impl Ground for Names {
        fn step(&self, id: &str) -> Labels {
            one(&format!("untrusted:{id}"))
        }

        fn steps(&self) -> Labels {
            Labels::from(["untrusted:a".to_owned(), "workspace".to_owned()])
        }

        fn input(&self, name: &str) -> Labels {
            one(if name == "body" { "untrusted:webhook" } else { USER })
        }

        fn inputs(&self) -> Vec<String> {
            vec!["body".to_owned(), "who".to_owned()]
        }

        fn item(&self, name: Option<&str>) -> Labels {
            one(if name == Some("safe") { USER } else { "untrusted:list" })
        }

        fn secrets(&self) -> &[String] {
            &[]
        }
    }

    #[test]
    fn a_value_has_the_labels_of_everything_it_is_made_from() {
        let evaluator = Evaluator::new(ExpressionLimits::default());
        for (template, expected) in [
            ("plain", &["user"][..]),
            ("${{ inputs.who }}", &["user"]),
            ("${{ safe }}", &["user"]),
            ("${{ inputs.body }}", &["untrusted:webhook"]),
            ("to ${{ inputs.who }} of ${{ steps.a.data }}", &["untrusted:a"]),
            ("${{ steps.a.ok + steps.b.ok }}", &["untrusted:a", "untrusted:b"]),
            ("${{ line }}", &["untrusted:list"]),
            ("${{ steps[inputs.who].data }}", &["untrusted:a", "workspace"]),
            ("${{ inputs }}", &["untrusted:webhook"]),
            ("${{ read(`x`) }}", &["workspace"]),
            ("${{ memory }}", &["untrusted:memory"]),
            ("${{ error.message }}", &["untrusted:a", "workspace"]),
            ("Bearer ${{ secrets.KEY }}", &["secret:KEY"]),
            ("${{ 1 +", &["untrusted:a", "untrusted:list", "untrusted:webhook", "workspace"]),
        ] {
            let found: Vec<String> = of(&evaluator, &json!(template), &Names).into_iter().collect();
            assert_eq!(found, expected, "{template}");
        }
    }
}
