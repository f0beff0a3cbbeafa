//! The embedder that runs all-MiniLM-L6-v2 in ONNX Runtime, when both are on this machine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use fastembed::{
    InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel,
};

use super::library::unloadable;
use super::pieces::pieces;
use crate::ports::{EmbedError, Embedder};

const NAME: &str = "fastembed";
/// Of all-MiniLM-L6-v2.
const DIMENSION: usize = 384;
/// What the model reads at once.
const TOKENS_MAX: usize = 256;
/// Texts of more bytes are embedded in pieces: as many as the tokens above usually are.
const PIECE_BYTES: usize = 1_100;
/// So many pieces count; what is longer counts by its beginning.
const PIECES_MAX: usize = 24;
/// So many requests wait for the thread.
const WAITING_MAX: usize = 64;

type Answer = Result<Vec<Vec<f32>>, EmbedError>;
type Request = (Vec<String>, SyncSender<Answer>);

/// Where the runtime and the model are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxFiles {
    /// The shared library of ONNX Runtime.
    pub runtime: PathBuf,
    /// The model.
    pub model: PathBuf,
    /// Its tokenizer.
    pub tokenizer: PathBuf,
}

impl OnnxFiles {
    /// As `models pull` lays them out under the models' directory.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        Self {
            runtime: root.join("onnxruntime").join(format!(
                "{}onnxruntime{}",
                std::env::consts::DLL_PREFIX,
                std::env::consts::DLL_SUFFIX
            )),
            model: root.join("all-minilm-l6-v2/model.onnx"),
            tokenizer: root.join("all-minilm-l6-v2/tokenizer.json"),
        }
    }

    /// The first file that is not there.
    #[must_use]
    pub fn missing(&self) -> Option<&Path> {
        let all = [&self.runtime, &self.model, &self.tokenizer];
        all.into_iter().find(|path| !path.is_file()).map(PathBuf::as_path)
    }
}

/// The embedder: a thread that holds the model.
#[derive(Debug)]
pub struct Onnx {
    id: String,
    requests: SyncSender<Request>,
}

impl Onnx {
    /// Loads the runtime and the model and embeds a word to see that they work. Of several runtimes the one
    /// that was loaded first stays: the process has only one.
    ///
    /// # Errors
    /// When a file is missing or damaged, the runtime is older than 1.24, or they do not work together.
    pub fn start(files: &OnnxFiles) -> Result<Self, EmbedError> {
        if let Some(path) = files.missing() {
            return Err(unavailable(format!(
                "`{}` is not there; `bailiwick models pull` says how to get it",
                path.display()
            )));
        }
        load_runtime(&files.runtime)?;
        let model = read(&files.model)?;
        let digest = blake3::hash(&model).to_hex();
        let id = format!("{NAME}-minilm-{DIMENSION}-{}", digest.get(..8).unwrap_or_default());
        let tokenizer = read(&files.tokenizer)?;
        let (requests, inbox) = sync_channel::<Request>(WAITING_MAX);
        let (ready, started) = sync_channel(1);
        let spawned = std::thread::Builder::new().name("embedder".to_owned()).spawn(move || {
            match caught(|| open(model, tokenizer)).and_then(|it| it) {
                Ok(model) => {
                    let told = ready.send(Ok(()));
                    if told.is_ok() {
                        serve(model, &inbox);
                    }
                }
                // Whoever started this waits for it.
                Err(error) => drop(ready.send(Err(error))),
            }
        });
        spawned.map_err(|error| unavailable(format!("no thread for it: {error}")))?;
        started.recv().map_err(|_| unavailable("its thread ended".to_owned()))??;
        let embedder = Self { id, requests };
        embedder.embed(&["memory"])?;
        Ok(embedder)
    }
}

