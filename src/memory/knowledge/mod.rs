//! Knowledge that people keep in files: `memory/<area>/*.md`, read into records and kept up with the files.
//!
//! A file is the source of its records: what is no longer in it is replaced, never rewritten, and a file that
//! cannot be read leaves its records as they are. Only the caller knows whether the workspace is trusted; files
//! of one that is not are never handed in here.

mod file;
mod folder;
mod sync;

pub use folder::FilesMark;
