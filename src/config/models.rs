//! Which language models are asked, how, and what they cost.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Setting;
use super::assemble::Values;
use crate::contracts::Diagnostic;

/// Longest name of a model with its provider, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// Longest name of a secret, in bytes.
const SECRET_BYTES_MAX: usize = 64;
/// Tokens of a price.
const MILLION: f64 = 1e6;

/// Who has a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// An Ollama server.
    Ollama,
    /// An endpoint of OpenAI's protocol.
    OpenAi,
    /// A file that says what the model says.
    Scripted,
}

impl Provider {
    /// Each, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Ollama, Self::OpenAi, Self::Scripted];

    /// As it stands before the slash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
            Self::Scripted => "scripted",
        }
    }

    /// Whether its answers cost nothing: it works on a machine of one's own.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Ollama | Self::Scripted)
    }
}

/// A model and who has it, such as `ollama/qwen3:4b`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelName {
    /// Who has it.
    pub provider: Provider,
    /// Its name there; for a script, the file from the root of the workspace.
    pub model: String,
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider.as_str(), self.model)
    }
}

impl Serialize for ModelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no model: write ollama/MODEL, openai/MODEL or scripted/FILE")]
pub struct NoModelName(String);

impl FromStr for ModelName {
    type Err = NoModelName;

    fn from_str(text: &str) -> Result<Self, NoModelName> {
        let wrong = || NoModelName(text.escape_debug().to_string());
        let (provider, model) = text.split_once('/').ok_or_else(wrong)?;
        let provider = Provider::ALL.into_iter().find(|known| known.as_str() == provider);
        // It stands in lists and in plain YAML, and one day in an address.
        let plain = |c: char| c.is_alphanumeric() || "._-:/@+".contains(c);
        let usable = !model.is_empty() && text.len() <= NAME_BYTES_MAX && model.chars().all(plain);
        let provider = provider.filter(|_| usable).ok_or_else(wrong)?;
        Ok(Self { provider, model: model.to_owned() })
    }
}

/// What a model costs, in US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Price {
    /// What is sent to it.
    pub input: f64,
    /// What comes from it.
    pub output: f64,
}

/// Which language models are asked, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatConfig {
    /// The models, in the order in which they are asked; empty for none.
    pub chain: Vec<ModelName>,
    /// Tokens that a model of Ollama looks at; `None` for the server's default.
    pub ollama_context_tokens: Option<u64>,
    /// Address of the endpoint of OpenAI's protocol, without a slash at its end; `None` where none is named.
    pub openai_url: Option<String>,
    /// Name of the secret that is its key.
    pub openai_key: Option<String>,
    /// How long one answer may take, tries and waits included, in milliseconds.
    pub timeout_ms: u64,
    /// Most tokens of one answer.
    pub reply_tokens: u32,
    /// Tries of one question at one model.
    pub attempts: u32,
    /// Questions a minute to one model; 0 for as many as come.
    pub requests_per_minute: u32,
    /// How freely the words are chosen.
    pub temperature: f64,
    /// The same answer to the same question, as far as the provider can.
    pub seed: u32,
    /// What models cost, by name.
    pub prices: BTreeMap<String, Price>,
}

impl ChatConfig {
    /// What so many tokens cost in US dollars: nothing where the model works on a machine of one's own and
    /// has no price, and `None` where nobody said what it costs.
    #[must_use]
    pub fn cost_usd(&self, model: &str, input_tokens: u64, output_tokens: u64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "budgets are far below 2^53 tokens")]
        let cost = |price: &Price| {
            (input_tokens as f64 * price.input + output_tokens as f64 * price.output) / MILLION
        };
        let is_free = || model.parse::<ModelName>().is_ok_and(|name| name.provider.is_free());
        self.prices.get(model).map(cost).or_else(|| is_free().then_some(0.0))
    }
}

/// Why a text is no name of a secret. The text is not repeated: it may be the secret itself.
pub(super) fn secret_name(text: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.starts_with("sk-") || text.starts_with("sk_") {
        return Err("it begins as keys do");
    }
    if text.len() > SECRET_BYTES_MAX || !text.chars().all(plain) {
        return Err("a name has letters, digits, `_` and `-`, at most 64");
    }
    Ok(())
}

