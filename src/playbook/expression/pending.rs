//! Values in a dry run, where some steps have not run and never will.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evaluator::pieces;
use super::facts::Facts;
use super::template::Piece;
use super::{Evaluator, ExpressionError, Reads, Scope};

impl Evaluator {
    /// Like [`Evaluator::value`], but what depends on a step in `pending` is not evaluated: it
    /// stands as `<from steps.x>`. Also returns the JSON pointers of the texts where this
    /// happened, in order. A name in `pending` that is no step id stands for an item of a list that
    /// is not known yet, and becomes `<from name>`.
    ///
    /// # Errors
    /// As [`Evaluator::value`].
    pub fn value_or_pending(
        &self,
        template: &Value,
        scope: &Scope,
        reads: &dyn Reads,
        pending: &BTreeSet<String>,
    ) -> Result<(Value, Vec<String>), ExpressionError> {
        let mut pointers = Vec::new();
        let dry = Dry { evaluator: self, scope, reads, pending };
        let value = dry.value(template, "", &mut pointers)?;
        Ok((value, pointers))
    }
}

struct Dry<'a> {
    evaluator: &'a Evaluator,
    scope: &'a Scope,
    reads: &'a dyn Reads,
    pending: &'a BTreeSet<String>,
}

impl Dry<'_> {
    fn value(
        &self,
        template: &Value,
        pointer: &str,
        pointers: &mut Vec<String>,
    ) -> Result<Value, ExpressionError> {
        match template {
            Value::String(text) => {
                let (value, waits) = self.text(text)?;
                if waits {
                    pointers.push(pointer.to_owned());
                }
                Ok(value)
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.value(item, &format!("{pointer}/{index}"), pointers))
                .collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| {
                    let pointer =
                        format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    Ok((key.clone(), self.value(value, &pointer, pointers)?))
                })
                .collect::<Result<_, _>>()
                .map(Value::Object),
            literal => Ok(literal.clone()),
        }
    }

    fn text(&self, text: &str) -> Result<(Value, bool), ExpressionError> {
        let pieces = pieces(text)?;
        let mut filled = String::with_capacity(text.len());
        let mut waits = false;
        for piece in &pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Expression(expression) => {
                    let facts = self.evaluator.facts(expression)?;
                    if let Some(waiting) = self.waiting(&facts) {
                        filled.push_str(&waiting);
                        waits = true;
                    } else if pieces.len() == 1 {
                        let value = self.evaluator.evaluate(expression, self.scope, self.reads)?;
                        return Ok((value, false));
                    } else {
                        let text = self.evaluator.embedded(expression, self.scope, self.reads)?;
                        filled.push_str(&text);
                    }
                }
            }
        }
        Ok((Value::String(filled), waits))
    }

    /// What to show for an expression that depends on something pending.
    fn waiting(&self, facts: &Facts) -> Option<String> {
        let (steps, all) = facts.steps();
        let mut from: Vec<String> = Vec::new();
        let ids: Vec<&str> = if all {
            self.pending.iter().map(String::as_str).collect()
        } else {
            steps.into_iter().filter(|id| self.pending.contains(*id)).collect()
        };
        from.extend(ids.into_iter().map(|id| format!("steps.{id}")));
        let items = facts.paths.iter().map(|path| &path.root);
        from.extend(items.filter(|root| *root != "steps" && self.pending.contains(*root)).cloned());
        from.dedup();
        (!from.is_empty()).then(|| format!("<from {}>", from.join(", ")))
    }
}
