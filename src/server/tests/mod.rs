//! The server over real sockets, with a real engine and store in a workspace of its own.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

mod http;
mod limits;
mod orders;
mod routes;
pub(super) mod stage;
mod streams;
