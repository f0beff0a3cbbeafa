//! What was found out about language models, kept in the state directory.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::App;
use crate::cli::{CliError, Exit};
use crate::contracts::Timestamp;
use crate::durable::replace;

/// The file.
const FILE: &str = "models.json";
const VERSION: u32 = 1;
const MODE: u32 = 0o600;

/// What was found out about a model, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// When.
    pub at: Timestamp,
    /// Tokens that it can look at, where its provider says so.
    pub context_tokens: Option<u64>,
    /// Whether its replies fit a schema.
    pub follows_schema: bool,
    /// How many plans were right.
    pub plans: u32,
    /// Of how many.
    pub plans_asked: u32,
    /// Whether it is worth asking for plans.
    pub can_plan: bool,
    /// Tokens of replies in a second.
    pub tokens_per_second: f64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema_version: u32,
    models: BTreeMap<String, Probe>,
}

impl App {
    /// What `models probe` found out about the model `name`; `None` where nobody probed it.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    pub fn probed(&self, name: &str) -> Result<Option<Probe>, CliError> {
        Ok(kept(&self.workspace.state_dir)?.models.remove(name))
    }

    /// Keeps what was found out.
    ///
    /// # Errors
    /// When what is kept cannot be read or written.
    pub fn keep_probe(&self, name: &str, probe: Probe) -> Result<(), CliError> {
        let dir = &self.workspace.state_dir;
        let mut kept = kept(dir)?;
        kept.models.insert(name.to_owned(), probe);
        let bytes = serde_json::to_vec_pretty(&kept).map_err(|error| failed(dir, &error))?;
        std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
        replace(&dir.join(FILE), &bytes, MODE).map_err(|error| failed(dir, &error))
    }
}

fn kept(dir: &Path) -> Result<Kept, CliError> {
    let bytes = match std::fs::read(dir.join(FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Kept { schema_version: VERSION, models: BTreeMap::new() });
        }
        Err(error) => return Err(failed(dir, &error)),
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| failed(dir, &error))?;
    if kept.schema_version == VERSION {
        return Ok(kept);
    }
    Err(failed(dir, &format!("it has version {}, not {VERSION}", kept.schema_version)))
}

fn failed(dir: &Path, why: &dyn std::fmt::Display) -> CliError {
    let path = dir.join(FILE);
    CliError::new(Exit::Failed, format!("`{}` cannot be used: {why}", path.display()))
        .hint("delete it and probe the models again: bailiwick models probe MODEL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cx;

    #[test]
    fn what_was_found_out_is_kept_and_a_file_that_is_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let app = App::open(&Cx::plain(dir.path().to_owned(), false)).unwrap();
        assert_eq!(app.probed("ollama/a").unwrap(), None);
        let probe = Probe {
            at: Timestamp::from_ms(0),
            context_tokens: Some(8_192),
            follows_schema: true,
            plans: 1,
            plans_asked: 3,
            can_plan: false,
            tokens_per_second: 12.5,
        };
        app.keep_probe("ollama/a", probe.clone()).unwrap();
        app.keep_probe("ollama/b", Probe { plans: 3, ..probe.clone() }).unwrap();
        assert_eq!(app.probed("ollama/a").unwrap(), Some(probe));
        let file = app.workspace.state_dir.join(FILE);
        for broken in ["{", r#"{"schema_version": 2, "models": {}}"#] {
            std::fs::write(&file, broken).unwrap();
            let error = app.probed("ollama/a").unwrap_err();
            assert!(error.message.contains("models.json"), "{}", error.message);
        }
    }
}
