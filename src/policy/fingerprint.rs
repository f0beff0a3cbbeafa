//! One hash for everything that can change a decision.

use super::{Options, Source};
use crate::contracts::Hash;
use crate::ports::Vocabulary;

/// Names the engine: a version that decides otherwise must hash otherwise.
const ENGINE: &str = concat!("bailiwick.policy.v1 ", env!("CARGO_PKG_VERSION"));

/// BLAKE3 over the sorted (layer, path, bytes) of all rules, the options with profile, mode and
/// trust, the declarations of all tools, and the engine's version. Each part has its length before
/// it, so that no two sets share their bytes.
pub(super) fn policy_hash(sources: &[&Source], vocabulary: &Vocabulary, options: &Options) -> Hash {
    let mut bytes = Vec::new();
    part(&mut bytes, ENGINE.as_bytes());
    for source in sources {
        part(&mut bytes, source.layer.as_str().as_bytes());
        part(&mut bytes, source.path.as_bytes());
        part(&mut bytes, &source.bytes);
    }
    part(&mut bytes, format!("{options:?}").as_bytes());
    for tool in vocabulary.tools() {
        part(&mut bytes, format!("{tool:?}").as_bytes());
    }
    Hash::of(&bytes)
}

fn part(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(part);
}
