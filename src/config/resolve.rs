//! Layer over layer, to one configuration that knows where each part came from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::Serialize;

use super::assemble::assemble;
use super::layer::{Given, Reader};
use super::reference::{BUILT_IN_NAME, DEFAULT_TEXT};
use super::{Config, Setting, names, others, overrides};
use crate::contracts::Diagnostic;
use crate::yaml::Place;

/// A file and whether the user vouches for it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its name, as the user would write it.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Whether it may widen; otherwise only stricter values count.
    pub trusted: bool,
}

/// A variable of the environment or of `.env`.
#[derive(Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; may be a secret, so it is not in `Debug`.
    pub value: String,
    /// Line in `.env`, from 1; 1 for the environment.
    pub line: u32,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Everything over the built-in layer. Variables that are no configuration are passed over.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `config/bailiwick.yaml`, or what `--config` named.
    pub file: Option<SourceFile>,
    /// Variables of a trusted `.env`, without those that the environment has.
    pub dotenv: Vec<Variable>,
    /// Variables of the environment.
    pub environment: Vec<Variable>,
    /// Flags, each `key=value`.
    pub sets: Vec<String>,
    /// `config/execution_layer_config.json`.
    pub overrides: Option<SourceFile>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Origin {
    /// The default inside the program.
    BuiltIn,
    /// The workspace's file.
    File {
        /// Its name.
        file: String,
        /// Line, from 1.
        line: u32,
    },
    /// `.env`.
    DotEnv {
        /// The variable.
        variable: String,
    },
    /// The environment.
    Environment {
        /// The variable.
        variable: String,
    },
    /// A flag.
    Flag,
    /// The run-time override.
    RunTime {
        /// Its name.
        file: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::DotEnv { variable } => write!(f, ".env ({variable})"),
            Self::Environment { variable } => write!(f, "environment ({variable})"),
            Self::Flag => f.write_str("flag"),
            Self::RunTime { file } => f.write_str(file),
        }
    }
}

/// A resolved configuration.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    /// Every key's value, with the names people chose put in.
    pub values: BTreeMap<String, Setting>,
    /// Where each value came from.
    pub provenance: BTreeMap<String, Origin>,
    /// What does not count because it would widen and nobody vouches for it.
    pub warnings: Vec<Diagnostic>,
}

/// Puts the layers over each other.
///
/// # Errors
/// Every mistake of every layer, with its place.
pub fn resolve(sources: &Sources) -> Result<Resolved, Vec<Diagnostic>> {
    let mut stack = Stack::default();
    stack.lay(built_in(), true);
    stack.profile = stack.profile_of(NEW_PROFILE);
    if let Some(file) = &sources.file {
        let origin = |place: Place| Origin::File { file: file.name.clone(), line: place.line };
        stack.lay(read(&file.name, &origin, |r| r.document(&file.text)), file.trusted);
    }
    for variable in config_variables(&sources.dotenv) {
        let origin = |_| Origin::DotEnv { variable: variable.name.clone() };
        stack.lay(read(".env", &origin, |r| from_variable(r, variable)), true);
    }
    for variable in config_variables(&sources.environment) {
        let origin = |_| Origin::Environment { variable: variable.name.clone() };
        stack.lay(read(&variable.name, &origin, |r| from_variable(r, variable)), true);
    }
    for flag in &sources.sets {
        stack.lay(read("--set", &|_| Origin::Flag, |r| from_flag(r, flag)), true);
    }
    if let Some(file) = &sources.overrides {
        let origin = |_| Origin::RunTime { file: file.name.clone() };
        stack.lay(read(&file.name, &origin, |r| overrides::read(r, &file.text)), file.trusted);
    }
    stack.ollama_host(&sources.environment);
    stack.finish()
}

/// The built-in profile that a new one begins as.
const NEW_PROFILE: &str = "shell_exec";
const PROFILES: &str = "sandbox.profiles.";

type Layer = Result<Vec<Given>, Vec<Diagnostic>>;

/// The defaults. They are read once: configuration is resolved again at every edit and call.
fn built_in() -> Layer {
    static LAYER: OnceLock<Layer> = OnceLock::new();
    let read = || read(BUILT_IN_NAME, &|_| Origin::BuiltIn, |r| r.document(DEFAULT_TEXT));
    LAYER.get_or_init(read).clone()
}

fn default_of(path: &str) -> Option<Setting> {
    let layer = built_in().ok()?;
    layer.into_iter().find(|given| given.path == path).map(|given| given.setting)
}

/// Settings as they are without what variables of other programs say.
#[must_use]
pub fn without_others(
    values: &BTreeMap<String, Setting>,
    provenance: &BTreeMap<String, Origin>,
) -> BTreeMap<String, Setting> {
    let mut values = values.clone();
    let from = provenance.get(others::OLLAMA_URL);
    let is_other =
        matches!(from, Some(Origin::Environment { variable }) if variable == others::OLLAMA_HOST);
    if is_other && let Some(default) = default_of(others::OLLAMA_URL) {
        values.insert(others::OLLAMA_URL.to_owned(), default);
    }
    values
}

