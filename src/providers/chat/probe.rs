//! What a language model can do: whether its replies fit a schema, whether it can plan, and how fast it is.
//! Three small goals whose right plans are known, asked in the form in which plans are asked for.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::ports::{Cancel, Message, Model, ModelError, Prompt, Role, Usage};

/// How many questions there are.
pub const QUESTIONS: u32 = 3;
/// So many right plans and a model counts as able to plan.
const PLANS_MIN: u32 = 2;
/// Tokens that are enough for each answer; one that runs on is cut.
const TOKENS_MAX: u32 = 256;

/// The tools of the questions and their arguments.
const TOOLS: &[(&str, &[&str])] = &[
    ("read_text", &["path"]),
    ("write_text", &["path", "text"]),
    ("list_dir", &["path"]),
    ("move_path", &["from", "to"]),
];

/// A step that is right: the tool and its arguments.
type Right = (&'static str, &'static [(&'static str, &'static str)]);

/// Goals, each with its only right plan.
const GOALS: [(&str, &[Right]); QUESTIONS as usize] = [
    ("Show what is in the file notes/today.txt.", &[("read_text", &[("path", "notes/today.txt")])]),
    (
        "Write the text \"hello\" into the file greeting.txt.",
        &[("write_text", &[("path", "greeting.txt"), ("text", "hello")])],
    ),
    (
        "Rename old.txt to new.txt, and after that list the directory docs.",
        &[
            ("move_path", &[("from", "old.txt"), ("to", "new.txt")]),
            ("list_dir", &[("path", "docs")]),
        ],
    ),
];

/// What was found out about a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// Whether every reply fitted the schema.
    pub follows_schema: bool,
    /// How many of the plans were right.
    pub plans: u32,
    /// Tokens of the replies in a second, waiting included.
    pub tokens_per_second: f64,
    /// What the questions took.
    pub usage: Usage,
}

impl Findings {
    /// Whether it is worth asking for plans.
    #[must_use]
    pub const fn can_plan(&self) -> bool {
        self.follows_schema && self.plans >= PLANS_MIN
    }
}

/// Asks the questions, each within `wall`.
///
/// # Errors
/// When the model does not answer one of them.
pub fn probe(model: &dyn Model, wall: Duration, cancel: &Cancel) -> Result<Findings, ModelError> {
    let mut found = Findings {
        follows_schema: true,
        plans: 0,
        tokens_per_second: 0.0,
        usage: Usage::default(),
    };
    let mut took = Duration::ZERO;
    for (goal, right) in GOALS {
        let begun = Instant::now();
        let reply = model.ask(&prompt(goal, wall), &mut |_| {}, cancel)?;
        took += begun.elapsed();
        found.usage.input_tokens += reply.usage.input_tokens;
        found.usage.output_tokens += reply.usage.output_tokens;
        match steps(&reply.text) {
            None => found.follows_schema = false,
            Some(steps) => found.plans += u32::from(is_right(&steps, right)),
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "a few hundred tokens")]
    let tokens = found.usage.output_tokens as f64;
    found.tokens_per_second = tokens / took.as_secs_f64().max(f64::EPSILON);
    Ok(found)
}

fn prompt(goal: &str, wall: Duration) -> Prompt {
    let tools: Vec<String> =
        TOOLS.iter().map(|(name, args)| format!("- {name}: {}", args.join(", "))).collect();
    let system = format!(
        "You plan calls of tools. Answer with JSON alone: {{\"steps\": [{{\"tool\": NAME, \"args\": \
         {{ARGUMENT: VALUE}}}}]}}. Use no more steps than are needed. The tools and their arguments:\n{}",
        tools.join("\n")
    );
    let message = |role, text: String| Message { role, text };
    Prompt {
        messages: vec![message(Role::System, system), message(Role::User, goal.to_owned())],
        schema: Some(schema()),
        tokens_max: TOKENS_MAX,
        wall,
    }
}

fn schema() -> Value {
    let names: Vec<&str> = TOOLS.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "properties": { "steps": { "type": "array", "minItems": 1, "maxItems": 4, "items": {
            "type": "object",
            "properties": {
                "tool": { "enum": names },
                "args": { "type": "object", "additionalProperties": { "type": "string" } },
            },
            "required": ["tool", "args"],
            "additionalProperties": false,
        } } },
        "required": ["steps"],
        "additionalProperties": false,
    })
}

/// The steps of a reply, where it fits the schema.
fn steps(reply: &str) -> Option<Vec<(String, Map<String, Value>)>> {
    let value: Value = serde_json::from_str(reply.trim()).ok()?;
    let steps = value.as_object().filter(|it| it.len() == 1)?.get("steps")?.as_array()?;
    steps
        .iter()
        .map(|step| {
            let (step, name) = (step.as_object()?, step.get("tool")?.as_str()?);
            let args = step.get("args")?.as_object()?;
            let known = TOOLS.iter().any(|(tool, _)| *tool == name);
            let fits = known && step.len() == 2 && args.values().all(Value::is_string);
            fits.then(|| (name.to_owned(), args.clone()))
        })
        .collect()
}

fn is_right(steps: &[(String, Map<String, Value>)], right: &[Right]) -> bool {
    steps.len() == right.len()
        && steps.iter().zip(right).all(|((tool, args), (name, wanted))| {
            let met = |(key, value): &(&str, &str)| {
                args.get(*key).and_then(Value::as_str).is_some_and(|it| same(it, value))
            };
            tool == name && args.len() == wanted.len() && wanted.iter().all(met)
        })
}

/// `./x` and `x/` name the same as `x`.
fn same(found: &str, wanted: &str) -> bool {
    found.trim_start_matches("./").trim_end_matches('/') == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{Script, Scripted};

    fn found(script: &str) -> Result<Findings, ModelError> {
        let model = Scripted::new("t", Script::parse(script).unwrap());
        probe(&model, Duration::from_secs(1), &Cancel::default())
    }

    const READ: &str =
        "- say: { steps: [{ tool: read_text, args: { path: ./notes/today.txt } }] }\n";
    const WRITE: &str =
        "- say: { steps: [{ tool: write_text, args: { path: greeting.txt, text: hello } }] }\n";
    const BOTH: &str = "- say: { steps: [{ tool: move_path, args: { from: old.txt, to: new.txt } }, { tool: list_dir, args: { path: docs/ } }] }\n";

    #[test]
    fn a_model_that_plans_is_told_from_one_that_does_not() {
        let wrong = "- say: { steps: [{ tool: list_dir, args: { path: notes } }] }\n";
        for (script, follows, plans, can) in [
            (format!("{READ}{WRITE}{BOTH}"), true, 3, true),
            (format!("{READ}{WRITE}{wrong}"), true, 2, true),
            (format!("{wrong}{WRITE}{wrong}"), true, 1, false),
            (format!("{READ}{WRITE}- say: 'Sure! Here is the plan:'\n"), false, 2, false),
            (
                format!("{READ}{WRITE}- say: {{ steps: [{{ tool: rm, args: {{}} }}] }}\n"),
                false,
                2,
                false,
            ),
        ] {
            let found = found(&script).unwrap();
            let told = (found.follows_schema, found.plans, found.can_plan());
            assert_eq!(told, (follows, plans, can), "{script}");
        }
        assert!(found(&format!("{READ}- fail: gone\n")).is_err());
    }
}
