//! Language models: behind Ollama, behind any endpoint that speaks OpenAI's protocol, or scripted.
//!
//! [`Chain`] is what the rest of the program asks: it tries again, waits where a provider says so, leaves one
//! alone that fails again and again, and turns to the next.

mod chain;
mod exchange;
mod ollama;
mod one_object;
mod openai;
mod probe;
mod scripted;
mod server;

#[cfg(test)]
mod peer;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Patience};
pub use ollama::{Ollama, OllamaModel};
pub use openai::{OpenAi, OpenAiOptions};
pub use probe::{Findings, QUESTIONS, probe};
pub use scripted::{Script, ScriptError, Scripted, Turn};
pub use server::{Held, Pulled};
