//! Streams of events (Server-Sent Events).
//!
//! One task reads the journal behind the newest commit and puts each event, encoded once, into the
//! channel of its run. A client is a cursor into that channel: it takes what follows its cursor,
//! whole blocks at a time, shared with all others. A client whose place is no longer in the channel
//! reads the journal, page by page, until its place is there again. So nobody waits for anybody,
//! nothing is dropped, and what is kept in memory does not depend on how slow a client is.

mod block;
mod channel;
mod cursor;
mod hub;
mod pages;
mod stream;

pub use cursor::{CursorError, cursor};
pub use hub::{Hub, Topic};
pub use stream::EventStream;
