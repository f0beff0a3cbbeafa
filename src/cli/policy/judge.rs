//! Requests of other programs: from JSON to facts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::foreign::misfit;
use crate::contracts::{Map, Origin, Timestamp};
use crate::facts::resolve;
use crate::policy::{Asked, Places, Request, gather};
use crate::ports::{ToolDescriptor, Vocabulary};

/// The tool that is meant by a request that only gives a command.
const COMMAND_TOOL: &str = "shell_exec";

/// Shorter texts occur everywhere by chance: they say nothing about where a value came from.
const TRACE_BYTES_MIN: usize = 4;

/// One request, as `docs/policies.md` has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    argv: Option<Vec<String>>,
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    args: Option<Map>,
    #[serde(default)]
    cwd: Option<PathBuf>,
    #[serde(default, rename = "suite")]
    _suite: Value,
    #[serde(default)]
    args_origin: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    run: Running,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Running {
    #[serde(default)]
    step: u32,
    #[serde(default)]
    user_prompt: String,
    #[serde(default)]
    prior_tools: Vec<String>,
    #[serde(default)]
    tool_results: Vec<Came>,
    #[serde(default)]
    tainted: bool,
    #[serde(default, rename = "untrusted_sources")]
    _untrusted_sources: Value,
    #[serde(default, rename = "phase")]
    _phase: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Came {
    tool: String,
    text: String,
}

impl Asking {
    /// A command line.
    pub(super) fn command(line: String) -> Self {
        Self { command: Some(line), ..Self::default() }
    }

    /// An argument vector.
    pub(super) fn argv(words: Vec<String>) -> Self {
        Self { argv: Some(words), ..Self::default() }
    }

    /// The facts of the request.
    ///
    /// # Errors
    /// With why it cannot be judged, which is a denial.
    pub(super) fn request(
        self,
        vocabulary: &Vocabulary,
        places: &Places,
        now: Timestamp,
    ) -> Result<Request, String> {
        let (tool, args) = self.call(vocabulary)?;
        let places = self.places(places)?;
        let mut asked = Asked::of(tool, &args);
        asked.id = match &self.id {
            Value::String(id) => id.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        asked.origin = Origin::Api;
        asked.now = now;
        asked.labels = self.labels(vocabulary, &args);
        let run = &mut asked.run;
        run.steps_used = self.run.step;
        run.untrusted = self.run.tainted || self.untrusted(vocabulary).next().is_some();
        for tool in &self.run.prior_tools {
            run.calls.entry(tool.clone()).or_default().push(now);
        }
        Ok(gather(asked, &places, &mut |text| resolve(text, &places)))
    }

    fn call<'a>(&self, vocabulary: &'a Vocabulary) -> Result<(&'a ToolDescriptor, Map), String> {
        let command = match (&self.command, &self.argv, &self.tool) {
            (Some(line), None, None) => Some(Value::from(line.as_str())),
            (None, Some(words), None) => Some(Value::from(words.clone())),
            (None, None, Some(_)) => None,
            _ => return Err("a request has one of `command`, `argv` and `tool`".to_owned()),
        };
        let name = self.tool.as_deref().unwrap_or(COMMAND_TOOL);
        let tool = vocabulary.get(name).ok_or_else(|| format!("there is no tool `{name}`"))?;
        let mut args = self.args.clone().unwrap_or_default();
        if let Some(command) = command {
            let arg = tool.command.clone();
            args.insert(arg.ok_or_else(|| format!("`{name}` takes no command"))?, command);
        }
        match misfit(tool, &args) {
            Some(why) => Err(why),
            None => Ok((tool, args)),
        }
    }

    /// Relative paths start in the caller's directory, which is its workspace.
    fn places(&self, places: &Places) -> Result<Places, String> {
        let mut places = places.clone();
        if let Some(cwd) = &self.cwd {
            if !cwd.is_absolute() {
                return Err(format!("`cwd` is no absolute path: `{}`", cwd.display()));
            }
            places.root =
                resolve(&cwd.to_string_lossy(), &places).map_err(|fault| fault.to_string())?;
        }
        Ok(places)
    }

    /// Texts of tools whose results are not trusted; an unknown tool's are not.
    fn untrusted<'a>(&'a self, vocabulary: &'a Vocabulary) -> impl Iterator<Item = &'a Came> {
        self.run.tool_results.iter().filter(|came| {
            vocabulary
                .get(&came.tool)
                .is_none_or(|tool| tool.labels.iter().any(|label| label.starts_with("untrusted")))
        })
    }

    /// What the caller says, and for each text that is found in an untrusted result and not in what
    /// the user wrote: where it was found.
    fn labels(&self, vocabulary: &Vocabulary, args: &Map) -> BTreeMap<String, Vec<String>> {
        let mut labels = self.args_origin.clone();
        for (arg, value) in args {
            let mut texts = Vec::new();
            texts_of(value, &mut texts);
            let open = texts.into_iter().filter(|text| text.len() >= TRACE_BYTES_MIN);
            for text in open.filter(|text| !self.run.user_prompt.contains(text)) {
                let sources = self.untrusted(vocabulary).filter(|came| came.text.contains(text));
                let found = sources.map(|came| format!("untrusted:{}", came.tool));
                labels.entry(arg.clone()).or_default().extend(found);
            }
        }
        for found in labels.values_mut() {
            found.sort();
            found.dedup();
        }
        labels
    }
}

fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(map) => map.values().for_each(|item| texts_of(item, texts)),
        _ => {}
    }
}
