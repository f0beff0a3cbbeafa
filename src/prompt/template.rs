//! A prompt that people edit: front matter that lists its variables and its bound, and a template.
//!
//! ```text
//! ---
//! description: Asks for a plan.
//! variables: [steps_max, schema]
//! tokens_max: 800
//! ---
//! Plan at most {{ steps_max }} steps. …
//! ```

use std::collections::BTreeSet;

use super::fill::{FillError, fill, names_in};
use super::tokens::tokens;
use crate::contracts::Map;
use serde::Deserialize;
use serde_json::Value;

/// Opens and closes the front matter.
const MARK: &str = "---";

/// Why a text is no prompt, or gives none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no front matter, or it cannot be read.
    #[error("`{name}`: {reason}")]
    FrontMatter {
        /// Which prompt.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its body cannot be read or filled in.
    #[error("the body of {0}")]
    Body(#[from] FillError),
    /// Variables and template do not fit.
    #[error("`{name}`: {reason}")]
    Variables {
        /// Which prompt.
        name: String,
        /// Which variables.
        reason: String,
    },
    /// What came out is longer than it may be.
    #[error(
        "`{name}` has {tokens} tokens, and may have {max}: shorten it, or raise its `tokens_max`"
    )]
    TooLong {
        /// Which prompt.
        name: String,
        /// How many there are.
        tokens: usize,
        /// How many there may be.
        max: usize,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    description: String,
    #[serde(default)]
    variables: BTreeSet<String>,
    tokens_max: usize,
}

/// A prompt that was read and checked.
#[derive(Debug, Clone)]
pub struct Template {
    name: String,
    description: String,
    variables: BTreeSet<String>,
    tokens_max: usize,
    body: String,
}

impl Template {
    /// Reads the prompt `name`.
    ///
    /// # Errors
    /// When it has no front matter, cannot be read, or uses other variables than it lists.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let front = |reason: String| TemplateError::FrontMatter { name: name.to_owned(), reason };
        let (head, body) = split(text).ok_or_else(|| {
            front(format!("it has to begin with front matter between two lines `{MARK}`"))
        })?;
        let Front { description, variables, tokens_max } =
            serde_yaml::from_str(head).map_err(|error| front(error.to_string()))?;
        let template = Self {
            name: name.to_owned(),
            description,
            variables,
            tokens_max,
            body: body.to_owned(),
        };
        template.check()?;
        Ok(template)
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The prompt with its variables filled in. What they hold is never a template itself.
    ///
    /// # Errors
    /// When a variable is missing or is none of its own, or it gets too long.
    pub fn render(&self, values: &Map) -> Result<String, TemplateError> {
        let given: BTreeSet<String> = values.keys().cloned().collect();
        self.compare(&given, "is not given", "is given and not listed")?;
        let text = fill(&self.name, &self.body, &Value::Object(values.clone()))?;
        match tokens(&text) {
            tokens if tokens > self.tokens_max => {
                let (name, max) = (self.name.clone(), self.tokens_max);
                Err(TemplateError::TooLong { name, tokens, max })
            }
            _ => Ok(text),
        }
    }

    fn check(&self) -> Result<(), TemplateError> {
        let used = names_in(&self.name, &self.body)?;
        self.compare(&used, "is listed and not used", "is used and not listed")
    }

    fn compare(
        &self,
        found: &BTreeSet<String>,
        missing: &str,
        extra: &str,
    ) -> Result<(), TemplateError> {
        let absent = self.variables.difference(found).map(|name| format!("`{name}` {missing}"));
        let unknown = found.difference(&self.variables).map(|name| format!("`{name}` {extra}"));
        let reasons: Vec<String> = absent.chain(unknown).collect();
        if reasons.is_empty() {
            return Ok(());
        }
        Err(TemplateError::Variables { name: self.name.clone(), reason: reasons.join(", ") })
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(MARK)?.strip_prefix('\n')?;
    let (head, body) = rest.split_once("\n---\n")?;
    Some((head, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAN: &str = "---\ndescription: d\nvariables: [n, names]\ntokens_max: 20\n---\nAt most {{ n }}: {{ names | join(', ') }}.\n";

    fn values(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_filled_in_is_no_template() {
        let template = Template::parse("plan.md", PLAN).unwrap();
        let text = template.render(&values(json!({ "n": 3, "names": ["a", "{{ n }}"] }))).unwrap();
        assert_eq!(text, "At most 3: a, {{ n }}.\n");
        assert_eq!(template.description(), "d");
    }

    #[test]
    fn a_prompt_with_a_mistake_is_refused_with_the_mistake() {
        for (from, to, word) in [
            ("---\ndescription", "description", "front matter"),
            ("tokens_max: 20", "token_max: 20", "token_max"),
            ("tokens_max: 20\n", "", "tokens_max"),
            ("[n, names]", "[n]", "`names` is used and not listed"),
            ("[n, names]", "[n, names, more]", "`more` is listed and not used"),
            ("{{ n }}", "{{ n", "line 1"),
            ("{{ n }}", "{{ n | nofilter }}", "filter"),
        ] {
            let error = Template::parse("plan.md", &PLAN.replacen(from, to, 1))
                .map(|template| template.render(&values(json!({ "n": 1, "names": [] }))));
            let error = match error {
                Err(error) | Ok(Err(error)) => error.to_string(),
                Ok(Ok(text)) => panic!("{to}: {text}"),
            };
            assert!(error.contains(word) && error.contains("plan.md"), "{to}: {error}");
        }
    }

    #[test]
    fn wrong_values_and_too_much_text_are_refused() {
        let template = Template::parse("plan.md", PLAN).unwrap();
        for (given, word) in [
            (json!({ "n": 1 }), "`names` is not given"),
            (json!({ "n": 1, "names": [], "x": 1 }), "`x` is given and not listed"),
            (json!({ "n": "a".repeat(100), "names": [] }), "may have 20"),
        ] {
            let error = template.render(&values(given)).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
