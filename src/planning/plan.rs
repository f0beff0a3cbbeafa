//! A plan as a model writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::Map;

/// Longest reply that is looked at, in bytes.
const REPLY_BYTES_MAX: usize = 256 * 1024;

/// What a model proposes: the next steps, or that the goal is reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Why these steps, in a sentence or two.
    #[serde(default)]
    pub thought: String,
    /// Whether the goal is reached, so that no step is needed.
    #[serde(default)]
    pub done: bool,
    /// What the goal came to, where it is reached.
    #[serde(default)]
    pub answer: String,
    /// Words under which what came of it may be found again, where it is reached.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The next steps.
    #[serde(default)]
    pub steps: Vec<PlanStep>,
    /// When to stop, in words.
    #[serde(default)]
    pub stop_when: Vec<String>,
    /// What may go wrong, in words.
    #[serde(default)]
    pub risks: Vec<String>,
}

/// One step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// What other steps of the plan call it; `s1`, `s2`, … by its place where it says nothing.
    #[serde(default)]
    pub id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Map,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// Steps of this plan that must be over before. As soon as one step says what it needs, those that
    /// need nothing of one another run side by side.
    #[serde(default)]
    pub needs: Vec<String>,
    /// A text that the answer has to contain; steps that come after it do not run where it does not.
    #[serde(default)]
    pub expect: String,
}

/// Most tags that are kept, and the longest, in characters.
const TAGS_MAX: usize = 5;
const TAG_CHARS_MAX: usize = 32;

impl Plan {
    /// What the goal came to, where it is reached.
    #[must_use]
    pub fn reached(self) -> Reached {
        let mut tags: Vec<String> = self.tags.iter().map(|tag| tag_of(tag)).collect();
        tags.retain(|tag| !tag.is_empty());
        tags.truncate(TAGS_MAX);
        Reached { answer: self.answer, tags }
    }
}

/// What a goal came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// In words.
    pub answer: String,
    /// Words under which it may be found again.
    pub tags: Vec<String>,
}

/// A tag in plain signs.
fn tag_of(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
    let plain: String = text.trim().to_lowercase().chars().map(plain).take(TAG_CHARS_MAX).collect();
    plain.trim_matches('-').to_owned()
}

/// Reads a reply. Models put JSON between fences and words; the object in it is what counts.
///
/// # Errors
/// What is wrong with it, for the model to mend.
pub fn read(reply: &str) -> Result<Plan, String> {
    if reply.len() > REPLY_BYTES_MAX {
        return Err(format!("the reply is longer than {REPLY_BYTES_MAX} bytes"));
    }
    let span = reply.find('{').zip(reply.rfind('}'));
    let object = span.and_then(|(from, to)| reply.get(from..=to)).ok_or_else(|| {
        "the reply holds no JSON object; answer with one and nothing else".to_owned()
    })?;
    let value: Value = serde_json::from_str(object)
        .map_err(|error| format!("the reply is not JSON: {error}; answer with one JSON object"))?;
    serde_json::from_value(value).map_err(|error| format!("the plan does not fit: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_in_a_reply_is_the_plan() {
        let step = r#"{"steps":[{"tool":"list_dir","args":{"path":"."}}]}"#;
        for reply in [
            step.to_owned(),
            format!("```json\n{step}\n```"),
            format!("Here is the plan:\n\n{step}\n\nGood luck!"),
        ] {
            let plan = read(&reply).unwrap();
            assert_eq!(plan.steps.len(), 1, "{reply}");
            assert!(!plan.done && plan.answer.is_empty());
        }
    }

    #[test]
    fn tags_are_few_and_plain() {
        let reply = r#"{"done": true, "answer": "a", "tags": ["TODO list", "", "  ", "a/../b", "c", "d", "e", "f"]}"#;
        let Reached { answer, tags } = read(reply).unwrap().reached();
        assert_eq!(answer, "a");
        assert_eq!(tags, ["todo-list", "a----b", "c", "d", "e"]);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_the_reason() {
        for (reply, word) in [
            ("", "no JSON object"),
            ("I cannot do that.", "no JSON object"),
            ("} {", "no JSON"),
            (r#"{"steps": [{"tool": "#, "no JSON object"),
            (r#"{"steps": [}"#, "not JSON"),
            (r#"{"steps": [{"args": {}}]}"#, "missing field `tool`"),
            (r#"{"steps": {}}"#, "does not fit"),
            (r#"{"plan": []}"#, "unknown field `plan`"),
            (r#"{"done": "yes"}"#, "does not fit"),
            (r#"{"steps": [{"tool": "x", "args": []}]}"#, "does not fit"),
        ] {
            let error = read(reply).unwrap_err();
            assert!(error.contains(word), "{reply}: {error}");
        }
        assert!(read(&"x".repeat(REPLY_BYTES_MAX + 1)).unwrap_err().contains("longer"));
    }
}
