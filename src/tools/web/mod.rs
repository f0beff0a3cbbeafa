//! Fetching from the web under the eyes of policy: what `sandbox_worker_run` downloads with, and
//! what tools that speak HTTP are to be built on.
//!
//! Policy judges the host that an argument names, before any name is looked up. Here the rest is held
//! to that decision: the name is looked up once, the addresses must be of the kind of network that
//! was judged, the connection goes to those addresses, and a redirect may not change the host. No
//! proxy, no cookies, no decompression, no credentials.

mod addresses;
mod fetch;
mod target;

pub(super) use fetch::{Bounds, Fetch, Fetched, fetch};
pub(super) use target::Target;

#[cfg(test)]
mod tests;
