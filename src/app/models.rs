//! The language models, as they are configured.

use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::cli::CliError;
use crate::config::{ChatConfig, ModelName, ModelsConfig, Provider};
use crate::ports::{Model, ModelError};
use crate::providers::{
    Chain, Ollama, OpenAi, OpenAiOptions, Patience, Script, ScriptError, Scripted,
};
use crate::telemetry::Secrets;

/// Largest script, in bytes.
const SCRIPT_BYTES_MAX: u64 = 4 << 20;

/// Why a model that is configured cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum NotConfigured {
    /// Nobody said where its endpoint is.
    #[error("`{0}` needs an endpoint: set `models.openai.url`")]
    NoUrl(ModelName),
    /// The secret that is its key is not to be had.
    #[error(
        "`{model}` needs the secret `{secret}` that `models.openai.key` names: set BAILIWICK_SECRET_{secret}, \
         or put a file `{secret}` into `secrets.dir`"
    )]
    NoKey {
        /// Which.
        model: ModelName,
        /// Its name.
        secret: String,
    },
    /// Its key would be read on the way.
    #[error(
        "`{0}` would get its key over plain HTTP: `models.openai.url` has to begin with https://"
    )]
    Unprotected(ModelName),
    /// Its script cannot be read.
    #[error("`{model}`: the script cannot be read: {source}")]
    Unreadable {
        /// Which.
        model: ModelName,
        /// Why.
        source: std::io::Error,
    },
    /// Its script is none.
    #[error("`{model}`: {source}")]
    NoScript {
        /// Which.
        model: ModelName,
        /// Why.
        source: ScriptError,
    },
    /// The provider does not take it.
    #[error(transparent)]
    Refused(#[from] ModelError),
}

impl App {
    /// The models that goals are given to, as one; `None` where there is none.
    ///
    /// # Errors
    /// When one of them lacks its endpoint, its key or its script.
    pub fn chat(&self) -> Result<Option<Arc<dyn Model>>, CliError> {
        let mut models = self.workspace.config.models.clone();
        models.chat.chain = self.planners()?;
        if models.chat.chain.is_empty() {
            return Ok(None);
        }
        let chain = chat(&models, &self.secrets()?, &self.workspace.root);
        chain.map_err(|error| CliError::usage(error.to_string()))
    }

    /// The models of `models.chat` but those that `models probe` found unable to plan, which is said.
    ///
    /// # Errors
    /// When what was found out cannot be read.
    pub fn planners(&self) -> Result<Vec<ModelName>, CliError> {
        let mut able = Vec::new();
        for name in &self.workspace.config.models.chat.chain {
            match self.probed(&name.to_string())? {
                Some(probe) if !probe.can_plan => {
                    tracing::warn!(
                        "`{name}` cannot plan (`models probe`): goals are not given to it"
                    );
                }
                _ => able.push(name.clone()),
            }
        }
        Ok(able)
    }
}

/// The models of the configuration as one; `None` where there is none. Scripts are read below `root`.
///
/// # Errors
/// When one of them lacks its endpoint, its key or its script.
pub fn chat(
    models: &ModelsConfig,
    secrets: &Secrets,
    root: &Path,
) -> Result<Option<Arc<dyn Model>>, NotConfigured> {
    let config = &models.chat;
    if config.chain.is_empty() {
        return Ok(None);
    }
    let made = config.chain.iter().map(|name| model(name, models, secrets, root));
    let chain = Chain::new(made.collect::<Result<_, _>>()?, patience(config));
    Ok(Some(Arc::new(chain)))
}

/// One model, by itself: without further tries, and without a limit of questions.
///
/// # Errors
/// When it lacks its endpoint, its key or its script.
pub fn model(
    name: &ModelName,
    models: &ModelsConfig,
    secrets: &Secrets,
    root: &Path,
) -> Result<Arc<dyn Model>, NotConfigured> {
    match name.provider {
        Provider::Ollama => Ok(Arc::new(ollama(models).model(&name.model))),
        Provider::OpenAi => Ok(Arc::new(OpenAi::new(openai(name, &models.chat, secrets)?)?)),
        Provider::Scripted => scripted(name, root),
    }
}

/// The Ollama server of the configuration.
#[must_use]
pub fn ollama(models: &ModelsConfig) -> Ollama {
    Ollama {
        url: models.ollama_url.trim_end_matches('/').to_owned(),
        seed: i32::try_from(models.chat.seed).unwrap_or(i32::MAX),
        temperature: models.chat.temperature,
        context_tokens: models.chat.ollama_context_tokens,
    }
}