pub(super) fn chat(values: &Values<'_>) -> Result<ChatConfig, Diagnostic> {
    // The reader let nothing else through.
    let chain = values.texts("models.chat")?;
    let url = values.optional("models.openai.url")?;
    Ok(ChatConfig {
        chain: chain.iter().filter_map(|name| name.parse().ok()).collect(),
        ollama_context_tokens: Some(values.whole("models.ollama.context_tokens")?)
            .filter(|tokens| *tokens > 0),
        openai_url: url.map(|url| url.trim_end_matches('/').to_owned()),
        openai_key: values.optional("models.openai.key")?,
        timeout_ms: values.whole("models.timeout")?,
        reply_tokens: values.count("models.reply_tokens")?,
        attempts: values.count("models.attempts")?,
        requests_per_minute: values.count("models.requests_per_minute")?,
        temperature: values.number("models.temperature")?,
        seed: values.count("models.seed")?,
        prices: values.get("models.prices", |setting| match setting {
            Setting::Prices(prices) => Some(prices.clone()),
            _ => None,
        })?,
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{SourceFile, Sources, resolve};

    fn of(text: &str, trusted: bool) -> Sources {
        let file = SourceFile { name: "f".to_owned(), text: text.to_owned(), trusted };
        Sources { file: Some(file), ..Sources::default() }
    }

    const CHAIN: &str = "models:\n  chat: [ollama/qwen2.5:7b, openai/gpt-4.1-mini, scripted/a/b.yaml]\n  timeout: 10s\n  openai: { url: 'https://x.example/v1/', key: MODEL_KEY }\n  prices: { openai/gpt-4.1-mini: { input: 0.4, output: 1.6 } }\n";

    #[test]
    fn a_chain_is_read_with_its_prices_and_what_is_not_said_is_as_the_reference_says() {
        let chat = resolve(&of(CHAIN, true)).unwrap().config.models.chat;
        let names: Vec<String> = chat.chain.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["ollama/qwen2.5:7b", "openai/gpt-4.1-mini", "scripted/a/b.yaml"]);
        assert_eq!(chat.openai_url.as_deref(), Some("https://x.example/v1"));
        assert_eq!((chat.openai_key.as_deref(), chat.timeout_ms), (Some("MODEL_KEY"), 10_000));
        assert_eq!((chat.temperature, chat.seed), (0.0, 0));
        assert_eq!(chat.cost_usd("openai/gpt-4.1-mini", 1_000_000, 500_000), Some(1.2));
        assert_eq!(chat.cost_usd("ollama/qwen2.5:7b", 5, 5), Some(0.0));
        assert_eq!(chat.cost_usd("openai/other", 5, 5), None);
        let none = resolve(&Sources::default()).unwrap().config.models.chat;
        assert!(none.chain.is_empty() && none.openai_url.is_none() && none.prices.is_empty());
    }

    #[test]
    fn a_workspace_that_nobody_trusts_sends_nothing_anywhere() {
        let resolved = resolve(&of(CHAIN, false)).unwrap();
        let chat = resolved.config.models.chat;
        assert!(chat.chain.is_empty() && chat.openai_url.is_none() && chat.openai_key.is_none());
        assert!(resolved.warnings.len() >= 4, "{:?}", resolved.warnings);
    }

    #[test]
    fn what_names_no_model_no_price_or_no_secret_is_refused_and_a_key_is_not_repeated() {
        for (text, why) in [
            ("models: { chat: [gpt-4] }", "ollama/MODEL"),
            ("models: { chat: [claude/x] }", "names no model"),
            ("models: { chat: [ollama/] }", "names no model"),
            ("models: { chat: ['ollama/a b'] }", "names no model"),
            ("models: { chat: ollama/a }", "list"),
            ("models: { prices: { openai/x: { input: 1 } } }", "input and output"),
            ("models: { prices: { openai/x: { input: 1, output: -1 } } }", "0 to"),
            ("models: { prices: { x: { input: 1, output: 1 } } }", "names no model"),
            ("models: { openai: { key: sk-abcdefgh } }", "BAILIWICK_SECRET_"),
            ("models: { openai: { key: 'a b' } }", "letters"),
        ] {
            let mistakes = resolve(&of(text, true)).unwrap_err();
            let shown = mistakes.iter().map(ToString::to_string).collect::<String>();
            assert!(shown.contains(why), "{text}: {shown}");
            assert!(!shown.contains("abcdefgh"), "{shown}");
        }
    }
}
