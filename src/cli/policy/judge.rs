//! Requests of other programs: from JSON to facts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::foreign::misfit;
use crate::contracts::{Map, Origin, Timestamp};
use crate::facts::resolve;
use crate::policy::{Asked, Came, Places, PolicySet, Request, Told, gather, trace};
use crate::ports::{ToolDescriptor, Vocabulary};

/// The tool that is meant by a request that only gives a command.
const COMMAND_TOOL: &str = "shell_exec";

/// How the labels begin of what strangers may have written.
const UNTRUSTED: &str = "untrusted";

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
    tool_results: Vec<Answered>,
    #[serde(default)]
    tainted: bool,
    #[serde(default, rename = "untrusted_sources")]
    _untrusted_sources: Value,
    #[serde(default, rename = "phase")]
    _phase: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
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
        set: &PolicySet,
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
        let came = self.came(set, vocabulary);
        asked.labels = self.labels(&args, &came);
        let run = &mut asked.run;
        run.steps_used = self.run.step;
        run.goal.clone_from(&self.run.user_prompt);
        run.untrusted =
            self.run.tainted || came.iter().any(|came| came.label.starts_with(UNTRUSTED));
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

    /// What tools answered before, with what is known about them. The answer of a tool that is not known
    /// cannot be trusted.
    fn came(&self, set: &PolicySet, vocabulary: &Vocabulary) -> Vec<Came<'_>> {
        let came = self.run.tool_results.iter().map(|result| {
            let tool = vocabulary.get(&result.tool);
            let labels = tool.map_or_else(Vec::new, |tool| set.output_labels(tool));
            let worst = labels.iter().find(|label| label.starts_with(UNTRUSTED));
            let label = worst.or(labels.first()).cloned();
            Came {
                tool: &result.tool,
                text: &result.text,
                label: label.unwrap_or_else(|| format!("{UNTRUSTED}:{}", result.tool)),
                trusted_fields: tool.map_or_else(Vec::new, |tool| set.trusted_fields(tool)),
            }
        });
        came.collect()
    }

    /// Where the values came from. What the caller says about them adds to what is found, and never
    /// vouches for anything.
    fn labels(&self, args: &Map, came: &[Came<'_>]) -> BTreeMap<String, Vec<String>> {
        let told = Told { goal: &self.run.user_prompt, came };
        let mut labels = trace(args, &told);
        for (arg, said) in &self.args_origin {
            let said = said.iter().filter(|label| !vouches(label)).cloned();
            labels.entry(arg.clone()).or_default().extend(said);
        }
        labels.retain(|_, found| !found.is_empty());
        for found in labels.values_mut() {
            found.sort();
            found.dedup();
        }
        labels
    }
}

fn vouches(label: &str) -> bool {
    let origin = label.split(':').next().unwrap_or_default();
    matches!(origin, "user" | "trusted")
}
