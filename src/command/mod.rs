//! What a command does, as facts: program, arguments and flags in one spelling.
//!
//! Owns argument vectors. A command line is not read yet and counts as opaque, which policy answers
//! with a question at best; so do programs whose arguments are another program (shells, `sudo`,
//! `xargs`, `python -c`). Paths become facts elsewhere: this module knows no file system.

mod fact;
mod flags;
mod positional;
mod wrapper;

pub use fact::{Analysis, Leaf, of_argv, of_line};
