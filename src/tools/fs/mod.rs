//! Files under the roots a call was given, and nothing else.
//!
//! Owns every way in which a file tool reaches the disk: which root grants a path, opening it so
//! that neither `..` nor a symbolic link nor a race leads out, the files that govern the runner,
//! reading regular files only, and replacing them atomically. What is done with the content is the
//! business of the tools.
//!
//! A path is never resolved first and opened afterwards: between the two, somebody who can write
//! in the workspace swaps a directory for a link. The kernel resolves and checks in one step
//! (`openat2` with `RESOLVE_BENEATH`), and every later question is put to the descriptor.

mod beneath;
mod jail;
mod names;
mod node;
mod place;
mod protected;
mod read;
mod refusal;
mod replace;
mod tree;

pub(super) use jail::{Dir, Found, Jail};
pub(super) use names::{lossy, shown};
pub(super) use node::Node;
pub(super) use place::{Current, Place};
pub(super) use read::{Opened, read_at_most};
pub(super) use replace::Existing;
pub(super) use tree::{Kind, TREE_DEPTH_MAX, Visit, Walk, walk};

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod races;
