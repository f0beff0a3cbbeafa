//! The search engine of memory, as it is configured: which embedder, which weights, which languages.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::config::{ModelsConfig, RecallConfig};
use crate::contracts::Area;
use crate::memory::{Engine, Language, Languages, Settings, VectorSearch};
use crate::ports::{EmbedError, Embedder, RecordLog};
use crate::providers::embed::{OllamaEmbedder, Onnx, OnnxFiles, Static};
use crate::recall::{Fusion, Weights};

/// Under the state directory: indexes, which may be deleted at any time.
const INDEXES: &str = "memory";
/// A command that asked something first is soon done with writing.
const HOST_PATIENCE: Duration = Duration::from_secs(10);

/// The embedder that was chosen, and what is to be said about the choice.
pub struct Chosen {
    /// The embedder.
    pub embedder: Arc<dyn Embedder>,
    /// Why it is not a better one, and how to get that.
    pub note: Option<String>,
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("embedder", &self.embedder.id()).finish_non_exhaustive()
    }
}

impl App {
    /// How to open the engine over a log, with this embedder or the one that is configured. The `host` waits
    /// until it may write the indexes; whoever only asks writes them when nobody else does, and waits until
    /// they are whole.
    pub(super) fn search_engine(
        &self,
        log: Arc<dyn RecordLog>,
        host: bool,
        embedder: Option<&str>,
    ) -> impl Fn() -> Engine + Send + Sync + use<> {
        let config = &self.workspace.config;
        let (models, root) = (config.models.clone(), self.models_root());
        let dir = self.workspace.state_dir.join(INDEXES);
        let name = embedder.unwrap_or(&models.embedder).to_owned();
        let patience = if host { HOST_PATIENCE } else { Duration::ZERO };
        let settings = Settings { patience, waits: !host, ..settings(&config.recall) };
        move || {
            let embedder = choose(&name, &models, &root);
            let (embedder, why) = match embedder {
                Ok(chosen) => (Some(chosen.embedder), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let settings = Settings { no_embedder: why, ..settings.clone() };
            // The one that needs nothing may have been in use before a better one was there.
            let before = Static::shared().ok().map(|it| Arc::new(it) as Arc<dyn Embedder>);
            Engine::open_after(&dir, Arc::clone(&log), embedder, before, settings)
        }
    }

    /// The embedder of this name; `auto` takes the best that works.
    ///
    /// # Errors
    /// When the one that was named does not work.
    pub fn embedder(&self, name: &str) -> Result<Chosen, EmbedError> {
        choose(name, &self.workspace.config.models, &self.models_root())
    }

    /// Where model files are: `MODELS_ROOT`, else the user's own directory.
    #[must_use]
    pub fn models_root(&self) -> PathBuf {
        let environment = &self.workspace.env;
        let absolute =
            |name: &str| environment.get(name).map(PathBuf::from).filter(|it| it.is_absolute());
        absolute("MODELS_ROOT")
            .or_else(|| absolute("XDG_DATA_HOME").map(|it| it.join("bailiwick/models")))
            .or_else(|| absolute("HOME").map(|it| it.join(".local/share/bailiwick/models")))
            .unwrap_or_else(|| self.workspace.state_dir.join("models"))
    }
}

fn choose(name: &str, models: &ModelsConfig, root: &Path) -> Result<Chosen, EmbedError> {
    let chosen = |embedder: Arc<dyn Embedder>| Chosen { embedder, note: None };
    match name {
        "static" => Ok(chosen(Arc::new(Static::shared()?))),
        "fastembed" => Ok(chosen(Arc::new(Onnx::start(&OnnxFiles::under(root))?))),
        "ollama" => {
            let server = OllamaEmbedder::start(&models.ollama_url, &models.ollama_embedder)?;
            Ok(chosen(Arc::new(server)))
        }
        _ => match Onnx::start(&OnnxFiles::under(root)) {
            Ok(onnx) => Ok(chosen(Arc::new(onnx))),
            Err(error) => {
                Ok(Chosen { note: Some(error.to_string()), ..chosen(Arc::new(Static::shared()?)) })
            }
        },
    }
}

/// The engine's settings, of the configuration.
fn settings(config: &RecallConfig) -> Settings {
    let language = |name: &str| Language::named(name).unwrap_or_default();
    let areas = config.languages.iter();
    let areas = areas.filter_map(|(area, name)| Some((Area::named(area)?, language(name))));
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Settings {
        weights: weights(config),
        languages: Languages { default: language(&config.language), areas: areas.collect() },
        candidates: whole(config.candidates),
        vector: match config.vector.as_str() {
            "exact" => VectorSearch::Exact,
            "hnsw" => VectorSearch::Hnsw,
            _ => VectorSearch::Auto,
        },
        graph_from: whole(config.graph_from),
        ..Settings::default()
    }
}

fn weights(config: &RecallConfig) -> Weights {
    let usual = Weights::default();
    #[allow(clippy::cast_possible_truncation, reason = "weights between 0 and 1")]
    let weight = |name: &str, usual: f32| config.weights.get(name).map_or(usual, |it| *it as f32);
    Weights {
        fusion: if config.fusion == "rrf" { Fusion::Rrf } else { Fusion::Linear },
        words: weight("words", usual.words),
        neighbours: weight("neighbours", usual.neighbours),
        hops: usize::try_from(config.hops).unwrap_or(usual.hops),
        reply: weight("reply", usual.reply),
        episode: weight("episode", usual.episode),
        subject: weight("subject", usual.subject),
        time: weight("time", usual.time),
        provenance: weight("provenance", usual.provenance),
        importance: weight("importance", usual.importance),
        recency: weight("recency", usual.recency),
        asks: weight("asks", usual.asks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cx;

    #[test]
    fn the_default_file_says_what_the_defaults_are() {
        let dir = tempfile::tempdir().unwrap();
        let app = App::open(&Cx::plain(dir.path().to_owned(), false)).unwrap();
        assert_eq!(settings(&app.workspace.config.recall), Settings::default());
    }
}
