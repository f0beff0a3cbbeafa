//! The way in: a request, and the reply to it.

use std::io;

use super::session;
use super::words::Request;

/// What the helper is asked to be.
pub(in crate::tools) const JOB: &str = "browser";

/// The reply to `input`, both as JSON.
///
/// # Errors
/// When the request cannot be read, or nothing can be started at all.
pub(in crate::tools) fn answer(input: &[u8]) -> io::Result<Vec<u8>> {
    let request: Request = serde_json::from_slice(input)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = runtime.block_on(session::reply(&request));
    Ok(serde_json::to_vec(&reply)?)
}
