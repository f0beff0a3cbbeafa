//! The checking proxy: the only way out of a cell with `net: proxy`.
//!
//! Owns which connections a command may make: to listed hosts only, named and not as addresses, looked
//! up here and reached at exactly the address that was judged, with TLS to the host that was named.
//! Leaves to others which hosts are listed (`policy`), the socket that it listens on and its place in
//! the cell (`linux`). It sees no content: what is inside TLS stays there.
//!
//! ```text
//! cell ── CONNECT host:443 ──▶ request ─▶ gate (listed?) ─▶ dial (look up, judge, connect)
//!                              200 ◀──────────────────────────┘
//!      ── ClientHello ───────▶ hello (is it TLS, and to this host?) ─▶ tunnel ⇄ host
//! cell ── GET http://host/ ──▶ request ─▶ gate ─▶ dial ─▶ forward: one request, one answer ⇄ host
//! ```
//!
//! Threads, no async runtime: a proxy lives as long as one command, and has few connections.

#![forbid(unsafe_code)]

mod body;
mod dial;
mod forward;
mod gate;
mod head;
mod hello;
mod incoming;
mod limits;
mod refusal;
mod request;
mod serve;
mod shared;
mod tunnel;

#[cfg(test)]
mod tests;

pub use gate::Gate;
pub use serve::Proxy;
