//! The world behind the ports of models and embedders: what is built in, what runs here, what is asked over a
//! network.

mod chat;

pub use chat::{
    Chain, Ollama, OllamaModel, OpenAi, OpenAiOptions, Patience, Script, ScriptError, Scripted,
    Turn,
};
pub mod embed;
