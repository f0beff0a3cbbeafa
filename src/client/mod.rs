//! The other side of the daemon's API: requests, problem documents, and streams of events that are
//! followed across lost connections.
//!
//! Knows HTTP and the shapes of the answers; what they mean to a person is the command line's.

mod connect;
mod error;
mod follow;
mod problem;
mod request;
mod sse;
mod wire;

pub use connect::{Client, Target};
pub use error::ClientError;
pub use follow::{Follower, Patience, Seen};
pub use problem::{FieldProblem, Problem};
pub use request::Request;
pub use sse::{Message, Parser, TooLong};
pub use wire::WireEvent;

#[cfg(test)]
mod peer_tests;
