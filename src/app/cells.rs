//! How cells are made here: what configuration requires of them, and which layers to do without.

use std::sync::Arc;

use super::App;
use crate::cli::CliError;
use crate::config::{LAYERS, OnMissing};
use crate::ports::Sandbox;
use crate::sandbox::{self, SandboxOptions};

/// Layers that are treated as if this machine had none of them, separated by commas.
pub const WITHOUT_VARIABLE: &str = "BAILIWICK_SANDBOX_WITHOUT";

impl App {
    /// Where commands run.
    ///
    /// # Errors
    /// When `BAILIWICK_SANDBOX_WITHOUT` names a layer that does not exist.
    pub fn sandbox(&self) -> Result<Arc<dyn Sandbox>, CliError> {
        self.sandbox_options(&[]).map(sandbox::for_this_system)
    }

    /// How cells are made, with `without` beside the layers that the environment names.
    ///
    /// # Errors
    /// When a layer is named that does not exist.
    pub fn sandbox_options(&self, without: &[String]) -> Result<SandboxOptions, CliError> {
        let config = &self.workspace.config.sandbox;
        let mut options = SandboxOptions::this_program(config.require.clone());
        options.on_missing = match config.on_missing {
            OnMissing::Refuse => sandbox::OnMissing::Refuse,
            OnMissing::Degrade => sandbox::OnMissing::Degrade,
        };
        options.allow_addresses.clone_from(&config.proxy.allow_addresses);
        let variable = self.workspace.env.get(WITHOUT_VARIABLE).unwrap_or_default();
        let from_variable = layers(variable.split(',').map(str::trim), WITHOUT_VARIABLE)?;
        let from_flags = layers(without.iter().map(String::as_str), "--without")?;
        options.without = from_variable.into_iter().chain(from_flags).collect();
        Ok(options)
    }
}

/// The names in `words`; a misspelt one would leave a layer in place that somebody meant to miss.
fn layers<'a>(words: impl Iterator<Item = &'a str>, source: &str) -> Result<Vec<String>, CliError> {
    let named = words.filter(|word| !word.is_empty()).map(|word| {
        if LAYERS.contains(&word) {
            return Ok(word.to_owned());
        }
        let word = word.escape_debug();
        Err(CliError::usage(format!("{source}: there is no sandbox layer `{word}`"))
            .hint(format!("layers: {}", LAYERS.join(", "))))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layers_that_exist_can_be_done_without() {
        let of = |text: &str| layers(text.split(',').map(str::trim), "X");
        assert_eq!(of("namespaces, landlock").unwrap(), ["namespaces", "landlock"]);
        assert_eq!(of("").unwrap(), Vec::<String>::new());
        let error = of("namespace").unwrap_err();
        assert!(error.message.contains("X: there is no sandbox layer `namespace`"), "{error:?}");
    }
}
