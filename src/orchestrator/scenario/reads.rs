//! What expressions read in a scenario.

use crate::contracts::Timestamp;
use crate::live::playbooks::SHIPPED_TEMPLATES;
use crate::playbook::expression::Reads;

/// Files that steps of the scenario wrote, without content.
pub(super) struct ScriptedReads {
    pub written: Vec<String>,
}

impl Reads for ScriptedReads {
    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.written.iter().any(|written| written == path))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        Err(format!("`{path}` has no content in a scenario"))
    }

    fn template(&self, name: &str) -> Result<String, String> {
        let shipped =
            SHIPPED_TEMPLATES.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        // What a template of the workspace makes of the data is not what a scenario tests.
        Ok(shipped.map_or_else(String::new, |(_, text)| (*text).to_owned()))
    }

    fn now(&self) -> String {
        Timestamp::from_ms(0).to_string()
    }
}
