//! How memory is searched, and with which embedder.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Setting;
use super::assemble::Values;
use crate::contracts::Diagnostic;

/// How memory is searched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecallConfig {
    /// `auto`, `exact` or `hnsw`.
    pub vector: String,
    /// From how many vectors on `auto` uses a graph.
    pub graph_from: u64,
    /// The language of words.
    pub language: String,
    /// By area, where it differs.
    pub languages: BTreeMap<String, String>,
    /// `linear` or `rrf`.
    pub fusion: String,
    /// How many candidates come from each index at least.
    pub candidates: u64,
    /// How far away a neighbour may stand.
    pub hops: u64,
    /// How much each reason weighs, by its name.
    pub weights: BTreeMap<String, f64>,
}

/// Which models are used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelsConfig {
    /// `auto`, `static`, `fastembed` or `ollama`.
    pub embedder: String,
    /// Address of the Ollama server.
    pub ollama_url: String,
    /// Its model that makes vectors.
    pub ollama_embedder: String,
    /// Language models.
    pub chat: super::ChatConfig,
}

/// The weights, as they are called under `memory.recall`.
const WEIGHTS: [&str; 10] = [
    "words",
    "neighbours",
    "reply",
    "episode",
    "subject",
    "time",
    "provenance",
    "importance",
    "recency",
    "asks",
];

pub(super) fn recall(values: &Values<'_>) -> Result<RecallConfig, Diagnostic> {
    let mut weights = BTreeMap::new();
    for name in WEIGHTS {
        weights.insert(name.to_owned(), values.number(&format!("memory.recall.{name}"))?);
    }
    let of_areas = values.0.iter().filter_map(|(key, setting)| {
        let area = key.strip_prefix("memory.languages.")?;
        let Setting::Text(language) = setting else { return None };
        Some((area.to_owned(), language.clone()))
    });
    Ok(RecallConfig {
        vector: values.text("memory.vector")?.to_owned(),
        graph_from: values.whole("memory.graph_from")?,
        language: values.text("memory.language")?.to_owned(),
        languages: of_areas.collect(),
        fusion: values.text("memory.recall.fusion")?.to_owned(),
        candidates: values.whole("memory.recall.candidates")?,
        hops: values.whole("memory.recall.hops")?,
        weights,
    })
}

pub(super) fn models(values: &Values<'_>) -> Result<ModelsConfig, Diagnostic> {
    Ok(ModelsConfig {
        embedder: values.text("models.embedder")?.to_owned(),
        ollama_url: values.text("models.ollama.url")?.to_owned(),
        ollama_embedder: values.text("models.ollama.embedder")?.to_owned(),
        chat: super::models::chat(values)?,
    })
}