impl Embedder for Onnx {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn embed(&self, texts: &[&str]) -> Answer {
        let (answer, answered) = sync_channel(1);
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let ended = || unavailable("its thread ended".to_owned());
        self.requests.send((texts, answer)).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

/// Loads the shared library, or says why not; `ort` itself would panic later on.
fn load_runtime(path: &Path) -> Result<(), EmbedError> {
    if let Some(why) = unloadable(&read(path)?) {
        return Err(unavailable(format!("`{}` cannot be loaded: {why}", path.display())));
    }
    let loaded = caught(|| ort::init_from(path).map(|_| ()).map_err(|error| error.to_string()))?;
    loaded.map_err(|error| {
        unavailable(format!("`{}` cannot be used as ONNX Runtime: {error}", path.display()))
    })
}

fn open(model: Vec<u8>, tokenizer: Vec<u8>) -> Result<TextEmbedding, EmbedError> {
    let tokenizer_files = TokenizerFiles {
        tokenizer_file: tokenizer,
        config_file: br#"{"pad_token_id": 0}"#.to_vec(),
        special_tokens_map_file: SPECIAL.as_bytes().to_vec(),
        tokenizer_config_file: br#"{"model_max_length": 512, "pad_token": "[PAD]"}"#.to_vec(),
    };
    let model = UserDefinedEmbeddingModel::new(model, tokenizer_files).with_pooling(Pooling::Mean);
    let options = InitOptionsUserDefined::new().with_max_length(TOKENS_MAX).with_intra_threads(1);
    TextEmbedding::try_new_from_user_defined(model, options)
        .map_err(|error| unavailable(format!("the model cannot be opened: {error}")))
}

const SPECIAL: &str = r#"{"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]"}"#;

fn serve(mut model: TextEmbedding, inbox: &Receiver<Request>) {
    while let Ok((texts, answer)) = inbox.recv() {
        let made = caught(|| embedded(&mut model, &texts)).and_then(|it| it);
        // Who asked may have gone.
        drop(answer.send(made));
    }
}

/// One text after the other: together they would change each other's vectors a little, because the numbers
/// inside the model are scaled by the largest of them. A long text has the middle of its pieces' vectors.
fn embedded(model: &mut TextEmbedding, texts: &[String]) -> Answer {
    texts.iter().map(|text| whole(model, text)).collect()
}

fn whole(model: &mut TextEmbedding, text: &str) -> Result<Vec<f32>, EmbedError> {
    let bad = |reason: String| EmbedError::BadVector { embedder: NAME.to_owned(), reason };
    let mut made = Vec::new();
    for piece in pieces(text, PIECE_BYTES, PIECES_MAX) {
        made.extend(model.embed([piece], None).map_err(|error| bad(error.to_string()))?);
    }
    if made.len() < 2 {
        return made.pop().ok_or_else(|| bad("none at all".to_owned()));
    }
    let mut sum = vec![0.0_f32; DIMENSION];
    for vector in &made {
        sum.iter_mut().zip(vector).for_each(|(sum, it)| *sum += it);
    }
    let length = sum.iter().map(|it| it * it).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|it| *it /= length);
    }
    Ok(sum)
}

fn read(path: &Path) -> Result<Vec<u8>, EmbedError> {
    std::fs::read(path)
        .map_err(|error| unavailable(format!("`{}` cannot be read: {error}", path.display())))
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, EmbedError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        unavailable(format!("ONNX Runtime failed: {}", text.unwrap_or("no reason given")))
    })
}

fn unavailable(reason: String) -> EmbedError {
    EmbedError::Unavailable { embedder: NAME.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_with(runtime: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let files = OnnxFiles::under(dir.path());
        for (path, bytes) in
            [(&files.runtime, runtime), (&files.model, b"model"), (&files.tokenizer, b"{}")]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Onnx::start(&files).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_file_is_named() {
        let files = OnnxFiles::under(Path::new("/nowhere"));
        let error = Onnx::start(&files).unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/onnxruntime/") && error.contains("models pull"),
            "{error}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_runtime_is_refused_and_nothing_panics() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        for (runtime, expect) in [
            (&b"a text file"[..], "it is no shared library"),
            (&own[..own.len() / 2], "it was cut off"),
            (&own[..], "cannot be used as ONNX Runtime"),
        ] {
            let error = start_with(runtime);
            assert!(error.contains(expect), "{error}");
        }
    }
}
