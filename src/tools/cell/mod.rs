//! What this program does inside of a cell, as itself started again with the hidden argument
//! [`WORKER_ARGUMENT`]: reading what strangers wrote.
//!
//! Owns the way there and back: [`ask()`] outside, [`worker_main`] inside, one request in, one reply out.
//! What is asked belongs to the tools that ask: archives to `worker::cell`, documents to
//! `parse::cell`. Nothing inside reaches further than what the cell was given.

mod ask;
mod entry;
mod refusal;

pub(super) use ask::{Asked, Told, ask, ask_noting, broke};
pub use entry::{WORKER_ARGUMENT, answer_in_cell, is_worker_invocation, worker_main};
pub(super) use refusal::{Refusal, Why};
