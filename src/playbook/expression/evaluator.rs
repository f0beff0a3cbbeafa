//! From an expression and a scope to a value.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Engine, EvalAltResult};
use serde_json::Value;

use super::convert::{to_json, to_text};
use super::facts::Facts;
use super::questions::Questions;
use super::syntax::{self, Compiled};
use super::template::{Piece, split};
use super::{ErrorKind, ExpressionError, Reads, Scope, functions, smuggling};
use crate::yaml::did_you_mean;

/// Longest text an expression may make, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Most items of a list or names of a mapping that an expression may make, those inside included.
const ITEMS_MAX: usize = 100_000;

/// Most expressions whose reading is remembered.
const REMEMBERED_MAX: usize = 4_096;

/// Bounds of one expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpressionLimits {
    /// Most operations.
    pub operations: u64,
}

impl Default for ExpressionLimits {
    fn default() -> Self {
        Self { operations: 50_000 }
    }
}

/// Evaluates expressions and fills templates. Shared freely between threads.
pub struct Evaluator {
    limits: ExpressionLimits,
    reader: Engine,
    functions: rhai::Shared<rhai::Module>,
    read: Mutex<HashMap<String, Arc<Compiled>>>,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Evaluator {
    /// An evaluator that has read nothing yet.
    #[must_use]
    pub fn new(limits: ExpressionLimits) -> Self {
        Self {
            limits,
            reader: syntax::engine(),
            functions: functions::module(),
            read: Mutex::default(),
        }
    }

    /// What `expression` refers to.
    ///
    /// # Errors
    /// When it cannot be read or uses something that expressions do not have.
    pub fn facts(&self, expression: &str) -> Result<Facts, ExpressionError> {
        Ok(self.compiled(expression)?.facts.clone())
    }

    /// The ids of the steps that the texts of `template` refer to, at any depth, and whether one
    /// refers to all steps at once: where the labels of what is built from it come from.
    ///
    /// # Errors
    /// The first expression that cannot be read.
    pub fn steps_in(&self, template: &Value) -> Result<(BTreeSet<String>, bool), ExpressionError> {
        let (mut steps, mut all) = (BTreeSet::new(), false);
        let mut rest = vec![template];
        while let Some(value) = rest.pop() {
            match value {
                Value::String(text) => {
                    for piece in pieces(text)? {
                        let Piece::Expression(expression) = piece else { continue };
                        let compiled = self.compiled(expression)?;
                        let (ids, whole) = compiled.facts.steps();
                        steps.extend(ids.into_iter().map(str::to_owned));
                        all |= whole;
                    }
                }
                Value::Array(items) => rest.extend(items),
                Value::Object(map) => rest.extend(map.values()),
                _ => {}
            }
        }
        Ok((steps, all))
    }

    /// Whether `expression` holds.
    ///
    /// # Errors
    /// When it has no value, or one that is no boolean.
    pub fn condition(
        &self,
        expression: &str,
        scope: &Scope,
        reads: &dyn Reads,
    ) -> Result<bool, ExpressionError> {
        let value = self.evaluate(expression, scope, reads)?;
        value.as_bool().ok_or_else(|| {
            let message = format!("a condition must be `true` or `false`, not `{value}`");
            ExpressionError::new(ErrorKind::Type, expression, message)
        })
    }

    /// `template` with every `${{ … }}` in its texts replaced, at any depth. A text that is exactly
    /// one expression becomes its value and keeps its kind; what came out is not looked at again.
    /// Keys of mappings stay as they are.
    ///
    /// # Errors
    /// The first expression that has no value, or one that cannot stand in a text.
    pub fn value(
        &self,
        template: &Value,
        scope: &Scope,
        reads: &dyn Reads,
    ) -> Result<Value, ExpressionError> {
        match template {
            Value::String(text) => self.text(text, scope, reads),
            Value::Array(items) => {
                items.iter().map(|item| self.value(item, scope, reads)).collect()
            }
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.value(value, scope, reads)?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
            literal => Ok(literal.clone()),
        }
    }

    fn text(&self, text: &str, scope: &Scope, reads: &dyn Reads) -> Result<Value, ExpressionError> {
        let pieces = pieces(text)?;
        if let [Piece::Expression(expression)] = pieces.as_slice() {
            return self.evaluate(expression, scope, reads);
        }
        let parts = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Ok(text.to_owned()),
                Piece::Expression(expression) => self.embedded(expression, scope, reads),
            })
            .collect::<Result<Vec<String>, _>>()?;
        let filled = parts.concat();
        smuggling::check_seams(text, &parts, &filled, scope)?;
        Ok(Value::String(filled))
    }

    /// The value of `expression` as it stands in a longer text.
    pub(super) fn embedded(
        &self,
        expression: &str,
        scope: &Scope,
        reads: &dyn Reads,
    ) -> Result<String, ExpressionError> {
        let value = self.evaluate(expression, scope, reads)?;
        to_text(&value).ok_or_else(|| {
            let message =
                "is nothing, which has no text; `get(map, \"name\", other)` gives another value";
            ExpressionError::new(ErrorKind::Type, expression, message)
        })
    }

    /// The value of `expression`.
    ///
    /// # Errors
    /// When it cannot be read, names something that is not there, or meets a bound.
    pub fn evaluate(
        &self,
        expression: &str,
        scope: &Scope,
        reads: &dyn Reads,
    ) -> Result<Value, ExpressionError> {
        let compiled = self.compiled(expression)?;
        let value = match (compiled.facts.is_path, compiled.facts.paths.as_slice()) {
            (true, [path]) => scope.at(path, &compiled.facts).map_err(|missing| {
                let near = did_you_mean(&missing.name, missing.known.iter().map(String::as_str));
                ExpressionError::new(ErrorKind::Unknown, expression, missing.message())
                    .suggest(near)
            })?,
            _ => to_json(self.run(expression, &compiled, scope, reads)?).map_err(|kind| {
                let message = format!("has no value but {kind}");
                ExpressionError::new(ErrorKind::Type, expression, message)
            })?,
        };
        smuggling::check(expression, &compiled.facts, scope, &value)?;
        Ok(value)
    }

    fn run(
        &self,
        expression: &str,
        compiled: &Compiled,
        scope: &Scope,
        reads: &dyn Reads,
    ) -> Result<Dynamic, ExpressionError> {
        let questions = Questions::default();
        let engine = self.engine(&questions);
        let names = scope.to_rhai(&compiled.facts);
        loop {
            let outcome = engine.eval_ast_with_scope::<Dynamic>(&mut names.clone(), &compiled.ast);
            match outcome {
                Ok(value) => return Ok(value),
                Err(error)
                    if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..)) =>
                {
                    questions.answer(reads).ok_or_else(|| {
                        let message = "reads too many files";
                        ExpressionError::new(ErrorKind::Limit, expression, message)
                    })?;
                }
                Err(error) => return Err(self.explain(expression, compiled, scope, &error)),
            }
        }
    }

    /// Says which of the paths in the expression is not there, when that is what is wrong.
    fn explain(
        &self,
        expression: &str,
        compiled: &Compiled,
        scope: &Scope,
        error: &EvalAltResult,
    ) -> ExpressionError {
        let plain = ExpressionError::from_rhai(expression, error);
        if plain.kind != ErrorKind::Unknown {
            return plain;
        }
        let missing = compiled.facts.paths.iter().find_map(|path| {
            scope.at(path, &compiled.facts).err().map(|missing| (path.offset, missing))
        });
        match missing {
            Some((offset, missing)) => {
                let near = did_you_mean(&missing.name, missing.known.iter().map(String::as_str));
                ExpressionError::new(ErrorKind::Unknown, expression, missing.message())
                    .at(offset)
                    .suggest(near)
            }
            None => plain,
        }
    }

    /// An engine for one evaluation; making one costs a few small allocations.
    fn engine(&self, questions: &Questions) -> Engine {
        let mut engine = syntax::engine();
        engine
            .register_global_module(self.functions.clone())
            .set_max_operations(self.limits.operations)
            .set_max_call_levels(8)
            .set_max_string_size(TEXT_BYTES_MAX)
            .set_max_array_size(ITEMS_MAX)
            .set_max_map_size(ITEMS_MAX)
            .set_default_tag(Dynamic::from(questions.clone()));
        engine
    }

    pub(super) fn compiled(&self, expression: &str) -> Result<Arc<Compiled>, ExpressionError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = read.get(expression) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = Arc::new(syntax::compile(&self.reader, expression)?);
        if read.len() >= REMEMBERED_MAX {
            read.clear();
        }
        read.insert(expression.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The pieces of a text, or an error at the expression that does not end.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ExpressionError> {
    split(text)
        .map_err(|_| ExpressionError::new(ErrorKind::Syntax, text, "`${{` has no closing `}}`"))
}
