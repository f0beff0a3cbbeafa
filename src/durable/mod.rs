//! Replacing a file so that a crash leaves the old content or the new one, whole.
//!
//! Owns the order that makes it so: write beside, sync, rename, sync the directory. Which files,
//! who may, and what is in them is left to the callers; this imports nothing.

mod replace;

pub use replace::{PRIVATE, replace, replace_from, sync_dir};
