//! What a model is told: templates that people edit, and fragments of context with a bound each.
//!
//! Pure and deterministic: the same fragments and the same bound give the same text and the same hash, which
//! stands in the journal. What strangers wrote is fenced as data, whatever it says.

mod context;
mod fill;
mod fragment;
mod template;
mod tokens;

pub use context::{Context, Part, assemble};
pub use fill::{FillError, fill};
pub use fragment::{Fragment, Kind};
pub use template::{Template, TemplateError};
pub use tokens::tokens;
