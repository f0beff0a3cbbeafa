//! A playbook's own tests: scripted results of its steps, and the path they must lead to.
//!
//! Owns the data and the comparison. Playing a scenario is the business of whoever runs playbooks:
//! there is one interpreter, and it is not here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contracts::{ErrorKind, Map, Outcome};

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Inputs, as a user would give them.
    pub inputs: Map,
    /// What each step answers, by step id; also of steps inside of blocks.
    pub results: BTreeMap<String, Script>,
    /// What must come of it.
    pub expect: Expect,
}

/// What a step answers, each time it is done: by its tries, its items and its turns after a person sent
/// the run back. Done more often than answers are written, it answers the last one again.
#[derive(Debug, Clone, PartialEq)]
pub struct Script(Vec<ScriptedResult>);

impl Script {
    /// The script of these answers; `None` when there are none.
    #[must_use]
    pub fn new(results: Vec<ScriptedResult>) -> Option<Self> {
        (!results.is_empty()).then_some(Self(results))
    }

    /// What it answers when it was done `before` times already.
    #[must_use]
    pub fn nth(&self, before: usize) -> Option<&ScriptedResult> {
        self.0.get(before).or_else(|| self.0.last())
    }

    /// The answers, as written.
    #[must_use]
    pub fn results(&self) -> &[ScriptedResult] {
        &self.0
    }
}

/// What a step answers once. Of an approval gate, `ok` is the person's answer; of a call, what the
/// called run came to, with its outputs as `data`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptedResult {
    /// Whether it did what it should.
    pub ok: bool,
    /// The tool's answer.
    pub data: Option<Value>,
    /// Why it failed.
    pub error: Option<ScriptedError>,
    /// What a person who says no writes beside it.
    pub comment: Option<String>,
}

/// Why a scripted call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptedError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
}

/// What must come of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// Ids of the steps that ran, in order; skipped ones and those over an empty list are not in it.
    pub ran: Option<Vec<String>>,
    /// How the run ended.
    pub outcome: Outcome,
    /// Outputs that must have these values; others are not looked at.
    pub outputs: Map,
}

/// What came of a scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Ids of the steps that ran, in order.
    pub ran: Vec<String>,
    /// How the run ended, as in [`Outcome::as_str`].
    pub outcome: String,
    /// The run's outputs.
    pub outputs: Map,
}

/// Compares.
///
/// # Errors
/// Each difference, in a sentence.
pub fn check(expect: &Expect, observed: &Observed) -> Result<(), Vec<String>> {
    let mut differences = Vec::new();
    if let Some(ran) = expect.ran.as_ref().filter(|ran| **ran != observed.ran) {
        let (expected, actual) = (ran.join(", "), observed.ran.join(", "));
        differences.push(format!("ran [{actual}], expected [{expected}]"));
    }
    if expect.outcome.as_str() != observed.outcome {
        let (actual, expected) = (&observed.outcome, expect.outcome.as_str());
        differences.push(format!("ended `{actual}`, expected `{expected}`"));
    }
    for (name, expected) in &expect.outputs {
        match observed.outputs.get(name) {
            Some(actual) if actual == expected => {}
            Some(actual) => {
                differences.push(format!("output `{name}` is {actual}, expected {expected}"));
            }
            None => differences.push(format!("there is no output `{name}`, expected {expected}")),
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_every_difference() {
        let outputs = json!({"a": 1, "b": 2}).as_object().cloned().unwrap();
        let expect = Expect {
            ran: Some(vec!["x".to_owned()]),
            outcome: Outcome::Succeeded,
            outputs: outputs.clone(),
        };
        let good = Observed {
            ran: vec!["x".to_owned()],
            outcome: "succeeded".to_owned(),
            outputs: json!({"a": 1, "b": 2, "c": 3}).as_object().cloned().unwrap(),
        };
        assert_eq!(check(&expect, &good), Ok(()));
        assert_eq!(check(&Expect { ran: None, ..expect.clone() }, &good), Ok(()));
        let bad = Observed {
            outputs: json!({"a": 5}).as_object().cloned().unwrap(),
            outcome: "failed".to_owned(),
            ran: Vec::new(),
        };
        assert_eq!(
            check(&expect, &bad).unwrap_err(),
            [
                "ran [], expected [x]",
                "ended `failed`, expected `succeeded`",
                "output `a` is 5, expected 1",
                "there is no output `b`, expected 2",
            ]
        );
    }
}
