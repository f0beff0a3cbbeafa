//! What an expression can see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::convert::to_dynamic;
use super::facts::{Facts, Path};
use super::smuggling::placeholder;
use crate::contracts::{ArtifactRef, Map, ToolError};

/// The names that expressions start with, beside the name given by `as:`.
pub const ROOTS: [&str; 6] = ["inputs", "steps", "run", "memory", "secrets", "error"];

/// The properties of `run`.
pub const RUN_NAMES: [&str; 8] =
    ["id", "task_id", "playbook", "goal", "started_at", "unattended", "dry_run", "answer"];

/// The properties of `memory`: lists of `{id, area, text, trust, labels, why}`.
pub const MEMORY_NAMES: [&str; 2] = ["pinned", "recalled"];

/// What an expression can see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// The playbook's inputs, resolved.
    pub inputs: Map,
    /// Steps that have ended, by id.
    pub steps: BTreeMap<String, StepView>,
    /// Facts about the run; the names are [`RUN_NAMES`].
    pub run: Map,
    /// What was recalled; the names are [`MEMORY_NAMES`].
    pub memory: Value,
    /// Why nothing may be recalled: whatever names `memory` fails with it.
    pub no_memory: Option<String>,
    /// Names of the secrets the playbook may use. Their values are never here.
    pub secrets: BTreeSet<String>,
    /// What went wrong; only in `on_failure`.
    pub error: Option<RunError>,
    /// The names given by `as:` and their items, outermost first.
    pub items: Vec<(String, Value)>,
}

/// A step that has ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepView {
    /// Whether it did what it should.
    pub ok: bool,
    /// Whether it did not run.
    pub skipped: bool,
    /// The tool's answer; of a `foreach`, the list of its items' answers.
    pub data: Option<Value>,
    /// Why it failed.
    pub error: Option<ToolError>,
    /// Files it produced.
    pub artifacts: Vec<ArtifactRef>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Why a run is about to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// The kind of failure, such as `timeout`.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
}

impl StepView {
    /// The names a step has in expressions.
    pub const NAMES: [&'static str; 6] =
        ["ok", "skipped", "data", "error", "artifacts", "attempts"];

    fn to_json(&self) -> Value {
        let error = self
            .error
            .as_ref()
            .map(|error| json!({ "kind": error.kind.as_str(), "message": error.message }));
        let artifacts: Vec<Value> = self.artifacts.iter().map(artifact).collect();
        json!({
            "ok": self.ok,
            "skipped": self.skipped,
            "data": self.data,
            "error": error,
            "artifacts": artifacts,
            "attempts": self.attempts,
        })
    }
}

fn artifact(artifact: &ArtifactRef) -> Value {
    json!({
        "name": artifact.name,
        "hash": artifact.hash.to_string(),
        "bytes": artifact.bytes,
        "media_type": artifact.media_type,
    })
}

impl Scope {
    /// What stands under `root`, as far as `facts` need it. `None` when there is no such name.
    fn root(&self, root: &str, facts: &Facts) -> Option<Value> {
        match root {
            "inputs" => Some(Value::Object(self.inputs.clone())),
            "run" => Some(Value::Object(self.run.clone())),
            "memory" => self.no_memory.is_none().then(|| self.memory.clone()),
            "steps" => Some(self.steps(facts)),
            "secrets" => {
                let named = |name: &String| (name.clone(), Value::String(placeholder(name)));
                Some(self.secrets.iter().map(named).collect::<Map>().into())
            }
            "error" => self.error.as_ref().map(|e| json!({ "kind": e.kind, "message": e.message })),
            name => self.items.iter().rfind(|(item, _)| item == name).map(|(_, item)| item.clone()),
        }
    }

    fn steps(&self, facts: &Facts) -> Value {
        let (ids, all) = facts.steps();
        let wanted = |id: &str| all || ids.contains(&id);
        let steps = self.steps.iter().filter(|(id, _)| wanted(id));
        Value::Object(steps.map(|(id, step)| (id.clone(), step.to_json())).collect())
    }

    /// The values `facts` refer to, for Rhai.
    pub(super) fn to_rhai(&self, facts: &Facts) -> rhai::Scope<'static> {
        let mut scope = rhai::Scope::new();
        for path in &facts.paths {
            if scope.contains(&path.root) {
                continue;
            }
            if let Some(value) = self.root(&path.root, facts) {
                scope.push_constant_dynamic(path.root.clone(), to_dynamic(&value));
            }
        }
        scope
    }

    /// What stands at `path`.
    ///
    /// # Errors
    /// Which name is not there, and which ones are.
    pub(super) fn at(&self, path: &Path, facts: &Facts) -> Result<Value, Missing> {
        let whole = self.root(&path.root, facts).ok_or_else(|| Missing {
            name: path.root.clone(),
            within: String::new(),
            known: self.roots(),
            why: self.no_memory.clone().filter(|_| path.root == "memory"),
        })?;
        let mut value = &whole;
        let mut within = path.root.clone();
        for name in &path.names {
            let next = value.as_object().and_then(|map| map.get(name));
            value = next.ok_or_else(|| Missing {
                name: name.clone(),
                within: within.clone(),
                known: self.known(value, &within),
                why: None,
            })?;
            within = format!("{within}.{name}");
        }
        Ok(value.clone())
    }

    fn known(&self, value: &Value, within: &str) -> Vec<String> {
        if within == "steps" {
            return self.steps.keys().cloned().collect();
        }
        value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    fn roots(&self) -> Vec<String> {
        let always = ROOTS.iter().filter(|root| **root != "error" || self.error.is_some());
        let items = self.items.iter().map(|(name, _)| name.clone());
        always.map(|root| (*root).to_owned()).chain(items).collect()
    }
}

/// A name that is not there.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) name: String,
    pub(super) within: String,
    pub(super) known: Vec<String>,
    /// Why it is not there, where that is known.
    pub(super) why: Option<String>,
}

impl Missing {
    pub(super) fn message(&self) -> String {
        if let Some(why) = &self.why {
            return why.clone();
        }
        match (self.within.as_str(), self.known.as_slice()) {
            ("", _) => format!("there is no `{}`", self.name),
            (within, []) => format!("`{within}` has no `{}`: it has no names at all", self.name),
            (within, known) => {
                let known: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
                format!("`{within}` has no `{}`; it has {}", self.name, known.join(", "))
            }
        }
    }
}
