//! `consult_ui`: asks a person for words. The run itself puts the question and waits; the tool begins once
//! it is answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::typed::{Answer, Call, Typed, about};
use crate::contracts::{CallEffect, Consult, ErrorKind, Risk, ToolCall, ToolError};
use crate::ports::ToolDescriptor;

const NAME: &str = "consult_ui";

/// How long it waits unless the call says otherwise, and at most: an hour, a week.
const WAIT_MS: u64 = 3_600_000;
const WAIT_MS_MAX: u64 = 604_800_000;

pub(super) struct ConsultUi;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What is asked.
    #[schemars(length(min = 1, max = 4_096))]
    question: String,
    /// What can be chosen from; any text unless given.
    #[serde(default)]
    #[schemars(length(max = 50))]
    options: Vec<String>,
    /// The answer where nobody is there to ask, or nobody answers in time. Without it such a call is refused,
    /// or fails.
    #[schemars(length(max = 4_096))]
    default: Option<String>,
    /// How long an answer is waited for, in milliseconds; an hour unless given. The run waits, and nothing
    /// with it.
    #[schemars(range(min = 1_000, max = WAIT_MS_MAX))]
    timeout_ms: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// What was said.
    answer: String,
    /// Whether somebody said it; else it is the default.
    answered: bool,
    /// Who said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// What a call asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// The question.
    pub question: String,
    /// What can be chosen from; empty: any text.
    pub options: Vec<String>,
    /// What holds when nobody answers.
    pub default: Option<String>,
    /// How long an answer is waited for, in milliseconds.
    pub timeout_ms: u64,
}

/// What `call` asks a person; `None` for calls of other tools, and for arguments that make no sense.
#[must_use]
pub fn consultation(call: &ToolCall) -> Option<Consultation> {
    if call.name != NAME {
        return None;
    }
    let args: Args = serde_json::from_value(Value::Object(call.args.clone())).ok()?;
    fits(&args).ok()?;
    Some(Consultation {
        question: args.question,
        options: args.options,
        default: args.default,
        timeout_ms: args.timeout_ms.unwrap_or(WAIT_MS),
    })
}

fn fits(args: &Args) -> Result<(), ToolError> {
    let bad = |why: String| Err(ToolError::new(ErrorKind::BadArguments, why));
    let said = |option: &String| option.trim() == option && !option.is_empty();
    if let Some(option) = args.options.iter().find(|option| !said(option)) {
        return bad(format!("argument `options`: `{}` cannot be said", option.escape_debug()));
    }
    let consult = Consult { options: args.options.clone(), default: None };
    match args.default.as_deref().map(|default| consult.accepts(Some(default))) {
        Some(Err(why)) => bad(format!("argument `default`: {why}")),
        _ => Ok(()),
    }
}

impl Typed for ConsultUi {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Asks a person a question and waits for the answer, in words of their own or one of several \
                    options. The answer is theirs, and is leave for nothing.";
        ToolDescriptor {
            labels: vec!["user".to_owned()],
            asks_person: true,
            timeout_ms: 10_000,
            ..about(NAME, Risk::Low, CallEffect::Read, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        fits(args)
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would ask a person: {}", args.question.escape_debug())
    }

    fn run(&self, _: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let Some(said) = &at.context.answer else {
            let message = "nobody was asked: only a run can put a question";
            return Err(ToolError::new(ErrorKind::Unavailable, message));
        };
        let (answer, by) = (said.text.clone(), said.by.clone());
        Ok(Answer::of(Data { answer, answered: by.is_some(), by }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ports::PersonsAnswer;
    use crate::tools::fixture::Bench;

    #[test]
    fn questions_that_nobody_could_answer_are_refused() {
        let bench = Bench::new();
        for args in [
            json!({}),
            json!({ "question": "" }),
            json!({ "question": "?", "options": [""] }),
            json!({ "question": "?", "options": [" a"] }),
            json!({ "question": "?", "options": ["a"], "default": "b" }),
            json!({ "question": "?", "timeout_ms": 1 }),
            json!({ "question": "?", "approve": true }),
        ] {
            assert_eq!(bench.kind("consult_ui", args.clone()), ErrorKind::BadArguments, "{args}");
            assert_eq!(
                consultation(&bench.tool_call("consult_ui", args.clone())).is_some(),
                args == json!({ "question": "" })
                    || args == json!({ "question": "?", "timeout_ms": 1 }),
                "{args}"
            );
        }
    }

    #[test]
    fn the_answer_is_what_the_person_said_and_there_is_none_before() {
        let mut bench = Bench::new();
        let args = || json!({ "question": "Which?", "options": ["a", "b"] });
        assert_eq!(bench.kind("consult_ui", args()), ErrorKind::Unavailable);
        let said = PersonsAnswer { text: "b".to_owned(), by: Some("user:ann".to_owned()) };
        bench.context_mut().answer = Some(said);
        let data = bench.ok("consult_ui", args());
        assert_eq!(data, json!({ "answer": "b", "answered": true, "by": "user:ann" }));
        let said = PersonsAnswer { text: "a".to_owned(), by: None };
        bench.context_mut().answer = Some(said);
        assert_eq!(bench.ok("consult_ui", args()), json!({ "answer": "a", "answered": false }));
    }
}
