//! The Linux sandbox: Landlock, seccomp, limits, and a tree that is always killed as a whole.
//!
//! Reading order: the words ([`layers`], [`wire`], [`waiting`]), the host's side ([`plan`], [`scratch`],
//! [`spawn`], [`session`], [`sandbox`], [`probe`]), and the helper's side ([`cell`]).

mod layers;
mod waiting;
mod wire;

mod plan;
mod probe;
mod sandbox;
mod scratch;
mod session;
mod spawn;

mod cell;

pub use cell::cell_main;
pub use sandbox::{Finished, LinuxSandbox};
