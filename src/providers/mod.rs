//! The world behind the ports of models and embedders: what is built in, what runs here, what is asked over a
//! network.

mod chat;

pub use chat::{
    Chain, Findings, Held, Ollama, OllamaModel, OpenAi, OpenAiOptions, Patience, Pulled, QUESTIONS,
    Script, ScriptError, Scripted, Turn, probe,
};
pub mod embed;
