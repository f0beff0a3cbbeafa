//! The tools as they are now. Those of the program stay; those that a workspace declares may be edited
//! while the program runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::contracts::Hash;
use crate::ports::{ToolDescriptor, Vocabulary};
use crate::tools::Toolbox;

/// The tools of one moment, which fit each other.
#[derive(Debug, Clone)]
pub struct ToolsNow {
    /// The tools themselves.
    pub toolbox: Toolbox,
    /// What policy decides about, by name: the tools, and what the program does beside them.
    pub vocabulary: Arc<Vocabulary>,
    /// The tools that playbooks may call, by name.
    pub tools: Arc<Vocabulary>,
    /// Names the configuration that has these tools: processes that share a host must agree on it.
    pub config: Hash,
}

/// The tools as they are now. Shared between threads.
pub struct LiveTools(ArcSwap<ToolsNow>);

impl fmt::Debug for LiveTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTools").finish_non_exhaustive()
    }
}

impl LiveTools {
    /// As they are at the start.
    #[must_use]
    pub fn new(tools: ToolsNow) -> Self {
        Self(ArcSwap::from_pointee(tools))
    }

    /// As they are now. Whoever looks twice may see others the second time.
    #[must_use]
    pub fn current(&self) -> Arc<ToolsNow> {
        self.0.load_full()
    }

    /// The tool that policy knows by this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<ToolDescriptor>> {
        self.0.load().vocabulary.get(name).cloned()
    }

    /// Puts other tools in force. A call at work ends with the tool that it began with.
    pub fn set(&self, tools: ToolsNow) {
        self.0.store(Arc::new(tools));
    }
}