fn read(file: &str, origin: &dyn Fn(Place) -> Origin, fill: impl FnOnce(&mut Reader<'_>)) -> Layer {
    let mut reader = Reader::new(file, origin);
    fill(&mut reader);
    if reader.mistakes.is_empty() { Ok(reader.given) } else { Err(reader.mistakes) }
}

fn config_variables(variables: &[Variable]) -> impl Iterator<Item = &Variable> {
    variables.iter().filter(|variable| names::is_config_variable(&variable.name))
}

fn from_variable(reader: &mut Reader<'_>, variable: &Variable) {
    let parts = names::parts(&variable.name);
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    reader.text(&words, &variable.value, Place { line: variable.line, column: 1 });
}

fn from_flag(reader: &mut Reader<'_>, flag: &str) {
    let place = Place { line: 1, column: 1 };
    match flag.split_once('=') {
        Some((path, value)) => reader.text(&path.split('.').collect::<Vec<_>>(), value, place),
        None => {
            let message = format!("`{flag}` sets nothing: write `key=value`");
            reader.mistakes.push(place.error(reader.file, "bad-value", message));
        }
    }
}

/// The layers laid so far.
#[derive(Default)]
struct Stack {
    values: BTreeMap<String, Setting>,
    provenance: BTreeMap<String, Origin>,
    /// What a new profile begins as: the rest of the key, and the value.
    profile: Vec<(String, Setting)>,
    warnings: Vec<Diagnostic>,
    mistakes: Vec<Diagnostic>,
}

impl Stack {
    fn lay(&mut self, layer: Layer, trusted: bool) {
        match layer {
            Ok(given) => given.into_iter().for_each(|given| self.put(given, trusted)),
            Err(mistakes) => self.mistakes.extend(mistakes),
        }
    }

    fn put(&mut self, given: Given, trusted: bool) {
        self.begin_profile(&given.path);
        let old = self.values.get(&given.path);
        if !trusted && !given.key.tighter.holds(given.key.kind, old, &given.setting) {
            self.warnings.push(ignored(&given, old));
            return;
        }
        self.provenance.insert(given.path.clone(), given.origin);
        self.values.insert(given.path, given.setting);
    }

    /// Gives a profile that is new everything a profile has, so that whatever a layer says about it
    /// is compared with that.
    fn begin_profile(&mut self, path: &str) {
        let Some((name, _)) = path.strip_prefix(PROFILES).and_then(|rest| rest.split_once('.'))
        else {
            return;
        };
        for (rest, setting) in &self.profile {
            let path = format!("{PROFILES}{name}.{rest}");
            if !self.values.contains_key(&path) {
                self.values.insert(path.clone(), setting.clone());
                self.provenance.insert(path, Origin::BuiltIn);
            }
        }
    }

    /// `OLLAMA_HOST` counts as long as the default stands, also where a file has written it down.
    fn ollama_host(&mut self, environment: &[Variable]) {
        let set = |it: &&Variable| it.name == others::OLLAMA_HOST && !it.value.trim().is_empty();
        let Some(variable) = environment.iter().rfind(set) else { return };
        let stands = match self.provenance.get(others::OLLAMA_URL) {
            Some(Origin::BuiltIn) => true,
            Some(Origin::File { .. }) => {
                self.values.get(others::OLLAMA_URL) == default_of(others::OLLAMA_URL).as_ref()
            }
            _ => false,
        };
        if !stands {
            return;
        }
        let name = variable.name.clone();
        match others::ollama_url(&variable.value) {
            Ok(url) => {
                self.values.insert(others::OLLAMA_URL.to_owned(), Setting::Text(url));
                let origin = Origin::Environment { variable: name };
                self.provenance.insert(others::OLLAMA_URL.to_owned(), origin);
            }
            Err(why) => {
                let message = format!("`OLLAMA_HOST` does not count: {why}");
                let place = Place { line: 1, column: 1 };
                self.warnings.push(place.error(&name, "bad-value", message).as_warning());
            }
        }
    }

    fn profile_of(&self, name: &str) -> Vec<(String, Setting)> {
        let prefix = format!("{PROFILES}{name}.");
        let own = self.values.iter().filter_map(|(path, setting)| {
            path.strip_prefix(&prefix).map(|rest| (rest.to_owned(), setting.clone()))
        });
        own.collect()
    }

    fn finish(mut self) -> Result<Resolved, Vec<Diagnostic>> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        self.hold_default_budget();
        let config = assemble(&self.values).map_err(|mistake| vec![mistake])?;
        let Self { values, provenance, warnings, .. } = self;
        Ok(Resolved { config, values, provenance, warnings })
    }

    /// A run that states no budget never gets more than one that states one.
    fn hold_default_budget(&mut self) {
        for name in ["steps", "retries", "wall", "tokens", "cost_usd"] {
            let (default, max) = (format!("budget.default.{name}"), format!("budget.max.{name}"));
            let more = match (self.values.get(&default), self.values.get(&max)) {
                (Some(Setting::Whole(default)), Some(Setting::Whole(max))) => default > max,
                (Some(Setting::Number(default)), Some(Setting::Number(max))) => default > max,
                _ => false,
            };
            if more && let Some(value) = self.values.get(&max).cloned() {
                if let Some(origin) = self.provenance.get(&max).cloned() {
                    self.provenance.insert(default.clone(), origin);
                }
                self.values.insert(default, value);
            }
        }
    }
}

fn ignored(given: &Given, old: Option<&Setting>) -> Diagnostic {
    let kind = given.key.kind;
    let (path, new) = (&given.path, given.setting.written(kind));
    let stays =
        old.map_or_else(|| "as it comes".to_owned(), |old| format!("`{}`", old.written(kind)));
    let message = format!(
        "`{path}: {new}` does not count, because the workspace is not trusted and this is not surely stricter; it stays {stays}"
    );
    given
        .place
        .error(&given.file, "not-trusted", message)
        .as_warning()
        .suggest("look at what governs the runner, then run `bailiwick trust`")
}
