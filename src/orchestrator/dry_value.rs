//! Values in a dry run: what is known is filled in, what is not is shown as where it comes from.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::contracts::Map;
use crate::playbook::expression::{Evaluator, Reads, Scope};
use crate::playbook::{self, Playbook};

/// What stands for a value that would have to be read.
const NOT_READ: &str = "<not read in a dry run>";

/// What is known at a step.
pub(super) struct Known<'a> {
    pub evaluator: &'a Evaluator,
    pub scope: &'a Scope,
    /// Steps and names whose value is not known.
    pub pending: &'a BTreeSet<String>,
}

impl Known<'_> {
    /// Whether a condition holds, where that is known.
    pub(super) fn condition(&self, condition: Option<&str>) -> Option<bool> {
        let Some(condition) = condition else { return Some(true) };
        let template = Value::String(format!("${{{{ {condition} }}}}"));
        match self.value(&template, &DryReads::default()) {
            Ok((Value::Bool(holds), unknown)) if unknown.is_empty() => Some(holds),
            _ => None,
        }
    }

    /// Arguments as far as they are known, and the names of those that are not.
    pub(super) fn fill(&self, args: &Map) -> Result<(Map, Vec<String>), String> {
        let (mut filled, mut unknown) = (Map::new(), Vec::new());
        for (name, template) in args {
            let reads = DryReads::default();
            match self.value(template, &reads) {
                Ok((value, pointers)) => {
                    if !pointers.is_empty() {
                        unknown.push(name.clone());
                    }
                    filled.insert(name.clone(), value);
                }
                Err(_) if reads.asked.get() => {
                    unknown.push(name.clone());
                    filled.insert(name.clone(), json!(NOT_READ));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((filled, unknown))
    }

    fn value(&self, template: &Value, reads: &DryReads) -> Result<(Value, Vec<String>), String> {
        self.evaluator
            .value_or_pending(template, self.scope, reads, self.pending)
            .map_err(|error| error.to_string())
    }
}

/// The inputs of a playbook that is called. Those that are not known yet stand as what they are made
/// from; nothing is decided by them.
pub(super) fn inputs(playbook: &Playbook, given: &Map, unknown: &[String]) -> Result<Map, String> {
    let known = given.iter().filter(|(name, _)| !unknown.contains(name));
    let known: Map = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut open = playbook.clone();
    for input in open.inputs.iter_mut().filter(|input| unknown.contains(&input.name)) {
        input.required = false;
        input.default = given.get(&input.name).cloned();
    }
    playbook::resolve_inputs(&open, &known)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Reads nothing, and remembers that it was asked to.
#[derive(Debug, Default)]
struct DryReads {
    asked: Cell<bool>,
}

impl DryReads {
    fn refuse<T>(&self) -> Result<T, String> {
        self.asked.set(true);
        Err("nothing is read in a dry run".to_owned())
    }
}

impl Reads for DryReads {
    fn exists(&self, _: &str) -> Result<bool, String> {
        self.refuse()
    }

    fn read(&self, _: &str) -> Result<String, String> {
        self.refuse()
    }

    fn template(&self, _: &str) -> Result<String, String> {
        self.refuse()
    }

    fn now(&self) -> String {
        "<now>".to_owned()
    }
}
