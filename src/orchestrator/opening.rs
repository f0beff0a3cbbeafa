//! What opening a step comes to: its `if`, its list, its arguments. The same for runs and scenarios.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::contracts::{ErrorKind, Map};
use crate::playbook::expression::{Evaluator, ExpressionError, Reads, Scope, Sources};
use crate::playbook::{Action, Foreach, Step};

/// What a step begins with.
#[derive(Debug)]
pub(super) enum Opened<'a> {
    /// Its `if` is false.
    Skipped,
    /// It cannot begin.
    Failed(ErrorKind, String),
    /// It goes over this list.
    List(Vec<Value>),
    /// It calls this tool.
    Tool {
        /// The tool's name as written.
        tool: &'a str,
        /// Its arguments.
        args: Map,
    },
    /// It asks a person.
    Gate {
        /// The question.
        prompt: String,
        /// How many different people must say yes.
        approvers: u32,
    },
    /// It lets a planner reach a goal, and is skipped where there is none.
    Goal {
        /// Whether it is skipped, rather than failed, where there is no model.
        skip_without_model: bool,
    },
    /// It calls a playbook.
    Call,
    /// It does the steps inside.
    Block,
}

/// What expressions are evaluated with.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub evaluator: &'a Evaluator,
    pub scope: &'a Scope,
    pub reads: &'a dyn Reads,
}

impl Desk<'_> {
    pub(super) fn holds(&self, condition: Option<&str>) -> Result<bool, ExpressionError> {
        let Some(condition) = condition else { return Ok(true) };
        self.evaluator.condition(condition, self.scope, self.reads)
    }

    pub(super) fn value(&self, template: &Value) -> Result<Value, ExpressionError> {
        self.evaluator.value(template, self.scope, self.reads)
    }

    /// A mapping of templates, filled.
    pub(super) fn map(&self, templates: &Map) -> Result<Map, ExpressionError> {
        let filled =
            |(name, template): (&String, &Value)| Ok((name.clone(), self.value(template)?));
        templates.iter().map(filled).collect()
    }
}

/// What `step` begins with; the step as a whole, or one item of its list.
///
/// # Errors
/// The expression that has no value.
pub(super) fn open<'a>(
    step: &'a Step,
    is_item: bool,
    desk: Desk<'_>,
) -> Result<Opened<'a>, ExpressionError> {
    if !is_item {
        if !desk.holds(step.condition.as_deref())? {
            return Ok(Opened::Skipped);
        }
        if let Some(foreach) = &step.foreach {
            return list(foreach, desk);
        }
    }
    Ok(match &step.action {
        Action::Tool { tool, args } => Opened::Tool { tool, args: desk.map(args)? },
        Action::Approval { when, .. } if !desk.holds(when.as_deref())? => Opened::Skipped,
        Action::Approval { prompt, approvers, .. } => {
            let prompt = desk.value(&Value::String(prompt.clone()))?;
            let prompt = prompt.as_str().map_or_else(|| prompt.to_string(), str::to_owned);
            Opened::Gate { prompt, approvers: *approvers }
        }
        Action::Goal { skip_without_model, .. } => {
            Opened::Goal { skip_without_model: *skip_without_model }
        }
        Action::Call { .. } => Opened::Call,
        Action::Block(_) => Opened::Block,
    })
}

fn list<'a>(foreach: &Foreach, desk: Desk<'_>) -> Result<Opened<'a>, ExpressionError> {
    let items = match foreach.over.items(desk.value(&foreach.over.template())?) {
        Ok(items) => items,
        Err(message) => return Ok(Opened::Failed(ErrorKind::Expression, message)),
    };
    let limit = foreach.limit as usize;
    if items.len() > limit {
        let message = format!("the list has {} items; at most {limit} are gone over", items.len());
        return Ok(Opened::Failed(ErrorKind::TooLarge, message));
    }
    Ok(Opened::List(items))
}

/// Steps that expressions name: only what they answered must be read from the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Their ids.
    pub ids: BTreeSet<String>,
    /// Whether an expression takes all steps at once.
    pub all: bool,
    /// Whether an expression takes what was recalled.
    pub memory: bool,
}

impl Names {
    /// The steps that opening `step` needs.
    pub(super) fn of_step(evaluator: &Evaluator, step: &Step, is_item: bool) -> Self {
        let mut names = Self::default();
        if !is_item {
            names.expression(evaluator, step.condition.as_deref());
            if let Some(foreach) = &step.foreach {
                names.template(evaluator, &foreach.over.template());
                return names;
            }
        }
        match &step.action {
            Action::Tool { args: map, .. } | Action::Call { inputs: map, .. } => {
                names.map(evaluator, map);
            }
            Action::Approval { prompt, when, .. } => {
                names.expression(evaluator, when.as_deref());
                names.template(evaluator, &Value::String(prompt.clone()));
            }
            Action::Goal { goal, .. } => names.template(evaluator, &Value::String(goal.clone())),
            Action::Block(_) => {}
        }
        names
    }

    /// Adds the steps of a mapping of templates.
    pub(super) fn map(&mut self, evaluator: &Evaluator, templates: &Map) {
        templates.values().for_each(|template| self.template(evaluator, template));
    }

    /// Adds the steps of a template. One that cannot be read names none: evaluating it says so.
    pub(super) fn template(&mut self, evaluator: &Evaluator, template: &Value) {
        self.memory |= Sources::of(evaluator, template).memory;
        if let Ok((ids, all)) = evaluator.steps_in(template) {
            self.ids.extend(ids);
            self.all |= all;
        }
    }

    /// Adds the steps of an expression, as [`Names::template`].
    pub(super) fn expression(&mut self, evaluator: &Evaluator, expression: Option<&str>) {
        let Some(Ok(facts)) = expression.map(|expression| evaluator.facts(expression)) else {
            return;
        };
        self.memory |= facts.paths.iter().any(|path| path.root == "memory");
        let (ids, all) = facts.steps();
        self.ids.extend(ids.into_iter().map(str::to_owned));
        self.all |= all;
    }
}
