//! What a template takes from: found without evaluating it, so that it is known of a value that was
//! made before a crash as well. What cannot be told counts as everything.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Evaluator;
use super::evaluator::pieces;
use super::facts::Facts;
use super::template::Piece;

/// Functions that read files.
const READING: [&str; 3] = ["read", "exists", "render"];

/// What a template takes from. Text that is written out takes from nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Steps, by id.
    pub steps: BTreeSet<String>,
    /// Inputs, by name.
    pub inputs: BTreeSet<String>,
    /// Items of the lists around it, by the name given by `as:`.
    pub items: BTreeSet<String>,
    /// Secrets, by name.
    pub secrets: BTreeSet<String>,
    /// Whether it takes all steps at once, or one that only its evaluation tells.
    pub all_steps: bool,
    /// The same of inputs.
    pub all_inputs: bool,
    /// The same of secrets.
    pub all_secrets: bool,
    /// Whether it takes what went wrong.
    pub error: bool,
    /// Whether it takes what was recalled.
    pub memory: bool,
    /// Whether it reads files.
    pub files: bool,
    /// Whether it cannot be told what it takes from.
    pub unclear: bool,
}

impl Sources {
    /// What `template` takes from, at any depth.
    #[must_use]
    pub fn of(evaluator: &Evaluator, template: &Value) -> Self {
        let mut sources = Self::default();
        sources.add(evaluator, template);
        sources
    }

    fn add(&mut self, evaluator: &Evaluator, template: &Value) {
        match template {
            Value::String(text) => self.add_text(evaluator, text),
            Value::Array(items) => items.iter().for_each(|item| self.add(evaluator, item)),
            Value::Object(map) => map.values().for_each(|value| self.add(evaluator, value)),
            _ => {}
        }
    }

    fn add_text(&mut self, evaluator: &Evaluator, text: &str) {
        let Ok(pieces) = pieces(text) else {
            self.unclear = true;
            return;
        };
        for piece in pieces {
            let Piece::Expression(expression) = piece else { continue };
            match evaluator.facts(expression) {
                Ok(facts) => self.add_facts(&facts),
                Err(_) => self.unclear = true,
            }
        }
    }

    fn add_facts(&mut self, facts: &Facts) {
        self.files |= facts.calls.iter().any(|call| READING.contains(&call.name.as_str()));
        for path in &facts.paths {
            let first = path.names.first().cloned();
            match path.root.as_str() {
                "steps" => one_or_all(&mut self.steps, &mut self.all_steps, first),
                "inputs" => one_or_all(&mut self.inputs, &mut self.all_inputs, first),
                "secrets" => one_or_all(&mut self.secrets, &mut self.all_secrets, first),
                "error" => self.error = true,
                "memory" => self.memory = true,
                // Facts about the run are the program's own, but for what its planner came to.
                "run" => self.all_steps |= matches!(first.as_deref(), None | Some("answer")),
                name => {
                    self.items.insert(name.to_owned());
                }
            }
        }
    }
}

fn one_or_all(some: &mut BTreeSet<String>, all: &mut bool, one: Option<String>) {
    match one {
        Some(one) => {
            some.insert(one);
        }
        None => *all = true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::playbook::expression::ExpressionLimits;

    fn sources(template: &Value) -> Sources {
        Sources::of(&Evaluator::new(ExpressionLimits::default()), template)
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_name_is_a_source_however_it_is_wrapped() {
        let one = |id: &str| Sources { steps: set(&[id]), ..Sources::default() };
        for (template, expected) in [
            ("plain", Sources::default()),
            ("${{ steps.a.data.text }}", one("a")),
            ("before ${{ steps.a.data }} after", one("a")),
            ("${{ trim(lines(steps.a.data.text)[0]) }}", one("a")),
            ("${{ steps[\"a\"].data }}", one("a")),
            ("${{ `x ${steps.a.data} y` }}", one("a")),
            ("${{ #{ k: [steps.a.data] } }}", one("a")),
            ("${{ get(steps.a.data, \"x\", 1) ?? 2 }}", one("a")),
            (
                "${{ steps.a.data + inputs.who + it.name }}",
                Sources { inputs: set(&["who"]), items: set(&["it"]), ..one("a") },
            ),
            (
                "${{ steps[inputs.which].data }}",
                Sources { all_steps: true, inputs: set(&["which"]), ..Sources::default() },
            ),
            ("${{ inputs }}", Sources { all_inputs: true, ..Sources::default() }),
            ("${{ read(inputs.f) }}", {
                Sources { files: true, inputs: set(&["f"]), ..Sources::default() }
            }),
            ("${{ render(\"t\", #{ a: steps.a.data }) }}", Sources { files: true, ..one("a") }),
            ("${{ error.message }}", Sources { error: true, ..Sources::default() }),
            ("${{ memory }}", Sources { memory: true, ..Sources::default() }),
            ("${{ secrets.KEY }}", Sources { secrets: set(&["KEY"]), ..Sources::default() }),
            ("${{ run.goal }}", Sources::default()),
            ("${{ 1 + }}", Sources { unclear: true, ..Sources::default() }),
            ("${{ 1", Sources { unclear: true, ..Sources::default() }),
        ] {
            assert_eq!(sources(&json!(template)), expected, "{template}");
        }
    }

    #[test]
    fn a_template_takes_from_what_its_parts_take_from() {
        let found = sources(&json!({ "a": ["${{ steps.x.ok }}", 1], "b": { "c": "${{ it }}" } }));
        let expected = Sources { steps: set(&["x"]), items: set(&["it"]), ..Sources::default() };
        assert_eq!(found, expected);
    }
}
