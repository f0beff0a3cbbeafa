//! The HTTP API: what other programs and pages see of a daemon.
//!
//! Owns connections and their limits, who may call, the form of answers, problems and event streams,
//! and the document that describes it all. What is done with a task, a run or a schedule is the
//! business of the engine.
//!
//! One table of routes (`routes`) makes both the router and `/openapi.json`: they cannot differ.
//! Nothing here blocks the async threads: the store is read on threads made for waiting.

// what comes in
mod body;
mod deadline;
mod guard;
mod query;
mod session;

// how it is served
mod accept;
mod bind;
mod connection;
mod dispatch;
mod gate;
mod idempotency;
mod options;
mod shared;

// what goes out
mod openapi;
mod problem;
mod reply;
mod route;
mod routes;
mod sse;

// one file per group of routes
mod api;

pub use accept::{Bound, Server};
pub use bind::BindError;
pub use gate::{Gate, LetIn};
pub use options::{SecretOf, ServerOptions, ServerParts};
pub use problem::{PROBLEM_JSON, Problem};
pub use sse::{CursorError, EventStream, Hub, Topic, cursor};

#[cfg(test)]
mod tests;
