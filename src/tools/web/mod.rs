//! The web under the eyes of policy: `http_get`, `http_request`, `web_scrape`, `download`, and what
//! `sandbox_worker_run` downloads with.
//!
//! Policy judges the host that an argument names, before any name is looked up. Here the rest is held
//! to that decision: the name is looked up once, the addresses must be of the kind of network that
//! was judged, the connection goes to those addresses, and a redirect may not change the host. No
//! proxy, no cookies, no decompression, no credentials.

// the way there and back
mod addresses;
mod exchange;
mod fetch;
mod headers;
mod post;
mod target;

// what tools answer
mod answer;
mod save;

// the tools, one file each
mod download;
mod http_get;
mod http_request;
mod scrape;

pub(super) use download::Download;
pub(super) use fetch::{Bounds, Fetch, Fetched, fetch};
pub(super) use http_get::HttpGet;
pub(super) use http_request::HttpRequest;
pub(super) use post::{Sent, post_json};
pub(super) use scrape::WebScrape;
pub(super) use target::Target;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tools_tests;
