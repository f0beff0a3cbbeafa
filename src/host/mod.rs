//! One process is the workspace's host: it holds the lock, drives every run, and listens on
//! `.bailiwick/host.sock`. A second process hands its run to the host and streams what happens.
//!
//! The socket is for the same user only: its directory is closed to everybody else.

mod adopt;
mod change;
mod client;
mod guest;
mod protocol;
mod runner;

pub use adopt::{Adopted, adopt_unfinished};
pub use change::change_through;
pub use client::{ClientError, run_through};
pub use guest::Listener;
pub use protocol::{Refusal, RunRequest};
pub use runner::{Host, HostError};
