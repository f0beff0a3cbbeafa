//! The traits behind which real implementations differ, and the data they exchange.

mod cancel;
mod clock;
mod sandbox;
mod tool;

pub use cancel::Cancel;
pub use clock::Clock;
pub use sandbox::{
    CommandOutput, CommandSpec, Ending, Layer, Limits, Probe, Sandbox, SandboxError,
};
pub use tool::{
    Category, HostArg, PathAccess, PathArg, Tool, ToolContext, ToolDescriptor, ToolOutput, Undo,
    UndoEntry, Vocabulary,
};
