//! The traits behind which real implementations differ, and the data they exchange.

mod cancel;
mod clock;
mod embedder;
mod memories;
mod model;
mod notify;
mod programs;
mod record_log;
mod sandbox;
mod tool;

pub use cancel::Cancel;
pub use clock::Clock;
pub use embedder::{EmbedError, Embedder};
pub use memories::Memories;
pub use model::{Message, Model, ModelError, Prompt, Reply, Role, Stopped, Usage};
pub use notify::{Channels, MailChannel, MailSecurity, Webhook};
pub use programs::{begins_with, may_run};
pub use record_log::{Erased, LogError, RecordAppend, RecordLog};
pub use sandbox::{
    Attached, CommandOutput, CommandSpec, Ending, Layer, Limits, Probe, Sandbox, SandboxError,
};
pub use tool::{
    ArgSecrets, Away, BrowserSetup, Category, HostArg, NamedFiles, NoFile, PathAccess, PathArg,
    PathsWithin, PersonsAnswer, Produced, Tool, ToolContext, ToolDescriptor, ToolOutput, Undo,
    UndoEntry, Vocabulary,
};
