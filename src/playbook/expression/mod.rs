//! Expressions: what stands in `${{ … }}`, `if:` and `verify:`.
//!
//! Owns the language (Rhai's expression syntax over a closed set of names and functions), its
//! bounds, and filling templates. It reads nothing by itself: files, templates and the time come
//! through [`Reads`]. Text that came from a tool is data here and is never parsed.

mod error;
mod template;

mod facts;
mod syntax;

mod convert;
mod questions;

mod functions;

mod scope;
mod smuggling;

mod evaluator;
mod pending;
mod sources;

#[cfg(test)]
mod tests;

pub use error::{ErrorKind, ExpressionError};
pub use evaluator::{Evaluator, ExpressionLimits};
pub use facts::{Call, Facts, Path};
pub use functions::FUNCTIONS;
pub use questions::Reads;
pub use scope::{MEMORY_NAMES, ROOTS, RUN_NAMES, RunError, Scope, StepView};
pub use sources::Sources;
pub(crate) use syntax::is_name;
pub use template::{Piece, split};
