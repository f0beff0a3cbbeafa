//! Turning texts into vectors: what is built in, what runs in ONNX Runtime, what an Ollama server does.

mod library;
mod ollama;
mod onnx;
mod pieces;
mod pull;
mod table;
mod wordpiece;

pub use ollama::OllamaEmbedder;
pub use onnx::{Onnx, OnnxFiles};
pub use pull::{Pulled, pull};
pub use table::Static;
