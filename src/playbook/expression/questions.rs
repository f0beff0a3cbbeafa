//! What an expression asks of the world while it is evaluated.
//!
//! Native functions of Rhai outlive any borrow, so they cannot hold [`Reads`]. Instead a function
//! that needs an answer notes its question and stops the evaluation; the evaluator asks, and starts
//! again with the answer at hand. Expressions have no effects, so starting again changes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

/// What expressions may ask of the world. Each is a read call under policy.
pub trait Reads {
    /// Whether there is a file or directory at `path`.
    ///
    /// # Errors
    /// Why it may not or cannot be known.
    fn exists(&self, path: &str) -> Result<bool, String>;

    /// The text of the file at `path`.
    ///
    /// # Errors
    /// Why it may not or cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;

    /// The text of the template called `name`.
    ///
    /// # Errors
    /// Why it may not or cannot be read.
    fn template(&self, name: &str) -> Result<String, String>;

    /// The time now, RFC 3339.
    fn now(&self) -> String;
}

/// Most questions of one expression.
const QUESTIONS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    Exists(String),
    Read(String),
    Template(String),
    Now,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Flag(bool),
    Text(String),
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<Question, Result<Answer, String>>,
    wanted: Option<Question>,
}

/// Questions and answers of one evaluation, shared with the functions through the engine's tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions(Arc<Mutex<State>>);

impl Questions {
    /// Answers the question that stopped the evaluation. `None` when there was none, or when the
    /// expression has asked too often.
    pub(super) fn answer(&self, reads: &dyn Reads) -> Option<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let question = state.wanted.take()?;
        if state.answers.len() >= QUESTIONS_MAX {
            return None;
        }
        let answer = match &question {
            Question::Exists(path) => reads.exists(path).map(Answer::Flag),
            Question::Read(path) => reads.read(path).map(Answer::Text),
            Question::Template(name) => reads.template(name).map(Answer::Text),
            Question::Now => Ok(Answer::Text(reads.now())),
        };
        state.answers.insert(question, answer);
        Some(())
    }

    fn get(&self, question: Question) -> Option<Result<Answer, String>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = state.answers.get(&question).cloned();
        if answer.is_none() {
            state.wanted = Some(question);
        }
        answer
    }
}

/// Asks from inside a function of the engine.
pub(super) fn ask(
    context: &NativeCallContext<'_>,
    question: Question,
) -> Result<Answer, Box<EvalAltResult>> {
    let Some(questions) = context.tag().and_then(|tag| tag.clone().try_cast::<Questions>()) else {
        return Err("nothing can be read here".into());
    };
    match questions.get(question) {
        Some(answer) => answer.map_err(Into::into),
        None => Err(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into()),
    }
}
