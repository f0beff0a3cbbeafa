//! A model that says what a file tells it to: for tests, for recorded exchanges, and for trying out what a
//! run does when a model says this or that.
//!
//! A script is a list of turns in YAML. Each question takes the next turn; one with `when` only counts where
//! the question has those words, and is asked again for as long as it fits when it says `again`. It keeps
//! what it was asked.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::{Cancel, Model, ModelError, Prompt, Reply, Stopped, Usage};

/// A turn of a script.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Words that the question must have for this turn to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What the model says: a text, or a value that is said as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Value>,
    /// What goes wrong instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<String>,
    /// Whether the reply is cut for its length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether it counts as often as it fits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// Turns, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script(pub Vec<Turn>);

/// Why a text is no script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// A turn says nothing, or two things.
    #[error("turn {number} has to have either `say` or `fail`")]
    Unclear {
        /// Which, from 1.
        number: usize,
    },
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When the text is not a list of turns.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_yaml::from_str(text)
            .map_err(|error| ScriptError::Unreadable(error.to_string()))?;
        let unclear = |turn: &Turn| turn.say.is_some() == turn.fail.is_some();
        match script.0.iter().position(unclear) {
            Some(index) => Err(ScriptError::Unclear { number: index + 1 }),
            None => Ok(script),
        }
    }
}

/// A model that follows a script.
#[derive(Debug)]
pub struct Scripted {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    turns: Vec<Turn>,
    asked: Vec<Prompt>,
}

impl Scripted {
    /// The model `scripted/NAME`.
    #[must_use]
    pub fn new(name: &str, script: Script) -> Self {
        let state = State { turns: script.0, asked: Vec::new() };
        Self { name: format!("scripted/{name}"), state: Mutex::new(state) }
    }

    /// What it was asked, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Prompt> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// The turn for `prompt`, which is used up unless it counts again.
    fn turn(&self, prompt: &Prompt) -> Option<Turn> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.push(prompt.clone());
        let words =
            |when: &String| prompt.messages.iter().any(|message| message.text.contains(when));
        let at = state.turns.iter().position(|turn| turn.when.as_ref().is_none_or(words))?;
        let turn = state.turns.get(at)?.clone();
        if !turn.again {
            state.turns.remove(at);
        }
        Some(turn)
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(
        &self,
        prompt: &Prompt,
        hear: &mut dyn FnMut(&str),
        cancel: &Cancel,
    ) -> Result<Reply, ModelError> {
        if cancel.is_requested() {
            return Err(ModelError::Cancelled);
        }
        let model = self.name.clone();
        let Some(turn) = self.turn(prompt) else {
            let reason = "the script has no turn for this question".to_owned();
            return Err(ModelError::Refused { model, reason });
        };
        if let Some(reason) = turn.fail {
            return Err(ModelError::Unavailable { model, reason, retry_after: None });
        }
        let text = match turn.say {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => String::new(),
        };
        hear(&text);
        let stopped = if turn.cut { Stopped::Length } else { Stopped::Finished };
        let asked: usize = prompt.messages.iter().map(|message| words(&message.text)).sum();
        let usage = Usage { input_tokens: asked as u64, output_tokens: words(&text) as u64 };
        Ok(Reply { text, stopped, usage, model })
    }
}

/// It has no tokens of its own: words stand for them.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ports::{Message, Role};

    fn ask(model: &Scripted, text: &str) -> Result<String, ModelError> {
        let messages = vec![Message { role: Role::User, text: text.to_owned() }];
        let wall = Duration::from_secs(1);
        let prompt = Prompt { messages, schema: None, tokens_max: 10, wall };
        model.ask(&prompt, &mut |_| {}, &Cancel::default()).map(|reply| reply.text)
    }

    #[test]
    fn turns_are_taken_in_order_where_they_fit_and_what_was_asked_is_kept() {
        let script =
            "- { when: weather, say: rain, again: true }\n- say: { plan: [1] }\n- fail: asleep\n";
        let model = Scripted::new("t", Script::parse(script).unwrap());
        assert_eq!(ask(&model, "the weather?").unwrap(), "rain");
        assert_eq!(ask(&model, "a plan").unwrap(), "{\"plan\":[1]}");
        assert_eq!(ask(&model, "weather again").unwrap(), "rain");
        assert!(ask(&model, "x").unwrap_err().to_string().contains("asleep"));
        assert!(ask(&model, "y").unwrap_err().to_string().contains("no turn"));
        let asked: Vec<_> = model.asked().iter().map(|it| it.messages[0].text.clone()).collect();
        assert_eq!(asked, ["the weather?", "a plan", "weather again", "x", "y"]);
    }

    #[test]
    fn a_script_that_is_none_is_refused_with_the_place() {
        for (text, why) in [
            ("- say: a\n- {}\n", "turn 2"),
            ("- { say: a, fail: b }\n", "turn 1"),
            ("- { says: a }\n", "says"),
            ("say: a\n", "sequence"),
        ] {
            let error = Script::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
