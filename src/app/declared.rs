//! The tools that the workspace declares: files of process tools, and what MCP servers offered.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::App;
use super::servers::Offers;
use crate::contracts::{Diagnostic, Hash};
use crate::orchestrator::ToolsNow;
use crate::tools::{Declarations, DeclaredFile, McpSetup, Toolbox};

/// What was made of the declarations, once for each opened workspace.
#[derive(Debug)]
pub(super) struct Declared {
    toolbox: Toolbox,
    mistakes: Vec<Diagnostic>,
    notices: Vec<String>,
}

impl App {
    /// The tools of the program and those that the workspace declares. Read once; a daemon follows
    /// (`tool_files`).
    #[must_use]
    pub fn toolbox(&self) -> &Toolbox {
        &self.declared().toolbox
    }

    /// The tools as they are when the workspace is opened.
    pub(super) fn tools_now(&self) -> ToolsNow {
        ToolsNow {
            toolbox: self.toolbox().clone(),
            vocabulary: Arc::new(self.vocabulary()),
            tools: Arc::new(self.tools()),
            config: self.config_hash(),
        }
    }

    /// Mistakes in declarations, each with its place.
    #[must_use]
    pub fn declared_mistakes(&self) -> &[Diagnostic] {
        &self.declared().mistakes
    }

    /// What a person should be told of declared tools.
    #[must_use]
    pub fn declared_notices(&self) -> &[String] {
        &self.declared().notices
    }

    /// Names exactly these declarations: processes that share a host must agree on them.
    pub(super) fn declared_hash(&self) -> Hash {
        let files = self.workspace.tool_files.iter().flatten();
        let files: Vec<String> =
            files.map(|(path, bytes)| format!("{path} {}", Hash::of(bytes))).collect();
        let tools: Vec<String> = self
            .toolbox()
            .declared()
            .map(|tool| format!("{} {} {}", tool.name, tool.description, tool.schema))
            .collect();
        Hash::of(format!("{files:?} {tools:?}").as_bytes())
    }

    fn declared(&self) -> &Declared {
        self.declared.get_or_init(|| self.open_declared())
    }

    fn open_declared(&self) -> Declared {
        let none = BTreeMap::new();
        let files = self.workspace.tool_files.as_ref().unwrap_or(&none);
        let files = files.iter().map(|(path, bytes)| DeclaredFile { path, bytes }).collect();
        let profiles = &self.workspace.config.sandbox.profiles;
        let profiles = profiles.iter().map(|(name, profile)| (name.clone(), profile.net)).collect();
        let Offers { servers, absent } = self.offers();
        let notices = absent
            .iter()
            .map(|(name, why)| format!("the tools of the MCP server `{name}` are not there: {why}"))
            .collect();
        let tells_outside = self.workspace.config.notify.leaves();
        let declarations =
            Declarations { files, profiles, mcp: McpSetup { servers }, absent, tells_outside };
        let (toolbox, mistakes) = Toolbox::open(declarations);
        Declared { toolbox, mistakes, notices }
    }
}
