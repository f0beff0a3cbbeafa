//! The way in: a request, and the reply to it.

use super::words::{Refusal, Reply, Request, Why};
use super::{archive, inventory};

/// What the helper is asked to be: nothing said is this.
pub(in crate::tools) const JOB: &str = "";

/// The reply to `input`, both as JSON.
///
/// # Errors
/// When the request cannot be read.
pub(in crate::tools) fn answer(input: &[u8]) -> std::io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(&reply(&serde_json::from_slice(input)?))?)
}

fn reply(request: &Request) -> Reply {
    match request {
        Request::Unpack { archive, into, limits } => match archive::unpack(archive, into, limits) {
            Ok(unpacked) => Reply::Unpacked(unpacked),
            Err(refusal) => Reply::Refused(refusal),
        },
        Request::Scan { tree, listed_max } => match inventory::scan(tree, *listed_max) {
            Ok(scanned) => Reply::Scanned(Box::new(scanned)),
            Err(error) => Reply::Refused(Refusal::new(Why::Io, error.to_string())),
        },
    }
}
