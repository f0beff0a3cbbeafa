//! The Linux sandbox: namespaces, Landlock, seccomp, limits, and a tree that is killed as a whole.
//!
//! Reading order: the words ([`layers`], [`wire`], [`waiting`]); the program's side: what is asked
//! ([`plan`]), what is there of it ([`survey`]), who makes cells ([`brokers`], [`broker`],
//! [`groups`]), one running cell ([`session`], [`spawn`], [`scratch`]), the port ([`sandbox`]) and
//! trying it ([`probe`]); and what runs between the program and the command ([`cell`]).

mod layers;
mod waiting;
mod wire;

mod broker;
mod brokers;
mod groups;
mod plan;
mod probe;
mod sandbox;
mod scratch;
mod session;
mod spawn;
mod survey;

mod cell;

pub use cell::cell_main;
pub use sandbox::{Finished, LinuxSandbox};
