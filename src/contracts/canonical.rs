//! Hashes of JSON values that do not depend on how they were written (RFC 8785).

use serde_json::Value;

use super::Hash;

/// BLAKE3 of the canonical form (RFC 8785) of `value`.
///
/// # Errors
/// When the value has a number that JSON cannot write.
pub fn canonical_hash(value: &Value) -> Result<Hash, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value).map(|bytes| Hash::of(&bytes))
}
