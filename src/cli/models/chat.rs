//! Language models: which are configured, what their providers have, fetching one, trying one.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{App, Probe, model, ollama, openai};
use crate::cli::shown::one_line;
use crate::cli::{CliError, Cx, Exit, output};
use crate::config::{ModelName, Provider};
use crate::ports::{Cancel, ModelError};
use crate::providers::{OpenAi, Pulled, QUESTIONS, probe as ask};

/// How long a provider may take to say what it has.
const LOOK: Duration = Duration::from_secs(5);
/// How long fetching a model may take.
const PULL: Duration = Duration::from_secs(24 * 3600);
/// Models of a provider that are listed.
const LISTED_MAX: usize = 50;
/// Characters of a bar, and of a provider's own words.
const BAR: u64 = 30;
const WORDS: usize = 60;

/// A language model in a list.
struct Item {
    name: String,
    /// Its place in the chain, from 1.
    place: Option<usize>,
    state: String,
    there: bool,
    probe: Option<Probe>,
}

/// The language models: those of `models.chat` in their order, then what else the providers have.
fn listed(app: &App) -> Result<Vec<Item>, CliError> {
    let models = &app.workspace.config.models;
    let chain = &models.chat.chain;
    let (held, why) = match ollama(models).models(LOOK, &Cancel::default()) {
        Ok(held) => (held, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let known: BTreeSet<String> = held.iter().map(|it| format!("ollama/{}", it.name)).collect();
    let mut items = Vec::new();
    for (index, name) in chain.iter().enumerate() {
        let state = match (name.provider, &why) {
            (Provider::Ollama, Some(why)) => Err(why.clone()),
            (Provider::Ollama, None) if known.contains(&tagged(name)) => Ok("there".to_owned()),
            (Provider::Ollama, None) => {
                Err(format!("the server does not have it: bailiwick models pull {name}"))
            }
            (Provider::OpenAi, _) => at_endpoint(app, name),
            (Provider::Scripted, _) => {
                let made = model(name, models, &app.secrets()?, &app.workspace.root);
                made.map(|_| "there".to_owned()).map_err(|error| error.to_string())
            }
        };
        items.push(item(app, name.to_string(), Some(index + 1), state)?);
    }
    let chosen: BTreeSet<String> = chain.iter().map(tagged).collect();
    for model in held.iter().take(LISTED_MAX) {
        let name = format!("ollama/{}", model.name);
        if !chosen.contains(&name) {
            items.push(item(app, name, None, Ok(format!("there, {} MiB", model.bytes >> 20)))?);
        }
    }
    Ok(items)
}

fn item(
    app: &App,
    name: String,
    place: Option<usize>,
    state: Result<String, String>,
) -> Result<Item, CliError> {
    let there = state.is_ok();
    let probe = app.probed(&name)?;
    Ok(Item { name, place, state: state.unwrap_or_else(|why| why), there, probe })
}

/// As a server lists it: without a tag the latest is meant.
fn tagged(name: &ModelName) -> String {
    let tag = if name.model.contains(':') { "" } else { ":latest" };
    format!("{name}{tag}")
}

fn at_endpoint(app: &App, name: &ModelName) -> Result<String, String> {
    let secrets = app.secrets().map_err(|error| error.message)?;
    let options = openai(name, &app.workspace.config.models.chat, &secrets);
    let endpoint = options.map_err(|error| error.to_string())?;
    let endpoint = OpenAi::new(endpoint).map_err(|error| error.to_string())?;
    match endpoint.models(LOOK, &Cancel::default()) {
        Ok(names) if names.contains(&name.model) => Ok("there".to_owned()),
        Ok(names) => Err(format!("the endpoint lists {} models and not this", names.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// The list for programs.
pub(super) fn items(app: &App) -> Result<Value, CliError> {
    let chat = &app.workspace.config.models.chat;
    let item = |item: Item| {
        json!({
            "name": item.name, "place": item.place, "available": item.there, "state": item.state,
            "price": chat.prices.get(&item.name), "probe": item.probe,
        })
    };
    Ok(Value::Array(listed(app)?.into_iter().map(item).collect()))
}

/// The list for people.
pub(super) fn list(app: &App, out: &mut dyn Write) -> Result<(), CliError> {
    let chat = &app.workspace.config.models.chat;
    output::line(out, "")?;
    if chat.chain.is_empty() {
        let said = "no language model is configured: goals go to playbooks and single tools; `models.chat` names one";
        output::line(out, said)?;
    }
    let mut rows = vec![["LANGUAGE MODEL", "ASKED", "PLANS", "PRICE", "STATE"].map(str::to_owned)];
    for Item { name, place, state, probe, .. } in listed(app)? {
        let plans = match probe {
            None => "not probed".to_owned(),
            Some(probe) if probe.can_plan => "yes".to_owned(),
            Some(_) => "no".to_owned(),
        };
        let price = price(app, &name);
        rows.push([name, place.map(|it| it.to_string()).unwrap_or_default(), plans, price, state]);
    }
    if rows.len() > 1 {
        output::table(out, &rows)?;
    }
    output::line(out, format!("model files: {}", app.models_root().display()))
}

fn price(app: &App, name: &str) -> String {
    let chat = &app.workspace.config.models.chat;
    match (chat.prices.get(name), chat.cost_usd(name, 1, 1)) {
        (Some(price), _) => format!("${} in, ${} out", price.input, price.output),
        (None, Some(_)) => "free".to_owned(),
        (None, None) => "unknown, counts 0".to_owned(),
    }
}

fn named(name: &str) -> Result<ModelName, CliError> {
    name.parse().map_err(|error: crate::config::NoModelName| CliError::usage(error.to_string()))
}

fn model_error(error: &ModelError) -> CliError {
    let exit = match error {
        ModelError::Cancelled => Exit::Cancelled,
        ModelError::Refused { .. } => Exit::Failed,
        _ => Exit::Unavailable,
    };
    CliError::new(exit, error.to_string())
}

/// Has the Ollama server fetch a model.
pub(super) fn pull(app: &App, name: &str, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let name = named(name)?;
    if name.provider != Provider::Ollama {
        return Err(CliError::usage(format!("`{name}` cannot be fetched: only Ollama's can")));
    }
    let server = ollama(&app.workspace.config.models);
    let mut progress = Progress::new(std::io::stderr().is_terminal() && !cx.json);
    let pulled =
        server.pull(&name.model, PULL, &mut |step| progress.show(step), &Cancel::default());
    progress.end();
    pulled.map_err(|error| {
        model_error(&error).hint(format!("the server is `models.ollama.url`: {}", server.url))
    })?;
    if cx.json {
        output::json(out, &json!({ "model": name, "url": server.url }))?;
    } else {
        output::line(out, format!("`{}` is at {}", name.model, server.url))?;
        output::line(out, format!("see what it can: bailiwick models probe {name}"))?;
    }
    Ok(Exit::Done)
}

/// A bar on a terminal; else a line for each tenth.
struct Progress {
    terminal: bool,
    said: String,
}

impl Progress {
    const fn new(terminal: bool) -> Self {
        Self { terminal, said: String::new() }
    }

    fn show(&mut self, step: &Pulled) {
        let line = if self.terminal { bar(step) } else { tenth(step) };
        if line == self.said {
            return;
        }
        if self.terminal {
            // Nobody reads a bar that cannot be written.
            let _ = write!(std::io::stderr(), "\r{line:<width$}", width = self.said.len());
        } else {
            output::note(&line);
        }
        self.said = line;
    }

    fn end(&self) {
        if self.terminal && !self.said.is_empty() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn bar(step: &Pulled) -> String {
    let status = one_line(&step.status, WORDS);
    match step.bytes {
        None => status,
        Some((done, total)) => {
            let full = done.saturating_mul(BAR) / total;
            let bar: String = (0..BAR).map(|at| if at < full { '#' } else { '.' }).collect();
            let percent = done.saturating_mul(100) / total;
            format!("{status} [{bar}] {percent:>3} %  {}/{} MiB", done >> 20, total >> 20)
        }
    }
}

fn tenth(step: &Pulled) -> String {
    let status = one_line(&step.status, WORDS);
    match step.bytes {
        None => status,
        Some((done, total)) => format!("{status} {} %", done.saturating_mul(10) / total * 10),
    }
}

/// Tries a model and keeps what was found.
pub(super) fn probe(app: &App, name: &str, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let name = named(name)?;
    let models = &app.workspace.config.models;
    let made = model(&name, models, &app.secrets()?, &app.workspace.root);
    let made = made.map_err(|error| CliError::usage(error.to_string()))?;
    let cancel = Cancel::default();
    let context_tokens = match name.provider {
        Provider::Ollama => ollama(models)
            .context_of(&name.model, LOOK, &cancel)
            .map_err(|error| missing(&error, &name))?,
        Provider::OpenAi | Provider::Scripted => None,
    };
    let wall = Duration::from_millis(models.chat.timeout_ms);
    let found = ask(made.as_ref(), wall, &cancel).map_err(|error| model_error(&error))?;
    let probe = Probe {
        at: cx.clock.now(),
        context_tokens,
        follows_schema: found.follows_schema,
        plans: found.plans,
        plans_asked: QUESTIONS,
        can_plan: found.can_plan(),
        tokens_per_second: (found.tokens_per_second * 10.0).round() / 10.0,
    };
    if cx.json {
        output::json(out, &json!({ "model": made.name(), "probe": probe }))?;
    } else {
        output::text(out, &told(made.name(), &probe))?;
    }
    app.keep_probe(&name.to_string(), probe)?;
    Ok(Exit::Done)
}

fn missing(error: &ModelError, name: &ModelName) -> CliError {
    let told = model_error(error);
    match error {
        ModelError::Refused { .. } => told.hint(format!("fetch it: bailiwick models pull {name}")),
        _ => told.hint("look whether the server of `models.ollama.url` runs: bailiwick doctor"),
    }
}

fn told(name: &str, probe: &Probe) -> String {
    let context = probe.context_tokens.map_or("not said".to_owned(), |it| format!("{it} tokens"));
    let schema = if probe.follows_schema { "yes" } else { "no" };
    let plans = if probe.can_plan { "can plan" } else { "cannot plan: goals are not given to it" };
    format!(
        "{name}\n  context: {context}\n  follows a JSON schema: {schema}\n  plans: {} of {} right; it {plans}\n  \
         speed: {} tokens/s\n",
        probe.plans, probe.plans_asked, probe.tokens_per_second
    )
}
