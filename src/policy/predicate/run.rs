//! `run: {read_secret, untrusted, goal, asked_for, steps_used, steps_left, cost_usd}`.

use std::fmt;

use regex::Regex;

use super::argument::pattern;
use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::{Fields, Node, Value};

/// What the run must have come to.
#[derive(Debug, Clone)]
pub(in crate::policy) struct RunIs {
    read_secret: Option<bool>,
    untrusted: Option<bool>,
    /// What the person's words must look like.
    goal: Option<Regex>,
    /// Whether the person's words must ask for the tool.
    asked_for: Option<bool>,
    numbers: Vec<(Measure, Bound)>,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    StepsUsed,
    StepsLeft,
    CostUsd,
}

const MEASURES: [(&str, Measure); 3] = [
    ("steps_used", Measure::StepsUsed),
    ("steps_left", Measure::StepsLeft),
    ("cost_usd", Measure::CostUsd),
];

#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    equals: Option<f64>,
    gt: Option<f64>,
    lt: Option<f64>,
}

impl RunIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`run`", node, mistakes)?;
        let read_secret = fields.boolean("read_secret", mistakes);
        let untrusted = fields.boolean("untrusted", mistakes);
        let asked_for = fields.boolean("asked_for", mistakes);
        let goal = fields.node("goal").zip(fields.text("goal", mistakes));
        let goal = goal.and_then(|(node, text)| pattern(file, node, text, mistakes));
        let mut numbers = Vec::new();
        for (key, measure) in MEASURES {
            let bound = fields.node(key).and_then(|node| Bound::read(file, key, node, mistakes));
            numbers.extend(bound.map(|bound| (measure, bound)));
        }
        fields.finish(mistakes);
        if node.as_map().is_some_and(<[_]>::is_empty) {
            mistakes.push(node.error(file, "empty-predicate", "`run` names nothing"));
        }
        Some(Self { read_secret, untrusted, goal, asked_for, numbers })
    }

    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        let run = &case.request.run;
        let numbers = self.numbers.iter().all(|(measure, bound)| {
            bound.holds(match measure {
                Measure::StepsUsed => f64::from(run.steps_used),
                Measure::StepsLeft => f64::from(run.steps_left),
                Measure::CostUsd => run.cost_usd,
            })
        });
        Truth::of(
            self.read_secret.is_none_or(|wanted| wanted == run.read_secret)
                && self.untrusted.is_none_or(|wanted| wanted == run.untrusted)
                && self.goal.as_ref().is_none_or(|goal| goal.is_match(&run.goal))
                && self.asked_for.is_none_or(|wanted| wanted == case.asked_for)
                && numbers,
        )
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        let run = &case.request.run;
        format!(
            "a run that has{} read a secret, has{} taken in untrusted text, used {} steps and {} dollars, and a goal that asks for {}",
            if run.read_secret { "" } else { " not" },
            if run.untrusted { "" } else { " not" },
            run.steps_used,
            run.cost_usd,
            if case.asked_for { "it" } else { "no such call" },
        )
    }
}

impl Bound {
    fn read(
        file: &str,
        key: &'static str,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        match &node.value {
            #[allow(clippy::cast_precision_loss, reason = "numbers in files are small")]
            Value::Int(number) => Some(Self { equals: Some(*number as f64), ..Self::default() }),
            Value::Float { number, .. } => Some(Self { equals: Some(*number), ..Self::default() }),
            _ => {
                let what = format!("`{key}`");
                let mut fields = Fields::of(file, &what, node, mistakes)?;
                let gt = fields.number("gt", mistakes);
                let lt = fields.number("lt", mistakes);
                fields.finish(mistakes);
                if gt.is_none() && lt.is_none() {
                    let message = format!("`{key}` needs a number, `gt` or `lt`");
                    mistakes.push(node.error(file, "empty-predicate", message));
                }
                Some(Self { equals: None, gt, lt })
            }
        }
    }

    fn holds(&self, number: f64) -> bool {
        self.equals.is_none_or(|wanted| wanted.total_cmp(&number).is_eq())
            && self.gt.is_none_or(|bound| number > bound)
            && self.lt.is_none_or(|bound| number < bound)
    }
}

impl fmt::Display for RunIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.read_secret.map(|value| format!("read_secret {value}")));
        parts.extend(self.untrusted.map(|value| format!("untrusted {value}")));
        parts.extend(self.goal.as_ref().map(|goal| format!("a goal like `{goal}`")));
        parts.extend(self.asked_for.map(|value| format!("asked_for {value}")));
        for (measure, bound) in &self.numbers {
            let key = match measure {
                Measure::StepsUsed => "steps_used",
                Measure::StepsLeft => "steps_left",
                Measure::CostUsd => "cost_usd",
            };
            parts.extend(bound.equals.map(|number| format!("{key} {number}")));
            parts.extend(bound.gt.map(|number| format!("{key} above {number}")));
            parts.extend(bound.lt.map(|number| format!("{key} below {number}")));
        }
        write!(f, "a run with {}", parts.join(", "))
    }
}