/// The endpoint of OpenAI's protocol for the model `name`.
///
/// # Errors
/// When nobody said where it is, or its key is missing or would not be safe on its way.
pub fn openai(
    name: &ModelName,
    config: &ChatConfig,
    secrets: &Secrets,
) -> Result<OpenAiOptions, NotConfigured> {
    let url = config.openai_url.clone().ok_or_else(|| NotConfigured::NoUrl(name.clone()))?;
    let key =
        match &config.openai_key {
            None => None,
            Some(secret) => Some(secrets.get(secret).map(str::to_owned).ok_or_else(|| {
                NotConfigured::NoKey { model: name.clone(), secret: secret.clone() }
            })?),
        };
    if key.is_some() && !is_protected(&url) {
        return Err(NotConfigured::Unprotected(name.clone()));
    }
    let (seed, temperature) = (i64::from(config.seed), config.temperature);
    Ok(OpenAiOptions { url, model: name.model.clone(), key, seed, temperature })
}

/// Whether nobody on the way can read along.
fn is_protected(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

fn scripted(name: &ModelName, root: &Path) -> Result<Arc<dyn Model>, NotConfigured> {
    let unreadable = |source| NotConfigured::Unreadable { model: name.clone(), source };
    let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(&name.model).components().all(is_inside) {
        let outside = "it has to be a file of the workspace, named from its root";
        return Err(unreadable(std::io::Error::other(outside)));
    }
    let text = read_capped(&root.join(&name.model)).map_err(unreadable)?;
    let script = Script::parse(&text)
        .map_err(|source| NotConfigured::NoScript { model: name.clone(), source })?;
    Ok(Arc::new(Scripted::new(&name.model, script)))
}

fn read_capped(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SCRIPT_BYTES_MAX {
        return Err(std::io::Error::other(format!("more than {SCRIPT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn patience(config: &ChatConfig) -> Patience {
    Patience {
        attempts: config.attempts,
        per_minute: config.requests_per_minute,
        longest_wait: Patience::default()
            .longest_wait
            .min(Duration::from_millis(config.timeout_ms)),
        ..Patience::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceFile, Sources, resolve};

    fn made(yaml: &str, root: &Path) -> Result<Option<String>, String> {
        let file =
            SourceFile { name: "f".to_owned(), text: format!("models: {yaml}"), trusted: true };
        let config = resolve(&Sources { file: Some(file), ..Sources::default() }).unwrap().config;
        let secrets = Secrets::load([("BAILIWICK_SECRET_KEY", "sesame-123")], None).unwrap();
        let chain = chat(&config.models, &secrets, root);
        chain.map(|it| it.map(|it| it.name().to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_chain_is_made_of_what_is_configured_and_says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("good.yaml"), "- say: hello\n").unwrap();
        std::fs::write(dir.path().join("bad.yaml"), "- {}\n").unwrap();
        let root = dir.path();
        assert_eq!(made("{ chat: [] }", root), Ok(None));
        for (yaml, expected) in [
            ("{ chat: [ollama/a:1b, scripted/good.yaml] }", "ollama/a:1b, then scripted/good.yaml"),
            ("{ chat: [openai/m], openai: { url: 'http://localhost:1/v1' } }", "openai/m"),
            ("{ chat: [openai/m], openai: { url: 'http://[::1]:1/v1', key: KEY } }", "openai/m"),
            ("{ chat: [openai/m], openai: { url: 'https://x.example/v1', key: KEY } }", "openai/m"),
        ] {
            assert_eq!(made(yaml, root).unwrap().as_deref(), Some(expected), "{yaml}");
        }
        for (yaml, why) in [
            ("{ chat: [openai/m] }", "models.openai.url"),
            (
                "{ chat: [openai/m], openai: { url: 'https://x', key: NONE } }",
                "BAILIWICK_SECRET_NONE",
            ),
            (
                "{ chat: [openai/m], openai: { url: 'http://x.example/v1', key: KEY } }",
                "plain HTTP",
            ),
            ("{ chat: [scripted/gone.yaml] }", "gone.yaml"),
            ("{ chat: [ollama/a, scripted/bad.yaml] }", "turn 1"),
        ] {
            let error = made(yaml, root).unwrap_err();
            assert!(error.contains(why) && !error.contains("sesame"), "{yaml}: {error}");
        }
    }
}
